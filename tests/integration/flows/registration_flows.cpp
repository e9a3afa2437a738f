// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Devices register: in parallel, again, after somebody else, while Telnyx is away.
#include "integration/flows/lifecycle.hpp"

#include <fstream>

using namespace z360;
using namespace z360::testing;
using nlohmann::json;
using sim::phone;

namespace {

class registration_flow : public flow {};

/// One more organisation of the seeded person, with a number of its own.
std::int64_t one_more_org(rig& r, std::int64_t id, const std::string& number) {
    const auto org = std::to_string(id);
    const auto admin = r.admin();
    EXPECT_EQ(admin.put("/api/admin/organizations/" + org, {{"name", "Org " + org}}).status / 100, 2);
    const auto member = "/api/admin/organizations/" + org + "/members/" + std::to_string(r.user());
    EXPECT_EQ(admin.put(member, {{"role", "member"}}).status / 100, 2);
    (void)r.run("--add-number " + number + " --org " + org + " --user " + std::to_string(r.user()));
    return id;
}

std::int64_t somebody_else(rig& r, std::int64_t id) {
    const auto who = std::to_string(id);
    const auto admin = r.admin();
    const json person{{"login", "u" + who + "@flow.example"}, {"name", "User " + who}};
    EXPECT_EQ(admin.put("/api/admin/users/" + who, person).status / 100, 2);
    const auto member = "/api/admin/organizations/" + std::to_string(r.org()) + "/members/" + who;
    EXPECT_EQ(admin.put(member, {{"role", "member"}}).status / 100, 2);
    return id;
}

device_login enrol_as(rig& r, std::int64_t user, const std::string& uid, const json& extra = json::object()) {
    json body{{"device_id", uid}, {"platform", "android"}, {"app_version", "2.0.0"}};
    body.update(extra);
    return read_login(uid, r.service(user, r.org()).post("/api/device-tokens", body));
}

} // namespace

TEST_F(registration_flow, be_13_parallel_registrations_make_one_credential_per_device) {
    auto& r = set_up(lifecycle_options(2));
    (void)r.service(r.user(), r.org()); // its token is made once, before the threads
    auto slow = credential_fault("create_credential", 0);
    slow.stall_reply = 150ms; // so that all of them meet it
    r.carrier().add_fault(slow);
    const auto same = in_parallel(50, [&](int i) {
        return enrol(r, "one-phone", "android", json::object(), static_cast<std::size_t>(i % 2));
    });
    for (const auto& d : same) {
        EXPECT_EQ(d.reply.status / 100, 2) << d.reply.body;
        EXPECT_NE(d.reply.status, 202) << d.reply.body;
        EXPECT_EQ(d.username, same.front().username);
        EXPECT_EQ(d.version, 1);
        // Each of them may be the one that the app listens to.
        EXPECT_TRUE(d.reply.data().at("sip_credentials").at("sip_password").is_string());
    }
    EXPECT_EQ(requests(r, "create_credential"), 1U);
    EXPECT_EQ(r.sql("select count(*) from sip_identities"), "1");

    const auto ten = in_parallel(10, [&](int i) {
        return enrol(r, "phone-" + std::to_string(i), "ios", json::object(), static_cast<std::size_t>(i % 2));
    });
    std::set<std::string> names;
    for (const auto& d : ten) {
        EXPECT_EQ(d.reply.status, 201) << d.reply.body;
        names.insert(d.username);
    }
    EXPECT_EQ(names.size(), 10U);
    EXPECT_EQ(requests(r, "create_credential"), 11U);
    EXPECT_EQ(drift_in_the_end(r), "");
}

TEST_F(registration_flow, cred_03_a_failed_create_heals_without_the_client) {
    auto o = lifecycle_options();
    o.environment["Z360_CREDENTIALS_REGISTRATION_BUDGET_MS"] = "300";
    auto& r = set_up(std::move(o));
    r.carrier().add_fault(credential_fault("create_credential", 503, 3));
    const auto d = enrol(r, "phone", "android", {{"fcm_token", "fcm-token-of-the-phone-0123456789"}});
    ASSERT_EQ(d.reply.status, 202) << d.reply.body;
    EXPECT_EQ(d.reply.data().at("identity_state"), "pending");
    EXPECT_TRUE(d.reply.data().at("sip_credentials").is_null());
    EXPECT_EQ(d.reply.data().at("push_state"), "active"); // pushes work meanwhile
    EXPECT_FALSE(d.bearer.empty());
    EXPECT_EQ(drift_in_the_end(r), ""); // nobody asks again
    EXPECT_EQ(requests(r, "create_credential"), 4U);
    const auto self = as_device(r, d).get("/api/voip/devices/self");
    ASSERT_EQ(self.status, 200) << self.body;
    EXPECT_EQ(self.data().at("identity").at("state"), "active");
    const auto login = as_device(r, d).get("/api/voip/credentials");
    ASSERT_EQ(login.status, 200) << login.body;
    EXPECT_EQ(rung_by_a_call(r, 1), usernames{login.data().at("sip_username")});

    // The old system's sentinel is no credential.
    const auto file = r.folder() + "/old.jsonl";
    const json row{
        {"table", "user_device_tokens"},
        {"id", 1},
        {"user_id", r.user()},
        {"organization_id", r.org()},
        {"device_id", "old-phone"},
        {"platform", "android"},
        {"telnyx_credential_id", "failed"},
        {"last_active_at", r.sql("select now()::timestamp(0)")},
    };
    std::ofstream(file) << row.dump() << '\n';
    (void)r.run("--import " + file);
    EXPECT_EQ(r.sql("select count(*) from sip_identities where state = 'pending'"), "1");
    EXPECT_EQ(drift_in_the_end(r), "");
    EXPECT_EQ(requests(r, "create_credential"), 5U);
    EXPECT_EQ(rung_by_a_call(r, 2).size(), 2U);
}

TEST_F(registration_flow, and_02_without_a_push_token_a_device_is_rung_by_sip) {
    auto& r = set_up(lifecycle_options());
    const auto d = enrol(r, "phone");
    ASSERT_EQ(d.reply.status, 201) << d.reply.body;
    EXPECT_TRUE(d.reply.data().at("sip_credentials").at("jwt_token").is_string());
    EXPECT_EQ(d.reply.data().at("jwt_state"), "fresh");
    EXPECT_EQ(d.reply.data().at("push_token_required"), true);
    const auto self = as_device(r, d).get("/api/voip/devices/self");
    ASSERT_EQ(self.status, 200);
    EXPECT_EQ(self.data().at("push_state"), "none");
    EXPECT_EQ(self.data().at("identity").at("sip_username"), d.username);
    EXPECT_FALSE(self.data().at("identity").at("expires_at").is_null());
    EXPECT_EQ(rung_by_a_call(r, 1), usernames{d.username});
    const json later{{"device_id", "phone"}, {"fcm_token", "fcm-token-of-the-phone-0123456789"}};
    EXPECT_EQ(as_device(r, d).post("/api/device-tokens/update-fcm", later).status, 200);
    EXPECT_EQ(as_device(r, d).get("/api/voip/devices/self").data().at("push_state"), "active");
    EXPECT_EQ(rung_by_a_call(r, 1), usernames{d.username}); // the identity is as it was
    EXPECT_EQ(effects(r, "create_credential"), 1U);
}

TEST_F(registration_flow, b_13_the_person_before_on_the_same_phone_gets_no_leg) {
    auto& r = set_up(lifecycle_options());
    const auto bob = somebody_else(r, 900);
    const json token{{"fcm_token", "fcm-token-of-one-phone-0123456789"}};
    const auto first = enrol(r, "shared-phone", "android", token);
    ASSERT_EQ(first.reply.status, 201) << first.reply.body;
    EXPECT_EQ(rung_by_a_call(r, 1), usernames{first.username});
    const auto second = enrol_as(r, bob, "shared-phone", token);
    ASSERT_EQ(second.reply.status, 201) << second.reply.body;
    EXPECT_NE(second.username, first.username);
    EXPECT_EQ(rung_by_a_call(r, 0), usernames{}); // the call is for the first: nobody is there
    EXPECT_EQ(as_device(r, first).get("/api/voip/devices/self").status, 401);
    EXPECT_TRUE(erased(r, first.username));
    EXPECT_EQ(drift_in_the_end(r), "");
}

TEST_F(registration_flow, b_14_an_app_installed_anew_is_still_one_phone) {
    auto& r = set_up(lifecycle_options());
    const json token{{"fcm_token", "fcm-token-of-one-phone-0123456789"}};
    const auto before = enrol(r, "install-1", "android", token);
    const auto same_token = enrol(r, "install-2", "android", token);
    EXPECT_EQ(rung_by_a_call(r, 1), usernames{same_token.username});
    const auto named = enrol(r, "install-3", "android", {{"previous_device_id", "install-2"}});
    EXPECT_EQ(rung_by_a_call(r, 1), usernames{named.username});
    EXPECT_TRUE(erased(r, before.username));
    EXPECT_TRUE(erased(r, same_token.username));
    EXPECT_EQ(drift_in_the_end(r), "");
}

TEST_F(registration_flow, b_49_three_organisations_and_five_devices_are_five_dials) {
    auto& r = set_up(lifecycle_options());
    const std::vector<std::int64_t> orgs{
        r.org(), one_more_org(r, 700, "+13125550170"), one_more_org(r, 701, "+13125550171")
    };
    usernames expected;
    for (int n = 0; n < 5; ++n) {
        const auto uid = "phone-" + std::to_string(n);
        std::string username;
        for (const auto org : orgs) {
            const auto d = enrol(r, uid, n < 4 ? "android" : "web", {{"organization_id", org}});
            ASSERT_EQ(d.reply.status / 100, 2) << d.reply.body;
            EXPECT_EQ(d.reply.data().at("organization_id"), org);
            if (username.empty()) username = d.username;
            EXPECT_EQ(d.username, username); // CRED-04: one identity, whatever the organisation
        }
        expected.push_back(username);
    }
    EXPECT_EQ(r.sql("select count(*) from device_registrations"), "15");
    EXPECT_EQ(effects(r, "create_credential"), 5U);
    for (const auto* number : {"+13125550100", "+13125550170", "+13125550171"})
        EXPECT_EQ(rung_by_a_call(r, 5, number), sorted(expected)) << number;
}

TEST_F(registration_flow, mob_01_cred_04_mob_10_a_call_of_another_organisation_needs_no_switch) {
    auto& r = set_up(lifecycle_options());
    one_more_org(r, 700, "+13125550170");
    one_more_org(r, 701, "+13125550171");
    const auto d = enrol(r, "iphone", "ios");
    ASSERT_EQ(d.reply.status, 201) << d.reply.body;
    const auto commands_before = credential_commands(r);
    for (const char* verb : {"create_credential", "get_credential", "list_credentials", "mint_token"}) {
        auto stalled = credential_fault(verb, 0);
        stalled.stall_before = 10s;
        r.carrier().add_fault(stalled);
    }
    const auto app = as_device(r, d);
    const std::vector<std::pair<std::int64_t, std::string>> calls{
        {r.org(), r.number()}, {700, "+13125550170"}, {701, "+13125550171"}
    };
    r.carrier().set_phone(d.username, phone::answers(1s));
    std::vector<millis> took;
    for (const auto& [org, number] : calls) {
        const auto caller = r.carrier().place_call("+13125550142", number);
        const auto session = r.session(caller);
        ASSERT_TRUE(r.ringing(session, 1));
        EXPECT_EQ(dialed(r, session), usernames{d.username});
        const json wanted{{"target_organization_id", org}};
        for (const auto& s : in_parallel(50, [&](int) { return app.post("/api/voip/switch-org", wanted); })) {
            EXPECT_EQ(s.status, 200) << s.body;
            EXPECT_EQ(s.data().at("sip_username"), d.username);
            EXPECT_EQ(s.data().at("organization_id"), org);
            EXPECT_EQ(s.data().at("reconnect"), false);
            EXPECT_TRUE(s.data().at("jwt_token").is_string());
        }
        for (int n = 0; n < 7; ++n)
            took.push_back(app.post("/api/voip/switch-org", wanted).took);
        // MOB-10: nothing of a switch takes part in it.
        EXPECT_TRUE(r.joined(caller));
        r.carrier().caller_hangs_up(caller);
        EXPECT_TRUE(r.quiet(session));
        EXPECT_TRUE(r.phase(session, "ended"));
    }
    EXPECT_EQ(credential_commands(r), commands_before);
    std::sort(took.begin(), took.end());
    const auto median = took[took.size() / 2];
    RecordProperty("switch_org_median_ms", static_cast<int>(median.count()));
    EXPECT_LE(median, 50ms);
    EXPECT_LE(took.back(), 1s);
}

TEST_F(registration_flow, web_03_web_05_a_switch_changes_nothing_that_could_be_restored) {
    auto o = lifecycle_options();
    auto& r = set_up(std::move(o));
    one_more_org(r, 700, "+13125550170");
    const auto d = enrol(r, "browser", "web");
    ASSERT_EQ(d.reply.status, 201) << d.reply.body;
    // Notes of when something was seen are not what a switch could change.
    const auto everything = [&] {
        return r.sql(
            "select md5(string_agg(x, ';' order by x)) from ("
            "select users::text x from users union all select organizations::text from organizations "
            "union all select memberships::text from memberships "
            "union all select device_registrations::text from device_registrations "
            "union all select (i.identity_id, i.sip_username, i.state, i.version, i.jwt)::text "
            "from sip_identities i) t"
        );
    };
    const auto before = everything();
    const auto commands_before = credential_commands(r);
    const auto app = as_device(r, d);
    for (int n = 0; n < 30; ++n) {
        const auto org = n % 2 == 0 ? 700 : r.org();
        EXPECT_EQ(app.post("/api/voip/switch-org", {{"target_organization_id", org}}).status, 200);
    }
    const auto restored = app.post("/api/voip/restore-org");
    EXPECT_EQ(restored.status, 200);
    EXPECT_EQ(restored.data().at("restored"), false);
    EXPECT_EQ(everything(), before);
    EXPECT_EQ(credential_commands(r), commands_before);
    EXPECT_EQ(app.post("/api/voip/switch-org", {{"target_organization_id", 999}}).status, 403);
}
