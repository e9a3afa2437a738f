// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/crypto/digest.hpp"
#include "adapter/recordings/directory.hpp"
#include "adapter/recordings/intake_file.hpp"
#include "bed.hpp"

#include <sys/resource.h>
#include <sys/stat.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace z360;
using namespace z360::testing;
using adapter::crypto::sha256_hex;
using adapter::recordings::find_place;
using adapter::recordings::intake_file;
using adapter::recordings::make_folder_vault;
using adapter::recordings::prune;

namespace {

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool k_sanitized = true; // much of the memory is the sanitizer's
#else
constexpr bool k_sanitized = false;
#endif

mode_t mode_of(const fs::path& file) {
    struct stat st{};
    EXPECT_EQ(::lstat(file.c_str(), &st), 0) << file;
    return st.st_mode & 0777U;
}

class folder_vault : public recordings_bed {
  protected:
    void SetUp() override {
        recordings_bed::SetUp();
        vault_ = make_folder_vault(pool_, root_);
    }

    awaitable<void> keeps_and_gives_back() {
        const std::string content = content_of(1'000'000);
        const auto copy = co_await put(*vault_, "1/2026/05/a.mp3", content);
        EXPECT_EQ(copy.bytes, content.size());
        EXPECT_EQ(copy.sha256, sha256_hex(content));
        EXPECT_EQ(co_await vault_->size_of("1/2026/05/a.mp3"), content.size());
        EXPECT_EQ(co_await kept(*vault_, "1/2026/05/a.mp3"), content);
        const auto empty = co_await put(*vault_, "empty", "");
        EXPECT_EQ(empty.bytes, 0U);
        EXPECT_EQ(co_await kept(*vault_, "empty"), "");
        EXPECT_EQ(vault_->kind(), "folder");
        EXPECT_FALSE(vault_->link("empty", 1h)) << "it is read through us";
    }

    awaitable<void> nothing_before_keep() {
        co_await put(*vault_, "a/b", "old");
        auto intake = co_await vault_->begin("a/b");
        co_await intake->write("new");
        EXPECT_EQ(co_await kept(*vault_, "a/b"), "old");
        EXPECT_EQ(incoming().size(), 1U);
        const auto copy = co_await intake->keep();
        EXPECT_EQ(copy.bytes, 3U);
        EXPECT_EQ(co_await kept(*vault_, "a/b"), "new");
        EXPECT_TRUE(incoming().empty());
        const auto again = co_await intake->keep();
        EXPECT_EQ(again.sha256, copy.sha256) << "a repeated keep() is the same";
        intake.reset();
        EXPECT_EQ(co_await kept(*vault_, "a/b"), "new");
    }

    awaitable<void> given_up() {
        {
            auto intake = co_await vault_->begin("a/b/c");
            co_await write_all(*intake, content_of(100'000));
        }
        EXPECT_TRUE(co_await eventually([this] { return incoming().empty(); }));
        EXPECT_TRUE(files().empty());
        EXPECT_TRUE(folders().empty()) << "not even a folder";
    }

    awaitable<void> write_forever(std::string key) {
        auto intake = co_await vault_->begin(std::move(key));
        while (true)
            co_await intake->write(std::string(10'000, 'x'));
    }
    awaitable<void> cancelled() {
        rt::task_group group(io_.get_executor());
        for (int i = 0; i < 10; ++i)
            group.spawn(write_forever("a/" + std::to_string(i)));
        EXPECT_TRUE(co_await eventually([this] { return incoming().size() == 10; }));
        co_await group.join();
        EXPECT_TRUE(co_await eventually([this] { return incoming().empty(); }));
        EXPECT_TRUE(files().empty());
    }

    awaitable<void> open_to_nobody_else() {
        co_await put(*vault_, "a/b/c", "content");
        EXPECT_EQ(mode_of(root_), 0700U);
        EXPECT_EQ(mode_of(root_ / ".incoming"), 0700U);
        EXPECT_EQ(mode_of(root_ / "a"), 0700U);
        EXPECT_EQ(mode_of(root_ / "a/b"), 0700U);
        EXPECT_EQ(mode_of(root_ / "a/b/c"), 0600U);
    }

    awaitable<std::string> part(std::uint64_t first, std::uint64_t length) {
        byte_range range;
        range.first = first;
        range.length = length;
        auto source = co_await vault_->open("k", range);
        if (!source) co_return "(nothing)";
        co_return co_await read_all(*source, 7);
    }
    awaitable<bool> lies_outside(std::uint64_t first, std::uint64_t length) {
        try {
            (void)co_await part(first, length);
            co_return false;
        } catch (const std::invalid_argument&) {
            co_return true;
        }
    }
    awaitable<void> ranges() {
        const std::string content = content_of(100);
        co_await put(*vault_, "k", content);
        EXPECT_EQ(co_await part(0, 100), content);
        EXPECT_EQ(co_await part(10, 20), content.substr(10, 20));
        EXPECT_EQ(co_await part(99, 1), content.substr(99));
        EXPECT_EQ(co_await part(0, 0), "");
        EXPECT_EQ(co_await part(100, 0), "");
        EXPECT_TRUE(co_await lies_outside(0, 101));
        EXPECT_TRUE(co_await lies_outside(100, 1));
        EXPECT_TRUE(co_await lies_outside(101, 0));
        EXPECT_TRUE(co_await lies_outside(50, ~std::uint64_t{0}));
        EXPECT_TRUE(co_await lies_outside(~std::uint64_t{0}, 1));
    }

    awaitable<void> reader_keeps_what_it_opened() {
        co_await put(*vault_, "a/k", "old content");
        byte_range all;
        all.length = 11;
        auto source = co_await vault_->open("a/k", all);
        EXPECT_EQ(co_await source->read(3), "old");
        co_await put(*vault_, "a/k", "new");
        EXPECT_EQ(co_await source->read(100), " content");
        auto other = co_await vault_->open("a/k", byte_range());
        co_await vault_->remove("a/k");
        EXPECT_EQ(co_await kept(*vault_, "a/k"), "(nothing)");
    }

    awaitable<void> removes() {
        co_await put(*vault_, "a/b/c/one", "1");
        co_await put(*vault_, "a/two", "2");
        co_await vault_->remove("a/b/c/one");
        EXPECT_EQ(files(), (std::set<std::string>{"a/two"}));
        EXPECT_EQ(folders(), (std::set<std::string>{"a"})) << "empty ones go, up to one that is not";
        co_await vault_->remove("a/b/c/one");
        co_await vault_->remove("never/was/there");
        co_await vault_->remove("a"); // a folder is no recording
        EXPECT_EQ(files(), (std::set<std::string>{"a/two"}));
        co_await vault_->remove("a/two");
        EXPECT_TRUE(folders().empty());
        EXPECT_TRUE(fs::exists(root_)) << "the root stays";
        EXPECT_FALSE((co_await vault_->size_of("a/two")).has_value());
    }

    awaitable<bool> refused(std::string key) {
        int refusals = 0;
        try {
            (void)co_await vault_->begin(key);
        } catch (const std::invalid_argument&) {
            ++refusals;
        }
        try {
            (void)co_await vault_->size_of(key);
        } catch (const std::invalid_argument&) {
            ++refusals;
        }
        try {
            (void)co_await vault_->open(key, byte_range());
        } catch (const std::invalid_argument&) {
            ++refusals;
        }
        try {
            co_await vault_->remove(key);
        } catch (const std::invalid_argument&) {
            ++refusals;
        }
        co_return refusals == 4;
    }
    awaitable<void> refuses_other_keys() {
        const std::vector<std::string> bad{"../a", "/etc/passwd", "a/../../b", "", ".incoming/a", "a b"};
        for (const auto& key : bad) {
            const bool all = co_await refused(key);
            EXPECT_TRUE(all) << key;
            EXPECT_THROW((void)vault_->link(key, 1h), std::invalid_argument) << key;
        }
    }

    awaitable<void> keep_many() {
        for (int i = 0; i < 150; ++i)
            co_await put(*vault_, "y/m/kept-" + std::to_string(i), "content");
    }
    awaitable<void> come_and_go() {
        for (int i = 0; i < 150; ++i) {
            co_await put(*vault_, "y/m/gone", "content");
            co_await vault_->remove("y/m/gone");
            co_await vault_->remove("y/m/kept-" + std::to_string(i));
            co_await vault_->remove("y/m/never");
        }
    }
    awaitable<void> keep_beside_remove() {
        rt::task_group group(io_.get_executor(), [](std::exception_ptr e) { ADD_FAILURE() << rt::what(e); });
        for (int i = 0; i < 3; ++i)
            group.spawn(come_and_go());
        group.spawn(keep_many());
        EXPECT_TRUE(co_await group.drain(50s));
        // Once more alone: whatever was lost in between came before the last keep of its key.
        for (int i = 0; i < 150; ++i)
            co_await put(*vault_, "y/m/kept-" + std::to_string(i), "content");
        EXPECT_EQ(files().size(), 150U);
        co_await group.join();
    }

    awaitable<void> stream_long(std::size_t pieces, std::size_t piece) {
        auto intake = co_await vault_->begin("long");
        for (std::size_t i = 0; i < pieces; ++i)
            co_await intake->write(std::string(piece, 'x'));
        const auto copy = co_await intake->keep();
        EXPECT_EQ(copy.bytes, pieces * piece);
        byte_range all;
        all.length = copy.bytes;
        auto source = co_await vault_->open("long", all);
        std::uint64_t got = 0;
        while (true) {
            const std::string next = co_await source->read(~std::size_t{0});
            if (next.empty()) break;
            EXPECT_LE(next.size(), 1'048'576U) << "whatever the reader would take at once";
            got += next.size();
        }
        EXPECT_EQ(got, copy.bytes);
    }

    std::unique_ptr<recording_vault> vault_;
};

} // namespace

TEST_F(folder_vault, gives_back_what_it_keeps) {
    run(keeps_and_gives_back());
}
TEST_F(folder_vault, nothing_changes_under_a_key_before_keep_and_all_with_it) {
    run(nothing_before_keep());
}
TEST_F(folder_vault, nothing_remains_of_a_copy_that_is_given_up) {
    run(given_up());
}
TEST_F(folder_vault, nothing_remains_of_copies_that_are_cancelled_in_the_middle_of_a_piece) {
    run(cancelled());
}
TEST_F(folder_vault, files_and_folders_are_for_our_user_alone) {
    run(open_to_nobody_else());
}
TEST_F(folder_vault, parts_are_read_and_what_lies_outside_is_refused) {
    run(ranges());
}
TEST_F(folder_vault, who_reads_has_the_content_they_opened) {
    run(reader_keeps_what_it_opened());
}
TEST_F(folder_vault, removing_takes_empty_folders_along_and_may_be_repeated) {
    run(removes());
}
TEST_F(folder_vault, what_is_no_key_reaches_no_file) {
    run(refuses_other_keys());
}
TEST_F(folder_vault, keeping_and_removing_side_by_side_fail_nobody) {
    run(keep_beside_remove());
}
TEST_F(folder_vault, a_kept_copy_is_not_lost_to_who_removes_empty_folders) {
    std::atomic<bool> done{false};
    std::vector<std::thread> others;
    for (int i = 0; i < 2; ++i)
        others.emplace_back([&done, root = root_] {
            while (!done)
                if (const auto there = find_place(root, "p/q/r/never")) prune(*there);
        });
    for (int i = 0; i < 150; ++i) {
        const auto file = intake_file::begin(root_);
        file->write("content");
        EXPECT_NO_THROW((void)file->move_to(root_, "p/q/r/k"));
        EXPECT_EQ(read_file(root_ / "p/q/r/k"), "content");
        fs::remove(root_ / "p/q/r/k");
    }
    done = true;
    for (auto& each : others)
        each.join();
    EXPECT_TRUE(files().empty());
    EXPECT_TRUE(incoming().empty());
}
TEST_F(folder_vault, long_recordings_pass_through_little_memory) {
    const auto most = [] {
        struct rusage u{};
        EXPECT_EQ(::getrusage(RUSAGE_SELF, &u), 0);
        return u.ru_maxrss; // KiB
    };
    run(stream_long(16, 65'536));
    const auto before = most();
    run(stream_long(2'048, 65'536)); // 128 MiB
    if (!k_sanitized) EXPECT_LT(most() - before, 16 * 1024);
}
