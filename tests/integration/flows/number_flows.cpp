// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Whose call it is comes from our own rows and from nowhere else.
#include "adapter/postgres/ops/admin.hpp"
#include "integration/flows/flow.hpp"
#include "integration/flows/raw_http.hpp"
#include "integration/flows/watch.hpp"

using namespace z360;
using namespace z360::testing;
using sim::phone;

namespace {

class number_flow : public flow {};

void expect_rejected(rig& r, const std::string& caller) {
    const auto session = r.session(caller);
    EXPECT_TRUE(r.quiet(session, 0, 3s));
    EXPECT_EQ(r.accepted("reject", session), 1U);
    EXPECT_EQ(commands(r, "dial", session).size(), 0U);
    EXPECT_EQ(commands(r, "answer", session).size(), 0U);
    EXPECT_TRUE(ended_as(r, session, "rejected"));
    EXPECT_EQ(column(r, session, "org_id::text"), "") << "a refused call belongs to nobody";
}

} // namespace

TEST_F(number_flow, web_04_numbers_that_are_not_ours_are_rejected) {
    rig_options o;
    o.devices = 1;
    auto& r = set_up(std::move(o));
    adapter::postgres::admin db{secret(r.database_url())};
    adapter::postgres::number_row elsewhere; // ours, but delivered by another connection
    elsewhere.org = db.upsert_organization("flow", "Flow Tests");
    elsewhere.connection_id = "9990000000000000009";
    elsewhere.number = "+13125550999";
    elsewhere.receiver = db.upsert_user("ada@flow.example", "Ada");
    (void)db.upsert_number(elsewhere);
    for (const char* to :
         {"+19995550000", "not a number", "", "+1", "sip:someone@example.com", "+13125550999"}) {
        SCOPED_TRACE(to);
        expect_rejected(r, r.carrier().place_call("+13125550142", to));
    }
    EXPECT_TRUE(eventually([&] { return r.server().metric("unknown_numbers_total") >= 6; }));
    // The server goes on.
    const auto caller = r.call();
    EXPECT_TRUE(r.ringing(r.session(caller), 1));
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(r.session(caller)));
    EXPECT_EQ(r.server().metric("unknown_numbers_total"), 6) << "each is counted once, whatever came twice";
}

// Two organisations have the same number at two connections of the carrier: ours is meant, nothing is
// guessed.
TEST_F(number_flow, web_04_number_of_two_connections_belongs_to_the_one_that_delivers_it) {
    rig_options o;
    o.devices = 1;
    auto& r = set_up(std::move(o));
    adapter::postgres::admin db{secret(r.database_url())};
    adapter::postgres::number_row same;
    same.org = db.upsert_organization("other", "Other");
    same.receiver = db.upsert_user("bob@flow.example", "Bob");
    db.upsert_membership(same.org, same.receiver, "member");
    same.connection_id = "9990000000000000009";
    same.number = r.number();
    (void)db.upsert_number(same);
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.ringing(session, 1));
    EXPECT_EQ(column(r, session, "(select slug from organizations o where o.org_id = calls.org_id)"), "flow");
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
    // Ours is taken out of service: the other one's still does not get our calls.
    (void)r.sql(
        "update phone_numbers set status = 'suspended' where org_id <> " + std::to_string(same.org.value) +
        " returning 1"
    );
    expect_rejected(r, r.call());
}

// One person, the same devices, two organisations, calls to both numbers at the same time.
TEST_F(number_flow, be_15_interleaved_calls_bear_the_organisation_of_their_number) {
    rig_options o;
    o.devices = 2;
    auto& r = set_up(std::move(o));
    adapter::postgres::admin db{secret(r.database_url())};
    const auto first = db.upsert_organization("flow", "Flow Tests");
    const auto second = db.upsert_organization("second", "Second");
    const auto user = db.upsert_user("ada@flow.example", "Ada");
    db.upsert_membership(second, user, "member");
    adapter::postgres::number_row n;
    n.org = second;
    n.connection_id =
        r.carrier().with([](sim::carrier& c, time_point) { return c.settings().app_connection_id; });
    n.number = "+13125550200";
    n.receiver = user;
    (void)db.upsert_number(n);
    db.upsert_contact(second, "+13125550142", "Known Otherwise");
    r.phone(1, phone::answers(700ms));
    struct placed {
        std::string caller;
        org_id org;
        std::string name;
    };
    std::vector<placed> calls;
    for (int i = 0; i < 8; ++i) {
        const bool other = i % 2 == 1;
        calls.push_back(
            {r.carrier().place_call("+13125550142", other ? n.number : r.number()), other ? second : first,
             other ? "Known Otherwise" : "Grace Caller"}
        );
    }
    for (const auto& [caller, org, name] : calls) {
        const auto session = r.session(caller);
        const auto wanted = std::to_string(org.value);
        SCOPED_TRACE(session + " of organisation " + wanted);
        ASSERT_TRUE(r.joined(caller));
        EXPECT_EQ(column(r, session, "org_id::text"), wanted);
        for (const char* table : {"call_legs", "commands", "call_events"}) {
            const auto foreign = "(select count(*) from " + std::string(table) +
                                 " x where x.call_id = calls.call_id and x.org_id is distinct from " +
                                 wanted + ")";
            EXPECT_EQ(column(r, session, foreign), "0") << table;
        }
        const auto dials = commands(r, "dial", session);
        EXPECT_EQ(dials.size(), 2U);
        for (const auto& d : dials) {
            std::string header;
            for (const auto& h : d.body.at("custom_headers"))
                if (h.at("name") == "X-Z360-Org-Id") header = h.at("value");
            EXPECT_EQ(header, wanted);
            EXPECT_EQ(d.body.at("from_display_name"), name);
        }
        r.carrier().caller_hangs_up(caller);
        EXPECT_TRUE(r.quiet(session));
    }
    EXPECT_EQ(r.sql("select count(*) from calls"), "8");
}

// A genuine webhook whose client_state was made or altered by somebody else must not reach the leg it names.
TEST_F(number_flow, be_15_client_state_without_our_mac_reaches_no_call) {
    rig_options o;
    o.devices = 2;
    auto& r = set_up(std::move(o));
    const auto one = r.call("+13125550142");
    const auto two = r.call("+13125550143");
    const auto session_one = r.session(one);
    const auto session_two = r.session(two);
    ASSERT_TRUE(r.ringing(session_one, 2));
    ASSERT_TRUE(r.ringing(session_two, 2));
    const auto settled = [&] {
        return r.sql("select count(*) from webhook_events where status = 'new'") == "0" &&
               r.sql("select count(*) from call_legs where initiated") == "4" &&
               r.sql("select count(*) from commands where status = 'pending'") == "0";
    };
    ASSERT_TRUE(eventually(settled));
    const auto snapshots = [&] {
        return r.sql("select string_agg(snapshot::text, ' ' order by call_id) from calls");
    };
    const auto before = snapshots();
    const auto mark = device_leg(r, session_one, 1).client_state.get<std::string>();
    auto altered = mark; // one character in the middle: the MAC is over all of it
    auto& c = altered[altered.size() / 2];
    c = c == 'A' ? 'B' : 'A';
    auto cut = mark.substr(0, mark.size() - 8);
    int n = 0;
    for (const std::string& state : {altered, cut, std::string("bm90IG91cnM="), std::string("%%%")}) {
        for (const char* type : {"call.answered", "call.hangup", "call.bridged"}) {
            SCOPED_TRACE(std::string(type) + " " + state);
            const sim::json body{
                {"data",
                 {{"record_type", "event"},
                  {"event_type", type},
                  {"id", "made-up-" + std::to_string(++n)},
                  {"occurred_at", "2026-01-01T00:00:00.000000Z"},
                  {"payload",
                   {{"call_control_id", "v3:of-nobody"},
                    {"call_session_id", session_two},
                    {"client_state", state},
                    {"hangup_cause", "normal_clearing"}}}}}
            };
            EXPECT_EQ(post_genuine(r.server().port(), body.dump()).status, 200);
        }
    }
    EXPECT_TRUE(eventually([&] {
        return r.sql("select count(*) from webhook_events where status = 'new'") == "0";
    }));
    EXPECT_EQ(snapshots(), before);
    EXPECT_EQ(column(r, session_one, "phase"), "ringing");
    EXPECT_EQ(column(r, session_two, "phase"), "ringing");
    EXPECT_EQ(r.sql("select count(*) from call_legs where answered or ended or bridged"), "0");
    EXPECT_EQ(commands(r, "bridge", session_one).size() + commands(r, "bridge", session_two).size(), 0U);
    for (const auto& caller : {one, two}) {
        r.carrier().caller_hangs_up(caller);
        EXPECT_TRUE(r.quiet(r.session(caller)));
    }
}

// ---- opening hours and blocked callers

namespace {

constexpr const char* k_org = "(select org_id from organizations where slug = 'flow')";

void close(rig& r) {
    (void)r.sql(
        std::string("insert into opening_hours (org_id, time_zone, rules, closed_greeting) values (") +
        k_org + R"(, 'UTC', '{"week": {}}', 'We are closed.') returning 1)"
    );
}

void block(rig& r, const std::string& e164) {
    (void)r.sql(
        std::string("insert into blocked_callers (org_id, e164) values (") + k_org + ", '" + e164 +
        "') returning 1"
    );
}

std::string explained(rig& r, const std::string& more = {}) {
    return r.run("--explain-route " + r.number() + " " + more);
}

} // namespace

TEST_F(number_flow, outside_the_opening_hours_nobody_is_rung_and_the_greeting_says_so) {
    rig_options o;
    o.devices = 2;
    auto& r = set_up(std::move(o));
    EXPECT_NE(explained(r).find(" rings\n  device "), std::string::npos) << explained(r);
    close(r);
    EXPECT_NE(
        explained(r).find("goes to voicemail, because it is outside the opening hours"), std::string::npos
    ) << explained(r);
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(eventually([&] { return r.accepted("record_start", session) == 1; }));
    EXPECT_TRUE(commands(r, "dial", session).empty());
    ASSERT_EQ(r.accepted("speak", session), 1U);
    EXPECT_EQ(commands(r, "speak", session)[0].body.at("payload"), "We are closed.");
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
    EXPECT_TRUE(ended_as(r, session, "voicemail"));
    EXPECT_NE(r.run("--explain " + session).find("cause=closed"), std::string::npos);
}

TEST_F(number_flow, b_43_a_blocked_caller_is_rejected_and_the_next_caller_rings) {
    rig_options o;
    o.devices = 2;
    auto& r = set_up(std::move(o));
    block(r, "+13125550142");
    EXPECT_NE(
        explained(r, "--from +13125550142").find("is rejected, because the organisation blocks this caller"),
        std::string::npos
    );
    const auto caller = r.call("+13125550142");
    const auto session = r.session(caller);
    EXPECT_TRUE(r.quiet(session, 0, 3s));
    EXPECT_EQ(r.accepted("reject", session), 1U);
    EXPECT_TRUE(commands(r, "dial", session).empty());
    EXPECT_TRUE(commands(r, "answer", session).empty());
    EXPECT_TRUE(ended_as(r, session, "rejected"));
    EXPECT_EQ(column(r, session, "coalesce(user_id, 0)::text"), "0") << "nobody's missed call";
    const auto other = r.call("+13125550143");
    EXPECT_TRUE(r.ringing(r.session(other), 2));
    r.carrier().caller_hangs_up(other);
    EXPECT_TRUE(r.quiet(r.session(other)));
}

TEST_F(number_flow, b_43_a_blocked_caller_hears_the_message_to_its_end_and_nothing_is_recorded) {
    rig_options o;
    o.devices = 2;
    auto& r = set_up(std::move(o));
    block(r, "+13125550142");
    (void)r.sql(
        std::string("insert into org_settings (org_id, blocked_message) values (") + k_org +
        ", 'This number does not take your calls.') on conflict (org_id) do update set blocked_message = "
        "excluded.blocked_message returning 1"
    );
    const auto caller = r.call("+13125550142");
    const auto session = r.session(caller);
    ASSERT_TRUE(r.quiet(session, 0, 15s));
    EXPECT_TRUE(ended_as(r, session, "rejected"));
    ASSERT_EQ(r.accepted("speak", session), 1U);
    EXPECT_EQ(commands(r, "speak", session)[0].body.at("payload"), "This number does not take your calls.");
    EXPECT_TRUE(commands(r, "dial", session).empty());
    EXPECT_TRUE(commands(r, "record_start", session).empty());
    EXPECT_TRUE(commands(r, "reject", session).empty()) << "it was answered";
    // Hung up on when the carrier has told that the message is over, not before.
    const auto hung_up = commands(r, "hangup", session).at(0).at;
    const auto spoken = r.carrier().with([&](sim::carrier& c, time_point) {
        for (const auto* w : c.seen().webhooks_of("call.speak.ended", session))
            if (!w->attempts.empty()) return w->attempts.front().started;
        return time_point::max();
    });
    EXPECT_LE(spoken, hung_up);
}

TEST_F(number_flow, odd_bodies_and_queries_of_hours_and_routes_are_no_fault_of_the_server) {
    rig_options o;
    o.devices = 1;
    auto& r = set_up(std::move(o));
    auto admin = r.admin();
    const auto org = "/api/admin/organizations/" + std::to_string(r.org());
    using nlohmann::json;
    const auto hours = [&](json zone, json week, json special) {
        return admin
            .put(
                org + "/opening-hours",
                json{
                    {"time_zone", std::move(zone)},
                    {"week", std::move(week)},
                    {"special_days", std::move(special)}
                }
            )
            .status;
    };
    const auto named = [&](json name) {
        return hours("UTC", json::object(), {{{"date", "2026-12-25"}, {"name", std::move(name)}}});
    };
    EXPECT_EQ(named("\xf0\x9f\x8e\x84"), 201);
    EXPECT_EQ(named(nullptr), 200);
    for (const auto& odd :
         {json(std::string("a\0b", 3)), json("\x1b[31m\r\n"), json(5), json(std::string(101, 'x'))})
        EXPECT_EQ(named(odd), 422) << odd;
    EXPECT_EQ(hours("UTC", nullptr, nullptr), 422);
    EXPECT_EQ(hours("UTC", {{"monday", nullptr}}, nullptr), 422);
    EXPECT_EQ(hours("UTC", json::object(), nullptr), 200);
    EXPECT_EQ(hours("UTC", json::object(), {{{"date", "9999-12-31"}, {"open", json::array()}}}), 200);
    for (const auto& zone : {json(5), json(std::string("UTC\0", 4)), json("CET"), json("posixrules")})
        EXPECT_EQ(hours(zone, json::object(), nullptr), 422) << zone;
    (void)admin.remove(org + "/opening-hours");
    const auto route = [&](const std::string& query) {
        return admin.get(org + "/numbers/" + r.number() + "/route" + query).status;
    };
    for (const char* good :
         {"", "?at=2026-12-25T18:00:00Z", "?at=2026-12-25T18:00:00+01:00", "?at=2026-12-25T18:00:00%2B01:00",
          "?at=9999-12-31T23:59:59Z", "?from=+13125550142", "?from=", "?from=withheld"})
        EXPECT_EQ(route(good), 200) << good;
    for (const char* odd : {"?at=", "?at=tomorrow", "?from=13125550142", "?from=%00"})
        EXPECT_EQ(route(odd), 422) << odd;
    for (const char* odd : {"001", "%2B%2B1312", "+1312555014200000", "withheld"})
        EXPECT_EQ(admin.put(org + "/blocked-callers/" + odd, json{{"note", "x"}}).status, 422) << odd;
}
