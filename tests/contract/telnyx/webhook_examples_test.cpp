// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Telnyx's published webhook examples and captured real ones, read in place, through our parser
// and the core.
#include "sim/carrier.hpp"
#include "support/scenario.hpp"
#include "wire/telnyx_webhook.hpp"

#include <z360/call/decide.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <map>
#include <set>
#include <string>

using namespace z360;
using nlohmann::json;

namespace {

struct examples : ::testing::Test {
    json file;
    void SetUp() override {
        const std::string path = std::string(Z360_CONTRACT_DATA) + "/telnyx-webhook-examples.json";
        std::ifstream in(path);
        if (!in) GTEST_SKIP() << "no webhook examples at " << path << " (set Z360_CONTRACT_DATA)";
        file = json::parse(in);
    }
};

std::string text(const json& object, const char* key) {
    const auto it = object.is_object() ? object.find(key) : object.end();
    return object.is_object() && it != object.end() && it->is_string() ? it->get<std::string>()
                                                                       : std::string{};
}

/// Puts what a webhook becomes into calls in several phases: as the caller's event, as a device's (by mark
/// and by control id), and twice. Nothing may break an invariant, and a repeat may not cause a further
/// command.
void through_the_core(const wire::telnyx_webhook& hook) {
    const auto now = time_point{millis{1'800'000'000'000}};
    auto incoming = z360::testing::sample_incoming(2);
    if (!hook.call_control_id.empty()) incoming.call_control_id = hook.call_control_id;
    const auto ringing = call::begin(incoming, now).next;
    const auto device = ringing.legs[0].id;
    auto claimed = call::decide(ringing, call::leg_answered{{"v3:first", device}}, now).next;
    const auto ended =
        call::decide(ringing, call::leg_hangup{{incoming.call_control_id, {}}, "timeout"}, now).next;
    for (const auto& state : {ringing, claimed, ended}) {
        for (const auto& leg :
             {std::optional<leg_id>{}, std::optional(device), std::optional(leg_id{uuid{1, 2}})}) {
            const auto event = wire::to_call_event(hook, leg, now);
            if (!event) continue;
            const auto once = call::decide(state, *event, now);
            EXPECT_EQ(call::broken_invariant(once.next), nullptr) << hook.event_type;
            const auto twice = call::decide(once.next, *event, now);
            for (const auto& f : twice.effects)
                EXPECT_FALSE(std::holds_alternative<call::effect>(f)) << hook.event_type << " acted twice";
            if (phase_of(state) == call::phase::ended) {
                EXPECT_EQ(phase_of(once.next), call::phase::ended);
            }
        }
    }
}

/// Parses one event and compares what came out with what went in. Returns its type.
std::string check(const json& sent) {
    const json& event = sent.contains("data") ? sent["data"] : sent;
    const auto got = wire::parse_envelope(sent.dump());
    EXPECT_TRUE(got.event) << sent.dump(1) << wire::name(got.fault);
    if (!got.event) return {};
    const json payload = event.value("payload", json::object());
    EXPECT_EQ(got.event->event_id, event.contains("id") ? text(event, "id") : text(event, "webhook_id"));
    EXPECT_EQ(got.event->call_control_id, text(payload, "call_control_id"));
    EXPECT_EQ(got.event->call_leg_id, text(payload, "call_leg_id"));
    EXPECT_EQ(got.event->call_session_id, text(payload, "call_session_id"));
    EXPECT_EQ(got.event->client_state, text(payload, "client_state"));
    EXPECT_EQ(got.event->from, text(payload, "from"));
    EXPECT_EQ(got.event->hangup_cause, text(payload, "hangup_cause"));
    EXPECT_TRUE(got.event->occurred_at) << sent.dump(1);
    through_the_core(*got.event);
    return got.event->event_type;
}

} // namespace

TEST_F(examples, every_published_one_is_read_keeps_its_ids_and_goes_through_the_core) {
    const std::set<std::string> handled{"call.initiated",       "call.answered",       "call.bridged",
                                        "call.hangup",          "call.hold",           "call.unhold",
                                        "call.speak.ended",     "call.playback.ended", "call.recording.saved",
                                        "call.recording.error", "call.gather.ended",   "call.cost"};
    std::set<std::string> mapped;
    int n = 0;
    for (const auto& [type, entry] : file["webhooks"].items()) {
        for (const auto& [kind, example] : entry["examples"].items()) {
            const json sent =
                example.contains("data") ? example : json{{"data", example}, {"meta", {{"attempt", 1}}}};
            EXPECT_EQ(check(sent), type) << kind;
            const auto got = wire::parse_envelope(sent.dump());
            if (got.event && wire::to_call_event(*got.event, leg_id{uuid{1, 2}})) mapped.insert(type);
            ++n;
        }
    }
    EXPECT_GE(n, 38);
    EXPECT_EQ(mapped, handled);
}

namespace {

std::string kind_of(const json& v) {
    if (v.is_number()) return "number";
    return v.type_name();
}

/// Each member of `sent` that is published too is of the same kind there, and every text that is a number is
/// one.
void same_kinds(const json& sent, const json& published, const std::string& where) {
    for (const auto& [name, value] : sent.items()) {
        ASSERT_TRUE(published.contains(name)) << where << "." << name << " is not published";
        const auto& p = published[name];
        EXPECT_EQ(kind_of(value), kind_of(p)) << where << "." << name;
        if (value.is_object()) same_kinds(value, p, where + "." + name);
        if (value.is_array() && !value.empty()) same_kinds(value[0], p.at(0), where + "." + name);
    }
}

} // namespace

TEST_F(examples, the_simulator_tells_quality_and_cost_as_they_are_published) {
    const auto published = [this](const char* type) {
        return file["webhooks"][type]["examples"]["data_schema"]["payload"];
    };
    sim::carrier_settings s;
    s.tells_costs = true;
    sim::carrier c(s);
    auto now = time_point{millis{1'800'000'000'000}};
    const auto caller = c.place_call("+13125550142", "+13125550100", now);
    c.handle("POST", "/calls/" + caller + "/actions/answer", json::object(), now);
    now += millis{61'000};
    c.advance(now);
    c.caller_hangs_up(caller, now);
    now += millis{1'000};
    c.advance(now);
    std::map<std::string, json> told;
    for (auto& w : c.take_webhooks(now))
        told[w.event_type] = w.data["payload"];
    const auto stats = told["call.hangup"]["call_quality_stats"];
    ASSERT_TRUE(stats.is_object()) << json(told).dump(1);
    same_kinds(stats, published("call.hangup")["call_quality_stats"], "call_quality_stats");
    auto cost = told["call.cost"];
    ASSERT_TRUE(cost.is_object()) << json(told).dump(1);
    EXPECT_EQ(cost["total_cost"], "0.0136");
    for (const char* name : {"billed_duration_secs", "cost_parts", "status", "total_cost"})
        same_kinds({{name, cost[name]}}, published("call.cost"), "call.cost");
    const json sent{{"data", {{"event_type", "call.cost"}, {"id", "e-1"}, {"payload", cost}}}};
    const auto read = wire::parse_envelope(sent.dump());
    ASSERT_TRUE(read.event && read.event->charge);
    EXPECT_EQ(read.event->charge->total, "0.0136");
    EXPECT_EQ(read.event->charge->currency, "USD");
}

// The simulator's webhooks of a call that a device places, from its start to the end of both legs.
TEST_F(examples, the_simulator_tells_of_a_placed_call_as_it_is_published) {
    sim::carrier c;
    auto now = time_point{millis{1'800'000'000'000}};
    c.set_default_phone(sim::phone::answers(millis{100}));
    const auto device = c.device_calls("gencredAlice", "+13125550142", json(), now, {"+13125550100", "e30="});
    const json order{
        {"to", "+13125550142"},
        {"from", "+13125550100"},
        {"record", "record-from-answer"},
        {"client_state", "b3du"},
        {"target_leg_client_state", "bmV3"}
    };
    ASSERT_EQ(c.handle("POST", "/calls/" + device + "/actions/transfer", order, now).status, 200);
    now += millis{5'000};
    c.advance(now);
    ASSERT_TRUE(c.device_hangs_up(device, now));
    now += millis{1'000};
    std::map<std::string, int> told;
    for (const auto& w : c.take_webhooks(now)) {
        ++told[w.event_type];
        check(json{{"data", w.data}});
        const auto& payload = w.data["payload"];
        const auto& published = file["webhooks"][w.event_type]["examples"]["data_schema"]["payload"];
        ASSERT_TRUE(published.is_object()) << w.event_type;
        for (const auto& [name, value] : published.items()) {
            ASSERT_TRUE(payload.contains(name)) << w.event_type << " lacks " << name;
            EXPECT_EQ(kind_of(payload[name]), kind_of(value)) << w.event_type << "." << name;
        }
    }
    const std::map<std::string, int> all{
        {"call.initiated", 2},
        {"call.answered", 2},
        {"call.bridged", 2},
        {"call.hangup", 2},
        {"call.recording.saved", 1}
    };
    EXPECT_EQ(told, all);
}

TEST_F(examples, the_published_figures_are_read_as_they_stand) {
    const auto heard =
        wire::parse_envelope(json{{"data", file["webhooks"]["call.hangup"]["examples"]["data_schema"]}}.dump()
        );
    ASSERT_TRUE(heard.event);
    EXPECT_EQ(heard.event->heard.mos, "4.50");
    EXPECT_EQ(heard.event->heard.jitter, "2.74");
    EXPECT_EQ(heard.event->heard.packets_in, 591);
    EXPECT_EQ(heard.event->heard.skipped_in, 9);
    EXPECT_EQ(heard.event->heard.packets_out, 0);
    EXPECT_TRUE(heard.event->heard.silent());
    const auto cost =
        wire::parse_envelope(json{{"data", file["webhooks"]["call.cost"]["examples"]["data_schema"]}}.dump());
    ASSERT_TRUE(cost.event && cost.event->charge);
    EXPECT_EQ(cost.event->charge->total, "0.0106");
    EXPECT_EQ(cost.event->charge->currency, "USD");
    EXPECT_EQ(cost.event->charge->parts.size(), 3U);
    EXPECT_EQ(cost.event->charge->parts[1].rate, "0.00190");
}

TEST_F(examples, every_captured_one_is_read_keeps_its_ids_and_goes_through_the_core) {
    int events = 0;
    int bare = 0;
    for (const auto& source : file["observed"]) {
        for (const auto& event : source["events"]) {
            if (event.contains("data") || event.contains("event_type")) {
                check(event);
                ++events;
            } else { // a payload without its envelope, as some documents print it: no event, and no crash
                EXPECT_EQ(wire::parse_envelope(event.dump()).fault, wire::envelope_fault::not_an_event);
                ++bare;
            }
        }
    }
    EXPECT_GE(events, 7);
    EXPECT_GE(events, bare);
}
