// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/telnyx_records.hpp"
#include "wire/telnyx_webhook.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

using namespace z360;
using namespace z360::wire;
using nlohmann::json;

namespace {

const time_point k_since{std::chrono::milliseconds{1'800'000'000'123}};

json payload(const std::string& leg = "v3:leg") {
    return json{
        {"call_control_id", leg},
        {"call_leg_id", "428c31b6-7af4-4bcb-b7f5-5013ef9657c1"},
        {"call_session_id", "428c31b6-7af4-4bcb-b68e-5013ef9657c1"},
        {"connection_id", "2650000000000000001"},
        {"hangup_cause", "normal_clearing"},
    };
}
json webhook(const std::string& id = "e1", const std::string& at = "2026-01-31T12:00:00.5Z") {
    return json{
        {"record_type", "event"}, {"event_type", "call.hangup"}, {"id", id},
        {"occurred_at", at},      {"payload", payload()},
    };
}
/// The same event as the event log spells it.
json raw(const std::string& id = "e1") {
    return json{
        {"record_type", "event"}, {"event_type", "call.hangup"},
        {"webhook_id", id},       {"created_at", "2026-01-31T12:00:00.5Z"},
        {"payload", payload()},
    };
}
json logged(json metadata) {
    return json{
        {"record_type", "call_event"},
        {"type", "webhook"},
        {"name", "call.hangup"},
        {"call_leg_id", "428c31b6-7af4-4bcb-b7f5-5013ef9657c1"},
        {"call_session_id", "428c31b6-7af4-4bcb-b68e-5013ef9657c1"},
        {"event_timestamp", "2026-01-31T12:00:00.500000Z"},
        {"metadata", std::move(metadata)},
    };
}
json delivery(json hook) {
    return json{
        {"record_type", "webhook_delivery"},
        {"id", "f5586561-8ff0-4291-a0ac-84fe544797bd"},
        {"status", "failed"},
        {"started_at", "2026-01-31T12:00:01Z"},
        {"webhook", std::move(hook)},
        {"attempts", json::array()},
    };
}
std::string list(const json& entries, json meta = json::object()) {
    return json{{"data", entries}, {"meta", std::move(meta)}}.dump();
}
std::string list_of(json one) {
    auto entries = json::array();
    entries.push_back(std::move(one));
    return list(entries);
}
/// What the inbox would read out of the only event of a page.
telnyx_webhook only_event(const std::optional<record_page>& page) {
    EXPECT_TRUE(page && page->events.size() == 1);
    if (!page || page->events.size() != 1) return {};
    auto e = parse_envelope(page->events[0].body);
    EXPECT_TRUE(e.event);
    return e.event.value_or(telnyx_webhook{});
}

} // namespace

TEST(records_request, be_09_deliveries_are_asked_for_by_state_and_start) {
    const auto r = failed_deliveries(k_since, {});
    EXPECT_EQ(r.method, "GET");
    EXPECT_EQ(
        r.path, "/webhook_deliveries?filter%5Bstatus%5D%5Beq%5D=failed&"
                "filter%5Bstarted_at%5D%5Bgte%5D=2027-01-15T08%3A00%3A00.123Z&"
                "page%5Bnumber%5D=1&page%5Bsize%5D=250"
    );
    EXPECT_NE(failed_deliveries(k_since, "page=7").path.find("page%5Bnumber%5D=7&"), std::string::npos);
}

TEST(records_request, be_09_events_are_asked_for_by_session_and_legs_by_connection) {
    EXPECT_EQ(
        session_events("s/1", {}).path,
        "/call_events?filter%5Bapplication_session_id%5D=s%2F1&filter%5Btype%5D=webhook&"
        "page%5Bnumber%5D=1&page%5Bsize%5D=250"
    );
    EXPECT_EQ(call_status("v3:a/b+c").path, "/calls/v3%3Aa%2Fb%2Bc");
    EXPECT_EQ(active_calls("26/5", {}).path, "/connections/26%2F5/active_calls?page%5Blimit%5D=250");
    EXPECT_EQ(
        active_calls("265", "after=v1:g3Q=").path,
        "/connections/265/active_calls?page%5Bafter%5D=v1%3Ag3Q%3D&page%5Blimit%5D=250"
    );
}

TEST(records, be_09_every_form_of_a_logged_event_becomes_the_webhook_that_was_lost) {
    const std::vector<json> forms{
        {{"event", raw()}},
        {{"event", webhook()}},
        {{"raw", raw().dump()}},
        {{"raw_event", json{{"data", webhook()}}}},
        {{"raw_event", json{{"data", webhook()}, {"meta", {{"attempt", 3}}}}.dump()}},
        {{"event", nullptr}, {"raw", webhook()}},
        {{"event", "not json"}, {"raw", webhook()}},
        json(raw().dump()),
        raw(),
    };
    for (const auto& metadata : forms) {
        const auto page = parse_call_events(list_of(logged(metadata)), {});
        const auto hook = only_event(page);
        EXPECT_EQ(hook.event_id, "e1") << metadata;
        EXPECT_EQ(hook.event_type, "call.hangup") << metadata;
        EXPECT_EQ(hook.call_control_id, "v3:leg") << metadata;
        EXPECT_EQ(hook.hangup_cause, "normal_clearing") << metadata;
        EXPECT_EQ(hook.occurred_at, parse_iso8601("2026-01-31T12:00:00.5Z")) << metadata;
        EXPECT_EQ(page->events[0].event_id, "e1");
        EXPECT_EQ(page->events[0].at, parse_iso8601("2026-01-31T12:00:00.5Z"));
    }
}

TEST(records, ids_that_only_the_entry_knows_are_added) {
    auto event = raw();
    event["payload"].erase("call_session_id");
    event["payload"]["call_leg_id"] = nullptr;
    const auto hook = only_event(parse_call_events(list_of(logged({{"event", event}})), {}));
    EXPECT_EQ(hook.call_session_id, "428c31b6-7af4-4bcb-b68e-5013ef9657c1");
    EXPECT_EQ(hook.call_leg_id, "428c31b6-7af4-4bcb-b7f5-5013ef9657c1");
}

TEST(records, commands_and_entries_without_an_event_are_passed_over) {
    auto command = logged({{"event", raw()}});
    command["type"] = "command";
    json entries = json::array(
        {command, logged(json::object()), logged(nullptr), logged({{"event", {{"event_type", 7}}}}), 5,
         nullptr, json::array(), json{{"type", "webhook"}},
         logged({{"event", {{"event_type", "message.sent"}}}})}
    );
    const auto page = parse_call_events(list(entries), {});
    ASSERT_TRUE(page);
    EXPECT_TRUE(page->events.empty());
}

TEST(records, be_09_an_undelivered_webhook_is_told_as_it_was) {
    for (const auto& form : {webhook(), json{{"data", webhook()}}, json(webhook().dump())}) {
        const auto page = parse_deliveries(list_of(delivery(form)), {});
        const auto hook = only_event(page);
        EXPECT_EQ(hook.event_id, "e1");
        EXPECT_EQ(json::parse(page->events[0].body), (json{{"data", webhook()}}));
        EXPECT_EQ(page->events[0].connection_id, "2650000000000000001");
    }
    auto delivered = delivery(webhook());
    delivered["status"] = "delivered";
    auto of_another_product = delivery(webhook());
    of_another_product["webhook"]["event_type"] = "message.finalized";
    const auto page = parse_deliveries(list(json::array({delivered, of_another_product})), {});
    ASSERT_TRUE(page);
    EXPECT_TRUE(page->events.empty());
}

TEST(records, a_pages_events_are_told_oldest_first) {
    const auto page = parse_deliveries(
        list(json::array(
            {delivery(webhook("late", "2026-01-31T12:00:03Z")),
             delivery(webhook("first", "2026-01-31T12:00:01Z")),
             delivery(webhook("second", "2026-01-31T12:00:02"))}
        )),
        {}
    );
    ASSERT_TRUE(page && page->events.size() == 3);
    EXPECT_EQ(page->events[0].event_id, "first");
    EXPECT_EQ(page->events[1].event_id, "second");
    EXPECT_EQ(page->events[2].event_id, "late");
}

TEST(records, one_odd_name_does_not_hide_the_page) {
    auto entries = json::array({delivery(webhook("e1")), delivery(webhook("e2"))});
    entries[0]["webhook"]["payload"]["from"] = "NAME";
    const auto text = list(entries);
    for (const std::string name :
         {"J\xf6rg", "\xff\xfe", R"(\ud83d)", R"(\udc00 and \ud83d\ude00)", R"(\\ud83d \ud83d)"}) {
        auto odd = text;
        odd.replace(odd.find("NAME"), 4, name);
        ASSERT_FALSE(json::accept(odd)) << name;
        const auto page = parse_deliveries(odd, {});
        ASSERT_TRUE(page) << name;
        ASSERT_EQ(page->events.size(), 2U) << name;
        const auto from = json::parse(page->events[0].body)["data"]["payload"]["from"].get<std::string>();
        EXPECT_NE(from.find("\xef\xbf\xbd"), std::string::npos) << name;
    }
    auto pair = text;
    pair.replace(pair.find("NAME"), 4, R"(\ud83d\ude00 \ud83d)");
    EXPECT_EQ(
        json::parse(parse_deliveries(pair, {})->events[0].body)["data"]["payload"]["from"],
        "\xf0\x9f\x98\x80 \xef\xbf\xbd"
    );
}

TEST(records, what_is_no_list_is_told_apart_from_an_empty_one) {
    for (const char* body :
         {"", "<html>", "{}", "[]", R"({"data":{}})", R"({"data":null})", R"({"data":[)"}) {
        EXPECT_FALSE(parse_deliveries(body, {})) << body;
        EXPECT_FALSE(parse_call_events(body, {})) << body;
        EXPECT_FALSE(parse_active_calls(body, {})) << body;
    }
    EXPECT_TRUE(parse_deliveries(R"({"data":[]})", {})->events.empty());
}

TEST(records, hostile_nesting_costs_nothing) {
    const std::string deep = std::string(200'000, '[') + std::string(200'000, ']');
    const std::string body =
        R"({"data":[{"status":"failed","webhook":{"event_type":"call.hangup","payload":)" + deep + R"(}}]})";
    const auto page = parse_deliveries(body, {});
    ASSERT_TRUE(page);
    for (const auto& e : page->events)
        EXPECT_LT(e.body.size(), 1'000U);
}

TEST(records, numbered_pages_are_followed_to_the_last) {
    const auto next = [](const json& meta, std::string_view cursor, std::size_t n = 1) {
        return parse_deliveries(list(json(n, delivery(webhook())), meta), cursor)->next;
    };
    EXPECT_EQ(next({{"page_number", 1}, {"total_pages", 3}}, {}), "page=2");
    EXPECT_EQ(next({{"page_number", 2}, {"total_pages", 3}}, "page=2"), "page=3");
    EXPECT_EQ(next({{"page_number", 3}, {"total_pages", 3}}, "page=3"), "");
    EXPECT_EQ(next(json::object(), {}, 250), "page=2") << "without figures a full page has a successor";
    EXPECT_EQ(next(json::object(), "page=2", 249), "");
    EXPECT_EQ(parse_deliveries(list(json::array(), {{"total_pages", 9}}), "page=4")->next, "")
        << "an empty page is the end, whatever the figures say";
}

TEST(records, opaque_cursors_are_followed_and_never_in_a_circle) {
    const auto next = [](const json& meta, std::string_view cursor = {}) {
        return parse_active_calls(list(json(1, json{{"call_control_id", "v3:a"}}), meta), cursor)->next;
    };
    const json told{{"cursors", {{"after", "v1:g3Q="}}}};
    EXPECT_EQ(next(told), "after=v1:g3Q=");
    EXPECT_EQ(next(told, "after=v1:g3Q="), "");
    EXPECT_EQ(
        next({{"next", "/v2/connections/1/active_calls?page[after]=v1:g3Q%3D&page[limit]=250"}}),
        "after=v1:g3Q="
    );
    for (const json& last : {json{{"cursors", {{"after", nullptr}}}, {"next", nullptr}}, json::object()})
        EXPECT_EQ(next(last), "");
}

TEST(records, a_call_is_alive_dead_or_not_told) {
    EXPECT_EQ(parse_call_status(R"({"data":{"is_alive":true}})"), true);
    EXPECT_EQ(parse_call_status(R"({"data":{"is_alive":false,"end_time":"2019-01-23T18:11:52Z"}})"), false);
    for (const char* body :
         {"", "{}", R"({"data":null})", R"({"data":{"is_alive":null}})", R"({"data":{"is_alive":"true"}})",
          "<html>"})
        EXPECT_FALSE(parse_call_status(body).has_value()) << body;
}

TEST(records, active_calls_tell_leg_session_mark_and_length) {
    const auto page = parse_active_calls(
        list(json::array(
            {json{
                 {"call_control_id", "v3:a"},
                 {"call_session_id", "s"},
                 {"client_state", "ZGV2aWNl"},
                 {"call_duration", 50},
             },
             json{{"call_control_id", "v3:b"}, {"client_state", nullptr}, {"call_duration", nullptr}},
             json{{"call_session_id", "no leg"}}, 5}
        )),
        {}
    );
    ASSERT_TRUE(page && page->calls.size() == 2);
    EXPECT_EQ(page->calls[0].call_control_id, "v3:a");
    EXPECT_EQ(page->calls[0].call_session_id, "s");
    EXPECT_EQ(page->calls[0].client_state, "ZGV2aWNl");
    EXPECT_EQ(page->calls[0].seconds, 50);
    EXPECT_EQ(page->calls[1].client_state, "");
    EXPECT_EQ(page->calls[1].seconds, 0);
}
