// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Who calls and who is called, from the carrier's spelling to what is stored, dialed and looked up; and what
// of the carrier's bytes is taken at all.
#include "callers_world.hpp"

using namespace z360;
using namespace z360::testing;

namespace {

port::inbox_event
ring(callers_world& w, int n, const std::string& from, const std::string& to, const std::string& extra = "") {
    return w.event(
        "call.initiated", n, w.caller(n),
        R"(,"direction":"incoming","state":"parked","connection_id":"17","from":)" + from + R"(,"to":)" + to +
            extra
    );
}

std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (const char c : text)
        out += c == '"' || c == '\\' ? std::string{'\\', c} : std::string{c};
    return out + "\"";
}

const call::dial_body* dial_of(const callers_world& w, int n) {
    for (const auto& c : w.telnyx.sent) {
        const auto* dial = std::get_if<call::dial_body>(&c.body);
        if (dial != nullptr && dial->call == w.call(n)) return dial;
    }
    return nullptr;
}

struct spelling {
    std::string from;    ///< JSON
    std::string number;  ///< of the caller, as stored
    std::string dialed;  ///< dial's `from`
    std::string contact; ///< told to the directory: a number that may be a contact's, or that there is none
    std::string name;    ///< shown
};

awaitable<void> spellings(callers_world& w) {
    w.directory.answer.caller_name.clear();
    w.directory.names["+13125550142"] = "Carla";
    const auto& number = w.directory.answer.number_e164;
    const std::string e164 = "+13125550142";
    const std::vector<spelling> table{
        {quoted("+13125550142"), e164, e164, e164, "Carla"},
        {quoted("+1-312-555-0142"), e164, e164, e164, "Carla"},
        {quoted("13125550142"), e164, e164, e164, "Carla"},
        {"13125550142", e164, e164, e164, "Carla"},
        {quoted("sip:+13125550142@198.51.100.7;user=phone"), e164, e164, e164, "Carla"},
        {quoted("sip:%2B13125550142@example.com"), e164, e164, e164, "Carla"},
        {quoted("\"C\" <sip:+13125550142@example.com>"), e164, e164, e164, "Carla"},
        {quoted("anonymous"), "withheld", number, "withheld", ""},
        {quoted("Restricted"), "withheld", number, "withheld", ""},
        {quoted("sip:anonymous@anonymous.invalid"), "withheld", number, "withheld", ""},
        {quoted(""), "withheld", number, "withheld", ""},
        {"null", "withheld", number, "withheld", ""},
        {quoted("sip:ada@example.com"), "sip:ada@example.com", number, "", "ada"},
        {quoted("\"Ada L\" <sip:ada@example.com>"), "sip:ada@example.com", number, "", "Ada L"},
        {quoted("3125550142"), "3125550142", number, "", ""},
        {quoted("911"), "911", number, "", ""},
    };
    auto& node = w.add_node();
    int n = 0;
    for (const auto& t : table) {
        ++n;
        auto first = ring(w, n, t.from, quoted("+15550109999"));
        co_await node.accept(w.raw(std::move(first)));
        WAIT_FOR(w.dials_for(n) == 2);
        EXPECT_EQ(text_of(w.state(n)->caller.to), t.number) << t.from;
        EXPECT_EQ(dial_of(w, n)->from, t.dialed) << t.from;
        EXPECT_EQ(dial_of(w, n)->display_name, t.name) << t.from;
        EXPECT_EQ(w.directory.asked.back(), t.contact) << t.from;
        if (t.from.starts_with("\"sip:")) EXPECT_EQ(quoted(w.state(n)->origin.number_sent), t.from);
    }
    WAIT_FOR(w.idle());
}

awaitable<void> dialed_forms(callers_world& w) {
    w.directory.known = "+13125550100";
    auto& node = w.add_node();
    int n = 0;
    for (const char* to :
         {"+13125550100", "+13125550100@203.0.113.9:5060", "sip:%2B13125550100@203.0.113.9",
          "tel:+1-312-555-0100", "sip:13125550100@203.0.113.9;user=phone", "<sip:+13125550100@h>",
          "13125550100"}) {
        ++n;
        auto first = ring(w, n, quoted("+13125550142"), quoted(to));
        co_await node.accept(w.raw(std::move(first)));
        WAIT_FOR(w.dials_for(n) == 2);
        EXPECT_EQ(w.state(n)->origin.dialed_sent, to);
    }
    // Ten digits are nobody's as long as no country is set: least of all the Netherlands'.
    w.directory.known = "+3125550142";
    ++n;
    auto bare = ring(w, n, quoted("3125550142"), quoted("3125550142"));
    co_await node.accept(w.raw(std::move(bare)));
    WAIT_FOR(w.in(n, call::phase::ended));
    EXPECT_EQ(w.dials_for(n), 0U);
    WAIT_FOR(w.idle());
}

awaitable<void> by_connection(callers_world& w) {
    w.settings.default_countries = {"NL", "17=US"};
    w.directory.known = "+13125550100";
    auto& node = w.add_node();
    auto first = ring(w, 1, quoted("3125550142"), quoted("(312) 555-0100"));
    co_await node.accept(w.raw(std::move(first)));
    WAIT_FOR(w.dials_for(1) == 2);
    EXPECT_EQ(text_of(w.state(1)->caller.to), "+13125550142");
    auto other = ring(w, 2, quoted("0255501420"), quoted("+13125550100"), R"(,"connection_id":"18")");
    co_await node.accept(w.raw(std::move(other)));
    WAIT_FOR(w.dials_for(2) == 2);
    EXPECT_EQ(text_of(w.state(2)->caller.to), "+31255501420");
    WAIT_FOR(w.idle());
}

awaitable<void> own_legs(callers_world& w) {
    w.directory.devices.insert("adasphone17");
    auto& node = w.add_node();
    int n = 0;
    for (const char* to :
         {"sip:gencredAbc@sip.telnyx.com", "gencredAbc", "sip:adasphone17@sip.telnyx.com", "adasphone17"}) {
        ++n;
        auto first = ring(w, n, quoted("+13125550142"), quoted(to));
        const auto id = first.event_id;
        co_await node.accept(w.raw(std::move(first)));
        WAIT_FOR(w.inbox.rows.at(id).status == "ignored");
        EXPECT_EQ(w.metrics.counts["own_legs_ignored_total"], n) << to;
        EXPECT_EQ(w.state(n), nullptr) << to;
    }
    auto stranger = ring(w, 5, quoted("+13125550142"), quoted("sip:somebody@example.com"));
    co_await node.accept(w.raw(std::move(stranger)));
    WAIT_FOR(w.in(5, call::phase::ended));
    EXPECT_EQ(w.telnyx.count(call::verb::dial), 0U);
    EXPECT_EQ(w.metrics.counts["own_legs_ignored_total"], 4);
    WAIT_FOR(w.idle());
}

awaitable<void> odd_bytes(callers_world& w) {
    auto& node = w.add_node();
    int n = 0;
    for (const char* name : {"Andr\xe9", "\\ud83d", "a\tb", "\xff\xfe", "\\x"}) {
        ++n;
        auto first = ring(
            w, n, quoted("+13125550142"), quoted("+15550109999"),
            R"(,"caller_id_name":")" + std::string(name) + "\""
        );
        co_await node.accept(w.raw(std::move(first)));
        WAIT_FOR(w.dials_for(n) == 2);
    }
    EXPECT_EQ(w.dead(), 0U);
}

awaitable<void> version_1(callers_world& w) {
    auto& node = w.add_node();
    engine::genuine_webhook old{
        port::webhook_route::call_control, w.clock.now(),
        R"({"event_type":"call_initiated","id":"v1","payload":{"call_control_id":"v3:x","direction":"incoming","from":"+13125550142","to":"+15550109999"}})"
    };
    co_await node.accept(std::move(old));
    WAIT_FOR(w.dead() == 1);
    EXPECT_NE(w.inbox.rows.begin()->second.why.find("webhook API version 1"), std::string::npos);
    EXPECT_EQ(w.metrics.counts["webhooks_version_1_total"], 1);
    EXPECT_EQ(node.now().old_webhooks, 1U);
    EXPECT_EQ(w.telnyx.sent.size(), 0U);
    engine::genuine_webhook flat{
        port::webhook_route::call_control, w.clock.now(),
        R"({"event_type":"call.initiated","id":"v2","payload":{"call_control_id":"v3:caller-1","call_session_id":")" +
            w.session(1) + R"(","direction":"incoming","from":"+13125550142","to":"+15550109999"}})"
    };
    co_await node.accept(std::move(flat));
    WAIT_FOR(w.dials_for(1) == 2);
}

awaitable<void> too_long(callers_world& w) {
    auto& node = w.add_node();
    for (const char* key : {"call_session_id", "call_control_id"}) {
        engine::genuine_webhook hook{
            port::webhook_route::call_control, w.clock.now(),
            R"({"data":{"event_type":"call.initiated","id":"long-)" + std::string(key) + R"(","payload":{")" +
                key + R"(":")" + std::string(8'000, 'x') +
                R"(","direction":"incoming","from":"+13125550142","to":"+15550109999"}}})"
        };
        const auto taken = co_await node.accept(std::move(hook));
        EXPECT_EQ(taken, engine::accepted::stored) << key;
    }
    WAIT_FOR(w.dead() == 2);
    for (const auto& [id, r] : w.inbox.rows) {
        EXPECT_NE(r.why.find("has 8000 bytes"), std::string::npos) << r.why;
        EXPECT_LE(r.event.call_session_id.size(), 256U);
        EXPECT_LE(r.event.call_control_id.size(), 256U);
    }
    EXPECT_EQ(w.telnyx.sent.size(), 0U);
}

awaitable<void> delivered_again(callers_world& w) {
    auto& node = w.add_node();
    auto first = w.initiated(1);
    auto again = first;
    again.body = "{\n  \"meta\": {\"attempt\": 2, \"delivered_to\": \"https://b.example/failover\"},\n" +
                 again.body.substr(1);
    again.route = port::webhook_route::call_control_failover;
    co_await node.accept(w.raw(std::move(first)));
    const auto second = co_await node.accept(w.raw(std::move(again)));
    EXPECT_EQ(second, engine::accepted::duplicate);
    EXPECT_EQ(w.metrics.counts["webhook_retries_total"], 1);
    EXPECT_EQ(w.metrics.counts["webhook_conflicts_total"], 0);
    WAIT_FOR(w.dials_for(1) == 2);
}

engine::genuine_webhook attempt(callers_world& w, const port::inbox_event& e, int n) {
    auto out = w.raw(e);
    if (n > 0) out.body = R"({"meta":{"attempt":)" + std::to_string(n) + "}," + e.body.substr(1);
    return out;
}

// Deliveries overtake each other; the count is the same in whatever order they come.
awaitable<void> any_order(callers_world& w) {
    struct row {
        std::vector<int> attempts; ///< 0: not numbered
        int retries;
    };
    const std::vector<row> table{
        {{1, 2, 3}, 2}, {{3, 1, 2}, 2}, {{2, 1}, 1}, {{1, 1}, 0}, {{2}, 1}, {{0, 0, 0}, 2},
    };
    auto& node = w.add_node();
    int n = 0;
    int counted = 0;
    for (const auto& t : table) {
        auto event = w.initiated(++n);
        for (const int a : t.attempts)
            co_await node.accept(attempt(w, event, a));
        counted += t.retries;
        EXPECT_EQ(w.metrics.counts["webhook_retries_total"], counted) << n;
        WAIT_FOR(w.dials_for(n) == 2);
    }
    auto event = w.initiated(++n);
    co_await node.accept(attempt(w, event, 1));
    event.body.replace(event.body.find("parked"), 6, "ringed");
    const auto other = co_await node.accept(attempt(w, event, 2));
    EXPECT_EQ(other, engine::accepted::conflict);
    EXPECT_EQ(w.metrics.counts["webhook_retries_total"], counted) << "another event is no retry";
    WAIT_FOR(w.idle());
}

} // namespace

TEST(party, be_15_one_caller_is_one_number_one_word_or_one_address_everywhere) {
    run(spellings);
}
TEST(party, web_04_every_dialed_form_rings_the_owner_and_no_country_is_guessed) {
    run(dialed_forms);
}
TEST(party, web_04_a_country_is_taken_from_the_setting_of_the_connection) {
    run(by_connection);
}
TEST(party, be_36_a_leg_that_comes_in_for_a_devices_sip_user_is_no_caller) {
    run(own_legs);
}
TEST(party, i_03_genuine_bytes_that_no_strict_parser_takes_ring) {
    run(odd_bytes);
}
TEST(party, i_03_webhook_api_version_1_is_a_dead_letter_that_says_so_and_the_flat_form_rings) {
    run(version_1);
}
TEST(party, i_03_ids_of_any_length_are_kept_for_people_and_never_reach_an_index) {
    run(too_long);
}
TEST(party, be_34_the_same_event_by_another_delivery_is_a_retry) {
    run(delivered_again);
}
TEST(party, be_34_each_delivery_but_the_first_is_counted_once_in_whatever_order_they_come) {
    run(any_order);
}
