// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/state_codec.hpp"
#include "wire/state_fields.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <functional>
#include <random>
#include <string>
#include <variant>

using namespace z360;
using namespace z360::wire;
using nlohmann::json;

namespace {

std::mt19937_64 g_random; // NOLINT: each test seeds it

std::uint64_t below(std::uint64_t n) {
    return g_random() % n;
}

// Fills every listed field with something, so that a new field is covered without a change here.
void fill(std::string& v) {
    static constexpr std::string_view k_pieces[] = {"a", "Z9", "\"", "\\",    "\n",
                                                    "é", "漢", "😀", "'; --", "{}"};
    v.clear();
    for (auto n = below(6); n > 0; --n)
        v += k_pieces[below(std::size(k_pieces))];
}
void fill(bool& v) {
    v = below(2) == 1;
}
void fill(std::uint32_t& v) {
    v = static_cast<std::uint32_t>(g_random());
}
void fill(int& v) {
    v = static_cast<int>(g_random());
}
void fill(time_point& v) {
    v = time_point{millis{static_cast<std::int64_t>(below(4'000'000'000'000)) - 1'000'000'000'000}};
}
void fill(millis& v) {
    v = millis{static_cast<std::int64_t>(below(1'000'000))};
}
template <class T>
    requires std::is_enum_v<T>
void fill(T& v) {
    if constexpr (std::is_same_v<T, call::route_verdict>) {
        v = static_cast<T>(below(2));
    } else {
        unsigned count = 0;
        while (name(static_cast<T>(count)) != "?")
            ++count;
        v = static_cast<T>(below(count));
    }
}
template <class Tag>
void fill(uuid_id<Tag>& v) {
    v.value = {g_random(), g_random()};
}
template <class Tag>
void fill(int_id<Tag>& v) {
    v.value = static_cast<std::int64_t>(g_random() >> 1);
}
template <class T>
void fill(std::optional<T>& v);
template <class T>
void fill(std::vector<T>& v);
template <described T>
void fill(T& v);
template <std::size_t I = 0>
void fill(call::endpoint& v, std::size_t which) {
    if constexpr (I < std::variant_size_v<call::endpoint>) {
        if (which != I) return fill<I + 1>(v, which);
        fill(v.emplace<I>());
    }
}
void fill(call::endpoint& v) {
    fill(v, below(std::variant_size_v<call::endpoint>));
}

struct filler {
    template <class T>
    void operator()(const char*, T& v) {
        fill(v);
    }
};
template <described T>
void fill(T& v) {
    filler f;
    fields(f, v);
}
template <class T>
void fill(std::optional<T>& v) {
    v.reset();
    if (below(2) == 1) fill(v.emplace());
}
template <class T>
void fill(std::vector<T>& v) {
    v.resize(below(21));
    for (auto& x : v)
        fill(x);
}

template <std::size_t I = 0>
call::command_body body_of(std::size_t which) {
    if constexpr (I < std::variant_size_v<call::command_body>) {
        if (which != I) return body_of<I + 1>(which);
        std::variant_alternative_t<I, call::command_body> body;
        fill(body);
        return body;
    } else {
        return {};
    }
}

} // namespace

TEST(state_codec, any_state_survives_the_round_trip) {
    for (std::uint64_t seed = 0; seed < 500; ++seed) {
        g_random.seed(seed);
        call::state s;
        fill(s);
        const auto back = decode_state(encode(s));
        ASSERT_TRUE(back) << "seed " << seed;
        ASSERT_TRUE(*back == s) << "seed " << seed << "\n" << encode(s) << "\n" << encode(*back);
    }
}

TEST(state_codec, an_effect_of_another_channel_survives_the_round_trip_and_is_no_command) {
    call::effect e;
    e.id = "id";
    e.issued_at = time_point{millis{5}};
    e.deadline = time_point{millis{6}};
    e.body = call::test_effect{call_id{uuid{1, 2}}, "what\nelse"};
    const auto text = encode_effect(e);
    const auto back = decode_effect(text);
    ASSERT_TRUE(back) << text;
    EXPECT_EQ(back->id, e.id);
    EXPECT_EQ(back->issued_at, e.issued_at);
    EXPECT_EQ(back->deadline, e.deadline);
    EXPECT_EQ(std::get<call::test_effect>(back->body), std::get<call::test_effect>(e.body));
    EXPECT_FALSE(decode_command(text));
    EXPECT_FALSE(decode_effect(R"({"v":2,"id":"x","channel":"fax"})")) << "nobody here knows what it says";
    EXPECT_FALSE(decode_effect(R"({"v":2,"id":"x","channel":7})"));
    EXPECT_GT(form_of(e), k_state_version) << "a program without channels must leave it alone";
}

TEST(state_codec, a_command_is_stored_as_before_there_were_channels) {
    call::command c;
    c.id = "id";
    c.call = call_id{uuid{1, 2}};
    c.org = org_id{7};
    c.call_control_id = "v3:leg";
    c.issued_at = time_point{millis{5}};
    c.deadline = time_point{millis{6}};
    c.body = call::hangup_body{call::release_reason::caller_gone};
    const auto text = encode_effect(c);
    EXPECT_EQ(
        text, R"({"body":{"why":"caller_gone"},"call":")" + c.call.text() +
                  R"(","call_control_id":"v3:leg","deadline":6,"id":"id","issued_at":5,"leg":null,"org":7,)"
                  R"("v":)" +
                  std::to_string(k_plain_form) + R"(,"verb":"hangup"})"
    );
    EXPECT_EQ(form_of(c), k_plain_form);
}

TEST(state_codec, what_an_effect_waits_for_survives_the_round_trip) {
    call::effect other;
    other.body = call::test_effect{};
    call::command c;
    c.body = call::bridge_body{};
    for (call::effect e : {other, call::effect(c)}) {
        e.id = "second";
        const auto alone = encode_effect(e);
        EXPECT_EQ(alone.find("after"), std::string::npos) << "as before anything could wait";
        EXPECT_FALSE(decode_effect(alone)->after);
        e.after = call::predecessor{"first", millis{3'000}};
        const auto back = decode_effect(encode_effect(e));
        ASSERT_TRUE(back);
        EXPECT_EQ(back->after, e.after);
        EXPECT_EQ(back->body.index(), e.body.index());
        EXPECT_GT(form_of(e) + k_waiting_form, k_other_channels_form)
            << "programs that know channels must leave it alone, too";
    }
    EXPECT_FALSE(decode_effect(R"({"v":2,"id":"x","channel":"test","after":{"id":7}})"));
}

TEST(state_codec, any_command_survives_the_round_trip) {
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        g_random.seed(seed);
        call::command c;
        fill(static_cast<call::carrier_command&>(c));
        fill(c.id);
        fill(c.issued_at);
        fill(c.deadline);
        c.body = body_of(seed % std::variant_size_v<call::command_body>);
        const auto text = encode_command(c);
        const auto back = decode_command(text);
        ASSERT_TRUE(back) << "seed " << seed;
        ASSERT_EQ(back->what(), c.what());
        ASSERT_EQ(encode_command(*back), text); // bodies have no operator==; the text holds every field
        ASSERT_EQ(back->id, c.id);
        ASSERT_EQ(back->leg, c.leg);
        ASSERT_EQ(back->deadline, c.deadline);
    }
}

TEST(state_codec, fields_of_a_newer_binary_are_ignored) {
    g_random.seed(7);
    call::state s;
    fill(s);
    auto j = json::parse(encode(s));
    j["invented_later"] = {{"x", 1}};
    j["caller"]["invented_later"] = true;
    const auto back = decode_state(j.dump());
    ASSERT_TRUE(back);
    EXPECT_TRUE(*back == s);
}

TEST(state_codec, fields_missing_in_an_older_snapshot_take_their_defaults) {
    g_random.seed(8);
    call::state s;
    fill(s);
    auto j = json::parse(encode(s));
    j.erase("joins");
    j["routed"]["rules"].erase("ring_time");
    const auto back = decode_state(j.dump());
    ASSERT_TRUE(back);
    s.joins = {};
    s.routed.rules.ring_time = call::policy{}.ring_time;
    EXPECT_TRUE(*back == s);
}

TEST(state_codec, what_cannot_be_understood_is_refused_not_guessed) {
    const auto good = json::parse(encode(call::state{}));
    ASSERT_TRUE(decode_state(good.dump()));
    const auto with = [&good](const char* key, const json& value) {
        auto j = good;
        j[key] = value;
        return j.dump();
    };
    EXPECT_FALSE(decode_state(with("v", k_state_version + 1)));
    EXPECT_FALSE(decode_state(with("v", "1")));
    EXPECT_FALSE(decode_state(with("reason", "telepathy")));
    EXPECT_FALSE(decode_state(with("reason", 3)));
    EXPECT_FALSE(decode_state(with("legs", json::object())));
    EXPECT_FALSE(decode_state(with("answers", -1)));
    EXPECT_FALSE(decode_state(with("answers", 1.5)));
    EXPECT_FALSE(decode_state(with("answers", 18'446'744'073'709'551'615ULL)));
    EXPECT_FALSE(decode_state(with("id", "not-a-uuid")));
    EXPECT_FALSE(decode_state(""));
    EXPECT_FALSE(decode_state("[]"));
    EXPECT_FALSE(decode_state("{\"v\":1"));
    EXPECT_FALSE(decode_command("{\"v\":1,\"id\":\"x\"}"));
    EXPECT_FALSE(decode_command("{\"v\":1,\"id\":\"x\",\"verb\":\"levitate\"}"));
}

TEST(state_codec, an_endpoint_of_a_kind_that_is_unknown_is_refused_not_guessed) {
    auto j = json::parse(encode(call::state{}));
    ASSERT_TRUE(decode_state(j.dump()));
    for (const auto& wrong :
         {json{{"pigeon", {{"loft", "3"}}}}, json::object(), json("+15550100001"), json{{"e164", "+1555"}},
          json{{"e164", {{"number", "+15550100001"}}}, {"sip_uri", {{"uri", "sip:a@b"}}}}}) {
        auto k = j;
        k["caller"]["to"] = wrong;
        EXPECT_FALSE(decode_state(k.dump())) << wrong;
    }
}

TEST(state_codec, strings_that_postgres_refuses_are_made_storable) {
    call::state s;
    s.caller.to = call::endpoint_of(std::string("a\0b", 3));
    s.caller.hangup_cause = "\xFF\xFE";
    const auto text = encode(s);
    EXPECT_EQ(text.find("\\u0000"), std::string::npos);
    const auto back = decode_state(text);
    ASSERT_TRUE(back);
    EXPECT_EQ(text_of(back->caller.to), "a\uFFFDb");
}

// Programs of the version before read forms up to 6, and do not know this verdict: they take the row
// for damaged instead of a newer program's.
TEST(state_codec, be_20_a_blocked_callers_call_has_a_form_that_programs_before_leave_alone) {
    call::state s;
    s.routed.verdict = call::route_verdict::blocked_caller;
    EXPECT_GT(form_of(s), 6);
}

TEST(
    state_codec, be_27_a_call_that_rings_an_agent_and_one_without_a_number_are_left_alone_by_programs_before
) {
    call::state agent;
    agent.routed.verdict = call::route_verdict::ring;
    call::lead_to_agent(agent.routed, "sip:agent@agents.example");
    EXPECT_EQ(form_of(agent), k_agent_form);
    EXPECT_EQ(decode_state(encode(agent)), agent);
    call::command c;
    c.body = call::dial_body{.agent = "sip:agent@agents.example"};
    EXPECT_EQ(form_of(call::effect(c)), k_agent_form);
    call::state anonymous;
    anonymous.routed.verdict = call::route_verdict::blocked_caller;
    anonymous.routed.cause = call::route_cause::anonymous;
    EXPECT_EQ(form_of(anonymous), k_anonymous_form);
    call::state outside;
    call::lead_to_number(outside.routed, "+15550108888", true);
    EXPECT_EQ(form_of(outside), k_plan_form) << "the version before knows such plans";
}

TEST(state_codec, state_02_a_ring_that_stopped_for_a_busy_person_is_left_alone_by_programs_before) {
    call::state s;
    call::leg l;
    l.stopped = true;
    s.legs.push_back(l);
    EXPECT_EQ(form_of(s), k_busy_form);
    s.legs[0].wave = 1; // of a plan they know it
    EXPECT_EQ(form_of(s), k_plain_form);
}

TEST(state_codec, b4_a_call_whose_media_was_given_up_has_a_form_that_programs_before_leave_alone) {
    call::state asked;
    asked.verdicts.push_back({"q", call::request_kind::give_up_media, call::refusal::media_may_come});
    call::state ended;
    ended.reason = call::end_reason::no_media;
    for (const auto& s : {asked, ended}) {
        EXPECT_EQ(form_of(s), k_media_form);
        EXPECT_GT(form_of(s), 9);
        EXPECT_EQ(decode_state(encode(s)), s);
    }
}

TEST(state_codec, i_17_a_call_whose_recording_is_looked_after_has_a_form_that_programs_before_leave_alone) {
    const call::state before;
    EXPECT_EQ(form_of(before), k_plain_form);
    for (const auto& change : std::vector<std::function<void(call::state&)>>{
             [](auto& s) { s.routed.rules.recording_mandatory = true; },
             [](auto& s) { s.routed.rules.recording_announcement = "This call is recorded."; },
             [](auto& s) { s.recorder.orders = 1; },
             [](auto& s) { s.recorder.pause_wanted = true; },
             [](auto& s) { s.verdicts.push_back({"q", call::request_kind::pause_recording}); },
         }) {
        auto s = before;
        change(s);
        EXPECT_EQ(form_of(s), k_recording_form);
        EXPECT_EQ(decode_state(encode(s)), s);
    }
    call::command c;
    c.body = call::record_pause_body{"rec-1"};
    EXPECT_EQ(form_of(call::effect(c)), k_recording_form);
    c.body = call::record_start_body{};
    EXPECT_EQ(form_of(call::effect(c)), k_plain_form);
}
