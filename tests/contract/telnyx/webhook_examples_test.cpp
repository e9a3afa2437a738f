// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Telnyx's published webhook examples and captured real ones, read in place, through our parser
// and the core.
#include "support/scenario.hpp"
#include "wire/telnyx_webhook.hpp"

#include <z360/call/decide.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fstream>
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
                                        "call.recording.error", "call.gather.ended"};
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
