// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Full disks, deaths in the middle, and folders that are not as they should be.
#include "adapter/recordings/intake_file.hpp"
#include "bed.hpp"

#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

using namespace z360;
using namespace z360::testing;
using adapter::recordings::intake_file;
using adapter::recordings::make_folder_vault;

namespace {

// While it lives, no file of this process grows beyond so many bytes.
struct file_limit {
    explicit file_limit(rlim_t bytes) {
        EXPECT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
        handler = std::signal(SIGXFSZ, SIG_IGN);
        struct rlimit now = before;
        now.rlim_cur = bytes;
        EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &now), 0);
    }
    ~file_limit() {
        EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
        (void)std::signal(SIGXFSZ, handler);
    }
    file_limit(const file_limit&) = delete;
    file_limit& operator=(const file_limit&) = delete;
    struct rlimit before{};
    void (*handler)(int) = nullptr;
};

class folder_vault_in_trouble : public recordings_bed {
  protected:
    awaitable<void> cannot_grow() {
        auto vault = make_folder_vault(pool_, root_);
        co_await put(*vault, "a/k", "old");
        auto intake = co_await vault->begin("a/k");
        std::string first;
        {
            const file_limit limit(50'000);
            first = co_await trouble(write_all(*intake, content_of(200'000)));
        }
        EXPECT_NE(first.find("recordings: cannot write"), std::string::npos) << first;
        EXPECT_EQ(first.find(folder_.string()), std::string::npos) << first;
        const auto later = co_await trouble(intake->write("more"));
        EXPECT_NE(later, "(worked)") << "a copy with a hole is none";
        const auto at_the_end = co_await trouble(intake->keep());
        EXPECT_NE(at_the_end, "(worked)");
        EXPECT_EQ(co_await kept(*vault, "a/k"), "old");
        intake.reset();
        EXPECT_TRUE(co_await eventually([this] { return incoming().empty(); }));
        co_await put(*vault, "a/k", "new");
        EXPECT_EQ(co_await kept(*vault, "a/k"), "new") << "and when there is room again";
    }

    awaitable<void> full() {
        auto vault = make_folder_vault(pool_, root_);
        co_await put(*vault, "a/k", "old");
        const auto why = co_await trouble(put(*vault, "a/k", content_of(2'000'000)));
        EXPECT_NE(why.find("No space left"), std::string::npos) << why;
        EXPECT_EQ(co_await kept(*vault, "a/k"), "old");
        EXPECT_TRUE(co_await eventually([this] { return incoming().empty(); }));
        co_await put(*vault, "b", content_of(500'000));
        EXPECT_EQ(co_await vault->size_of("b"), 500'000U);
    }

    awaitable<void> leftovers() {
        const auto old = root_ / ".incoming/old";
        make_file(old);
        make_file(root_ / ".incoming/young");
        make_file(root_ / "a/kept");
        fs::last_write_time(old, fs::file_time_type::clock::now() - 61min);
        fs::last_write_time(root_ / "a/kept", fs::file_time_type::clock::now() - 61min);
        auto vault = make_folder_vault(pool_, root_);
        EXPECT_TRUE(co_await eventually([&old] { return !fs::exists(old); }));
        EXPECT_EQ(incoming(), (std::set<std::string>{"young"})) << "another process may be at it";
        EXPECT_EQ(files(), (std::set<std::string>{"a/kept"}));
    }

    awaitable<void> after_death() {
        auto vault = make_folder_vault(pool_, root_);
        EXPECT_EQ(co_await kept(*vault, "a/k"), "old");
        co_await put(*vault, "a/k", "new");
        EXPECT_EQ(co_await kept(*vault, "a/k"), "new");
    }

    awaitable<void> links() {
        auto vault = make_folder_vault(pool_, root_);
        co_await put(*vault, "a/k", "content");
        const auto outside = folder_ / "outside";
        make_file(outside / "secret", "secret");
        fs::create_symlink(outside / "secret", root_ / "a/link");
        fs::create_directory_symlink(outside, root_ / "b");
        const auto of_file = co_await trouble(vault->size_of("a/link"));
        EXPECT_NE(of_file.find("link"), std::string::npos) << of_file;
        const auto opened = co_await trouble(vault->open("a/link", byte_range()));
        EXPECT_NE(opened, "(worked)");
        EXPECT_EQ(co_await kept(*vault, "b/secret"), "(nothing)");
        co_await vault->remove("b/secret");
        const auto written = co_await trouble(put(*vault, "b/new", "content"));
        EXPECT_NE(written, "(worked)");
        co_await put(*vault, "a/link", "in its place"); // the link itself is replaced
        EXPECT_EQ(co_await kept(*vault, "a/link"), "in its place");
        EXPECT_EQ(read_file(outside / "secret"), "secret");
        EXPECT_FALSE(fs::exists(outside / "new"));
    }

    awaitable<void> in_the_way() {
        auto vault = make_folder_vault(pool_, root_);
        co_await put(*vault, "a/k", "content");
        EXPECT_EQ(co_await kept(*vault, "a"), "(nothing)") << "a folder is no recording";
        const auto over_folder = co_await trouble(put(*vault, "a", "content"));
        EXPECT_NE(over_folder, "(worked)");
        const auto below_file = co_await trouble(put(*vault, "a/k/deeper", "content"));
        EXPECT_NE(below_file, "(worked)");
        EXPECT_EQ(co_await kept(*vault, "a/k/deeper"), "(nothing)");
        const auto long_name = std::string(300, 'n');
        const auto too_long = co_await trouble(put(*vault, long_name, "content"));
        EXPECT_NE(too_long, "(worked)");
        EXPECT_EQ(co_await kept(*vault, long_name), "(nothing)");
        EXPECT_EQ(::mkfifo((root_ / "pipe").c_str(), 0600), 0);
        EXPECT_EQ(co_await kept(*vault, "pipe"), "(nothing)") << "and nobody waits for a writer";
        EXPECT_EQ(co_await kept(*vault, "a/k"), "content");
        EXPECT_TRUE(co_await eventually([this] { return incoming().empty(); }));
    }

    awaitable<void> no_folder() {
        make_file(root_, "a file");
        auto vault = make_folder_vault(pool_, root_);
        const auto written = co_await trouble(put(*vault, "k", "content"));
        EXPECT_NE(written.find("recordings: cannot open their folder"), std::string::npos) << written;
        const auto looked = co_await trouble(vault->size_of("k"));
        EXPECT_NE(looked, "(worked)") << "it is not known to be gone";
        const auto removed = co_await trouble(vault->remove("k"));
        EXPECT_NE(removed, "(worked)");
        fs::remove(root_);
        co_await put(*vault, "k", "content");
        EXPECT_EQ(co_await kept(*vault, "k"), "content") << "mended without a restart";
    }

    awaitable<void> cut_short() {
        auto vault = make_folder_vault(pool_, root_);
        co_await put(*vault, "k", content_of(1'000));
        byte_range all;
        all.length = 1'000;
        auto source = co_await vault->open("k", all);
        EXPECT_EQ(co_await source->read(10), content_of(1'000).substr(0, 10));
        fs::resize_file(root_ / "k", 10);
        const auto why = co_await trouble(source->read(10));
        EXPECT_NE(why.find("shorter"), std::string::npos) << why;
    }
};

} // namespace

TEST_F(folder_vault_in_trouble, a_copy_that_cannot_be_written_whole_is_not_kept) {
    run(cannot_grow());
}
TEST_F(folder_vault_in_trouble, a_full_disk_is_said_and_changes_nothing) {
    fs::create_directory(root_);
    if (::mount("tmpfs", root_.c_str(), "tmpfs", 0, "size=1m") != 0)
        GTEST_SKIP() << "a small disk cannot be mounted here: " << std::strerror(errno);
    run(full());
    EXPECT_EQ(::umount2(root_.c_str(), MNT_DETACH), 0) << std::strerror(errno);
}
TEST_F(folder_vault_in_trouble, what_a_process_left_is_removed_after_an_hour) {
    run(leftovers());
}
TEST_F(folder_vault_in_trouble, who_dies_in_the_middle_leaves_the_old_content_and_a_leftover) {
    make_file(root_ / "a/k", "old");
    const auto child = ::fork();
    if (child == 0) {
        const auto file = intake_file::begin(root_);
        file->write("half of it");
        (void)::raise(SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    EXPECT_EQ(incoming().size(), 1U);
    run(after_death());
}
TEST_F(folder_vault_in_trouble, no_link_leads_out_of_the_folder) {
    run(links());
}
TEST_F(folder_vault_in_trouble, what_is_in_the_way_is_said_and_not_overwritten) {
    run(in_the_way());
}
TEST_F(folder_vault_in_trouble, a_folder_that_cannot_be_opened_is_said_and_tried_again) {
    run(no_folder());
}
TEST_F(folder_vault_in_trouble, a_file_that_is_cut_short_is_not_taken_for_whole) {
    run(cut_short());
}
