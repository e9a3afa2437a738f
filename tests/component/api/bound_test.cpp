// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What is issued through a token of one organisation stays in it (I5): the person is in others too.
#include "bed.hpp"
#include "edge/api/route_tables.hpp"

using namespace z360;
using namespace z360::test;

class api_bound : public bed {
  protected:
    /// Acme's backend acting for somebody.
    with acme_for(user_id user) {
        return plus(service(k_acme), {{"X-Z360-User", std::to_string(user.value)}});
    }
    with code_of(const with& operator_token) {
        const auto r = send("POST", "/api/admin/users/3/enrolment-codes", operator_token, json::object());
        EXPECT_EQ(r.status, 201) << r.text;
        return {{"Authorization", "Bearer " + r.data().at("enrolment_code").get<std::string>()}};
    }
    answer registers(const with& who, const std::string& uid, json extra = json::object()) {
        extra.update({{"device_id", uid}, {"platform", "ios"}});
        return send("POST", "/api/device-tokens", who, extra);
    }
    static with bearer(const answer& r) {
        return {{"Authorization", "Bearer " + r.data().at("device_token").get<std::string>()}};
    }
    /// A call of Ada in each of her organisations, and a phone of hers that serves Globex or everybody.
    void prepare() {
        everywhere = device(k_ada, "adas-own-phone");
        (void)bound_device(k_ada, k_globex, "globex-phone");
        const auto own = row(k_ada, "adas-own-phone").id;
        acme_call = ring(k_ada, k_acme, {own}).state.id.text();
        auto& theirs = ring(k_ada, k_globex, {own, row(k_ada, "globex-phone").id});
        theirs.state.routed.caller_name = "Secret Friend";
        globex_call = theirs.state.id.text();
    }
    /// Nothing of Globex, and nothing that rings for it.
    void expect_acme_only(const answer& r, const std::string& what) {
        const auto own = std::to_string(row(k_ada, "adas-own-phone").id.value);
        const auto theirs = std::to_string(row(k_ada, "globex-phone").id.value);
        for (const auto& hidden :
             {std::string("Globex"), std::string("globex"), std::string("Secret Friend"), globex_call,
              "gencred" + theirs, "jwt-of-" + own, "jwt-of-" + theirs, "pw-of-" + own + "0"})
            EXPECT_EQ(r.text.find(hidden), std::string::npos)
                << what << " shows " << hidden << ": " << r.text;
    }
    with everywhere;
    std::string acme_call, globex_call;
};

TEST_F(api_bound, i_05_a_device_that_a_bound_backend_registers_is_bound_with_its_token) {
    prepare();
    const auto r = registers(acme_for(k_ada), "acme-phone");
    ASSERT_EQ(r.status, 201) << r.text;
    expect_acme_only(r, "the registration");
    EXPECT_EQ(r.data()["organizations"].size(), 1U);
    EXPECT_EQ(devices.last->bound_to, k_acme);
    const auto own = bearer(r);
    EXPECT_EQ(tokens.rows.back().row.bound_to, k_acme);
    EXPECT_EQ(send("GET", "/api/voip/call-status/" + acme_call, own).status, 200);
    EXPECT_EQ(send("GET", "/api/voip/call-status/" + globex_call, own).status, 404);
    EXPECT_EQ(send("GET", "/api/voip/calls", own).data().size(), 1U);
    EXPECT_EQ(send("GET", "/api/voip/calls?since=0", own).data().size(), 1U);
    EXPECT_EQ(send("GET", "/api/voip/my-active-call", own).data()["active_calls"].size(), 1U);
    EXPECT_EQ(
        send("POST", "/api/voip/switch-org", own, json{{"target_organization_id", k_globex.value}}).status,
        403
    );
    // Its own bearer renews the registration and frees it of nothing.
    EXPECT_EQ(registers(own, "acme-phone").status, 200);
    EXPECT_EQ(devices.last->bound_to, k_acme);
}

TEST_F(api_bound, i_05_a_code_that_a_bound_operator_makes_carries_the_binding) {
    prepare();
    const auto r = registers(code_of(admin(k_acme)), "acme-phone");
    ASSERT_EQ(r.status, 201) << r.text;
    EXPECT_EQ(devices.last->bound_to, k_acme);
    EXPECT_EQ(send("GET", "/api/voip/call-status/" + globex_call, bearer(r)).status, 404);
    // One that names an organisation without being bound to it says where the registration belongs, no more.
    const json in_acme{{"organization_id", k_acme.value}};
    const auto hint = send("POST", "/api/admin/users/3/enrolment-codes", admin(), in_acme);
    const with code{{"Authorization", "Bearer " + hint.data().at("enrolment_code").get<std::string>()}};
    EXPECT_EQ(registers(code, "free-phone").status, 201);
    EXPECT_TRUE(devices.last->bound_to.none());
}

TEST_F(api_bound, i_05_every_route_shows_a_bound_caller_nothing_of_the_persons_other_organisations) {
    prepare();
    const auto acme_phone = bound_device(k_ada, k_acme, "acme-phone");
    const auto backend = plus(
        token(
            port::token_kind::service, {}, k_acme,
            {"act", "handoff", "tenants:read", "tenants:write", "devices:read", "devices:write", "enrolment",
             "tokens", "push:send"}
        ),
        {{"X-Z360-User", "3"}}
    );
    struct asker {
        const char* who;
        with headers;
    };
    const std::vector<asker> askers{
        {"bound device", acme_phone},
        {"bound backend", backend},
        {"bound backend that names the other", plus(backend, {{"X-Z360-Organization", "8"}})},
        {"bound backend that names her own phone", plus(backend, {{"X-Z360-Device", "adas-own-phone"}})},
        {"bound backend that names the other's phone", plus(backend, {{"X-Z360-Device", "globex-phone"}})},
        {"code of a bound operator", code_of(admin(k_acme))},
    };
    std::size_t tried = 0;
    for (const auto& e : edge::api::all_entries()) {
        if (e.pattern == "/api/openapi.json" || e.pattern == "/api/docs") continue;
        // Acme's operators may end its members' devices; that is not what this is about.
        if (e.method == "DELETE" && e.pattern.starts_with("/api/admin/")) continue;
        for (const auto& a : askers)
            for (const char* named : {"adas-own-phone", "globex-phone", ""}) {
                std::string path(e.pattern);
                const auto put = [&path](std::string_view name, const std::string& value) {
                    const auto at = path.find(name);
                    if (at != std::string::npos) path.replace(at, name.size(), value);
                };
                put("{deviceId}", *named == '\0' ? "globex-phone" : named);
                put("{org}", "8");
                put("{user}", "3");
                put("{e164}", "+13125550800");
                put("{id}", globex_call);
                json body{{"platform", "ios"},   {"target_organization_id", 8},
                          {"voip_token", k_hex}, {"previous_device_id", "adas-own-phone"},
                          {"name", "x"},         {"kind", "service"}};
                if (*named != '\0') body["device_id"] = named;
                if (*named != '\0' && e.method == "GET") path += std::string("?device_id=") + named;
                clock.at += millis{1'000}; // the limits are another test's
                const auto r = send(std::string(e.method), path, a.headers, body);
                const auto what = std::string(e.method) + " " + path + " as " + a.who;
                expect_acme_only(r, what);
                EXPECT_LT(r.status, 500) << what << ": " << r.text;
                for (const char* hers : {"adas-own-phone", "globex-phone"}) {
                    const auto& d = row(k_ada, hers);
                    EXPECT_EQ(d.status, "active") << what;
                    EXPECT_EQ(d.push_state, "none") << what;
                }
                ++tried;
            }
    }
    EXPECT_GT(tried, 500U);
    EXPECT_TRUE(row(k_ada, "adas-own-phone").bound_to.none());
    EXPECT_EQ(row(k_ada, "globex-phone").bound_to, k_globex);
    // The ids were right: her own phone gets all of it.
    EXPECT_EQ(send("GET", "/api/voip/call-status/" + globex_call, everywhere).status, 200);
    EXPECT_EQ(send("GET", "/api/voip/credentials", everywhere).status, 200);
}

TEST_F(api_bound, i_05_a_device_id_outside_the_organisation_is_refused_and_the_code_is_kept) {
    prepare();
    const auto code = code_of(admin(k_acme));
    for (const auto& who : {acme_for(k_ada), code}) {
        const auto r = registers(who, "adas-own-phone");
        EXPECT_EQ(r.status, 409) << r.text;
        EXPECT_EQ(r.code(), "device_id_taken");
        EXPECT_EQ(registers(who, "globex-phone").status, 409);
    }
    EXPECT_TRUE(row(k_ada, "adas-own-phone").bound_to.none());
    EXPECT_EQ(registers(code, "acme-phone").status, 201) << "the code still does";
    // The page that registers for business pushes alike.
    const json page{{"fcm_token", k_fcm}, {"platform", "android"}};
    EXPECT_EQ(send("POST", "/device-tokens", acting(k_ada), page).status, 303);
    EXPECT_EQ(send("POST", "/device-tokens", acme_for(k_ada), page).code(), "device_id_taken");
    const json mine{{"fcm_token", k_fcm_2}, {"platform", "android"}};
    EXPECT_EQ(send("POST", "/device-tokens", acme_for(k_ada), mine).status, 303);
    EXPECT_EQ(devices.last->bound_to, k_acme);
}

TEST_F(api_bound, i_05_bound_tokens_link_no_apple_account) {
    const auto acme_phone = bound_device(k_ada, k_acme, "acme-phone");
    const json body{{"identity_token", "apple:77"}, {"nonce", "the-nonce"}};
    const auto code = code_of(admin(k_acme));
    for (const auto& who : {acme_phone, code}) {
        const auto r = send("POST", "/api/auth/apple", who, body);
        EXPECT_EQ(r.status, 403) << r.text;
        EXPECT_EQ(r.code(), "wrong_credential");
    }
    EXPECT_EQ(tenants.apple.count("77"), 0U);
    EXPECT_EQ(send("POST", "/api/auth/apple", device(k_ada, "phone"), body).status, 200);
}

TEST_F(api_bound, i_05_an_organisations_operator_does_not_learn_of_calls_elsewhere) {
    prepare();
    auto& own = row(k_ada, "adas-own-phone");
    own.on_call = true; // in Globex: the call's id is hidden from Acme's scope
    const auto r = send("GET", "/api/admin/users/3/devices", admin(k_acme));
    ASSERT_EQ(r.data().size(), 1U) << "her own phone, not the one that is bound to the other: " << r.text;
    EXPECT_EQ(r.data()[0]["on_call"], false);
    EXPECT_EQ(send("GET", "/api/admin/users/3/devices", admin()).data()[0]["on_call"], true);
}
