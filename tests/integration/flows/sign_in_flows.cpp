// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Sign in with Apple (IOS-04): who is believed, and until when.
#include "integration/flows/flow.hpp"
#include "integration/flows/people.hpp"

using namespace z360;
using namespace z360::testing;

namespace {

constexpr const char* k_app = "com.z360.biz";

class sign_in_flow : public flow {
  protected:
    /// One server that knows the simulator's Apple.
    rig& with_apple() {
        rig_options o;
        o.devices = 0;
        o.start = false;
        auto& r = set_up(std::move(o));
        auto& server = r.add_node(
            {{"Z360_APPLE_CLIENT_IDS", std::string(k_app) + ",com.z360.other"},
             {"Z360_APPLE_KEYS_URL", r.carrier().apple_keys_url()},
             {"Z360_LIMITS_REGISTER_PER_MINUTE", "1000"}}
        );
        server.start();
        EXPECT_TRUE(server.ready());
        return r;
    }
    static json claims(const std::string& sub) { return {{"sub", sub}, {"aud", k_app}, {"nonce", "n-1"}}; }
    static api_reply sign_in(rig& r, const api& by, const json& about, const json& more = json::object()) {
        json body{{"identity_token", r.carrier().apple_token(about)}, {"nonce", "n-1"}};
        body.update(more);
        return by.post("/api/auth/apple", body);
    }
    static json device(const std::string& uid) {
        return {{"device", {{"device_id", uid}, {"platform", "ios"}, {"app_version", "2.0.0"}}}};
    }
};

} // namespace

TEST_F(sign_in_flow, ios_04_a_linked_account_signs_in_and_registers_its_phone) {
    auto& r = with_apple();
    const auto stranger = sign_in(r, r.client(1), claims("apple-ada"), device("phone"));
    EXPECT_EQ(stranger.status, 404);
    EXPECT_EQ(stranger.code(), "apple_account_unknown");
    EXPECT_EQ(r.sql("select count(*) from devices"), "0");

    const auto first = install(r, "first", "ios", json::object(), 1);
    const auto linked = sign_in(r, first.client, claims("apple-ada"));
    ASSERT_EQ(linked.status, 200) << linked.body;
    EXPECT_EQ(linked.data().at("user_id"), r.user());
    const auto second = sign_in(r, r.client(1), claims("apple-ada"), device("second"));
    ASSERT_EQ(second.status, 201) << second.body;
    const auto bearer = second.data().at("registration").at("device_token").get<std::string>();
    EXPECT_EQ(r.client(1).bearer(bearer).get("/api/voip/devices/self").data().at("device_id"), "second");

    // The web view's session is made by the product, which is told once who it is.
    const auto code = second.data().at("handoff_token").get<std::string>();
    const auto unscoped =
        r.service(r.user(), r.org(), 1).post("/api/auth/handoff", {{"handoff_token", code}});
    EXPECT_EQ(unscoped.code(), "scope_missing");
    const auto made = json::parse(r.run("--json --create-token service --scopes handoff"));
    const auto backend = r.client(1).bearer(made.at("token").get<std::string>());
    EXPECT_EQ(backend.post("/api/auth/handoff", {{"handoff_token", code}}).data().at("user_id"), r.user());
    EXPECT_EQ(backend.post("/api/auth/handoff", {{"handoff_token", code}}).status, 404) << "once";

    // The same account cannot be two people.
    (void)r.run("--create-org Rival");
    (void)r.run("--create-user eve@rival.example --org Rival --id 721");
    const auto rivals_org = std::stoll(r.sql("select org_id from memberships where user_id = 721"));
    const auto rival =
        r.service(721, rivals_org, 1).post("/api/device-tokens", {{"device_id", "r"}, {"platform", "ios"}});
    const auto taken = sign_in(
        r, r.client(1).bearer(rival.data().at("device_token").get<std::string>()), claims("apple-ada")
    );
    EXPECT_EQ(taken.status, 409);
    EXPECT_EQ(taken.code(), "apple_account_taken");
}

TEST_F(sign_in_flow, ios_04_tokens_that_are_not_for_us_or_not_now_are_refused) {
    auto& r = with_apple();
    const auto phone = install(r, "phone", "ios", json::object(), 1);
    ASSERT_EQ(sign_in(r, phone.client, claims("apple-ada")).status, 200);
    const auto with = [](json about, const char* key, json value) {
        about[key] = std::move(value);
        return about;
    };
    const auto good = claims("apple-ada");
    const std::vector<std::pair<std::string, json>> bad{
        {"wrong audience", with(good, "aud", "com.evil.app")},
        {"wrong nonce", with(good, "nonce", "n-2")},
        {"no nonce", with(good, "nonce", "")},
        {"expired", with(good, "exp_in_s", -120)},
        {"wrong issuer", with(good, "iss", "https://evil.example")},
        {"unknown key", with(good, "kid", "made-up")},
    };
    for (const auto& [what, about] : bad) {
        SCOPED_TRACE(what);
        const auto reply = sign_in(r, r.client(1), about, device("thief"));
        EXPECT_EQ(reply.status, 401) << reply.body;
        EXPECT_EQ(reply.code(), "apple_token_invalid");
    }
    auto forged = r.carrier().apple_token(good);
    forged[forged.size() - 10] = forged[forged.size() - 10] == 'A' ? 'B' : 'A';
    for (const auto& token :
         {forged, std::string("a.b.c"), std::string("x"), forged.substr(0, forged.rfind('.') + 1)})
        EXPECT_EQ(
            r.client(1).post("/api/auth/apple", {{"identity_token", token}, {"nonce", "n-1"}}).status, 401
        ) << token;
    EXPECT_EQ(r.sql("select count(*) from devices where device_uid = 'thief'"), "0");
}

TEST_F(sign_in_flow, ios_04_a_new_key_of_apple_is_fetched_and_made_up_ones_cost_nothing) {
    auto& r = with_apple();
    const auto phone = install(r, "phone", "ios", json::object(), 1);
    const auto old_key = r.carrier().apple_token(claims("apple-ada"));
    (void)r.carrier().rotate_apple_key();
    const auto present = [&](const std::string& token) {
        return phone.client.post("/api/auth/apple", {{"identity_token", token}, {"nonce", "n-1"}}).status;
    };
    EXPECT_EQ(present(r.carrier().apple_token(claims("apple-ada"))), 200) << "signed by the new key";
    EXPECT_EQ(present(old_key), 200) << "and the one before";
    const auto fetches = [&] { return r.server(1).metric("jwks_fetches_total"); };
    EXPECT_EQ(fetches(), 1);
    auto about = claims("apple-ada");
    for (int i = 0; i < 20; ++i) {
        about["kid"] = "made-up-" + std::to_string(i);
        EXPECT_EQ(present(r.carrier().apple_token(about)), 401);
    }
    EXPECT_EQ(fetches(), 1) << "strangers cause no traffic to Apple";
}

TEST_F(sign_in_flow, ios_04_a_revocation_ends_the_devices_and_an_old_one_ends_nothing_new) {
    auto& r = with_apple();
    const auto notify = [&](const json& notice) {
        return r.client(1).post("/api/auth/apple/notifications", notice);
    };
    const json about{{"type", "consent-revoked"}, {"sub", "apple-ada"}, {"aud", k_app}};
    const auto phone = install(r, "phone", "ios", json::object(), 1);
    ASSERT_EQ(sign_in(r, phone.client, claims("apple-ada")).status, 200);

    auto foreign = about;
    foreign["aud"] = "com.evil.app";
    EXPECT_EQ(notify(r.carrier().apple_notification(foreign)).status, 401);
    EXPECT_EQ(notify({{"payload", "a.b.c"}}).status, 401);
    ASSERT_EQ(phone.client.get("/api/voip/devices/self").status, 200);

    const auto notice = r.carrier().apple_notification(about);
    const auto began = std::chrono::steady_clock::now();
    EXPECT_EQ(notify(notice).data().at("devices_removed"), 1);
    const auto out = phone.client.get("/api/voip/devices/self");
    EXPECT_EQ(out.status, 401);
    EXPECT_TRUE(out.code() == "token_revoked" || out.code() == "token_unknown") << out.body;
    EXPECT_LE(std::chrono::steady_clock::now() - began, 1s);
    EXPECT_TRUE(eventually([&] { return r.carrier().live_credentials().empty(); })) << "at the carrier too";
    EXPECT_EQ(sign_in(r, r.client(1), claims("apple-ada"), device("phone")).code(), "apple_account_unknown");

    // Consent was given again: the old notice, sent once more, is about what was before.
    const auto again = install(r, "phone", "ios", json::object(), 1);
    ASSERT_EQ(sign_in(r, again.client, claims("apple-ada")).status, 200);
    (void)r.sql("update apple_links set created_at = created_at + interval '2 seconds'"
    ); // Apple counts in seconds
    const auto replay = notify(notice);
    EXPECT_EQ(replay.status, 200);
    EXPECT_EQ(replay.data().at("devices_removed"), 0);
    EXPECT_EQ(again.client.get("/api/voip/devices/self").status, 200);
    EXPECT_EQ(r.sql("select count(*) from apple_links where revoked_at is null"), "1");
    (void)r.sql("update apple_links set created_at = created_at - interval '1 minute'");
    EXPECT_EQ(notify(r.carrier().apple_notification(about)).data().at("devices_removed"), 1)
        << "a new one counts";
    EXPECT_EQ(again.client.get("/api/voip/devices/self").status, 401);
}
