// SPDX-License-Identifier: LicenseRef-z360-proprietary
// An identity's middle age: rotation beside calls, expiry, loss in the portal, login tokens.
#include "integration/flows/lifecycle.hpp"

#include <fstream>

using namespace z360;
using namespace z360::testing;
using nlohmann::json;
using sim::phone;

namespace {

class credential_flow : public flow {
  protected:
    /// 26 of the 30 days are over: a new identity is due. It was proved long ago.
    static void grow_old(rig& r, const std::string& username, const std::string& rest = "4 days") {
        (void)r.sql(
            "update sip_identities set activated_at = now() - interval '26 days', created_at = now() - "
            "interval "
            "'26 days', delivered_at = now() - interval '26 days', proved_at = now() - interval '26 days', "
            "expires_at = now() + interval '" +
            rest + "' where sip_username = '" + username + "'"
        );
    }
    /// The newest identity of the device, once it is another one than this.
    static std::string next_identity(rig& r, const device_login& d, const std::string& before) {
        std::string found;
        EXPECT_TRUE(eventually([&] {
            found = r.sql(
                "select sip_username from sip_identities where state = 'active' and device_id = " +
                device_key(d)
            );
            return !found.empty() && found != before;
        }));
        return found;
    }
    /// The phone answers; returns the caller, joined.
    static std::string talk(rig& r) {
        const auto caller = r.call();
        EXPECT_TRUE(r.joined(caller));
        EXPECT_TRUE(r.phase(r.session(caller), "active"));
        return caller;
    }
    static void hang_up(rig& r, const std::string& caller) {
        r.carrier().caller_hangs_up(caller);
        EXPECT_TRUE(r.quiet(r.session(caller)));
        EXPECT_TRUE(r.phase(r.session(caller), "ended"));
    }
    static void goes_on(rig& r, millis stretch) {
        (void)r.carrier().wait_until([](const sim::carrier&) { return false; }, stretch);
    }
};

} // namespace

TEST_F(credential_flow, cred_01_a_sleeping_phone_is_rung_on_its_old_identity_until_it_has_the_new_one) {
    auto& r = set_up(lifecycle_options());
    const auto d = enrol(r, "phone");
    ASSERT_EQ(d.reply.status, 201) << d.reply.body;
    grow_old(r, d.username);
    const auto fresh = next_identity(r, d, d.username);
    EXPECT_EQ(state_of(r, d.username), "rotating");
    EXPECT_EQ(rung_by_a_call(r, 1), usernames{d.username}); // it sleeps
    const auto login = as_device(r, d).get("/api/voip/credentials");
    ASSERT_EQ(login.status, 200) << login.body;
    EXPECT_EQ(login.data().at("sip_username"), fresh);
    EXPECT_EQ(login.data().at("credential_version"), 2);
    EXPECT_EQ(rung_by_a_call(r, 2), sorted({d.username, fresh})); // it may be logged in on either

    r.carrier().set_phone(d.username, phone::offline());
    r.carrier().set_phone(fresh, phone::answers(50ms));
    const auto caller = talk(r);
    EXPECT_TRUE(stays(r, 1500ms, [&](const sim::carrier& c) { // never during a call
        return c.seen().commands_of("delete_credential").empty();
    }));
    hang_up(r, caller);
    EXPECT_TRUE(erased(r, d.username)); // the answer was the proof
    EXPECT_EQ(rung_by_a_call(r, 1), usernames{fresh});
    EXPECT_EQ(drift_in_the_end(r), "");
    EXPECT_EQ(effects(r, "create_credential"), 2U);
}

TEST_F(credential_flow, cred_01_a_client_that_names_the_new_version_has_proved_it) {
    auto& r = set_up(lifecycle_options(2)); // two workers, one new identity
    const auto d = enrol(r, "phone");
    ASSERT_EQ(d.reply.status, 201) << d.reply.body;
    grow_old(r, d.username);
    const auto fresh = next_identity(r, d, d.username);
    const auto app = as_device(r, d, 1);
    const json body{{"device_id", "phone"}, {"platform", "android"}, {"app_version", "2.0.0"}};
    EXPECT_EQ(app.post("/api/device-tokens", body).status, 200);
    goes_on(r, 300ms);
    EXPECT_TRUE(exists(r, d.username)); // given to it, not yet used
    EXPECT_EQ(app.with("X-Credential-Version", "2").post("/api/device-tokens", body).status, 200);
    EXPECT_TRUE(erased(r, d.username));
    EXPECT_EQ(effects(r, "create_credential"), 2U);
    EXPECT_EQ(rung_by_a_call(r, 1), usernames{fresh});
    EXPECT_EQ(drift_in_the_end(r), "");
}

TEST_F(credential_flow, be_04_an_active_device_never_expires_into_silence) {
    auto& r = set_up(lifecycle_options());
    const auto d = enrol(r, "phone");
    ASSERT_EQ(d.reply.status, 201) << d.reply.body;
    (void)r.sql("update devices set registered_at = now() - interval '31 days'");
    grow_old(r, d.username);
    const auto fresh = next_identity(r, d, d.username);
    // Day 31: the first one's life is over, at the carrier too, and the phone never asked for the next.
    r.carrier().expire_credential(at_carrier(r, d.username).id);
    (void)r.sql(
        "update sip_identities set expires_at = now() - interval '1 s' where sip_username = '" + d.username +
        "'"
    );
    EXPECT_EQ(rung_by_a_call(r, 1), usernames{fresh}); // valid, the expired one is not dialed
    EXPECT_TRUE(erased(r, d.username));
    EXPECT_EQ(drift_in_the_end(r), "");
}

TEST_F(credential_flow, be_04_expired_and_the_others_offline_means_voicemail_at_once) {
    auto& r = set_up(lifecycle_options());
    const auto d = enrol(r, "phone");
    const auto off = enrol(r, "switched-off");
    ASSERT_FALSE(off.username.empty());
    r.carrier().set_phone(off.username, phone::unreachable());
    r.carrier().add_fault(credential_fault("create_credential", 503)); // nothing can replace it
    r.carrier().expire_credential(at_carrier(r, d.username).id);
    (void)r.sql(
        "update sip_identities set expires_at = now() - interval '1 s' where sip_username = '" + d.username +
        "'"
    );
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(asked(r, "answer", session));
    const auto waited = r.carrier().with([&](sim::carrier& c, time_point) {
        return c.seen().commands_of("answer", session).at(0)->at - c.leg(caller)->began;
    });
    RecordProperty("voicemail_after_ms", static_cast<int>(waited.count()));
    EXPECT_LE(waited, 1s);
    EXPECT_EQ(dialed(r, session), usernames{off.username});
    hang_up(r, caller);
    // The lapse is not silent: it is a figure to raise an alarm by.
    r.server().kill(); // it is reported from the start on, and every ten seconds
    r.server().start();
    ASSERT_TRUE(r.server().ready());
    EXPECT_TRUE(eventually([&] { return r.server().metric("credential_lapsed") >= 1; }));
    let_claims_pass(r);
    no_more_faults(r);
    EXPECT_EQ(drift_in_the_end(r), "");
}

TEST_F(credential_flow, be_41_a_credential_lost_in_the_portal_is_noticed_on_the_next_call) {
    auto& r = set_up(lifecycle_options());
    const auto d = enrol(r, "phone");
    const auto other = enrol(r, "tablet");
    ASSERT_EQ(other.reply.status, 201) << other.reply.body;
    ASSERT_TRUE(r.carrier().lose_credential(at_carrier(r, d.username).id));
    EXPECT_EQ(rung_by_a_call(r, 2, {}, d.username), sorted({d.username, other.username}));
    const auto fresh = next_identity(r, d, d.username);
    const auto self = as_device(r, d).get("/api/voip/devices/self");
    EXPECT_EQ(self.data().at("identity").at("credential_version"), 2);
    const auto login = as_device(r, d).get("/api/voip/credentials");
    ASSERT_EQ(login.status, 200) << login.body;
    EXPECT_EQ(login.data().at("sip_username"), fresh);
    EXPECT_EQ(login.data().at("credential_version"), 2);
    EXPECT_EQ(rung_by_a_call(r, 2), sorted({fresh, other.username}));
    EXPECT_EQ(state_of(r, other.username), "active"); // nobody else was touched
    EXPECT_EQ(drift_in_the_end(r), "");
}

TEST_F(credential_flow, be_36_an_organisations_old_credential_is_never_dialed) {
    auto& r = set_up(lifecycle_options());
    std::ofstream file(r.folder() + "/old.jsonl");
    usernames old;
    for (int n = 1; n <= 3; ++n) {
        const auto id = r.carrier().seed_credential("legacy-" + std::to_string(n), "", "2770000000000000001");
        old.push_back(r.carrier().credentials().back().sip_username);
        file
            << json{{"table", "user_telnyx_telephony_credentials"}, {"id", n}, {"user_id", r.user()}, {"organization_id", r.org()}, {"credential_id", id}, {"sip_username", old.back()}}
                   .dump()
            << '\n';
    }
    file.close();
    // They are deleted in batches; here they stay as long as the calls do.
    r.carrier().add_fault(credential_fault("delete_credential", 503));
    (void)r.run("--import " + r.folder() + "/old.jsonl");
    const auto d = enrol(r, "phone");
    for (int n = 0; n < 10; ++n)
        EXPECT_EQ(rung_by_a_call(r, 1), usernames{d.username});
    // Nor can anybody write such a leg.
    const auto legs_before = r.sql("select count(*) from call_legs");
    EXPECT_ANY_THROW((void
    )r.sql("update call_legs set identity_id = (select min(identity_id) from sip_identities where kind = "
           "'organization')"));
    EXPECT_EQ(r.sql("select count(*) from call_legs"), legs_before);
    no_more_faults(r);
    EXPECT_EQ(drift_in_the_end(r), ""); // BE-06: gone at the carrier as well
    for (const auto& username : old)
        EXPECT_FALSE(exists(r, username));
}

TEST_F(credential_flow, and_09_an_identity_that_would_expire_during_a_call_is_extended) {
    auto& r = set_up(lifecycle_options());
    const auto d = enrol(r, "phone");
    ASSERT_EQ(d.reply.status, 201) << d.reply.body;
    r.carrier().set_phone(d.username, phone::answers(50ms));
    const auto caller = talk(r);
    grow_old(r, d.username, "60 s");
    ASSERT_TRUE(eventually([&] { return effects(r, "update_credential") == 1; }));
    const auto left = [&] {
        return r.sql(
            "select (expires_at > now() + interval '5 h')::text from sip_identities where sip_username = '" +
            d.username + "'"
        );
    };
    ASSERT_TRUE(eventually([&] { return left() == "true"; }));
    EXPECT_GE(at_carrier(r, d.username).expires_at - std::chrono::system_clock::now(), 5h);
    // Hours later it is due again; it is still on the call.
    (void)r.sql("update sip_identities set expires_at = expires_at - interval '9 h'");
    ASSERT_TRUE(eventually([&] { return effects(r, "update_credential") == 2; }));
    ASSERT_TRUE(eventually([&] { return left() == "true"; }));
    EXPECT_EQ(requests(r, "delete_credential"), 0U);
    EXPECT_EQ(effects(r, "create_credential"), 1U);
    EXPECT_EQ(r.carrier().with([&](sim::carrier& c, time_point) { return c.leg(caller)->alive(); }), true);
    hang_up(r, caller);
    const auto fresh = next_identity(r, d, d.username);
    const json body{{"device_id", "phone"}, {"platform", "android"}, {"app_version", "2.0.0"}};
    EXPECT_EQ(as_device(r, d).with("X-Credential-Version", "2").post("/api/device-tokens", body).status, 200);
    EXPECT_TRUE(erased(r, d.username));
    EXPECT_EQ(rung_by_a_call(r, 1), usernames{fresh});
    EXPECT_EQ(drift_in_the_end(r), "");
}

TEST_F(credential_flow, mob_06_mob_12_the_identity_stays_as_it_is_while_the_device_is_on_a_call) {
    auto& r = set_up(lifecycle_options());
    const auto d = enrol(r, "phone");
    ASSERT_EQ(d.reply.status, 201) << d.reply.body;
    r.carrier().set_phone(d.username, phone::answers(1s));
    const auto app = as_device(r, d);
    const json here{{"target_organization_id", r.org()}};
    const json body{{"device_id", "phone"}, {"platform", "android"}, {"app_version", "2.0.0"}};
    const auto commands_before = credential_commands(r);

    const auto caller = r.call();
    ASSERT_TRUE(r.ringing(r.session(caller), 1));
    const auto answers = in_parallel(9, [&](int n) { // while it rings
        if (n % 3 == 0) return app.get("/api/voip/credentials");
        return n % 3 == 1 ? app.post("/api/voip/switch-org", here) : app.post("/api/device-tokens", body);
    });
    for (const auto& a : answers) {
        EXPECT_EQ(a.status, 200) << a.body;
        const auto& data = a.data();
        const auto& sip = data.contains("sip_credentials") ? data.at("sip_credentials") : data;
        EXPECT_EQ(sip.at("sip_username"), d.username);
        EXPECT_EQ(data.at("credential_version"), 1);
    }
    ASSERT_TRUE(r.joined(caller));
    ASSERT_TRUE(r.phase(r.session(caller), "active"));
    std::set<std::string> bodies;
    for (int n = 0; n < 10; ++n) {
        const auto s = app.post("/api/voip/switch-org", here);
        EXPECT_EQ(s.status, 200);
        bodies.insert(s.body);
    }
    EXPECT_EQ(bodies.size(), 1U) << *bodies.rbegin();
    EXPECT_EQ(credential_commands(r), commands_before);

    grow_old(r, d.username); // now a new one is due
    const auto refused = app.post("/api/voip/switch-org", here);
    EXPECT_EQ(refused.status, 409) << refused.body;
    EXPECT_EQ(refused.code(), "active_call");
    EXPECT_EQ(refused.json.at("call_id"), r.session(caller));
    EXPECT_FALSE(refused.header("retry-after").empty());
    EXPECT_TRUE(stays(r, 1500ms, [&](const sim::carrier& c) {
        return c.seen().commands_of("create_credential").size() == 1;
    }));
    EXPECT_TRUE(r.joined(caller)); // still
    hang_up(r, caller);
    EXPECT_EQ(state_of(r, next_identity(r, d, d.username)), "active");
    EXPECT_EQ(app.post("/api/voip/switch-org", here).status, 200);
    EXPECT_EQ(drift_in_the_end(r), "");
}

TEST_F(credential_flow, cred_02_many_tabs_cost_one_token_and_an_outage_costs_none) {
    auto& r = set_up(lifecycle_options(2));
    const auto d = enrol(r, "browser", "web");
    ASSERT_EQ(d.reply.status, 201) << d.reply.body;
    EXPECT_EQ(requests(r, "mint_token"), 1U);
    const auto ask = [&](std::size_t node) { return as_device(r, d, node).post("/api/voip/token"); };
    EXPECT_EQ(ask(0).data().at("jwt_token"), d.reply.data().at("sip_credentials").at("jwt_token"));
    EXPECT_EQ(requests(r, "mint_token"), 1U); // cached

    const auto age = [&](const std::string& minted, const std::string& expires) {
        (void)r.sql(
            "update sip_identities set jwt_minted_at = now() - interval '" + minted +
            "', jwt_expires_at = now() + interval '" + expires + "'"
        );
    };
    age("570 min", "30 min"); // 9.5 of 10 hours: 200 tabs refresh at once
    std::set<std::string> tokens;
    for (const auto& t : in_parallel(200, [&](int n) { return ask(static_cast<std::size_t>(n % 2)); })) {
        ASSERT_EQ(t.status, 200) << t.body;
        EXPECT_EQ(t.data().at("stale"), false);
        tokens.insert(t.data().at("jwt_token").get<std::string>());
    }
    EXPECT_EQ(tokens.size(), 1U);
    EXPECT_EQ(requests(r, "mint_token"), 2U);
    const auto good = r.carrier().with([&](sim::carrier& c, time_point now) {
        return c.credentials().accepts_token(*tokens.begin(), now + 8h);
    });
    EXPECT_TRUE(good); // valid for 8 hours at least

    r.carrier().add_fault(credential_fault("mint_token", 503));
    age("570 min", "30 min");
    const auto stale = ask(0);
    ASSERT_EQ(stale.status, 200) << stale.body;
    EXPECT_EQ(stale.data().at("stale"), true);
    EXPECT_EQ(stale.data().at("jwt_token"), *tokens.begin());
    age("601 min", "-1 min");
    const auto none = ask(0);
    EXPECT_EQ(none.status, 503) << none.body;
    EXPECT_EQ(none.code(), "voip_unavailable");
    EXPECT_EQ(none.body.find("undefined"), std::string::npos);
    EXPECT_FALSE(none.header("retry-after").empty());
    no_more_faults(r);
    EXPECT_TRUE(eventually([&] {
        const auto t = ask(1);
        return t.status == 200 && t.data().at("stale") == false;
    }));
    EXPECT_EQ(drift_in_the_end(r), "");
}
