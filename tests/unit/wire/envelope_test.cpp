// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What a webhook's bytes may be and still be read, what they must not be, and which of them are one event.
#include "wire/telnyx_webhook.hpp"

#include <gtest/gtest.h>

#include <string>

using namespace z360;
using namespace z360::wire;

namespace {

std::string initiated(const std::string& more = {}, const std::string& name = "Ada") {
    return R"({"data":{"event_type":"call.initiated","id":"0b0c8f52-1f6e-4a5b-9d39-000000000001","payload":{)"
           R"("call_control_id":"v3:c","call_session_id":"s-1","direction":"incoming","from":"+13125550142",)"
           R"("caller_id_name":")" +
           name + R"(","to":"+13125550100")" + more + R"(}},"meta":{"attempt":1}})";
}

envelope read(const std::string& body) {
    auto e = parse_envelope(body);
    EXPECT_EQ(e.event.has_value(), e.fault == envelope_fault::none) << body;
    EXPECT_EQ(e.why.empty(), e.fault == envelope_fault::none) << body;
    return e;
}

} // namespace

TEST(envelope, genuine_bytes_that_a_strict_parser_refuses_are_read_all_the_same) {
    for (const std::string name : {"\\ud83d",      "\\ud83dx",
                                   "\\ude00",      "\\ud83d\\ud83d\\ude00",
                                   "Andr\xe9",     "\xff",
                                   "\xc3",         "\xe2\x82",
                                   "\xed\xa0\xbd", "\xf0\x9f\x98",
                                   "\xc0\xaf",     "a\tb",
                                   "a\nb",         "a\x01",
                                   "a\\x41",       "a\\'",
                                   "a\\u12",       "\xf8\x88\x80\x80\x80",
                                   "\\uD83D\\n",   "\\u"}) {
        const auto e = read(initiated({}, name));
        ASSERT_TRUE(e.event) << name;
        EXPECT_TRUE(is_new_caller(*e.event, webhook_source::call_control, std::nullopt)) << name;
        EXPECT_EQ(e.event->from, "+13125550142") << name;
        EXPECT_EQ(e.event->to, "+13125550100") << name;
    }
    for (const std::string more :
         {R"(,"q":NaN)", R"(,"q":{"mos":-Infinity,"x":[Infinity]})", R"(,"q":1e999)", R"(,"q":-1e400,"r":1.5)"
         }) {
        const auto e = read(initiated(more));
        ASSERT_TRUE(e.event) << more;
        EXPECT_EQ(e.event->call_control_id, "v3:c") << more;
    }
    EXPECT_TRUE(read("\xEF\xBB\xBF" + initiated()).event) << "a byte order mark";
}

TEST(envelope, bad_bytes_become_the_replacement_character_and_good_ones_stay) {
    const auto at = [](const std::string& from) {
        const auto e =
            read(R"({"data":{"event_type":"call.initiated","payload":{"from":")" + from + R"("}}})");
        return e.event ? e.event->from : std::string("?");
    };
    EXPECT_EQ(at("a\xe9z"), "a\xEF\xBF\xBDz");
    EXPECT_EQ(at("a\\ud83dz"), "a\xEF\xBF\xBDz");
    EXPECT_EQ(at("a\tz"), "a\xEF\xBF\xBDz");
    EXPECT_EQ(at("\\ud83d\\ude00\xff"), "\xF0\x9F\x98\x80\xEF\xBF\xBD") << "a whole pair beside a bad byte";
    EXPECT_EQ(at("M\xc3\xbcller \\\"x\\\" \\u00e9\xff"), "M\xc3\xbcller \"x\" \xc3\xa9\xEF\xBF\xBD");
}

TEST(envelope, what_repair_cannot_mend_stays_no_json) {
    for (const char* body :
         {"", "\xff", "{\"data\":", "{} trailing", "{\"data\":{\"id\":\"a}}", "nan", "{'a':1}", "[NaN"})
        EXPECT_EQ(read(body).fault, envelope_fault::not_json) << body;
}

TEST(envelope, webhook_api_version_1_is_named_and_the_flat_form_of_version_2_is_read) {
    for (const char* type :
         {"call_initiated", "call_answered", "call_hangup", "call_bridged", "call_speak_ended", "call_dtmf"
         }) {
        const auto body =
            R"({"event_type":")" + std::string(type) +
            R"(","id":"x","created_at":"2026-01-01T00:00:00Z","payload":{"call_control_id":"v3:c"}})";
        const auto e = read(body);
        EXPECT_EQ(e.fault, envelope_fault::version_1) << type;
        EXPECT_NE(e.why.find("webhook API version 1"), std::string::npos) << e.why;
        EXPECT_NE(e.why.find("to 2"), std::string::npos) << "the fix";
    }
    for (const char* body :
         {R"({"event_type":"call.initiated","id":"e-1","payload":{"call_control_id":"v3:c","direction":"incoming","from":"+13125550142","to":"+13125550100"},"record_type":"event"})",
          R"({"event_type":"call.initiated","id":"e-1","call_control_id":"v3:c","direction":"incoming","from":"+13125550142","to":"+13125550100"})"
         }) {
        const auto e = read(body);
        ASSERT_TRUE(e.event) << body;
        EXPECT_EQ(e.event->event_id, "e-1");
        EXPECT_TRUE(is_new_caller(*e.event, webhook_source::call_control, std::nullopt)) << body;
        EXPECT_EQ(e.event->call_control_id, "v3:c");
    }
    // The event log writes recordings so; that is no version 1.
    EXPECT_EQ(
        read(R"({"event_type":"call_recording_saved","webhook_id":"e","payload":{}})")
            .event.value()
            .event_type,
        "call.recording.saved"
    );
}

TEST(envelope, ids_that_no_carrier_makes_are_refused_with_name_and_length) {
    for (const char* key : {"call_session_id", "call_control_id", "call_leg_id"}) {
        for (const std::size_t n : {257U, 8'000U, 200'000U}) {
            const auto e = read(
                R"({"data":{"event_type":"call.hangup","id":"e","payload":{")" + std::string(key) + R"(":")" +
                std::string(n, 'x') + R"("}}})"
            );
            EXPECT_EQ(e.fault, envelope_fault::id_too_long) << key << n;
            EXPECT_NE(e.why.find(key), std::string::npos) << e.why;
            EXPECT_NE(e.why.find(std::to_string(n)), std::string::npos) << e.why;
            EXPECT_LT(e.why.size(), 200U);
        }
        EXPECT_TRUE(
            read(R"({"data":{"payload":{")" + std::string(key) + R"(":")" + std::string(256, 'x') + R"("}}})")
                .event
        );
    }
}

TEST(envelope, what_only_people_read_is_cut) {
    const std::string much(9'000, 'y');
    const auto e = read(
        R"({"data":{"event_type":")" + much + R"(","payload":{"hangup_cause":")" + much + R"(","reason":")" +
        much + R"(","recording_id":")" + much + R"(","connection_id":")" + much +
        R"(","recording_urls":{"mp3":")" + much + R"("}}}})"
    );
    ASSERT_TRUE(e.event);
    for (const auto* text :
         {&e.event->event_type, &e.event->hangup_cause, &e.event->reason, &e.event->recording_id,
          &e.event->connection_id})
        EXPECT_EQ(text->size(), 256U);
    EXPECT_EQ(e.event->recording_url_mp3, "") << "half a URL is none";
}

TEST(same_event, is_told_by_data_whatever_the_delivery) {
    const auto first = initiated();
    const std::string pretty =
        "{\n  \"meta\": {\"delivered_to\": \"https://b.example/failover\", \"attempt\": 2},\n  \"data\": {\n"
        "\"payload\": {\"to\": \"+13125550100\", \"from\": \"\\u002b13125550142\", \"direction\": "
        "\"incoming\",\n"
        "\"caller_id_name\": \"Ada\", \"call_session_id\": \"s-1\", \"call_control_id\": \"v3:c\"},\n"
        "\"id\": \"0b0c8f52-1f6e-4a5b-9d39-000000000001\", \"event_type\": \"call.initiated\"}}\n";
    EXPECT_TRUE(same_event(first, pretty));
    EXPECT_TRUE(same_event(pretty, first));
    EXPECT_TRUE(same_event(first, first + "\n"));
    EXPECT_TRUE(same_event(initiated({}, "Andr\xe9"), initiated({}, "Andr\xe9") + " "));
    EXPECT_TRUE(same_event(
        R"({"event_type":"call.hangup","id":"e","payload":{},"meta":{"attempt":1}})",
        R"({"id":"e","event_type":"call.hangup","payload":{},"meta":{"attempt":2}})"
    ));
    EXPECT_FALSE(same_event(first, initiated(R"(,"state":"parked")")));
    EXPECT_FALSE(same_event(first, initiated({}, "Eve")));
    EXPECT_FALSE(same_event(first, "{}"));
    EXPECT_FALSE(same_event("no json", "no json either"));
    EXPECT_TRUE(same_event("no json", "no json"));
}

TEST(own_leg, a_leg_that_comes_in_for_a_devices_sip_user_is_no_caller) {
    for (const char* to :
         {"gencredAbc123", "sip:gencredAbc123@sip.telnyx.com", "SIPS:GenCredAbc@x;transport=tls",
          "gencredAbc@sip.telnyx.com:5060", "<sip:gencredAbc@h>", "sip:%67encredAbc@h"}) {
        telnyx_webhook w;
        w.event_type = "call.initiated";
        w.direction = "incoming";
        w.call_control_id = "v3:d";
        w.to = to;
        EXPECT_FALSE(is_new_caller(w, webhook_source::call_control, std::nullopt)) << to;
        EXPECT_TRUE(is_own_leg(w, webhook_source::call_control, std::nullopt)) << to;
        EXPECT_FALSE(is_own_leg(w, webhook_source::credential, std::nullopt)) << to;
        EXPECT_FALSE(is_own_leg(w, webhook_source::call_control, leg_id{uuid{1, 2}})) << to;
        w.direction = "outgoing";
        EXPECT_FALSE(is_own_leg(w, webhook_source::call_control, std::nullopt)) << to;
    }
}
