// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A call's mailbox, step by step: whatever fails at whichever step, every event that was accepted is held by
// the mailbox, is in the inbox, or is part of what is stored; and the end is the same (I3, I20, I21).
#include "engine/mailbox.hpp"
#include "support/scenario.hpp"

#include <z360/call/view.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

using namespace z360;
using namespace z360::engine;
using z360::testing::sample_incoming;

namespace {

const time_point k_start{millis{1'800'000'000'000}};

enum class failure : std::uint8_t {
    none,
    unavailable, ///< no answer, and nothing happened; of the carrier: it does not tell
    answer_lost, ///< of a commit: it happened all the same
    overtaken,   ///< of a commit: another node writes first
    exception,
    newer_form, ///< of the row
};
constexpr failure k_failures[] = {
    failure::unavailable, failure::answer_lost, failure::overtaken, failure::exception, failure::newer_form
};

/// A node that has one call, with a store, an inbox and a carrier that do as they are told at once.
class node {
  public:
    explicit node(int devices = 2) : first_(sample_incoming(devices)), box_(first_.id) {
        for (const auto& l : call::begin(first_, k_start).next.legs)
            legs_.push_back(l.id);
    }

    // ---- what comes
    void incoming() { accept(first_); }
    template <class Event>
    void device(int n) {
        accept(Event{phone(n)});
    }
    template <class Event>
    void caller() {
        accept(Event{{first_.call_control_id, std::nullopt}});
    }
    void hangs_up(int n) { accept(call::leg_hangup{phone(n), "normal_clearing"}); }
    void caller_hangs_up() {
        accept(call::leg_hangup{{first_.call_control_id, std::nullopt}, "normal_clearing"});
    }
    void tick() { box_.arrive(item{call::tick{}, {}}); }
    void passes(millis time) { now_ += time; }

    // ---- what happens
    /// Until there is nothing to do. `fails` happens at step number `at` of all, if it can there.
    void run(std::size_t at = 0, failure fails = failure::none) {
        at_ = at;
        fails_ = fails;
        for (int idle = 0; idle < 2;) {
            const bool more = step();
            nothing_is_lost();
            if (::testing::Test::HasFailure()) return;
            idle = more || offered_again() ? 0 : idle + 1;
            ASSERT_LT(steps, 2'000U) << "never comes to rest";
        }
    }

    /// While it cannot come to rest.
    void run_some(int count) {
        for (int i = 0; i < count; ++i) {
            (void)step();
            nothing_is_lost();
        }
    }

    mailbox& box() { return box_; }
    [[nodiscard]] const call::state* stored() const { return row_ ? &row_->state : nullptr; }
    [[nodiscard]] std::size_t issued(call::verb v) const {
        return static_cast<std::size_t>(std::count_if(commands_.begin(), commands_.end(), [v](const auto& c) {
            return c.what() == v;
        }));
    }
    void lose_commits(std::uint64_t version) {
        ASSERT_TRUE(versions_.contains(version));
        row_ = port::stored_call{versions_.at(version), version};
    }
    [[nodiscard]] std::uint64_t version() const { return row_ ? row_->version : 0; }

    std::size_t steps = 0;
    bool happened = false; ///< the failure that was asked for
    bool away = false;     ///< the store
    bool carrier_away = false;
    std::vector<std::string> returned; ///< by failed()
    std::size_t questions = 0;
    std::vector<call::event> on_record; ///< the carrier tells it when it is asked

    [[nodiscard]] call::leg_ref phone(int n) const {
        return {control(n), legs_.at(static_cast<std::size_t>(n))};
    }

  private:
    static std::string control(int n) { return "v3:d" + std::to_string(n); }

    void accept(call::event what) {
        const auto id = "e" + std::to_string(++serial_);
        accepted_.emplace(id, what);
        box_.arrive(item{std::move(what), id});
    }
    [[nodiscard]] bool fail(failure f) {
        if (steps != at_ || fails_ != f) return false;
        return happened = true;
    }
    [[nodiscard]] surroundings around() const {
        surroundings s;
        s.now = now_;
        s.ticks = rt::clock::time_point(now_.time_since_epoch());
        return s;
    }

    bool step() {
        ++steps;
        now_ += millis{5};
        if (fail(failure::exception)) return threw(false);
        auto what = box_.next(around());
        if (std::holds_alternative<todo::rest>(what)) return false;
        if (const auto* p = std::get_if<todo::pause>(&what)) now_ += std::chrono::ceil<millis>(p->at_most);
        if (auto* lost = std::get_if<todo::lose>(&what)) give_back(lost->orphans);
        if (auto* act = std::get_if<todo::act>(&what)) carry_out(*act);
        if (std::holds_alternative<todo::hint>(what)) box_.hinted(false);
        if (std::holds_alternative<todo::read>(what)) return read();
        if (std::holds_alternative<todo::ask>(what)) {
            ++questions;
            const bool told = !carrier_away && !fail(failure::unavailable);
            if (told)
                for (auto& e : std::exchange(on_record, {}))
                    accept(std::move(e));
            box_.told(told);
        }
        if (auto* w = std::get_if<todo::write>(&what)) return write(std::move(w->what));
        return true;
    }
    bool threw(bool newer) {
        auto back = box_.failed(newer);
        for (const auto& i : back)
            returned.push_back(i.inbox_id);
        give_back(back);
        return true;
    }
    bool read() {
        if (fail(failure::newer_form)) return threw(true);
        if (away || fail(failure::unavailable))
            box_.read_failed();
        else
            (void)box_.read(row_);
        return true;
    }
    bool write(port::call_commit what) {
        if (away || fail(failure::unavailable)) {
            box_.written(written_as::unavailable);
            return true;
        }
        if (fail(failure::overtaken) && row_) ++row_->version;
        const auto here = row_ ? row_->version : 0;
        const bool taken = here == what.expected_version;
        if (taken) {
            row_ = port::stored_call{what.next, version_after(what)};
            versions_[row_->version] = what.next;
            processed_.insert(what.processed_events.begin(), what.processed_events.end());
            outbox_.insert(outbox_.end(), what.new_effects.begin(), what.new_effects.end());
        }
        if (fail(failure::answer_lost))
            box_.written(written_as::unavailable);
        else
            box_.written(taken ? written_as::stored : written_as::conflict);
        return true;
    }
    void give_back(const std::vector<item>& items) {
        for (const auto& i : items)
            if (!i.inbox_id.empty()) inbox_.insert(i.inbox_id);
    }
    /// A sweep: what lies in the inbox comes again, and commands that nobody has started are.
    bool offered_again() {
        const bool left = std::any_of(outbox_.begin(), outbox_.end(), [this](const auto& c) {
            return !started_.contains(c.id);
        });
        for (const auto& cmd : std::exchange(outbox_, {}))
            start(cmd);
        return take_from_inbox() || left;
    }
    bool take_from_inbox() {
        std::erase_if(inbox_, [this](const auto& id) { return processed_.contains(id); });
        if (inbox_.empty()) return false;
        for (const auto& id : std::exchange(inbox_, {}))
            box_.arrive(item{accepted_.at(id), id});
        return true;
    }
    void carry_out(const todo::act& act) {
        for (const auto& e : act.effects)
            start(e);
        for (const auto& i : act.settled) // of no consequence, or stored
            if (!i.inbox_id.empty()) settled_.insert(i.inbox_id);
    }
    void start(const call::effect& e) {
        if (e.after && (!started_.contains(e.after->id) || !box_.begun(e.id))) return; // not its turn
        const auto cmd = call::command_of(e).value();
        if (!started_.insert(cmd.id).second) return; // the carrier knows a repeated command by its id
        commands_.push_back(cmd);
        call::command_outcome out;
        out.command_id = cmd.id;
        out.what = cmd.what();
        out.who = call::leg_ref{cmd.call_control_id, cmd.leg};
        if (const auto* dial = std::get_if<call::dial_body>(&cmd.body)) {
            const auto n = std::find(legs_.begin(), legs_.end(), dial->leg) - legs_.begin();
            out.who = call::leg_ref{control(static_cast<int>(n)), dial->leg};
        }
        out.result = call::outcome::done;
        box_.arrive(item{std::move(out), {}});
    }
    void nothing_is_lost() const {
        for (const auto& [id, what] : accepted_) {
            const bool safe = processed_.contains(id) || inbox_.contains(id) || box_.holds(id);
            EXPECT_TRUE(safe) << id << " is lost at step " << steps;
            if (settled_.contains(id))
                EXPECT_TRUE(processed_.contains(id)) << id << " was written off unstored";
        }
    }

    call::incoming first_;
    mailbox box_;
    std::vector<leg_id> legs_;
    time_point now_ = k_start;
    int serial_ = 0;
    std::map<std::string, call::event> accepted_;
    std::set<std::string> inbox_;
    std::set<std::string> processed_;
    std::set<std::string> settled_;
    std::optional<port::stored_call> row_;
    std::map<std::uint64_t, call::state> versions_;
    std::vector<call::effect> outbox_;    ///< stored
    std::vector<call::command> commands_; ///< sent to the carrier, each once
    std::set<std::string> started_;
    std::size_t at_ = 0;
    failure fails_ = failure::none;
};

/// Two phones ring, the second is answered, they talk, the caller leaves.
void a_whole_call(node& n, std::size_t at = 0, failure fails = failure::none) {
    n.incoming();
    n.run(at, fails);
    n.device<call::leg_initiated>(0);
    n.device<call::leg_initiated>(1);
    n.run(at, fails);
    n.device<call::leg_answered>(1);
    n.run(at, fails);
    n.caller<call::leg_answered>();
    n.run(at, fails);
    n.device<call::leg_bridged>(1);
    n.caller<call::leg_bridged>();
    n.run(at, fails);
    n.hangs_up(0);
    n.caller_hangs_up();
    n.hangs_up(1);
    n.run(at, fails);
}

} // namespace

TEST(mailbox_steps, i_03_i_20_nothing_is_lost_and_the_end_is_the_same_whatever_fails_at_any_step) {
    node calm;
    a_whole_call(calm);
    ASSERT_NE(calm.stored(), nullptr);
    ASSERT_EQ(phase_of(*calm.stored()), call::phase::ended);
    ASSERT_EQ(calm.stored()->reason, call::end_reason::completed);
    std::size_t tried = 0;
    for (const auto f : k_failures) {
        for (std::size_t at = 1; at <= calm.steps; ++at) {
            SCOPED_TRACE("failure " + std::to_string(static_cast<int>(f)) + " at step " + std::to_string(at));
            node n;
            a_whole_call(n, at, f);
            if (!n.happened) continue;
            ++tried;
            ASSERT_NE(n.stored(), nullptr);
            EXPECT_EQ(phase_of(*n.stored()), call::phase::ended);
            EXPECT_EQ(n.stored()->reason, call::end_reason::completed);
            EXPECT_EQ(n.issued(call::verb::dial), 2U) << "nobody is dialed twice";
            EXPECT_FALSE(n.box().unsaved());
            if (HasFailure()) return;
        }
    }
    EXPECT_GT(tried, calm.steps) << "hardly anything could fail";
}

TEST(mailbox_steps, i_03_without_a_store_it_goes_on_in_memory_and_writes_it_back_as_one) {
    node n;
    n.incoming();
    n.run();
    const auto before = n.version();
    n.away = true;
    n.device<call::leg_answered>(0);
    n.run_some(40);
    EXPECT_TRUE(n.box().unsaved());
    EXPECT_EQ(n.issued(call::verb::answer), 1U) << "the caller is answered all the same";
    EXPECT_EQ(n.version(), before);
    n.away = false;
    n.run();
    EXPECT_FALSE(n.box().unsaved());
    EXPECT_EQ(n.version(), before + 1) << "all of it is one commit";
    EXPECT_TRUE(is_winner(*n.stored(), n.stored()->legs.at(0).id));
}

TEST(mailbox_steps, i_03_what_fails_again_and_again_goes_back_to_the_inbox_alone) {
    node n;
    n.incoming();
    n.run();
    n.device<call::leg_initiated>(0);
    n.device<call::leg_initiated>(1);
    auto& box = n.box();
    std::vector<item> back;
    surroundings s;
    s.now = k_start + millis{100};
    for (int failures = 0; failures < 4; ++failures) {
        EXPECT_TRUE(back.empty());
        for (;;) { // up to the first commit of a turn
            const auto what = box.next(s);
            if (std::holds_alternative<todo::read>(what))
                (void)box.read(port::stored_call{*n.stored(), n.version()});
            if (std::holds_alternative<todo::write>(what)) break;
            ASSERT_FALSE(std::holds_alternative<todo::rest>(what));
        }
        back = box.failed(false);
    }
    ASSERT_EQ(back.size(), 1U) << "one item at a time: the other did not fail with it";
    EXPECT_EQ(back.front().inbox_id, "e2");
    EXPECT_TRUE(box.holds("e3"));
}

TEST(mailbox_steps, i_21_time_takes_nothing_away_unless_the_row_was_read_and_the_carrier_asked) {
    for (const bool store_away : {true, false}) {
        for (const bool carrier_away : {true, false}) {
            node n;
            n.incoming();
            n.run();
            n.passes(millis{60'000}); // nobody answers
            n.carrier_away = carrier_away;
            n.tick();
            if (store_away) { // one turn: the row cannot be read
                auto& box = n.box();
                surroundings s;
                s.now = k_start + millis{60'000};
                ASSERT_TRUE(std::holds_alternative<todo::read>(box.next(s)));
                box.read_failed();
                for (bool more = true; more;) {
                    auto what = box.next(s);
                    more = !std::holds_alternative<todo::rest>(what);
                    ASSERT_FALSE(std::holds_alternative<todo::ask>(what));
                    if (std::holds_alternative<todo::write>(what)) box.written(written_as::unavailable);
                    if (auto* act = std::get_if<todo::act>(&what)) EXPECT_TRUE(act->effects.empty());
                }
                EXPECT_TRUE(box.time_held());
                continue;
            }
            n.run();
            EXPECT_EQ(n.questions, 1U);
            const bool ended_the_ring = phase_of(*n.stored()) != call::phase::ringing;
            EXPECT_EQ(ended_the_ring, !carrier_away);
            EXPECT_EQ(n.box().time_held(), carrier_away);
        }
    }
}

// A step that failed makes it take one thing at a time; what the carrier told counts all the same.
TEST(mailbox_steps, i_21_all_that_the_carrier_told_is_decided_before_time_takes_something_away) {
    for (const bool careful : {false, true}) {
        node n;
        n.incoming();
        n.run();
        n.passes(millis{60'000});
        n.on_record = {
            call::leg_hangup{n.phone(0), "no_answer"}, call::leg_answered{n.phone(1)},
            call::leg_bridged{n.phone(1)}
        };
        n.tick();
        if (careful) EXPECT_TRUE(n.box().failed(false).empty());
        n.run();
        EXPECT_EQ(n.questions, 1U);
        EXPECT_NE(phase_of(*n.stored()), call::phase::voicemail) << "careful " << careful;
        EXPECT_EQ(n.issued(call::verb::hangup), 0U);
        EXPECT_TRUE(is_winner(*n.stored(), n.stored()->legs.at(1).id));
    }
}

TEST(mailbox_steps, i_21_what_waits_is_decided_before_time_takes_something_away) {
    node n;
    n.incoming();
    n.run();
    n.passes(millis{60'000});
    n.tick();
    n.device<call::leg_answered>(1);
    EXPECT_TRUE(n.box().failed(false).empty()); // one thing at a time, the tick first
    n.run();
    EXPECT_NE(phase_of(*n.stored()), call::phase::voicemail);
    EXPECT_EQ(n.issued(call::verb::answer), 1U);
}

TEST(mailbox_steps, i_21_memory_is_written_forward_over_a_store_that_lost_commits) {
    node n;
    n.incoming();
    n.run();
    const auto lost_back_to = n.version();
    n.device<call::leg_answered>(1);
    n.run();
    n.caller<call::leg_answered>();
    n.run();
    const auto ahead = n.version();
    ASSERT_GT(ahead, lost_back_to);
    n.lose_commits(lost_back_to);
    n.box().doubt();
    n.run();
    EXPECT_GT(n.version(), ahead) << "above every version of the line that was lost";
    EXPECT_TRUE(is_winner(*n.stored(), n.stored()->legs.at(1).id));
}

namespace {

/// A mailbox whose answers the test gives, but for those of no interest to it.
struct by_hand {
    mailbox box{sample_incoming(2).id};
    surroundings s{.now = k_start, .ticks = rt::clock::time_point(k_start.time_since_epoch())};
    std::optional<port::stored_call> row;
    std::vector<std::string> launched;
    std::vector<std::string> kept; ///< until their turn

    void passes(millis time) {
        s.now += time;
        s.ticks += time;
    }
    void arrive(call::event what) {
        item i{std::move(what), {}};
        i.since = s.ticks;
        box.arrive(std::move(i));
    }
    /// Goes on to the next thing of this kind; nullopt: it rests before.
    template <class Thing>
    std::optional<Thing> to() {
        for (int steps = 0; steps < 200; ++steps) {
            auto what = box.next(s);
            if (auto* found = std::get_if<Thing>(&what)) {
                if (auto* act = std::get_if<todo::act>(&what)) note(*act);
                return std::move(*found);
            }
            if (std::holds_alternative<todo::rest>(what)) return std::nullopt;
            if (auto* act = std::get_if<todo::act>(&what)) note(*act);
            if (const auto* p = std::get_if<todo::pause>(&what))
                passes(std::chrono::ceil<millis>(p->at_most));
            if (std::holds_alternative<todo::read>(what)) (void)box.read(row);
            if (std::holds_alternative<todo::hint>(what)) box.hinted(false);
            if (std::holds_alternative<todo::ask>(what)) box.told(true);
            if (auto* w = std::get_if<todo::write>(&what)) store(*w);
        }
        ADD_FAILURE() << "never comes to it";
        return std::nullopt;
    }
    void store(const todo::write& w) {
        const bool taken = (row ? row->version : 0) == w.what.expected_version;
        if (taken) row = port::stored_call{w.what.next, version_after(w.what)};
        box.written(taken ? written_as::stored : written_as::conflict);
    }
    void rest() { EXPECT_FALSE(to<todo::lose>()); }
    call::leg_ref phone(std::size_t n) const {
        return {"v3:d" + std::to_string(n), row->state.legs.at(n).id};
    }

  private:
    void note(const todo::act& act) {
        for (const auto& e : act.effects)
            (e.after ? kept : launched).push_back(e.id);
    }
};

/// Rings, and the ring is over: the commit that ends it is asked for.
by_hand about_to_end_the_ring() {
    by_hand n;
    n.arrive(sample_incoming(2));
    n.rest();
    n.passes(millis{60'000});
    n.arrive(call::tick{});
    return n;
}

} // namespace

TEST(mailbox_steps, i_21_what_was_asked_about_an_older_copy_proves_nothing_of_a_newer_one) {
    auto n = about_to_end_the_ring();
    auto w = n.to<todo::write>();
    ASSERT_TRUE(w && w->to_the_end);
    ++n.row->version; // another node was first
    n.box.written(written_as::conflict);
    ASSERT_TRUE(n.to<todo::ask>()) << "the carrier is asked about the newer one";
    n.box.told(false);
    w = n.to<todo::write>();
    EXPECT_FALSE(w) << "nothing is to be stored";
    EXPECT_TRUE(n.box.time_held());
}

TEST(mailbox_steps, i_16_a_deadline_that_may_not_act_is_looked_at_less_and_less_often) {
    auto n = about_to_end_the_ring();
    auto last = n.box.held_pause();
    EXPECT_EQ(last, millis{300});
    for (int i = 0; i < 6; ++i) {
        for (auto asked = n.to<todo::ask>(); asked; asked = n.to<todo::ask>())
            n.box.told(false);
        EXPECT_TRUE(n.box.time_held());
        EXPECT_GE(n.box.held_pause(), last);
        last = n.box.held_pause();
        n.passes(last);
        n.arrive(call::tick{});
    }
    EXPECT_EQ(last, millis{3'000});
    n.rest(); // the carrier tells again
    EXPECT_FALSE(n.box.time_held());
    EXPECT_EQ(n.box.held_pause(), millis{300});
}

TEST(mailbox_steps, b_03_what_a_device_was_told_without_the_database_is_its_verdict_whatever_others_stored) {
    for (const bool failed : {false, true}) {
        by_hand n;
        n.arrive(sample_incoming(2));
        n.rest();
        n.arrive(call::leg_initiated{n.phone(0)});
        n.rest();
        const auto before = n.row;
        const auto phone = n.phone(0);
        n.arrive(call::device_asks{
            call::request_kind::decline, "key", before->state.legs[0].device(), n.s.now + millis{5'000}
        });
        ASSERT_TRUE(n.to<todo::write>());
        n.box.written(written_as::unavailable);
        ASSERT_TRUE(n.to<todo::act>());
        ASSERT_EQ(std::count(n.launched.begin(), n.launched.end(), phone.leg->text() + "-hangup"), 1);
        // Another node hears of the hang-up, and knows nothing of the wish.
        n.row->state =
            call::decide(before->state, call::leg_hangup{phone, "originator_cancel"}, n.s.now).next;
        ++n.row->version;
        if (failed) EXPECT_TRUE(n.box.failed(false).empty());
        n.rest();
        const auto* v = call::verdict_of(n.row->state, "key");
        ASSERT_NE(v, nullptr);
        EXPECT_EQ(v->why, call::refusal::none);
    }
}

TEST(mailbox_steps, i_21_time_takes_nothing_away_on_a_copy_whose_commits_were_lost_meanwhile) {
    auto n = about_to_end_the_ring();
    const auto w = n.to<todo::write>();
    ASSERT_TRUE(w && w->to_the_end);
    n.row.reset();
    n.box.written(written_as::conflict);
    const auto forward = n.to<todo::write>();
    ASSERT_TRUE(forward);
    EXPECT_EQ(phase_of(forward->what.next), call::phase::ringing);
    EXPECT_FALSE(forward->to_the_end);
    n.store(*forward);
    n.rest();
    ASSERT_TRUE(n.row);
    EXPECT_TRUE(n.box.time_held());
}

TEST(mailbox_steps, i_21_a_call_that_is_begun_anew_as_of_earlier_loses_nothing_by_the_time_since) {
    by_hand n;
    n.arrive(sample_incoming(2));
    ASSERT_TRUE(n.to<todo::write>());
    n.box.written(written_as::unavailable);
    ASSERT_TRUE(n.to<todo::act>()) << "it rings, in memory";
    n.passes(millis{60'000});
    n.arrive(call::tick{});
    EXPECT_TRUE(n.box.failed(false).empty());
    const auto w = n.to<todo::write>();
    ASSERT_TRUE(w);
    EXPECT_EQ(phase_of(w->what.next), call::phase::ringing) << "nobody was asked yet";
    n.store(*w);
    n.rest();
    EXPECT_TRUE(n.box.time_held());
    n.arrive(call::tick{});
    EXPECT_TRUE(n.to<todo::ask>());
}

TEST(mailbox_steps, i_07_a_call_that_the_store_has_is_read_before_it_begins_again) {
    by_hand n;
    n.arrive(sample_incoming(2));
    ASSERT_TRUE(n.to<todo::write>());
    n.box.written(written_as::conflict); // it has been begun elsewhere
    ASSERT_TRUE(n.to<todo::read>());
    n.box.read_failed();
    ASSERT_TRUE(n.to<todo::pause>());
    const auto next = n.box.next(n.s);
    EXPECT_TRUE(std::holds_alternative<todo::read>(next)) << "no phone is rung for it in memory";
}

TEST(mailbox_steps, i_07_a_command_that_was_given_up_runs_again_once) {
    by_hand n;
    n.arrive(sample_incoming(2));
    n.rest();
    const auto in_memory = [&n] {
        ASSERT_TRUE(n.to<todo::write>());
        n.box.written(written_as::unavailable);
        ASSERT_TRUE(n.to<todo::act>());
    };
    const auto overtaken = [&n, &in_memory] {
        ASSERT_TRUE(n.to<todo::write>()); // written back
        ++n.row->version;
        n.box.written(written_as::conflict);
        in_memory();
    };
    n.arrive(call::leg_answered{n.phone(0)});
    in_memory();
    ASSERT_EQ(n.launched.size(), 3U);
    const auto answer = n.launched.back();
    call::command_outcome given_up;
    given_up.command_id = answer;
    given_up.what = call::verb::answer;
    given_up.who = {sample_incoming(2).call_control_id, std::nullopt};
    given_up.result = call::outcome::superseded;
    n.arrive(given_up);
    in_memory();
    for (int times = 0; times < 3; ++times)
        overtaken();
    EXPECT_EQ(std::count(n.launched.begin(), n.launched.end(), answer), 2);
}

TEST(mailbox_steps, i_07_what_waited_is_launched_by_its_release_unless_it_has_begun) {
    for (const bool begun : {false, true}) {
        by_hand n;
        n.arrive(sample_incoming(2));
        n.rest();
        n.arrive(call::leg_answered{n.phone(0)});
        n.rest();
        const auto bridge = n.kept.at(0);
        if (begun) EXPECT_TRUE(n.box.begun(bridge));
        n.arrive(call::leg_answered{{sample_incoming(2).call_control_id, std::nullopt}});
        n.rest();
        EXPECT_EQ(std::count(n.launched.begin(), n.launched.end(), bridge), begun ? 0 : 1);
        EXPECT_FALSE(n.box.begun(bridge)) << "once";
    }
}

TEST(mailbox_steps, i_03_what_a_cut_off_line_knew_is_told_again_also_after_a_failure) {
    by_hand n;
    n.arrive(sample_incoming(2));
    n.rest();
    const auto before = *n.row;
    n.arrive(call::leg_answered{n.phone(1)});
    n.rest();
    n.row = port::stored_call{before.state, forward_version(n.row->version)}; // by who did not hear of it
    n.arrive(call::leg_initiated{n.phone(0)});
    EXPECT_TRUE(n.box.failed(false).empty()); // the copy is forgotten
    n.rest();
    EXPECT_TRUE(n.row->state.legs.at(1).answered);
}

TEST(mailbox_steps, i_21_only_a_deadline_that_has_passed_is_held) {
    by_hand n;
    n.arrive(sample_incoming(2));
    n.rest();
    n.arrive(call::leg_initiated{n.phone(0)});
    ASSERT_TRUE(n.to<todo::write>());
    n.box.written(written_as::unavailable);
    ASSERT_TRUE(n.to<todo::act>());
    n.arrive(call::leg_initiated{n.phone(1)});
    ASSERT_TRUE(n.to<todo::write>());
    EXPECT_FALSE(n.box.time_held()) << "decided in memory, and early";
}

// Turns that take longer meet more often, and each meeting is a version conflict.
TEST(mailbox_steps, sys_what_nobody_waits_for_is_gathered_longer_where_turns_are_slow) {
    const auto waits = [](millis turn) {
        mailbox box(sample_incoming(1).id);
        box.arrive(item{call::leg_initiated{{"v3:d0", std::nullopt}}, "e1"});
        surroundings s;
        s.shared = true;
        s.chance = 0.5;
        s.turn = turn;
        const auto next = box.next(s);
        const auto* pause = std::get_if<todo::pause>(&next);
        return pause != nullptr ? pause->at_most : rt::clock::duration{-1};
    };
    const auto usual = waits(millis{0});
    EXPECT_GT(usual, rt::clock::duration::zero());
    EXPECT_EQ(waits(millis{5}), usual);
    EXPECT_EQ(waits(millis{15}), 3 * usual);
    EXPECT_EQ(waits(millis{10'000}), 4 * usual) << "bounded";
}
