// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "app/call_report.hpp"

#include <z360/base/columns.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

using namespace z360;
using namespace z360::app;
using adapter::postgres::call_line;
using adapter::postgres::explained_call;
using adapter::postgres::timeline_line;
using nlohmann::json;

namespace {

constexpr time_point k_noon{millis{1'760'000'000'123}}; // Thu 2025-10-09 08:53:20.123 UTC
constexpr device_id k_iphone{7}, k_browser{8};
const std::string k_long = "電話📱 a name that goes on and on, Ada's very own and only telephone of the year";

call::target target_of(device_id d, const std::string& name, const std::string& platform) {
    return {d, identity_id{d.value}, "gencred" + std::to_string(d.value), name, platform};
}

/// A talk with the iPhone; the browser's page was closed. `name`: of the iPhone, the caller and the
/// organisation.
explained_call talk(const std::string& name) {
    explained_call c;
    c.id = call_id{derive_uuid("call")};
    c.call_session_id = "session-1";
    c.phase = "ended";
    c.end_reason = "completed";
    c.version = 9;
    c.person = name;
    c.login = "ada@demo.example";
    c.number_alias = "Main line";
    port::call_view v;
    auto& s = v.state;
    s.id = c.id;
    s.caller.call_control_id = "v3:caller";
    s.caller.to = call::e164{"+13125550142"};
    s.routed.verdict = call::route_verdict::ring;
    s.routed.user = user_id{1};
    s.routed.caller_name = name;
    s.began = k_noon;
    s.ended_at = k_noon + millis{45'000};
    call::leg l;
    l.id = leg_id{derive_uuid("leg")};
    l.to = target_of(k_iphone, name, "ios");
    l.dial = call::dial_status::accepted;
    l.answered = l.bridged = l.ended = true;
    l.hangup_cause = "normal_clearing";
    s.legs.push_back(l);
    call::join j;
    j.a = call::caller_leg_id(s.id);
    j.b = l.id;
    j.joined_at = k_noon + millis{3'000};
    j.over = call::join_end::talk_over;
    s.joins.push_back(j);
    v.channel_number = "+13125550100";
    v.org.name = name;
    c.call = v;
    c.ring.began = k_noon;
    c.ring.over = true;
    c.ring.talked = k_iphone;
    call::device_facts browser;
    browser.id = k_browser;
    browser.name = "Ada's browser";
    browser.platform = "web";
    browser.rung = true;
    call::leg_facts b;
    b.is.to = target_of(k_browser, "Ada's browser", "web");
    b.is.dial = call::dial_status::accepted;
    b.is.ended = true;
    b.is.hangup_cause = "not_found";
    b.sip_cause = "404";
    b.dialed_at = k_noon + millis{200};
    b.ended_at = k_noon + millis{450};
    browser.legs.push_back(b);
    call::device_facts iphone;
    iphone.id = k_iphone;
    iphone.name = name;
    iphone.platform = "ios";
    iphone.rung = true;
    call::leg_facts i;
    i.is = l;
    i.dialed_at = k_noon + millis{210};
    i.answered_at = k_noon + millis{2'900};
    iphone.legs.push_back(i);
    c.devices = {browser, iphone};
    return c;
}

timeline_line
line(const std::string& source, const std::string& what, const std::string& detail, device_id d = {}) {
    timeline_line l;
    l.at = k_noon + millis{1'234};
    l.source = source;
    l.what = what;
    l.detail = detail;
    l.device = d;
    return l;
}

std::string joined(const std::vector<std::string>& lines) {
    std::string out;
    for (const auto& l : lines)
        out += l + "\n";
    return out;
}

} // namespace

TEST(call_report, a_call_is_told_by_names_first_then_each_device_then_the_timeline) {
    auto c = talk("Ada's iPhone");
    c.call->state.routed.caller_name = "Grace Hopper";
    c.call->org.name = "Demo Company";
    c.person = "Ada Lovelace";
    c.lines = {
        line("note", "device_answered", "leg=0ccc7b54-4df3-4bca-a65a-3da1ecc777f0", k_iphone),
        line("webhook", "call.hangup", "event_id=e-1 route=call_control status=done", k_browser),
    };
    EXPECT_EQ(
        joined(call_in_words(c, json{{"state", "ended"}}, {}, {})),
        "Grace Hopper +13125550142 called +13125550100 (Main line) of Ada Lovelace (ada@demo.example), Demo "
        "Company\n"
        "Thu 2025-10-09 08:53:20.123 +00:00: ended: completed, talked 0:42 with Ada's iPhone\n"
        "call " +
            c.id.text() +
            " session session-1: ended (completed), version 9\n"
            "\n"
            "Ada's iPhone (ios): had the caller\n"
            "        +0.210  INVITE\n"
            "        +2.900  answered\n"
            "                hung up: normal_clearing\n"
            "Ada's browser (web): did not ring: 404, the phone was not registered (not_found); its page was "
            "closed\n"
            "        +0.200  INVITE\n"
            "        +0.450  INVITE failed: 404, the phone was not registered (not_found)\n"
            "    → a browser rings while its page is open\n"
            "\n"
            "08:53:21.357     +1.234  note     device_answered       Ada's iPhone\n"
            "08:53:21.357     +1.234  webhook  call.hangup           Ada's browser       event_id=e-1 "
            "route=call_control\n"
    );
}

TEST(call_report, the_device_that_is_asked_about_stands_first) {
    const auto c = talk("Ada's iPhone");
    const auto text = joined(call_in_words(c, {}, k_browser, {}));
    EXPECT_LT(text.find("Ada's browser (web)"), text.find("Ada's iPhone (ios)"));
}

TEST(call_report, no_line_is_longer_than_the_terminal_whatever_the_names_are) {
    auto c = talk(k_long + k_long);
    c.login = std::string(200, 'x') + "@example.com";
    c.call_session_id = std::string(256, 's');
    const std::string title = "title=\"" + std::string(300, 't') + " 山田 a b\"";
    c.lines = {
        line(
            "command", "playback_start",
            "command_id=" + std::string(200, 'c') + " status=pending attempts=12", k_iphone
        ),
        line("note", "bridge_confirmed_by_one_side", "leg=x code=90015 " + title, k_iphone),
        line("webhook", std::string(150, 'e'), "event_id=" + std::string(90, 'i') + " error=" + k_long),
        line("call", "caller", "number=+13125550142 sent=\"" + k_long + "\" dialed=+13125550100"),
    };
    c.devices.front().name = k_long + k_long;
    c.devices.front().pushes.push_back({});
    c.devices.front().pushes.front().over_at = k_noon;
    c.devices.front().pushes.front().result = call::outcome::refused;
    c.devices.front().pushes.front().code = std::string(400, 'r');
    for (const std::size_t columns : {120U, 80U}) {
        report_style s;
        s.columns = columns;
        for (const auto& l : call_in_words(c, {}, {}, s))
            EXPECT_LE(columns_of(l), columns) << l;
    }
    const auto text = joined(call_in_words(c, {}, {}, {}));
    EXPECT_NE(text.find("90015"), std::string::npos) << "what went wrong is wrapped, not cut";
}

TEST(call_report, times_are_those_of_the_wall_and_the_heading_says_of_which_zone) {
    report_style s;
    s.ahead = [](time_point) { return std::chrono::seconds{-(3 * 3600 + 1800)}; };
    EXPECT_EQ(full_time(k_noon, s), "Thu 2025-10-09 05:23:20.123 -03:30");
    EXPECT_EQ(full_time(time_point{millis{-1}}, {}), "Wed 1969-12-31 23:59:59.999 +00:00");
}

TEST(call_report, a_mobile_number_has_a_line_of_its_own_after_the_devices) {
    auto c = talk("Ada's iPhone");
    call::leg_facts l;
    l.is.role = call::leg_role::peer;
    l.is.dial = call::dial_status::accepted;
    l.is.ended = true;
    l.is.hangup_cause = "normal_clearing";
    l.sip_cause = "480";
    c.mobile = {l};
    const auto text = joined(call_in_words(c, {}, {}, {}));
    const std::string line =
        "\nmobile number: dialed, nobody answered: 480, switched off or out of reach (normal_clearing)\n";
    EXPECT_NE(text.find(line), std::string::npos) << text;
    c.devices.clear();
    EXPECT_NE(joined(call_in_words(c, {}, {}, {})).find("no device was rung"), std::string::npos);
}

TEST(call_report, be_27_an_agent_has_a_line_of_its_own) {
    auto c = talk("Ada's iPhone");
    call::leg_facts l;
    l.is.role = call::leg_role::agent;
    l.is.dial = call::dial_status::failed;
    l.dial_error = "90011";
    c.mobile = {l};
    c.devices.clear();
    const auto text = joined(call_in_words(c, {}, {}, {}));
    EXPECT_NE(text.find("\nagent: could not be dialed: 90011\n"), std::string::npos) << text;
    EXPECT_NE(text.find("the call was for the agent"), std::string::npos) << text;
}

TEST(call_report, sys_with_timing_each_step_says_how_long_it_took) {
    auto c = talk("Ada");
    c.lines.clear();
    timeline_line answered;
    answered.at = k_noon + millis{2'000};
    answered.source = "webhook";
    answered.what = "call.answered";
    answered.detail = "event_id=e1 route=call_control status=done";
    answered.stored = millis{2};
    answered.decided = millis{104};
    timeline_line dialed;
    dialed.at = k_noon + millis{300};
    dialed.source = "outcome";
    dialed.what = "dial";
    dialed.detail = "command_id=c1 status=done attempts=1";
    dialed.took = millis{295};
    c.lines = {dialed, answered};
    report_style s;
    const auto has = [&](std::string_view text) {
        const auto lines = call_in_words(c, {}, {}, s);
        return std::any_of(lines.begin(), lines.end(), [text](const auto& l) {
            return l.find(text) != l.npos;
        });
    };
    EXPECT_FALSE(has(" ms"));
    s.timing = true;
    EXPECT_TRUE(has("took 295 ms: status=done attempts=1"));
    EXPECT_TRUE(has("stored after 2 ms, decided after 104 ms"));
    for (const auto& line : call_in_words(c, {}, {}, s))
        EXPECT_LE(columns_of(line), 120U);
    EXPECT_EQ(line_json(answered, c).at("stored_ms"), 2);
    EXPECT_EQ(line_json(answered, c).at("decided_ms"), 104);
    EXPECT_EQ(line_json(dialed, c).at("took_ms"), 295);
    EXPECT_FALSE(line_json(dialed, c).contains("stored_ms"));
}

TEST(call_report, push_02_a_providers_id_of_a_push_is_no_error_and_stands_with_the_ids) {
    auto c = talk("Ada's iPhone");
    c.lines = {line("outcome", "incoming_call", "command_id=c1 status=done attempts=1 push_id=p-1", k_iphone)
    };
    report_style wide;
    wide.columns = 160;
    const auto text = joined(call_in_words(c, {}, {}, wide));
    EXPECT_NE(text.find("status=done attempts=1  command_id=c1 push_id=p-1"), std::string::npos) << text;
}

TEST(call_report, what_is_named_by_anybody_makes_no_terminal_act) {
    auto c = talk("\x1b[31m\nfaked");
    c.devices.front().uid = "\x1b]0;";
    c.lines = {line("note", "\x1b[1m", "error=\x1b[2m", k_iphone)};
    const auto lines = call_in_words(c, {}, {}, {});
    for (const auto& l : lines)
        EXPECT_EQ(l.find_first_of("\x1b\n"), std::string::npos) << l;
}

TEST(call_report, webhooks_without_a_call_and_calls_for_nobody_are_told) {
    explained_call c;
    c.call_session_id = "lost";
    c.lines = {line("webhook", "call.hangup", "status=dead error=unknown")};
    EXPECT_EQ(call_in_words(c, {}, {}, {}).front(), "no call of session lost; its webhooks:");
    auto refused = talk("x");
    refused.devices.clear();
    refused.call->state.routed = {};
    EXPECT_NE(joined(call_in_words(refused, {}, {}, {})).find("the number is nobody's"), std::string::npos);
    refused.call->state.routed.verdict = call::route_verdict::ring;
    EXPECT_NE(joined(call_in_words(refused, {}, {}, {})).find("rings no person"), std::string::npos);
    refused.call->state.routed.user = user_id{1};
    EXPECT_NE(joined(call_in_words(refused, {}, {}, {})).find("has no device"), std::string::npos);
}

TEST(call_report, why_nobody_was_rung_is_the_block_or_the_hours_and_not_the_number) {
    auto c = talk("x");
    c.devices.clear();
    auto& r = c.call->state.routed;
    r.verdict = call::route_verdict::blocked_caller;
    r.cause = call::route_cause::blocked;
    r.user = {};
    EXPECT_EQ(joined(call_in_words(c, {}, {}, {})).find("the number is nobody's"), std::string::npos);
    r.verdict = call::route_verdict::ring;
    r.user = user_id{1};
    r.targets.clear();
    for (const auto cause : {call::route_cause::closed, call::route_cause::holiday}) {
        r.cause = cause;
        EXPECT_EQ(joined(call_in_words(c, {}, {}, {})).find("the person has no device"), std::string::npos)
            << call::name(cause);
    }
}

TEST(call_report, push_02_a_device_is_told_to_programs_with_its_result_and_its_reason) {
    const auto c = talk("Ada's iPhone");
    const auto browser = device_json(c.devices[0], c.ring);
    EXPECT_EQ(browser.at("result"), "not_registered");
    EXPECT_EQ(browser.at("why"), "browser");
    EXPECT_EQ(browser.at("rang"), false);
    EXPECT_EQ(browser.at("sip_hangup_cause"), "404");
    EXPECT_EQ(browser.at("sip_usernames").at(0), "gencred8");
    EXPECT_EQ(browser.at("steps").at(0).at("what"), "INVITE");
    EXPECT_EQ(device_json(c.devices[1], c.ring).at("result"), "talked");
    auto push = line("command", "incoming_call", "command_id=x", k_iphone);
    push.channel = "push";
    const auto shown = line_json(push, c);
    EXPECT_EQ(shown.at("who"), "Ada's iPhone");
    EXPECT_EQ(shown.at("channel"), "push");
    EXPECT_EQ(shown.at("at"), "2025-10-09T08:53:21.357Z");
}

// ---- lists

namespace {
call_line row() {
    call_line l;
    l.id = call_id{*uuid::parse("0ccc7b54-4df3-4bca-a65a-3da1ecc777f0")};
    l.began = k_noon;
    l.caller_number = "+13125550142";
    l.caller_name = "Grace Hopper";
    l.number = "+13125550100";
    l.person = "Ada Lovelace";
    l.phase = "ended";
    l.end_reason = "completed";
    l.ended_at = k_noon + millis{45'000};
    return l;
}
} // namespace

TEST(call_report, and_14_a_row_tells_who_called_whom_and_how_it_ended) {
    auto l = row();
    l.bridged_at = k_noon + millis{3'000};
    l.answered_by = k_iphone;
    l.device_name = "Ada's iPhone";
    EXPECT_EQ(
        call_row(l, k_noon, {}), "0ccc7b54  2025-10-09 08:53  Grace Hopper +13125550142     +13125550100    "
                                 "Ada Lovelace    talked 0:42, Ada's iPhone"
    );
    const auto ending = [](const call_line& of) {
        return call_row(of, k_noon + millis{61'000}, {}).substr(90);
    };
    auto missed = row();
    missed.missed = true;
    missed.end_reason = "caller_cancelled";
    EXPECT_EQ(ending(missed), "missed, caller gave up 0:45");
    missed.end_reason = "voicemail";
    EXPECT_EQ(ending(missed), "missed, voicemail 0:45");
    auto live = row();
    live.phase = "ringing";
    live.end_reason.clear();
    live.ended_at.reset();
    EXPECT_EQ(ending(live), "ringing 1:01");
    live.bridged_at = k_noon + millis{1'000};
    EXPECT_EQ(ending(live), "talks 1:00");
}

TEST(call_report, a_row_with_long_and_wide_names_stays_on_its_line_and_keeps_the_number) {
    auto l = row();
    l.caller_name = l.person = l.device_name = k_long;
    l.bridged_at = k_noon;
    for (const auto* number :
         {"+13125550142", "sip:a-very-long-address-of-somebody@a-host-somewhere.example"}) {
        l.caller_number = number;
        const auto text = call_row(l, k_noon, {});
        EXPECT_LE(columns_of(text), 120U) << text;
    }
    l.caller_number = "+13125550142";
    EXPECT_NE(call_row(l, k_noon, {}).find("… +13125550142"), std::string::npos);
}

TEST(call_report, and_14_a_row_for_programs_has_what_the_text_has) {
    auto l = row();
    l.bridged_at = k_noon + millis{3'000};
    l.user = user_id{5};
    const auto j = row_json(l);
    EXPECT_EQ(j.at("caller").at("name"), "Grace Hopper");
    EXPECT_EQ(j.at("talk_ms"), 42'000);
    EXPECT_EQ(j.at("user").at("id"), 5);
    EXPECT_TRUE(j.at("answered_by").is_null());
    EXPECT_EQ(j.at("reason"), "completed");
}
