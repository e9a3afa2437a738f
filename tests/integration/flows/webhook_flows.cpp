// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Webhooks over the wire: who may speak to us, what is kept, what happens twice.
#include "integration/flows/flow.hpp"
#include "integration/flows/raw_http.hpp"
#include "integration/flows/watch.hpp"

#include <algorithm>
#include <atomic>
#include <fstream>

using namespace z360;
using namespace z360::testing;
using sim::phone;

namespace {

constexpr const char* k_failover = "/webhooks/cpaas/telnyx/call-control/failover";

class webhook_flow : public flow {
  protected:
    rig& devices(int n, std::map<std::string, std::string> environment = {}) {
        rig_options o;
        o.devices = n;
        o.environment = std::move(environment);
        return set_up(std::move(o));
    }
};

std::string
event_text(const std::string& id, const std::string& type, sim::json payload = sim::json::object()) {
    sim::json data{{"record_type", "event"}, {"event_type", type}, {"id", id}};
    data["occurred_at"] = "2026-01-01T00:00:00.000000Z";
    data["payload"] = std::move(payload);
    return sim::json{{"data", std::move(data)}}.dump();
}

// A caller whom the simulator does not know; used where nothing may come of it.
std::string caller_text(const std::string& id, const std::string& to) {
    return event_text(
        id, "call.initiated",
        {{"call_control_id", "v3:made-up-" + id},
         {"call_session_id", "session-" + id},
         {"connection_id", "2650000000000000001"},
         {"direction", "incoming"},
         {"state", "parked"},
         {"from", "+13125550142"},
         {"to", to}}
    );
}

std::string rows(rig& r, const std::string& where = "true") {
    return r.sql("select count(*) from webhook_events where " + where);
}

bool inbox_empty(rig& r) {
    return eventually([&] { return rows(r, "status = 'new'") == "0"; });
}

// The body of a webhook as the simulator would send it.
std::string body_of(rig& r, const std::string& type, const std::string& session) {
    return r.carrier().with([&](sim::carrier& c, time_point) {
        return sim::json{{"data", c.seen().webhooks_of(type, session).at(0)->data}}.dump();
    });
}

// Everything that stores an event takes so much longer.
void delay_inbox(rig& r, int milliseconds) {
    (void)r.sql(
        "create or replace function slow_inbox() returns trigger language plpgsql as $$ begin "
        "perform pg_sleep(" +
        std::to_string(milliseconds) + " / 1000.0); return null; end $$"
    );
    (void)r.sql("drop trigger if exists slow_inbox on webhook_events");
    if (milliseconds > 0)
        (void)r.sql("create trigger slow_inbox after insert on webhook_events for each statement execute "
                    "function slow_inbox()");
}

/// The log's lines about slow events of one call.
std::vector<std::string> slow_lines(rig& r, const std::string& call) {
    std::ifstream in(r.server().log_file());
    std::vector<std::string> out;
    for (std::string line; std::getline(in, line);)
        if (line.find(" event_slow ") != std::string::npos && line.find("call=" + call) != std::string::npos)
            out.push_back(line);
    return out;
}

} // namespace

TEST_F(webhook_flow, be_40_a_slow_postgres_shows_in_the_log_with_the_call_and_in_the_figures) {
    auto& r = devices(1, {{"Z360_LOG_SLOW_EVENT_MS", "250"}});
    const auto oldest = [&r] { return r.server().metric("z360_events_oldest_seconds"); };
    const auto quick = r.call();
    ASSERT_TRUE(r.ringing(r.session(quick), 1));
    r.carrier().caller_hangs_up(quick);
    ASSERT_TRUE(r.quiet(r.session(quick)));

    delay_inbox(r, 300);
    const auto caller = r.call("+13125550143");
    const auto session = r.session(caller);
    ASSERT_TRUE(r.ringing(session, 1));
    EXPECT_TRUE(eventually([&] { return oldest() >= 0.3; })) << oldest();
    const auto call = r.sql("select call_id from calls where call_session_id = '" + session + "'");
    EXPECT_TRUE(eventually([&] { return !slow_lines(r, call).empty(); }));
    for (const auto& line : slow_lines(r, call)) {
        EXPECT_NE(line.find("type=call."), std::string::npos) << line;
        EXPECT_TRUE(
            line.find("part=intake") != std::string::npos || line.find("part=work") != std::string::npos
        ) << line;
    }
    EXPECT_GE(r.server().metric("z360_events_slow_total"), 1);
    EXPECT_GE(r.server().metric("z360_webhooks_slow_total{type=\"call.initiated\"}"), 1);

    delay_inbox(r, 0);
    r.carrier().caller_hangs_up(caller);
    ASSERT_TRUE(r.quiet(session));
    ASSERT_TRUE(inbox_empty(r));
    EXPECT_TRUE(eventually([&] { return oldest() < 0.25; })) << oldest();

    // From the buckets any quantile can be told; le="0.25" is the bound of what is slow.
    const auto text = r.server().get("/metrics");
    for (const std::string figure : {"webhook_ack", "event_queue", "event_process"})
        for (const std::string type : {"call.initiated", "call.hangup"})
            EXPECT_NE(
                text.find("z360_" + figure + "_seconds_bucket{type=\"" + type + "\",le=\"0.25\"}"),
                std::string::npos
            ) << figure
              << type;
    EXPECT_EQ(text.find("type=\"\""), std::string::npos);
}

TEST_F(webhook_flow, sec_01_nothing_but_a_genuine_webhook_is_let_in) {
    auto& r = devices(1);
    const auto port = r.server().port();
    const auto body = caller_text("forged", r.number());
    const auto genuine = signed_headers(body);
    const auto without = [&](const char* header) {
        auto h = genuine;
        std::erase_if(h, [&](const auto& x) { return x.first == header; });
        return h;
    };
    const auto with = [&](const char* header, const std::string& value) {
        auto h = without(header);
        h.emplace_back(header, value);
        return h;
    };
    const std::string stamp = "telnyx-timestamp";
    const std::string signature = "telnyx-signature-ed25519";
    auto twice = genuine;
    twice.push_back(genuine[1]);
    auto one_bit = body;
    one_bit[body.find("+13125550142") + 3] = '9';
    struct attempt {
        const char* what;
        header_list headers;
        std::string body;
        const char* reason;
    };
    const auto later = std::to_string(std::time(nullptr) + 1);
    const std::vector<attempt> attempts{
        {"nothing signed", {}, body, "missing_header"},
        {"no signature", without(signature.c_str()), body, "missing_header"},
        {"no timestamp", without(stamp.c_str()), body, "missing_header"},
        {"empty signature", with(signature.c_str(), ""), body, "missing_header"},
        {"two signatures", twice, body, "duplicate_header"},
        {"garbled timestamp", with(stamp.c_str(), "yesterday"), body, "bad_timestamp"},
        {"negative timestamp", with(stamp.c_str(), "-1"), body, "bad_timestamp"},
        {"stale", signed_headers(body, -302), body, "stale"},
        {"from the future", signed_headers(body, 303), body, "stale"},
        {"garbled signature", with(signature.c_str(), "!!!"), body, "bad_format"},
        {"short signature", with(signature.c_str(), "AAAA"), body, "bad_format"},
        {"foreign key", signed_headers(body, 0, "somebody else"), body, "no_key_matches"},
        {"altered body", genuine, one_bit, "no_key_matches"},
        {"longer body", genuine, body + " ", "no_key_matches"},
        {"altered timestamp", with(stamp.c_str(), later), body, "no_key_matches"},
    };
    std::map<std::string, int> expected;
    for (const std::string route :
         {k_call_control, k_failover, "/webhooks/cpaas/telnyx/credential",
          "/webhooks/cpaas/telnyx/credential/failover"}) {
        for (const auto& a : attempts) {
            SCOPED_TRACE(std::string(a.what) + " " + route);
            const auto answer = post(port, route, a.headers, a.body);
            EXPECT_EQ(answer.status, 403);
            EXPECT_TRUE(answer.is_problem()) << answer.head << answer.body;
            EXPECT_EQ(answer.body.find(a.reason), std::string::npos) << "tells a forger what to mend";
            ++expected[a.reason];
        }
    }
    for (const auto& [reason, count] : expected)
        EXPECT_EQ(r.server().metric("webhooks_refused_total{reason=\"" + reason + "\"}"), count) << reason;
    EXPECT_EQ(rows(r), "0");
    EXPECT_EQ(r.sql("select count(*) from calls"), "0");
    const auto commands = r.carrier().with([](sim::carrier& c, time_point) {
        const auto& all = c.seen().commands; // questions about records change nothing
        return std::count_if(all.begin(), all.end(), [](const auto& x) {
            return !x.second.command_id.empty();
        });
    });
    EXPECT_EQ(commands, 0);
    // The very same bytes, properly signed, are let in.
    EXPECT_EQ(post(port, k_call_control, signed_headers(body, -290), body).status, 200);
    EXPECT_EQ(rows(r), "1");
}

TEST_F(webhook_flow, be_34_genuine_replay_has_no_effect) {
    auto& r = devices(2);
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.ringing(session, 2));
    r.phone(1, phone::answers(50ms));
    const auto body = body_of(r, "call.initiated", session);
    const auto headers = signed_headers(body);
    // Telnyx's own bytes differ by `meta`; these are new bytes under a known id, and the same ones again.
    EXPECT_EQ(post(r.server().port(), k_call_control, headers, body).status, 200);
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(post(r.server().port(), k_call_control, headers, body).status, 200);
    r.carrier().caller_hangs_up(caller);
    ASSERT_TRUE(r.quiet(session));
    ASSERT_TRUE(ended_as(r, session, "caller_cancelled"));
    // … and after the end of the call.
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(post(r.server().port(), k_call_control, headers, body).status, 200);
    EXPECT_TRUE(inbox_empty(r));
    EXPECT_TRUE(over_for_good(r, caller));
    EXPECT_EQ(r.sql("select count(*) from calls"), "1");
    EXPECT_EQ(commands(r, "dial", session).size(), 2U);
    EXPECT_EQ(rows(r, "event_type = 'call.initiated' and call_control_id = '" + caller + "'"), "1");
}

TEST_F(webhook_flow, be_34_exact_replay_counts_as_a_duplicate) {
    auto& r = devices(0);
    const auto body = event_text("once", "call.something.new", {{"call_session_id", "s"}});
    const auto headers = signed_headers(body);
    for (int i = 0; i < 4; ++i)
        EXPECT_EQ(post(r.server().port(), k_call_control, headers, body).status, 200);
    EXPECT_EQ(rows(r), "1");
    EXPECT_EQ(r.server().metric("webhooks_duplicate_total"), 3);
    EXPECT_EQ(r.sql("select count(*) from webhook_conflicts"), "0");
}

TEST_F(webhook_flow, be_34_known_id_with_other_bytes_is_kept_aside_and_changes_nothing) {
    auto& r = devices(2);
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.ringing(session, 2));
    ASSERT_TRUE(inbox_empty(r));
    const auto id = r.sql("select event_id from webhook_events where call_control_id = '" + caller + "'");
    ASSERT_NE(id, "");
    // Were it believed, the call would be over.
    const auto other = event_text(
        id, "call.hangup",
        {{"call_control_id", caller}, {"call_session_id", session}, {"hangup_cause", "originator_cancel"}}
    );
    EXPECT_EQ(post_genuine(r.server().port(), other).status, 200);
    EXPECT_EQ(post_genuine(r.server().port(), other).status, 200);
    EXPECT_EQ(r.sql("select count(*) from webhook_conflicts where event_id = '" + id + "'"), "1");
    EXPECT_EQ(r.sql("select event_type from webhook_events where event_id = '" + id + "'"), "call.initiated");
    EXPECT_TRUE(stays(r, 500ms, [&](const sim::carrier& c) { return c.alive_legs(session) == 3; }));
    EXPECT_EQ(column(r, session, "phase"), "ringing");
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
}

TEST_F(webhook_flow, sec_01_two_keys_are_accepted_during_a_rotation) {
    auto& r = devices(
        2, {{"Z360_TELNYX_PUBLIC_KEYS",
             sim::signer("z360").public_key() + "," + sim::signer("the next key").public_key()}}
    );
    const auto port = r.server().port();
    int n = 0;
    for (const auto& [seed, status] :
         {std::pair{"z360", 200}, {"the next key", 200}, {"a foreign key", 403}}) {
        SCOPED_TRACE(seed);
        const auto body = event_text("rotation-" + std::to_string(++n), "call.something.new");
        EXPECT_EQ(post(port, k_call_control, signed_headers(body, 0, seed), body).status, status);
    }
    EXPECT_EQ(rows(r), "2");
    r.phone(1, phone::answers(50ms));
    const auto caller = r.call(); // signed with the old one
    EXPECT_TRUE(r.joined(caller));
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(r.session(caller)));
}

// Nobody listens at the primary address.
TEST_F(webhook_flow, be_17_failover_route_serves_a_whole_call) {
    auto& r = devices(3);
    const std::string closed = "http://127.0.0.1:1/webhooks/cpaas/telnyx/call-control";
    r.carrier().set_webhook_urls({closed, r.server().url(k_failover)});
    r.phone(2, phone::answers(200ms));
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.joined(caller));
    EXPECT_EQ(joined_to(r, caller), r.device(2));
    EXPECT_TRUE(r.quiet(session, 2));
    EXPECT_TRUE(r.phase(session, "active"));
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
    EXPECT_TRUE(ended_as(r, session, "completed"));
    EXPECT_EQ(rows(r, "route <> 'call_control_failover'"), "0");
    EXPECT_NE(rows(r), "0");
}

TEST_F(webhook_flow, be_17_same_event_on_both_routes_is_processed_once) {
    auto& r = devices(2);
    r.carrier().add_fault(lost("call.hangup", "caller")); // delivered by hand below
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.ringing(session, 2));
    r.carrier().caller_hangs_up(caller);
    const auto body = body_of(r, "call.hangup", session);
    for (const char* route : {k_call_control, k_failover, k_call_control, k_failover})
        EXPECT_EQ(post_genuine(r.server().port(), body, route).status, 200);
    EXPECT_TRUE(r.quiet(session));
    EXPECT_TRUE(ended_as(r, session, "caller_cancelled"));
    EXPECT_EQ(rows(r, "event_type = 'call.hangup' and call_control_id = '" + caller + "'"), "1");
    EXPECT_EQ(r.sql("select count(*) from call_events where what = 'call_ended'"), "1");
    EXPECT_EQ(r.server().metric("webhooks_duplicate_total"), 3);
}

TEST_F(webhook_flow, be_12_events_we_cannot_use_are_kept_and_do_no_harm) {
    auto& r = devices(1);
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.ringing(session, 1));
    const auto port = r.server().port();
    const sim::json where{{"call_control_id", caller}, {"call_session_id", session}};
    for (const char* type :
         {"call.dtmf.received", "call.machine.detection.ended", "message.received", "no.such.event"}) {
        SCOPED_TRACE(type);
        EXPECT_EQ(post_genuine(port, event_text(std::string("odd-") + type, type, where)).status, 200);
    }
    // Genuine, but no event: kept where people find it.
    for (const char* text : {"", "{", "[]", "null", "{\"data\":7}", "\xff\xfe"}) {
        SCOPED_TRACE(text);
        EXPECT_EQ(post_genuine(port, text).status, 200);
    }
    EXPECT_TRUE(inbox_empty(r));
    EXPECT_EQ(rows(r, "status = 'ignored' and event_id like 'odd-%'"), "4");
    EXPECT_EQ(rows(r, "status = 'dead' and event_id like 'unreadable-%'"), "6");
    EXPECT_EQ(column(r, session, "phase"), "ringing");
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
}

TEST_F(webhook_flow, sec_01_wrong_requests_get_problem_json) {
    auto& r = devices(0);
    const auto port = r.server().port();
    const auto ask = [&](const std::string& bytes) {
        raw_connection c(port);
        return c.ask(bytes);
    };
    const auto expect_problem = [](const raw_answer& a, int status) {
        EXPECT_EQ(a.status, status) << a.head;
        EXPECT_TRUE(a.is_problem()) << a.head << "\n" << a.body;
    };
    expect_problem(ask("\x16\x03\x01 not http at all\r\n\r\n"), 400);
    expect_problem(ask("GET / HTTP/9.9\r\n\r\n"), 505);
    expect_problem(ask("GET /nothing/here HTTP/1.1\r\nHost: t\r\n\r\n"), 404);
    expect_problem(ask("GET /webhooks/cpaas/telnyx HTTP/1.1\r\nHost: t\r\n\r\n"), 404);
    const auto wrong_method = ask("GET " + std::string(k_call_control) + " HTTP/1.1\r\nHost: t\r\n\r\n");
    expect_problem(wrong_method, 405);
    EXPECT_NE(wrong_method.head.find("Allow: POST"), std::string::npos) << wrong_method.head;
    // Refused by the announced length; the bytes need not come.
    expect_problem(
        ask("POST " + std::string(k_call_control) +
            " HTTP/1.1\r\nHost: t\r\nContent-Length: 999999999\r\n\r\n"),
        413
    );
    expect_problem(ask("GET / HTTP/1.1\r\nHost: t\r\nX-Long: " + std::string(20'000, 'x') + "\r\n\r\n"), 431);
    EXPECT_EQ(rows(r), "0");
    int status = 0;
    (void)r.server().get("/healthz", &status);
    EXPECT_EQ(status, 200);
}

TEST_F(webhook_flow, sec_01_flood_of_forged_webhooks_does_not_stop_genuine_calls) {
    auto& r = devices(2);
    r.phone(1, phone::answers(100ms));
    constexpr int k_each = 500;
    const auto port = r.server().port();
    const auto body = caller_text("flood", r.number());
    const auto text = post_text(k_call_control, signed_headers(body, 0, "somebody else"), body);
    std::atomic<int> refused{0};
    std::atomic<bool> enough{false};
    std::vector<std::thread> flood;
    for (int i = 0; i < 4; ++i) {
        flood.emplace_back([&] {
            raw_connection c(port);
            // At least the promised number, and on until the genuine call has been served.
            for (int n = 0; n < k_each || (!enough && n < 100 * k_each); ++n)
                if (c.ask(text).status == 403) ++refused;
        });
    }
    const auto caller = r.call();
    const auto session = r.session(caller);
    const bool joined = r.joined(caller, 5s);
    enough = true;
    for (auto& t : flood)
        t.join();
    ASSERT_TRUE(joined);
    const auto took = bridges(r, session).at(0).began - leg(r, caller).began;
    RecordProperty("call_to_bridge_ms", static_cast<int>(took.count()));
    RecordProperty("forged", refused.load());
    EXPECT_LE(took, 4s);
    EXPECT_GE(refused, 4 * k_each);
    EXPECT_EQ(r.server().metric("webhooks_refused_total"), refused);
    EXPECT_EQ(rows(r, "event_id = 'flood'"), "0");
    // The carrier did not have to repeat one genuine webhook.
    const auto repeated = r.carrier().with([&](sim::carrier& c, time_point) {
        return std::count_if(c.seen().webhooks.begin(), c.seen().webhooks.end(), [](const auto& w) {
            return w.second.attempts.size() > 1;
        });
    });
    EXPECT_EQ(repeated, 0);
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
}
