// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Processes beside and after each other over one directory.
#include "adapter/spool/sqlite.hpp"
#include "bed.hpp"

#include <memory>

using namespace z360;
using namespace z360::testing;
using adapter::spool::disk_queue;
using adapter::spool::make_spool;
using adapter::spool::sqlite_file;

namespace {

class spool_adoption : public spool_bed {
  protected:
    // A process with these events in its queue.
    [[nodiscard]] std::unique_ptr<holder> process(int from, int to) const {
        return std::make_unique<holder>([directory = directory_, from, to] {
            auto q = std::make_shared<disk_queue>(directory, k_plenty);
            q->tend();
            for (int n = from; n < to; ++n)
                q->append({event(n)});
            return q;
        });
    }
    // The one file of former releases, as they made it.
    [[nodiscard]] std::shared_ptr<sqlite_file> former(int from, int to) const {
        auto db = std::make_shared<sqlite_file>(directory_ / "webhooks.sqlite", sqlite_file::how::create, 0);
        for (const char* sql :
             {"pragma locking_mode = exclusive", "pragma journal_mode = wal", "pragma synchronous = full",
              "create table if not exists queue (seq integer primary key autoincrement, event_id blob not "
              "null "
              "unique, event_type blob not null, route integer not null, session_id blob not null, "
              "control_id "
              "blob not null, received_ms integer not null, body blob not null)"})
            db->exec(sql);
        for (int n = from; n < to; ++n) {
            const auto e = event(n);
            const auto s =
                db->prepare("insert into queue (event_id, event_type, route, session_id, control_id, "
                            "received_ms, body) values (?, 'call.answered', 2, 's', 'c', ?, 'body')");
            adapter::spool::bind(s.get(), 1, e.event_id);
            adapter::spool::bind(s.get(), 2, std::int64_t{e.received_at.time_since_epoch().count()});
            EXPECT_FALSE(db->step(s.get()));
        }
        return db;
    }
};

std::vector<std::string> numbered(int from, int to) {
    std::vector<std::string> out;
    for (int n = from; n < to; ++n)
        out.push_back("e" + std::to_string(n));
    return out;
}

} // namespace

TEST_F(spool_adoption, i_03_two_processes_over_one_directory_both_store) {
    const auto other = process(0, 3);
    auto s = make_spool(directory_, k_plenty);
    EXPECT_TRUE(s->health().usable) << s->health().why;
    run(s->append({event(10)}));
    run(s->tend());
    EXPECT_EQ(
        ids(run(s->peek(10))), std::vector<std::string>{"e10"}
    ); // the other lives: its events are its own
    EXPECT_EQ(queues().size(), 2U);
    EXPECT_TRUE(files_named("damaged").empty());
}

TEST_F(spool_adoption, i_03_events_of_a_killed_process_are_taken_over_oldest_first) {
    const auto other = process(0, 3);
    auto s = make_spool(directory_, k_plenty);
    run(s->append({event(10), event(11)}));
    other->kill();
    run(s->tend());
    EXPECT_EQ(s->size(), 5U);
    EXPECT_EQ(ids(run(s->peek(4))), (std::vector<std::string>{"e0", "e1", "e2", "e10"}));
    run(s->append({event(1)})); // told again: it waits already
    EXPECT_EQ(s->size(), 5U);
    run(s->remove(ids(run(s->peek(4)))));
    EXPECT_EQ(s->size(), 1U);
    run(s->tend());
    EXPECT_EQ(queues().size(), 1U); // the drained file is gone
    EXPECT_EQ(ids(run(s->peek(10))), std::vector<std::string>{"e11"});
}

TEST_F(spool_adoption, i_03_a_death_in_the_middle_of_an_adoption_loses_nothing_and_doubles_nothing) {
    process(0, 3)->kill();
    process(3, 6)->kill(); // has taken over the first
    auto half = std::make_unique<holder>([directory = directory_] {
        auto q = std::make_shared<disk_queue>(directory, k_plenty);
        q->tend();
        q->append({event(6)});
        q->remove({"e0", "e3"});
        return q;
    });
    half->kill();
    auto s = make_spool(directory_, k_plenty);
    for (int i = 0; i < 3; ++i)
        run(s->tend());
    EXPECT_EQ(ids(run(s->peek(100))), (std::vector<std::string>{"e1", "e2", "e4", "e5", "e6"}));
    EXPECT_EQ(s->size(), 5U);
}

TEST_F(spool_adoption, of_two_processes_that_adopt_at_once_one_wins_each_file) {
    for (int i = 0; i < 6; ++i)
        process(10 * i, 10 * i + 2)->kill(); // each takes over what it may, and dies
    disk_queue a(directory_, k_plenty);
    disk_queue b(directory_, k_plenty);
    for (int i = 0; i < 20; ++i) { // in turns, each as far as it may
        a.tend();
        b.tend();
        for (auto* q : {&a, &b}) {
            const auto other = ids((q == &a ? b : a).peek(100));
            for (const auto& id : ids(q->peek(100)))
                EXPECT_EQ(std::count(other.begin(), other.end(), id), 0) << id << " belongs to two processes";
        }
        if (a.size() + b.size() == 12U) break;
    }
    EXPECT_EQ(a.size() + b.size(), 12U);
    EXPECT_GT(b.size(), 0U);
}

TEST_F(spool_adoption, many_orphans_are_taken_over_a_few_at_a_time) {
    std::vector<std::unique_ptr<holder>> all;
    for (int i = 0; i < 12; ++i)
        all.push_back(process(i, i + 1));
    for (auto& p : all)
        p->kill();
    disk_queue q(directory_, k_plenty);
    std::set<std::string> seen;
    std::size_t rounds = 0;
    while (seen.size() < 12U && rounds < 50) {
        const auto before = q.size();
        q.tend();
        EXPECT_LE(q.size(), before + 2U); // bounded work
        const auto now = ids(q.peek(100));
        EXPECT_LE(now.size(), 4U); // and a bounded number of files
        seen.insert(now.begin(), now.end());
        if (now.size() == 4U) q.remove(now);
        ++rounds;
    }
    EXPECT_EQ(seen.size(), 12U);
}

TEST_F(
    spool_adoption, the_file_of_a_former_release_is_left_alone_while_its_process_lives_and_then_taken_over
) {
    auto old = former(0, 3);
    auto s = make_spool(directory_, k_plenty);
    EXPECT_TRUE(s->health().usable) << s->health().why;
    EXPECT_EQ(s->size(), 0U);
    run(s->append({event(10)}));
    old.reset();
    run(s->tend());
    EXPECT_EQ(ids(run(s->peek(10))), (std::vector<std::string>{"e0", "e1", "e2", "e10"}));
    run(s->remove(numbered(0, 3)));
    run(s->tend());
    EXPECT_TRUE(files_named("webhooks").empty());
    EXPECT_EQ(s->size(), 1U);
}

TEST_F(spool_adoption, an_empty_file_of_a_killed_process_is_cleared_away) {
    process(0, 0)->kill();
    ASSERT_EQ(queues().size(), 1U);
    auto s = make_spool(directory_, k_plenty);
    EXPECT_EQ(queues().size(), 1U); // its own
    EXPECT_EQ(s->size(), 0U);
}

TEST_F(spool_adoption, a_foreign_file_that_cannot_be_opened_keeps_nothing_else_from_its_turn) {
    process(0, 2)->kill();
    fs::create_directory(directory_ / "spool-1-a.sqlite"); // no file at all
    auto s = make_spool(directory_, k_plenty);
    run(s->tend());
    EXPECT_NE(s->health().why.find("spool-1-a.sqlite"), std::string::npos) << s->health().why;
    EXPECT_EQ(s->size(), 2U);
    run(s->append({event(5)}));
    EXPECT_EQ(s->size(), 3U);
    EXPECT_TRUE(s->health().usable);
}
