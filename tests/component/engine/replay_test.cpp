// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Decisions made again from what their commits recorded, and every way in which that can be seen to differ.
#include "engine/mailbox.hpp"
#include "support/scenario.hpp"
#include "wire/journal.hpp"

#include <z360/engine/replay.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

using namespace z360;
using namespace z360::engine;
using namespace z360::testing;
using result = replay_report::result;

namespace {

/// A mailbox over a store that keeps what a database would, and may refuse.
struct played {
    explicit played(int phones, void (*set)(call::policy&) = nullptr)
        : first(sample_incoming(phones)), box(first.id) {
        if (set != nullptr) set(first.routed.rules);
        first.from = first.from_sent = "+13125550142";
        first.routed.caller_name = "Ada Caller";
        around.now = time_point{millis{1'800'000'000'000}};
        around.ticks = rt::clock::time_point(around.now.time_since_epoch());
        arrive(first, "e0");
    }
    void arrive(call::event what, std::string id = {}) {
        box.arrive(item{std::move(what), std::move(id)});
        run();
    }
    void run() {
        for (;;) {
            auto what = box.next(around);
            if (std::holds_alternative<todo::rest>(what)) return;
            if (std::holds_alternative<todo::pause>(what)) {
                if (away) return;
                around.now += millis{3'000}, around.ticks += millis{3'000};
            }
            if (std::holds_alternative<todo::hint>(what)) box.hinted(false);
            if (std::holds_alternative<todo::ask>(what)) box.told(true);
            if (std::holds_alternative<todo::read>(what)) box.read(stored);
            if (const auto* w = std::get_if<todo::write>(&what)) box.written(write(w->what));
        }
    }
    written_as write(const port::call_commit& c) {
        if (away) return written_as::unavailable;
        if (c.expected_version != (stored ? stored->version : 0)) return written_as::conflict;
        stored = port::stored_call{c.next, version_after(c)};
        kept.last = c.next;
        kept.version = stored->version;
        kept.commits.push_back({stored->version, c.steps});
        for (const auto& e : c.new_effects)
            kept.effects.push_back({e, "pending"});
        for (const auto& n : c.notes)
            kept.timeline.push_back(line_of(n));
        return written_as::stored;
    }
    [[nodiscard]] call::leg_ref phone(std::size_t n) const {
        return {"v3:d" + std::to_string(n), box.loaded()->state.legs.at(n).id};
    }
    /// One answers and is joined, they talk, the caller leaves.
    played& talk() {
        arrive(call::leg_answered{phone(0)}, "e1");
        arrive(call::leg_bridged{phone(0)}, "e2");
        arrive(call::leg_bridged{{first.call_control_id, {}}}, "e3");
        arrive(call::leg_hangup{{first.call_control_id, {}}, "normal_clearing"}, "e4");
        return *this;
    }

    call::incoming first;
    mailbox box;
    surroundings around;
    bool away = false;
    std::optional<port::stored_call> stored;
    call::history kept;
};

/// The carrier cannot record the talk, nor the second time.
played& unrecorded(played& c) {
    c.arrive(call::leg_answered{c.phone(0)}, "e1");
    c.arrive(call::leg_bridged{c.phone(0)}, "e2");
    c.arrive(call::leg_bridged{{c.first.call_control_id, {}}}, "e3");
    c.arrive(call::recording_failed{c.phone(0), "no disk", c.around.now}, "e4");
    c.arrive(call::recording_failed{c.phone(0), "no disk", c.around.now + millis{900}}, "e5");
    return c;
}
/// The carrier refuses a dial and says why.
played& refused(played& c) {
    call::command_outcome no;
    no.command_id = c.kept.effects.front().what.id;
    no.what = call::verb::dial;
    no.who.leg = c.box.loaded()->state.legs.at(0).id;
    no.result = call::outcome::refused;
    no.error_code = "10016";
    no.error_title = "The number of Ada is no number";
    c.arrive(no);
    return c;
}
/// Nobody answers; the greeting is said.
played& greeted(played& c) {
    c.around.now += millis{31'000};
    c.arrive(call::tick{});
    c.arrive(call::leg_answered{{c.first.call_control_id, {}}}, "e1");
    return c;
}

call::history talked() {
    return std::move(played(2).talk().kept);
}

std::vector<std::string> places(const replay_report& r) {
    std::vector<std::string> out;
    for (const auto& d : r.differences)
        out.push_back("v" + std::to_string(d.version) + " " + d.where);
    return out;
}
bool has(const std::vector<std::string>& all, std::string_view part) {
    return std::any_of(all.begin(), all.end(), [part](const auto& s) { return s.find(part) != s.npos; });
}

} // namespace

TEST(replay, i_18_the_same_events_lead_to_the_same_state_and_effects) {
    const auto h = talked();
    const auto r = replay(h);
    EXPECT_EQ(r.how(), result::same) << ::testing::PrintToString(places(r));
    EXPECT_EQ(r.last, h.last);
    ASSERT_GE(r.steps.size(), 4U);
    EXPECT_EQ(r.steps.front().version, 1U);
    EXPECT_EQ(r.steps.front().effects.size(), 2U) << "two dials";
    EXPECT_EQ(r.steps.back().phase, call::phase::ended);
}

TEST(replay, i_18_a_file_says_the_same_on_another_machine) {
    const auto h = talked();
    const auto read = wire::read_history(wire::write_history(h, false));
    ASSERT_TRUE(read);
    EXPECT_EQ(replay(*read).how(), result::same);
    EXPECT_EQ(replay(*read).last, h.last);
}

TEST(replay, i_06_a_masked_file_has_nobodys_number_or_name_and_replays_all_the_same) {
    const auto h = talked();
    const auto text = wire::write_history(h, true);
    for (const auto* part : {"+13125550142", "Ada Caller"})
        EXPECT_EQ(text.find(part), std::string::npos) << part;
    const auto read = wire::read_history(text);
    ASSERT_TRUE(read);
    EXPECT_EQ(replay(*read).how(), result::same) << ::testing::PrintToString(places(replay(*read)));
    auto other = *read;
    other.last.reason = call::end_reason::failed;
    EXPECT_EQ(replay(other).how(), result::different);
}

TEST(replay, i_06_words_that_callers_hear_are_masked_and_last_as_long_as_before) {
    const auto words = [](call::policy& p) {
        p.voicemail_greeting = "You have reached the office of Dr. Ada Caller, please leave a message";
        p.recording_mandatory = p.record_calls = p.ends_unrecorded = true;
        p.recording_announcement = "Ada records";
        p.unrecorded_message = "Ada Caller may not talk to you without a recording, please call again";
    };
    played talk(1, words), message(1, words), in_vain(1, words);
    ASSERT_TRUE(unrecorded(talk).kept.last.recorder.ends_at);
    ASSERT_FALSE(greeted(message).kept.last.prompts.empty());
    ASSERT_NE(refused(in_vain).kept.timeline.at(1).find("Ada"), std::string::npos);
    for (const auto* c : {&talk, &message, &in_vain}) {
        ASSERT_EQ(replay(c->kept).how(), result::same);
        const auto text = wire::write_history(c->kept, true);
        EXPECT_EQ(text.find("Ada"), std::string::npos) << text.substr(text.find("Ada") - 60, 120);
        const auto read = wire::read_history(text);
        ASSERT_TRUE(read);
        EXPECT_EQ(replay(*read).how(), result::same) << ::testing::PrintToString(places(replay(*read)));
    }
}

TEST(replay, i_18_pauses_costs_after_the_end_and_quality_lead_to_the_same) {
    played c(2, [](call::policy& p) { p.record_calls = true; });
    c.arrive(call::leg_answered{c.phone(0)}, "e1");
    c.arrive(call::leg_bridged{c.phone(0)}, "e2");
    c.arrive(call::leg_bridged{{c.first.call_control_id, {}}}, "e3");
    const auto device = c.box.loaded()->state.legs.at(0).device();
    const auto asks = [&](call::request_kind what, const char* id) {
        c.arrive(call::device_asks{what, id, device, c.around.now + millis{60'000}, {}}, id);
    };
    asks(call::request_kind::pause_recording, "q1");
    ASSERT_TRUE(c.box.loaded()->state.recorder.turn_open);
    call::command_outcome done;
    done.command_id = c.kept.effects.back().what.id;
    done.what = call::verb::record_pause;
    done.who = c.phone(0);
    done.result = call::outcome::done;
    c.arrive(done);
    ASSERT_TRUE(c.box.loaded()->state.recorder.paused);
    asks(call::request_kind::resume_recording, "q2");
    call::leg_hangup left{{c.first.call_control_id, {}}, "normal_clearing"};
    left.heard.mos = "4.4";
    left.heard.packets_in = 0;
    c.arrive(left, "e4");
    ASSERT_EQ(call::phase_of(c.box.loaded()->state), call::phase::ended);
    call::leg_charged cost{{c.first.call_control_id, {}}, {}};
    cost.what.total = "0.0125";
    cost.what.currency = "USD";
    cost.what.parts.push_back({"sip-trunking", "0.0125", "0.005", "USD", 60});
    cost.what.at = c.around.now + millis{600'000};
    c.around.now += millis{600'000};
    c.arrive(cost, "e5");
    c.arrive(cost, "e6");
    ASSERT_EQ(c.kept.commits.back().steps->back().events.back().source, "e6");
    const auto r = replay(c.kept);
    EXPECT_EQ(r.how(), result::same) << ::testing::PrintToString(places(r));
    const auto read = wire::read_history(wire::write_history(c.kept, false));
    ASSERT_TRUE(read);
    EXPECT_EQ(replay(*read).how(), result::same) << ::testing::PrintToString(places(replay(*read)));
    EXPECT_EQ(
        std::get<call::leg_charged>(read->commits.back().steps->back().events.back().what).what, cost.what
    );
}

TEST(replay, i_18_another_event_shows_at_its_step_and_at_the_end) {
    auto h = talked();
    auto& e = h.commits.back().steps->front().events.back();
    std::get<call::leg_hangup>(e.what).cause = "user_busy";
    const auto r = replay(h);
    EXPECT_EQ(r.how(), result::different);
    EXPECT_TRUE(has(places(r), "v" + std::to_string(h.version) + " state/caller"))
        << ::testing::PrintToString(places(r));
    EXPECT_TRUE(has(places(r), "v0 state/caller/hangup_cause")) << ::testing::PrintToString(places(r));
}

TEST(replay, i_18_another_moment_shows_too) {
    auto h = talked();
    h.commits.front().steps->front().at += millis{1};
    for (auto& e : h.commits.front().steps->front().events)
        e.at += millis{1};
    const auto r = replay(h);
    EXPECT_TRUE(has(places(r), "v1 effect/")) << "its deadline";
    EXPECT_TRUE(has(places(r), "v0 state/began"));
}

TEST(replay, i_18_an_effect_that_nobody_decided_or_that_is_gone_shows) {
    auto h = talked();
    auto stranger = h.effects.front();
    stranger.what.id = "stranger";
    h.effects.push_back(stranger);
    EXPECT_TRUE(has(places(replay(h)), "v0 effect/stranger"));
    h = talked();
    const auto gone = h.effects.back().what.id;
    h.effects.pop_back();
    EXPECT_TRUE(has(places(replay(h)), "v0 effect/" + gone));
    h = talked();
    h.effects.front().what.deadline += millis{1};
    EXPECT_TRUE(has(places(replay(h)), "/deadline"));
    h = talked();
    h.timeline.at(1) += " and more";
    EXPECT_EQ(places(replay(h)), std::vector<std::string>{"v0 timeline/2"});
}

TEST(replay, i_18_what_has_no_record_is_said_and_nothing_is_guessed) {
    auto h = talked();
    h.commits.clear();
    EXPECT_EQ(replay(h).how(), result::incomplete);
    EXPECT_TRUE(replay(h).steps.empty());

    h = talked();
    h.commits.erase(h.commits.begin() + 1); // as an older program beside this one leaves it
    auto r = replay(h);
    EXPECT_EQ(r.how(), result::incomplete);
    EXPECT_EQ(r.steps.size(), 1U) << "what follows a gap is not made up";
    EXPECT_TRUE(has(r.gaps, "commit 2")) << ::testing::PrintToString(r.gaps);

    h = talked();
    h.commits.pop_back();
    EXPECT_EQ(replay(h).how(), result::incomplete);

    h = talked();
    h.commits.at(1).steps.reset(); // a newer program's
    r = replay(h);
    EXPECT_EQ(r.how(), result::incomplete);
    EXPECT_TRUE(has(r.gaps, "newer")) << ::testing::PrintToString(r.gaps);
}

TEST(replay, i_18_what_was_decided_without_the_database_is_recorded_with_the_commit_that_saves_it) {
    played c(2);
    c.away = true;
    c.arrive(call::leg_answered{c.phone(1)}, "e1");
    c.arrive(call::leg_bridged{c.phone(1)}, "e2");
    c.away = false;
    c.arrive(call::leg_hangup{{c.first.call_control_id, {}}, "normal_clearing"}, "e3");
    const auto r = replay(c.kept);
    EXPECT_EQ(r.how(), result::same) << ::testing::PrintToString(places(r));
    EXPECT_GT(r.steps.size(), c.kept.commits.size()) << "several steps in one commit";
}

TEST(replay, i_18_memory_that_is_written_forward_begins_anew_and_says_so) {
    played c(2);
    c.arrive(call::leg_answered{c.phone(0)}, "e1");
    c.kept.commits.resize(1); // a standby that was behind
    c.stored = port::stored_call{replay(c.kept).last, 1};
    c.arrive(call::leg_bridged{c.phone(0)}, "e2");
    c.box.doubt();
    c.run();
    c.arrive(call::leg_bridged{{c.first.call_control_id, {}}}, "e3");
    c.arrive(call::leg_hangup{{c.first.call_control_id, {}}, "normal_clearing"}, "e4");
    const auto r = replay(c.kept);
    EXPECT_EQ(r.how(), result::incomplete) << ::testing::PrintToString(places(r));
    EXPECT_TRUE(has(r.gaps, "lost by the database")) << ::testing::PrintToString(r.gaps);
    EXPECT_EQ(r.last, c.kept.last) << "from there on each step is made again";
}
