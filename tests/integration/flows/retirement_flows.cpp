// SPDX-License-Identifier: LicenseRef-z360-proprietary
// However a device goes, its credential goes too, and its row last.
#include "integration/flows/lifecycle.hpp"

using namespace z360;
using namespace z360::testing;
using nlohmann::json;

namespace {

class retirement_flow : public flow {
  protected:
    static void fall_silent(rig& r, const std::string& which) {
        (void)r.sql("update devices set last_seen_at = now() - interval '31 days' where " + which);
    }
    static std::string device_path(const rig& r, const device_login& d) {
        return "/api/admin/users/" + std::to_string(r.user()) + "/devices/" +
               r.sql("select device_id from devices where device_uid = '" + d.uid + "'");
    }
};

} // namespace

TEST_F(retirement_flow, be_05_stale_devices_are_deleted_at_telnyx_first_whatever_it_answers) {
    constexpr int k_devices = 40;
    constexpr unsigned k_rate = 40;
    auto o = lifecycle_options();
    o.environment["Z360_CREDENTIALS_REQUESTS_PER_SECOND"] = std::to_string(k_rate);
    auto& r = set_up(std::move(o));
    (void)r.service(r.user(), r.org());
    const auto all = in_parallel(k_devices, [&](int n) { return enrol(r, "stale-" + std::to_string(n)); });
    int n = 0;
    for (const auto& d : all) {
        ASSERT_EQ(d.reply.status, 201) << d.reply.body;
        if (n++ % 10 >= 3) continue; // three of ten
        auto f = credential_fault("delete_credential", n % 2 == 0 ? 500 : 429, 1);
        f.credential = d.username;
        r.carrier().add_fault(f);
    }
    // A row that owns a credential cannot be deleted.
    EXPECT_ANY_THROW((void)r.sql("delete from sip_identities"));
    EXPECT_ANY_THROW((void)r.sql("delete from devices"));
    EXPECT_EQ(r.sql("select count(*) from devices"), std::to_string(k_devices));

    for (int gone = 0; gone < 5; ++gone) // some by their person, the rest by time
        EXPECT_EQ(r.admin().remove(device_path(r, all[static_cast<std::size_t>(gone)])).status, 200);
    fall_silent(r, "status = 'active'");
    // At no moment is a credential at Telnyx whose row is gone.
    std::string early;
    EXPECT_TRUE(eventually(
        [&] {
            let_pauses_pass(r);
            const auto here = std::stoi(r.sql("select count(*) from sip_identities where state <> 'dead'"));
            const auto there = static_cast<int>(r.carrier().credentials().size());
            const auto later = std::stoi(r.sql("select count(*) from sip_identities where state <> 'dead'"));
            if (there > here && later != here) early = std::to_string(there) + " > " + std::to_string(here);
            return here == 0 && there == 0;
        },
        30s
    )) << drift(r);
    EXPECT_EQ(r.carrier().credentials().size(), 0U);
    EXPECT_EQ(effects(r, "delete_credential"), static_cast<std::size_t>(k_devices));
    EXPECT_EQ(requests(r, "delete_credential"), static_cast<std::size_t>(k_devices + 12));
    EXPECT_TRUE(eventually([&] {
        return r.sql("select count(*) from devices where status = 'removed'") == "0" &&
               r.sql("select count(*) from devices where status = 'suspended'") == "35";
    }));
    const auto most_in_a_second = r.carrier().with([](sim::carrier& c, time_point) {
        std::vector<time_point> at;
        for (const auto* x : c.seen().commands_of("delete_credential"))
            at.push_back(x->at);
        std::sort(at.begin(), at.end());
        std::ptrdiff_t most = 0;
        for (auto first = at.begin(); first != at.end(); ++first)
            most = std::max(most, std::lower_bound(first, at.end(), *first + 1s) - first);
        return most;
    });
    RecordProperty("most_in_a_second", static_cast<int>(most_in_a_second));
    EXPECT_LE(most_in_a_second, k_rate + k_rate / 2); // the pace, and what a busy machine let pile up
}

TEST_F(retirement_flow, be_06_reading_makes_no_credentials_and_the_last_organisation_takes_them_all) {
    auto& r = set_up(lifecycle_options());
    const auto d = enrol(r, "phone");
    const auto tab = enrol(r, "browser", "web");
    ASSERT_EQ(tab.reply.status, 201) << tab.reply.body;
    const auto before = credential_commands(r);
    const std::vector<std::string> pages{
        "/api/voip/credentials", "/api/voip/devices/self", "/api/device-tokens", "/api/voip/bootstrap"
    };
    (void)in_parallel(200, [&](int n) {
        const auto& who = n % 2 == 0 ? d : tab;
        return as_device(r, who).get(pages[static_cast<std::size_t>(n / 2) % pages.size()]).status;
    });
    EXPECT_EQ(credential_commands(r), before);
    EXPECT_EQ(r.carrier().credentials().size(), 2U);

    const auto org = std::to_string(r.org());
    const auto member = "/api/admin/organizations/" + org + "/members/" + std::to_string(r.user());
    EXPECT_EQ(r.admin().remove(member).status, 200);
    EXPECT_EQ(as_device(r, d).get("/api/voip/devices/self").status, 401);
    EXPECT_TRUE(erased(r, d.username));
    EXPECT_TRUE(erased(r, tab.username));
    EXPECT_EQ(drift_in_the_end(r), "");
}

TEST_F(retirement_flow, be_06_strangers_with_our_prefix_vanish_in_one_comparison) {
    auto o = lifecycle_options();
    o.start = false;
    o.environment["Z360_CREDENTIALS_STRAY_AGE_MS"] = "1000";
    o.environment["Z360_CREDENTIALS_COMPARE_EVERY_MS"] = "1000";
    auto& r = set_up(std::move(o));
    const std::string ours = "2770000000000000001";
    const auto uuid = [](int n) {
        const auto two = std::to_string(n + 10);
        return "0192d3a4-5b6c-4d7e-8f90-a1b2c3d4e5" + two;
    };
    const auto tag = "z360-test-" + r.sql("select id from installation") + "-u1";
    for (int n = 0; n < 50; ++n)
        (void)r.carrier().seed_credential("z360-test-" + uuid(n), tag, ours);
    std::set<std::string> stay;
    for (const auto* name : {"somebody-1", "z360-", "z360-test2-", "z360-testing", "Z360"})
        stay.insert(r.carrier().seed_credential(name + uuid(60), "", ours));
    r.server().start();
    ASSERT_TRUE(r.server().ready());
    EXPECT_TRUE(eventually([&] { return r.carrier().credentials().size() == stay.size(); }, 8s));
    for (const auto& c : r.carrier().credentials())
        EXPECT_TRUE(stay.contains(c.id)) << c.name;
    EXPECT_EQ(effects(r, "delete_credential"), 50U);
    EXPECT_TRUE(eventually([&] { return r.sql("select count(*) from sip_identities") == "0"; }));
}

TEST_F(retirement_flow, and_11_a_revoked_device_is_out_at_once_everywhere) {
    auto& r = set_up(lifecycle_options());
    const auto stolen = enrol(r, "stolen");
    const auto left = enrol(r, "logged-out");
    const auto kept = enrol(r, "kept");
    ASSERT_EQ(kept.reply.status, 201) << kept.reply.body;
    const auto self = [&](const device_login& d) {
        return as_device(r, d).get("/api/voip/devices/self").status;
    };
    ASSERT_EQ(self(stolen), 200);
    (void)r.run("--revoke-device stolen --user " + std::to_string(r.user()));
    EXPECT_EQ(self(stolen), 401);
    EXPECT_EQ(as_device(r, left).remove("/api/device-tokens/logged-out").status, 200);
    EXPECT_EQ(self(left), 401);
    EXPECT_EQ(rung_by_a_call(r, 1), usernames{kept.username});
    EXPECT_TRUE(erased(r, left.username));
    EXPECT_TRUE(erased(r, stolen.username)); // within 5 s, though another process did it
    EXPECT_EQ(self(kept), 200);
    EXPECT_EQ(drift_in_the_end(r), "");
}

TEST_F(retirement_flow, and_11_a_device_that_logs_in_with_tokens_never_gets_a_password) {
    auto o = lifecycle_options();
    o.environment["Z360_CLIENTS_JWT_FROM_SDK"] = "android=3.4.0";
    o.environment["Z360_CREDENTIALS_PASSWORD_IN_REPLIES"] = "true";
    auto& r = set_up(std::move(o));
    const auto d = enrol(r, "phone", "android", {{"sdk_version", "3.4.1"}});
    ASSERT_EQ(d.reply.status, 201) << d.reply.body;
    const auto password = at_carrier(r, d.username).sip_password;
    ASSERT_FALSE(password.empty());
    EXPECT_EQ(d.reply.data().at("auth_mode"), "jwt");
    EXPECT_TRUE(d.reply.data().at("sip_credentials").at("jwt_token").is_string());
    const auto app = as_device(r, d);
    for (const auto& reply :
         {d.reply, app.get("/api/voip/credentials"), app.post("/api/voip/credentials/reveal"),
          app.post("/api/voip/switch-org", {{"target_organization_id", r.org()}})})
        EXPECT_EQ(reply.body.find(password), std::string::npos);
}

TEST_F(retirement_flow, and_15_be_04_silence_suspends_and_one_login_restores) {
    auto& r = set_up(lifecycle_options());
    const auto silent = enrol(r, "lost-phone", "android", {{"fcm_token", "fcm-token-of-a-phone-0123456789"}});
    const auto daily = enrol(r, "daily-phone");
    ASSERT_EQ(daily.reply.status, 201) << daily.reply.body;
    // A day before the limit the one is used, the other is only pushed to.
    (void)r.sql("update devices set last_seen_at = now() - interval '29 days'");
    (void)r.sql("update api_tokens set last_used_at = now() - interval '1 day'");
    EXPECT_EQ(as_device(r, daily).get("/api/voip/devices/self").status, 200);
    ASSERT_TRUE(eventually([&] { // noted beside the request
        return r.sql("select (last_seen_at > now() - interval '1 h')::text from devices where device_uid = "
                     "'daily-phone'") == "true";
    }));
    (void)r.sql("update devices set last_seen_at = last_seen_at - interval '2 days', push_updated_at = now()"
    );
    EXPECT_EQ(rung_by_a_call(r, 1), usernames{daily.username}); // not dialed from that moment on
    EXPECT_TRUE(erased(r, silent.username));
    const auto refused = as_device(r, silent).get("/api/voip/devices/self");
    EXPECT_EQ(refused.status, 401);
    EXPECT_EQ(refused.code(), "device_session_expired");
    EXPECT_EQ(r.sql("select status from devices where device_uid = 'lost-phone'"), "suspended");
    EXPECT_EQ(as_device(r, daily).get("/api/voip/devices/self").status, 200);

    const auto again = enrol(r, "lost-phone");
    ASSERT_EQ(again.reply.status / 100, 2) << again.reply.body;
    EXPECT_FALSE(again.username.empty());
    EXPECT_NE(again.username, silent.username);
    EXPECT_GT(again.version, silent.version);
    EXPECT_EQ(as_device(r, again).get("/api/voip/devices/self").status, 200);
    EXPECT_EQ(rung_by_a_call(r, 2), sorted({daily.username, again.username}));

    // MOB-06: its first call. It is its second identity, but nothing is about to change.
    const auto caller = r.call();
    ASSERT_TRUE(r.ringing(r.session(caller), 2));
    const auto here = as_device(r, again).post("/api/voip/switch-org", {{"target_organization_id", r.org()}});
    EXPECT_EQ(here.status, 200) << here.body;
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(r.session(caller)));
    EXPECT_EQ(drift_in_the_end(r), "");
}
