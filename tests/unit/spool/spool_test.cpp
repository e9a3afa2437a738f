// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/spool/queue_file.hpp"
#include "adapter/spool/spool.hpp"

#include <z360/port/errors.hpp>
#include <z360/rt/sync.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>

using namespace z360;
using adapter::spool::make_spool;
using adapter::spool::queue_file;
namespace fs = std::filesystem;
namespace asio = boost::asio;

namespace {

constexpr std::size_t k_plenty = 64 * 1024 * 1024;

port::inbox_event event(int n, std::string body = "body") {
    port::inbox_event e;
    e.event_id = "e" + std::to_string(n);
    e.event_type = "call.answered";
    e.route = port::webhook_route::credential;
    e.call_session_id = "session";
    e.call_control_id = "control";
    e.received_at = time_point{millis{1'760'000'000'123 + n}};
    e.body = std::move(body);
    return e;
}

class spool : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string name = (fs::temp_directory_path() / "z360-spool-XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        directory_ = name;
    }
    void TearDown() override { fs::remove_all(directory_); }

    template <class T>
    T run(asio::awaitable<T> task) {
        asio::io_context io{1};
        std::optional<T> out;
        std::exception_ptr error;
        asio::co_spawn(io, rt::detail::into(std::move(task), &out), [&error](std::exception_ptr e) {
            error = e;
        });
        io.run();
        if (error) std::rethrow_exception(error);
        return std::move(*out);
    }
    void run(asio::awaitable<void> task) {
        asio::io_context io{1};
        std::exception_ptr error;
        asio::co_spawn(io, std::move(task), [&error](std::exception_ptr e) { error = e; });
        io.run();
        if (error) std::rethrow_exception(error);
    }
    std::size_t files_named(const std::string& part) const {
        std::size_t n = 0;
        for (const auto& f : fs::directory_iterator(directory_))
            if (f.path().filename().string().find(part) != std::string::npos) ++n;
        return n;
    }
    fs::path directory_;
};

// In the child: tells each event only after it was stored, until it is killed.
[[noreturn]] void store_until_killed(const fs::path& directory, int pipe) {
    queue_file q(directory, k_plenty);
    for (std::uint32_t n = 0;; ++n) {
        q.append({event(static_cast<int>(n), std::string(300, 'x'))});
        if (::write(pipe, &n, sizeof n) != sizeof n) ::_exit(1);
    }
}

} // namespace

TEST_F(spool, gives_events_back_in_order_and_unchanged_until_they_are_removed) {
    auto s = make_spool(directory_, k_plenty);
    std::string bytes;
    for (int i = 0; i < 256; ++i)
        bytes.push_back(static_cast<char>(i));
    run(s->append({event(1, bytes), event(2, "")}));
    run(s->append({event(3)}));
    EXPECT_EQ(s->size(), 3U);
    const auto first = run(s->peek(2));
    ASSERT_EQ(first.size(), 2U);
    EXPECT_EQ(first[0].event_id, "e1");
    EXPECT_EQ(first[0].body, bytes);
    EXPECT_EQ(first[0].event_type, "call.answered");
    EXPECT_EQ(first[0].route, port::webhook_route::credential);
    EXPECT_EQ(first[0].call_session_id, "session");
    EXPECT_EQ(first[0].call_control_id, "control");
    EXPECT_EQ(first[0].received_at, event(1).received_at);
    EXPECT_EQ(first[1].event_id, "e2");
    EXPECT_EQ(run(s->peek(10)).size(), 3U); // looking removes nothing
    run(s->remove({"e1", "e2", "unknown"}));
    EXPECT_EQ(s->size(), 1U);
    EXPECT_EQ(run(s->peek(10)).at(0).event_id, "e3");
}

TEST_F(spool, be_34_an_event_that_waits_already_is_not_stored_twice) {
    auto s = make_spool(directory_, k_plenty);
    run(s->append({event(1), event(1)}));
    run(s->append({event(1)}));
    EXPECT_EQ(s->size(), 1U);
}

TEST_F(spool, be_21_what_was_acknowledged_survives_kill_9) {
    for (int round = 0; round < 3; ++round) {
        fs::remove_all(directory_);
        int fds[2];
        ASSERT_EQ(::pipe(fds), 0);
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) store_until_killed(directory_, fds[1]);
        ::close(fds[1]);
        std::uint32_t last = 0;
        while (last < 20U + 13U * static_cast<unsigned>(round)) // killed in the middle of the next write
            ASSERT_EQ(::read(fds[0], &last, sizeof last), static_cast<ssize_t>(sizeof last));
        ::kill(child, SIGKILL);
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        while (::read(fds[0], &last, sizeof last) == static_cast<ssize_t>(sizeof last)) {
        }
        ::close(fds[0]);
        auto s = make_spool(directory_, k_plenty);
        const auto events = run(s->peek(100'000));
        EXPECT_EQ(s->size(), events.size());
        ASSERT_GE(events.size(), last + 1U);
        for (std::size_t i = 0; i < events.size(); ++i) {
            EXPECT_EQ(events[i].event_id, "e" + std::to_string(i));
            EXPECT_EQ(events[i].body.size(), 300U);
        }
        EXPECT_EQ(files_named("damaged"), 0U);
    }
}

TEST_F(spool, refuses_more_than_its_limit_and_takes_events_again_when_there_is_room) {
    auto s = make_spool(directory_, 10'000);
    run(s->append({event(1, std::string(4'000, 'x')), event(2, std::string(4'000, 'x'))}));
    EXPECT_THROW(run(s->append({event(3, ""), event(4, std::string(2'000, 'x'))})), port::unavailable);
    EXPECT_EQ(s->size(), 2U); // all or none
    run(s->remove({"e1"}));
    run(s->append({event(4, std::string(2'000, 'x'))}));
    EXPECT_EQ(s->size(), 2U);
    s.reset();
    s = make_spool(directory_, 10'000); // the limit counts what a former process left
    EXPECT_THROW(run(s->append({event(5, std::string(4'000, 'x'))})), port::unavailable);
}

TEST_F(spool, a_damaged_file_is_moved_aside_and_a_new_queue_begun) {
    {
        auto s = make_spool(directory_, k_plenty);
        run(s->append({event(1)}));
    }
    {
        std::ofstream out(directory_ / "webhooks.sqlite", std::ios::binary | std::ios::trunc);
        out << "this is no database, whatever its name says, and it is long enough to be looked at";
    }
    auto s = make_spool(directory_, k_plenty);
    EXPECT_EQ(s->size(), 0U);
    run(s->append({event(2)}));
    EXPECT_EQ(run(s->peek(10)).size(), 1U);
    EXPECT_GE(files_named("damaged"), 1U); // kept for people
}

TEST_F(spool, damage_in_the_middle_of_the_file_is_noticed_at_the_start) {
    {
        queue_file q(directory_, k_plenty);
        for (int n = 0; n < 200; ++n)
            q.append({event(n, std::string(1'000, 'x'))});
    }
    {
        std::fstream f(directory_ / "webhooks.sqlite", std::ios::binary | std::ios::in | std::ios::out);
        f.seekp(4096);
        f << std::string(40'000, '\x5A');
    }
    auto s = make_spool(directory_, k_plenty);
    EXPECT_EQ(s->size(), 0U);
    EXPECT_GE(files_named("damaged"), 1U);
}

TEST_F(spool, a_second_process_and_an_unusable_directory_are_refused_with_a_reason) {
    const queue_file first(directory_, k_plenty);
    EXPECT_THROW(queue_file(directory_, k_plenty), port::unavailable);
    EXPECT_EQ(files_named("damaged"), 0U); // in use is not damaged
    std::ofstream(directory_ / "a-file") << "x";
    EXPECT_THROW((void)make_spool(directory_ / "a-file" / "spool", k_plenty), port::unavailable);
}
