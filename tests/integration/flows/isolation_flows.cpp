// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Two organisations that know nothing of each other: every route, asked by one with the other's ids (I5).
#include "integration/flows/flow.hpp"
#include "integration/flows/people.hpp"
#include "integration/flows/watch.hpp"

#include <set>

using namespace z360;
using namespace z360::testing;

namespace {

class isolation_flow : public flow {};

/// A tenant that has everything there is.
struct household {
    tenant who;
    app phone;
    std::string push;
    std::string device_row;
    std::string service_token;
    std::string admin_token;
    std::string token_row;
    std::string session;
    std::string recording_row;
    std::string conversation_row;
    std::string reference;          ///< that its agent has not used yet
    std::vector<std::string> marks; ///< texts that only this tenant may ever see
};

std::int64_t ms_now() {
    return std::chrono::duration_cast<millis>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string bound_token(rig& r, const std::string& kind, const std::string& name, std::int64_t org) {
    json body{{"kind", kind}, {"name", name}, {"organization_id", org}};
    body["scopes"] =
        kind == "admin"
            ? json{"tenants:read", "tenants:write",   "devices:read",     "devices:write", "enrolment",
                   "tokens",       "recordings:read", "recordings:write", "calls:read"}
            : json{"act",          "handoff",         "tenants:read",     "tenants:write",
                   "devices:read", "devices:write",   "enrolment",        "tokens",
                   "push:send",    "recordings:read", "recordings:write", "calls:read",
                   "agent"};
    const auto made = r.admin().post("/api/admin/tokens", body);
    EXPECT_EQ(made.status, 201) << made.body;
    return made.data().at("token").get<std::string>();
}

const std::string k_blocked = "+13125550666"; // by both

json always_open(const std::string& name) {
    json week;
    for (const char* day : {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"})
        week[day] = json::array({{{"from", "00:00"}, {"to", "24:00"}}});
    return {
        {"time_zone", "UTC"},
        {"week", std::move(week)},
        {"special_days", json::array({{{"date", "2001-01-01"}, {"name", name}}})}
    };
}

household furnished(rig& r, std::int64_t id, const std::string& name, const std::string& number) {
    const auto t = founded(r, id, name, number);
    const auto push = fcm_token(name);
    household h{t,    install_for(r, t, name + "-phone", "android", {{"fcm_token", push}}),
                push, {},
                {},   {},
                {},   {},
                {},   {},
                {},   {}};
    const auto device = "select device_id from devices where device_uid = '" + name + "-phone'";
    h.device_row = r.sql(device);
    h.service_token = bound_token(r, "service", name + "-service", id);
    h.admin_token = bound_token(r, "admin", name + "-admin", id);
    h.token_row = r.sql("select token_id from api_tokens where name = '" + name + "-service'");
    const auto path = "/api/admin/organizations/" + std::to_string(id);
    const auto boss = r.client().bearer(h.admin_token);
    EXPECT_EQ(boss.put(path + "/blocked-callers/" + k_blocked, {{"note", "Blocked by " + name}}).status, 201);
    EXPECT_EQ(boss.put(path + "/opening-hours", always_open("Day of " + name)).status, 201);
    EXPECT_EQ(boss.put(path + "/outbound-rules", {{"allowed", {"+1"}}, {"at_once", 7}}).status, 201);
    const auto owner = "/members/" + std::to_string(t.user) + "/voicemail";
    EXPECT_EQ(boss.put(path + owner, {{"greeting", "Greeting of " + name}}).status, 201);
    EXPECT_EQ(boss.put(path + "/numbers/" + number + "/voicemail", {{"beep", false}}).status, 201);
    EXPECT_EQ(
        boss.put(
                path + "/ring-plans/sales",
                {{"name", "Plan of " + name}, {"members", json::array({json{{"user_id", t.user}}})}}
        ).status,
        201
    );
    const auto caller = r.carrier().place_call("+13125550142", number);
    h.session = r.session(caller);
    EXPECT_TRUE(r.ringing(h.session, 1));
    EXPECT_TRUE(answers(r, h.session, h.phone));
    EXPECT_TRUE(r.joined(caller));
    EXPECT_TRUE(r.phase(h.session, "active"));
    EXPECT_TRUE(settled(r, h.session));
    const json told{
        {"call_uuid", h.session},
        {"events", {{{"name", "answered"}, {"ts", ms_now()}, {"detail", {{"text", "Told by " + name}}}}}}
    };
    EXPECT_EQ(h.phone.client.post("/api/voip/client-events", told).status, 200);
    h.recording_row = r.sql(
        "insert into recordings (call_id, org_id, user_id, carrier_id, purpose, due_at) select call_id, "
        "org_id, "
        "user_id, 'Recording of " +
        name + "', 'message', null from calls where call_session_id = '" + h.session +
        "' returning recording_id"
    );
    h.conversation_row = r.sql(
        "insert into conversations (org_id, phone_number_id, identifier, last_message_at) select org_id, "
        "phone_number_id, 'Party of " +
        name + "', now() from calls where call_session_id = '" + h.session + "' returning conversation_id"
    );
    (void)r.sql(
        "insert into messages (conversation_id, org_id, user_id, call_id, direction, status, metadata, "
        "talk_ms, missed, "
        "voicemail, created_at) select " +
        h.conversation_row +
        ", org_id, user_id, call_id, 'inbound', 'failed', '{}', 0, true, true, began_at from calls where "
        "call_session_id = '" +
        h.session + "'"
    );
    const auto put =
        boss.put(path + "/conversations/" + h.conversation_row + "/summary", {{"text", "Said to " + name}});
    EXPECT_EQ(put.status, 200) << put.body;
    h.reference = r.sql("select md5('" + name + "')");
    (void)r.sql(
        "insert into agent_references (hash, call_id, org_id, leg_id, issued_at, expires_at) select "
        "sha256(convert_to('" +
        h.reference +
        "', 'UTF8')), call_id, org_id, call_id, now(), now() + interval '1 hour' from calls where "
        "call_session_id = '" +
        h.session + "'"
    );
    h.marks = {
        "Said to " + name,
        "Greeting of " + name,
        "Recording of " + name,
        "Plan of " + name,
        "Told by " + name,
        "Party of " + name,
        name + "-phone",
        name + "@people",
        "Contact of " + name,
        "Person of " + name,
        "Blocked by " + name,
        "Day of " + name,
        number,
        h.session,
        name + "-service",
        h.phone.sip()
    };
    return h;
}

/// Everything that is this tenant's, byte by byte. What our own workers note by the way is left out.
std::string rows_of(rig& r, const household& h) {
    const auto org = std::to_string(h.who.org);
    const auto user = std::to_string(h.who.user);
    const auto devices = "(select device_id from devices where user_id = " + user + ")";
    const auto calls = "(select call_id from calls where org_id = " + org + ")";
    const std::vector<std::pair<std::string, std::string>> parts{
        {"organizations", "org_id = " + org},
        {"org_settings", "org_id = " + org},
        {"users", "user_id = " + user},
        {"memberships", "org_id = " + org + " or user_id = " + user},
        {"phone_numbers", "org_id = " + org},
        {"contacts", "org_id = " + org},
        {"opening_hours", "org_id = " + org},
        {"blocked_callers", "org_id = " + org},
        {"outbound_rules", "org_id = " + org},
        {"voicemail_settings", "org_id = " + org},
        {"recordings", "org_id = " + org},
        {"ring_plans", "org_id = " + org},
        {"ring_plan_members", "org_id = " + org},
        {"call_people", "org_id = " + org},
        {"leg_media", "org_id = " + org},
        {"leg_charges", "org_id = " + org},
        {"call_samples", "org_id = " + org},
        {"client_events", "org_id = " + org},
        {"conversations", "org_id = " + org},
        {"messages", "org_id = " + org},
        {"ledger", "org_id = " + org},
        {"agent_references", "org_id = " + org},
        {"conversation_summaries", "org_id = " + org},
        {"devices", "user_id = " + user},
        {"device_registrations", "org_id = " + org},
        {"sip_identities", "device_id in " + devices},
        {"api_tokens", "org_id = " + org + " or user_id = " + user},
        {"apple_links", "user_id = " + user},
        {"calls", "org_id = " + org},
        {"call_legs", "call_id in " + calls},
        {"call_events", "call_id in " + calls},
    };
    std::string out;
    for (const auto& [table, which] : parts)
        out += table + ": " +
               r.sql(
                   "select string_agg(row, E'\\n' order by row) from (select (to_jsonb(t) - "
                   "'last_checked_at')::text as "
                   "row from " +
                   table + " t where " + which + ") x"
               ) +
               "\n";
    return out;
}

void replace_in(std::string& text, const std::string& what, const std::string& by) {
    if (const auto at = text.find(what); at != std::string::npos) text.replace(at, what.size(), by);
}

/// The documented path with this tenant's ids in it.
std::string filled(std::string path, const household& h) {
    replace_in(path, "{deviceId}", h.phone.uid);
    replace_in(path, "{org}", std::to_string(h.who.org));
    replace_in(path, "{user}", std::to_string(h.who.user));
    replace_in(path, "{plan}", "sales");
    replace_in(path, "{device}", h.device_row);
    if (path.find("blocked-callers") != std::string::npos) replace_in(path, "{e164}", k_blocked);
    replace_in(path, "{e164}", path.find("contacts") != std::string::npos ? h.who.contact : h.who.number);
    replace_in(path, "tokens/{id}", "tokens/" + h.token_row);
    replace_in(path, "voicemails/{id}", "voicemails/" + h.recording_row);
    replace_in(path, "{conversation}", h.conversation_row);
    replace_in(path, "conversations/{id}", "conversations/" + h.conversation_row);
    replace_in(path, "recordings/{id}", "recordings/" + h.recording_row);
    replace_in(path, "{id}", h.session);
    return path;
}

/// A valid body that names the other's things; `own_push`: of who asks (whoever holds a phone may say so).
json body_for(const std::string& route, const household& other, const std::string& own_push) {
    const auto org = other.who.org;
    const auto user = other.who.user;
    const auto uid = other.phone.uid;
    const std::map<std::string, json> bodies{
        {"POST /api/device-tokens", {{"device_id", uid}, {"platform", "android"}, {"organization_id", org}}},
        {"POST /api/device-tokens/update-fcm", {{"device_id", uid}, {"fcm_token", own_push}}},
        {"POST /device-tokens", {{"fcm_token", own_push}, {"platform", "android"}}},
        {"DELETE /device-tokens", {{"fcm_token", other.push}}},
        {"POST /api/voip/token", {{"device_id", uid}}},
        {"PUT /api/voip/do-not-disturb", {{"of", "device"}, {"on", true}, {"device_id", uid}}},
        {"POST /api/voip/switch-org", {{"device_id", uid}, {"target_organization_id", org}}},
        {"PUT /api/admin/organizations/{org}", {{"name", "Taken"}}},
        {"PUT /api/admin/users/{user}", {{"login", "taken@people.example"}, {"name", "Taken"}}},
        {"PUT /api/admin/organizations/{org}/members/{user}", {{"role", "owner"}}},
        {"PUT /api/admin/organizations/{org}/settings", {{"ring_seconds", 6}}},
        {"PUT /api/admin/organizations/{org}/numbers/{e164}",
         {{"receiving_user_id", user}, {"alias", "taken"}}},
        {"PUT /api/admin/organizations/{org}/contacts/{e164}", {{"name", "Taken"}}},
        {"PUT /api/admin/organizations/{org}/blocked-callers/{e164}", {{"note", "Taken"}}},
        {"PUT /api/admin/organizations/{org}/opening-hours", always_open("Taken")},
        {"PUT /api/admin/organizations/{org}/outbound-rules", {{"enabled", false}, {"premium", true}}},
        {"PUT /api/admin/organizations/{org}/ring-plans/{plan}",
         {{"name", "Taken"}, {"members", json::array({json{{"user_id", user}}})}}},
        {"POST /api/admin/users/{user}/enrolment-codes", {{"organization_id", org}}},
        {"POST /api/admin/tokens",
         {{"kind", "service"}, {"name", "taken"}, {"scopes", {"devices:read"}}, {"organization_id", org}}},
        {"POST /api/voip/voicemails/{id}/transcription", {{"transcript", "Taken"}}},
        {"PUT /api/admin/organizations/{org}/conversations/{conversation}/summary", {{"text", "Taken"}}},
        {"POST /api/voip/agent/reference", {{"reference", other.reference}}},
        {"POST /api/voip/push-ack", {{"call_uuid", other.session}, {"state", "ready"}}},
        {"POST /api/voip/call-quality",
         {{"call_uuid", other.session}, {"samples", {{{"ts", ms_now()}, {"mos", 1}}}}}},
        {"POST /api/voip/client-events",
         {{"call_uuid", other.session}, {"events", {{{"name", "taken"}, {"ts", ms_now()}}}}}},
        {"POST /api/push/notifications",
         {{"user_id", user}, {"organization_id", org}, {"type", "taken"}, {"title", "Taken"}}},
        {"POST /api/auth/handoff", {{"handoff_token", "z360h_test_" + std::string(43, 'A')}}},
        {"POST /api/auth/apple", {{"identity_token", "a.b.c"}, {"nonce", "n"}}},
        {"POST /api/auth/apple/notifications", {{"payload", "a.b.c"}}},
    };
    const auto it = bodies.find(route);
    return it == bodies.end() ? json::object() : it->second;
}

/// Routes that name nothing of anybody: they may answer, with the asker's own things only.
const std::set<std::string> k_of_the_asker{
    "GET /api/device-tokens",       "GET /api/voip/voicemails",
    "GET /api/voip/conversations",  "GET /api/voip/caller-ids",
    "POST /device-tokens",          "DELETE /device-tokens",
    "POST /api/voip/restore-org",   "POST /api/voip/credentials/reveal",
    "GET /api/admin/organizations", "GET /api/admin/users",
    "GET /api/admin/tokens",        "GET /api/admin/push/stats",
    "GET /api/voip/state-model",    "GET /api/health",
    "GET /api/openapi.json",        "GET /api/docs",
};
/// These take the other's device in the query.
bool takes_device(const std::string& route) {
    return route == "GET /api/voip/devices/self" || route == "GET /api/voip/credentials" ||
           route == "GET /api/voip/my-active-call" || route == "GET /api/voip/calls" ||
           route == "GET /api/voip/bootstrap" || route == "GET /api/voip/do-not-disturb";
}

struct stranger {
    std::string name;
    api client;
};

void expect_nothing(
    const std::string& route, const stranger& s, const api_reply& reply, const household& victim
) {
    SCOPED_TRACE(
        route + " as " + s.name + ": " + std::to_string(reply.status) + " " + reply.body.substr(0, 300)
    );
    if (k_of_the_asker.contains(route))
        EXPECT_LT(reply.status, 500);
    else
        EXPECT_TRUE(reply.status == 403 || reply.status == 404);
    for (const auto& m : victim.marks)
        EXPECT_EQ(reply.body.find(m), std::string::npos) << m;
}

} // namespace

TEST_F(isolation_flow, i_05_every_route_is_closed_for_another_tenant) {
    rig_options o;
    o.devices = 0;
    o.environment = {
        {"Z360_LIMITS_REGISTER_PER_MINUTE", "10000"},
        {"Z360_LIMITS_CREDENTIALS_PER_MINUTE", "10000"},
        {"Z360_LIMITS_REVEAL_PER_HOUR", "10000"},
        {"Z360_LIMITS_FAILED_AUTH_PER_MINUTE", "10000"}
    };
    auto& r = set_up(std::move(o));
    const auto acme = furnished(r, 711, "acme", "+13125550711");
    const auto rival = furnished(r, 712, "rival", "+13125550712");

    const auto user = std::to_string(rival.who.user);
    const auto backend = r.client().bearer(rival.service_token);
    const std::vector<stranger> strangers{
        {"the other's device", rival.phone.client},
        {"the other's backend for its own person", backend.with("X-Z360-User", user)},
        {"the other's backend for our person", backend.with("X-Z360-User", std::to_string(acme.who.user))},
        {"the other's backend in our organisation",
         backend.with("X-Z360-User", user).with("X-Z360-Organization", std::to_string(acme.who.org))},
        {"the other's administrator", r.client().bearer(rival.admin_token)},
    };
    const auto document = r.client().get("/api/openapi.json").json;
    const auto before = rows_of(r, acme);
    std::size_t routes = 0;
    for (const auto& [path, methods] : document.at("paths").items())
        for (const auto& [method, operation] : methods.items()) {
            static const std::set<std::string> k_verbs{"get", "post", "put", "delete"};
            if (!k_verbs.contains(method)) continue;
            ++routes;
            std::string verb = method;
            for (auto& c : verb)
                c = static_cast<char>(c - 'a' + 'A');
            const auto route = verb + " " + path;
            auto target = filled(path, acme);
            if (takes_device(route)) target += "?device_id=" + acme.phone.uid;
            for (const auto& s : strangers) {
                const request_line q{
                    verb, target, verb == "GET" ? json(nullptr) : body_for(route, acme, fcm_token("rival2"))
                };
                expect_nothing(route, s, sent(s.client, q), acme);
            }
        }
    EXPECT_GE(routes, 45U) << "the document lists every route";
    EXPECT_EQ(rows_of(r, acme), before);

    // The ids were right: whom they belong to gets everything.
    const auto owner = r.client().bearer(acme.admin_token);
    for (const auto& [path, methods] : document.at("paths").items()) {
        if (!methods.contains("get") || path.find("/api/admin/") != 0) continue;
        if (path.starts_with("/api/admin/dead-letters"))
            continue; // the installation's: no organisation's token has it
        const auto reply = owner.get(filled(path, acme));
        EXPECT_EQ(reply.status, 200) << path << " " << reply.body;
    }
    EXPECT_EQ(acme.phone.client.get("/api/voip/call-status/" + acme.session).status, 200);
    EXPECT_EQ(
        acme.phone.client.get("/api/voip/my-active-call").data().at("active_call").at("call_session_id"),
        acme.session
    );
}
