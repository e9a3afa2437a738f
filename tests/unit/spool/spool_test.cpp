// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "bed.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>

#include <sys/stat.h>

#include <algorithm>

using namespace z360;
using namespace z360::testing;
using adapter::spool::disk_queue;
using adapter::spool::make_spool;

namespace {

using spool = spool_bed;

// In the child: tells each event only after it was stored, until it is killed.
[[noreturn]] void store_until_killed(const fs::path& directory, int pipe) {
    disk_queue q(directory, k_plenty);
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
        EXPECT_TRUE(files_named("damaged").empty());
    }
}

TEST_F(spool, refuses_more_than_its_limit_and_takes_events_again_when_there_is_room) {
    auto s = make_spool(directory_, 10'000);
    run(s->append({event(1, std::string(4'000, 'x')), event(2, std::string(4'000, 'x'))}));
    EXPECT_TRUE(s->health().usable);
    EXPECT_THROW(run(s->append({event(3, ""), event(4, std::string(2'000, 'x'))})), port::unavailable);
    EXPECT_EQ(s->size(), 2U); // all or none
    EXPECT_FALSE(s->health().usable);
    EXPECT_NE(s->health().why.find("full"), std::string::npos) << s->health().why;
    run(s->remove({"e1"}));
    run(s->append({event(4, std::string(2'000, 'x'))}));
    EXPECT_EQ(s->size(), 2U);
    EXPECT_TRUE(s->health().usable);
    EXPECT_EQ(s->health().why, "");
    s.reset();
    s = make_spool(directory_, 10'000); // the limit counts what a former process left
    EXPECT_THROW(run(s->append({event(5, std::string(4'000, 'x'))})), port::unavailable);
}

TEST_F(spool, a_damaged_file_is_moved_aside_and_a_new_queue_begun) {
    {
        auto s = make_spool(directory_, k_plenty);
        run(s->append({event(1)}));
    }
    ASSERT_EQ(queues().size(), 1U);
    {
        std::ofstream out(queues().at(0), std::ios::binary | std::ios::trunc);
        out << "this is no database, whatever its name says, and it is long enough to be looked at";
    }
    auto s = make_spool(directory_, k_plenty);
    EXPECT_EQ(s->size(), 0U);
    run(s->append({event(2)}));
    EXPECT_EQ(run(s->peek(10)).size(), 1U);
    EXPECT_FALSE(files_named("damaged").empty()); // kept for people
}

TEST_F(spool, damage_in_the_middle_of_a_file_is_noticed_when_it_is_taken_over) {
    {
        disk_queue q(directory_, k_plenty);
        for (int n = 0; n < 200; ++n)
            q.append({event(n, std::string(1'000, 'x'))});
    }
    {
        std::fstream f(queues().at(0), std::ios::binary | std::ios::in | std::ios::out);
        f.seekp(4096);
        f << std::string(40'000, '\x5A');
    }
    auto s = make_spool(directory_, k_plenty);
    EXPECT_EQ(s->size(), 0U);
    EXPECT_FALSE(files_named("damaged").empty());
    run(s->tend()); // and once is enough
    EXPECT_TRUE(s->health().usable);
}

TEST_F(spool, a_file_that_goes_bad_under_a_running_process_costs_what_was_in_it_and_nothing_after_it) {
    disk_queue q(directory_, k_plenty);
    for (int n = 0; n < 400; ++n)
        q.append({event(n, std::string(20'000, 'x'))}); // more than SQLite keeps in memory
    {
        std::fstream f(queues().at(0), std::ios::binary | std::ios::in | std::ios::out);
        const std::string junk(static_cast<std::size_t>(fs::file_size(queues().at(0))) - 4096, '\x5A');
        f.seekp(4096);
        f << junk;
    }
    try { // whichever operation meets the damage
        (void)q.peek(400);
        q.remove({"e0", "e1"});
    } catch (const port::unavailable&) {
    }
    q.append({event(1'000)});
    EXPECT_EQ(ids(q.peek(10)), std::vector<std::string>{"e1000"});
    EXPECT_EQ(q.size(), 1U);
    EXPECT_FALSE(files_named("damaged").empty());
}

TEST_F(spool, an_unusable_directory_is_told_and_tried_again_until_it_is_usable) {
    std::ofstream(directory_ / "a-file") << "x";
    auto s = make_spool(directory_ / "a-file" / "spool", k_plenty);
    EXPECT_FALSE(s->health().usable);
    EXPECT_NE(s->health().why.find("a-file"), std::string::npos) << s->health().why;
    EXPECT_THROW(run(s->append({event(1)})), port::unavailable);
    run(s->tend()); // told by health(), not thrown
    EXPECT_FALSE(s->health().usable);
    EXPECT_EQ(run(s->peek(10)).size(), 0U);
    fs::remove(directory_ / "a-file");
    run(s->tend());
    EXPECT_TRUE(s->health().usable);
    EXPECT_EQ(s->health().why, "");
    run(s->append({event(1)}));
    EXPECT_EQ(run(s->peek(10)).size(), 1U);
}

TEST_F(spool, a_webhook_opens_what_could_not_be_opened_at_the_start) {
    std::ofstream(directory_ / "a-file") << "x";
    auto s = make_spool(directory_ / "a-file" / "spool", k_plenty);
    fs::remove(directory_ / "a-file");
    run(s->append({event(1)}));
    EXPECT_TRUE(s->health().usable);
    EXPECT_EQ(s->size(), 1U);
}

TEST_F(spool, a_file_deleted_by_hand_is_replaced_before_the_next_event_is_promised) {
    auto s = make_spool(directory_, k_plenty);
    run(s->append({event(1)}));
    for (const auto& f : files_named("spool-"))
        fs::remove(f);
    run(s->append({event(2)}));
    EXPECT_EQ(queues().size(), 1U);
    s.reset();
    s = make_spool(directory_, k_plenty);
    EXPECT_EQ(ids(run(s->peek(10))), std::vector<std::string>{"e2"});
}

TEST_F(spool, a_drained_queue_gives_its_room_back) {
    auto s = make_spool(directory_, k_plenty);
    const auto empty = bytes_used();
    std::vector<std::string> all;
    for (int n = 0; n < 300; ++n) {
        run(s->append({event(n, std::string(10'000, 'x'))}));
        all.push_back(event(n).event_id);
    }
    EXPECT_GT(bytes_used(), empty + 3'000'000U);
    run(s->remove(all));
    for (int i = 0; i < 3; ++i)
        run(s->tend());
    EXPECT_LT(bytes_used(), empty + 300'000U);
    run(s->append({event(1)}));
    EXPECT_EQ(run(s->peek(10)).size(), 1U);
}

TEST_F(spool, nothing_is_left_of_a_process_that_ends_with_an_empty_queue) {
    {
        auto s = make_spool(directory_, k_plenty);
        run(s->append({event(1)}));
        run(s->remove({"e1"}));
    }
    EXPECT_TRUE(fs::is_empty(directory_));
}

TEST_F(spool, sec_02_no_other_user_of_the_machine_may_read_what_waits) {
    const auto before = ::umask(022); // whatever the mask of the process is
    {
        auto s = make_spool(directory_, k_plenty);
        run(s->append({event(1), event(2)}));
        run(s->set_aside({"e1"}, "no database keeps it"));
        std::size_t files = 0;
        for (const auto& f : fs::directory_iterator(directory_)) {
            ++files;
            EXPECT_EQ(
                fs::status(f).permissions() & (fs::perms::group_all | fs::perms::others_all), fs::perms::none
            ) << f.path();
        }
        EXPECT_GE(files, 3U) << "queue, its journal, what is set aside";
    }
    (void)::umask(before);
}

TEST_F(spool, what_is_set_aside_blocks_nothing_and_is_kept_with_its_reason) {
    auto s = make_spool(directory_, k_plenty);
    run(s->append({event(1, "odd"), event(2)}));
    run(s->set_aside({"e1", "unknown"}, "no database keeps it"));
    EXPECT_EQ(s->size(), 1U);
    EXPECT_EQ(s->health().set_aside, 1U);
    EXPECT_EQ(ids(run(s->peek(10))), std::vector<std::string>{"e2"});
    run(s->set_aside({"e1"}, "again"));
    EXPECT_EQ(s->health().set_aside, 1U);
    const auto kept = adapter::spool::read_dead_letters(directory_, 10); // while the process runs
    ASSERT_EQ(kept.size(), 1U);
    EXPECT_EQ(kept[0].event.event_id, "e1");
    EXPECT_EQ(kept[0].event.body, "odd");
    EXPECT_EQ(kept[0].why, "no database keeps it");
    s.reset();
    s = make_spool(directory_, k_plenty); // for good
    EXPECT_EQ(s->health().set_aside, 1U);
    EXPECT_EQ(ids(run(s->peek(10))), std::vector<std::string>{"e2"});
    for (const auto& f : files_named("set-aside"))
        fs::remove(f); // read, and done with
    run(s->tend());
    EXPECT_EQ(s->health().set_aside, 0U);
    EXPECT_TRUE(adapter::spool::read_dead_letters(directory_, 10).empty());
}

TEST_F(spool, a_burst_is_stored_together_and_each_refused_for_itself_alone) {
    auto s = make_spool(directory_, 1'000'000);
    asio::io_context io{1};
    std::set<int> refused;
    for (int n = 0; n < 100; ++n) {
        const bool too_large = n % 10 == 9;
        asio::co_spawn(
            io, s->append({event(n, std::string(too_large ? 2'000'000U : 1'000U, 'x'))}),
            [&refused, n](const std::exception_ptr& e) {
                if (e) refused.insert(n);
            }
        );
    }
    io.run();
    EXPECT_EQ(refused, (std::set<int>{9, 19, 29, 39, 49, 59, 69, 79, 89, 99}));
    EXPECT_EQ(s->size(), 90U);
    s.reset();
    s = make_spool(directory_, k_plenty);
    EXPECT_EQ(s->size(), 90U);
}

TEST_F(spool, a_webhook_whose_connection_is_cut_takes_no_other_with_it) {
    auto s = make_spool(directory_, k_plenty);
    asio::io_context io{1};
    int stored = 0;
    int failed = 0;
    const auto count = [&](const std::exception_ptr& e) { ++(e ? failed : stored); };
    asio::cancellation_signal cut;
    asio::co_spawn(io, s->append({event(0)}), count); // busy with this one
    asio::co_spawn(io, s->append({event(1)}), asio::bind_cancellation_slot(cut.slot(), count));
    asio::post(io, [&] { cut.emit(asio::cancellation_type::all); });
    for (int n = 2; n < 5; ++n)
        asio::post(io, [&, n] { asio::co_spawn(io, s->append({event(n)}), count); });
    io.run();
    EXPECT_EQ(stored, 4);
    EXPECT_EQ(failed, 1);
    const auto kept = ids(run(s->peek(10)));
    for (const char* id : {"e0", "e2", "e3", "e4"})
        EXPECT_EQ(std::count(kept.begin(), kept.end(), id), 1) << id;
}
