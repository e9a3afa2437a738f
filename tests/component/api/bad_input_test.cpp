// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What is wrong with a body is said, all of it, by field, and without a piece of it.
#include "bed.hpp"

using namespace z360;
using namespace z360::test;

class api_bad_input : public bed {};

TEST_F(api_bad_input, bad_json_is_400_with_its_place) {
    const auto backend = acting(k_ada);
    const auto r = send("POST", "/api/device-tokens", backend, "{\n  \"device_id\": \"x\",\n  oops-secret }");
    EXPECT_EQ(r.status, 400);
    EXPECT_EQ(r.code(), "invalid_json");
    EXPECT_EQ(r.body["detail"], "at line 3, column 3");
    EXPECT_EQ(r.text.find("oops"), std::string::npos);
    EXPECT_EQ(send("POST", "/api/device-tokens", backend, "[1,2]").status, 400);
    EXPECT_EQ(send("POST", "/api/device-tokens", backend, "\"text\"").status, 400);
    EXPECT_EQ(send("POST", "/api/device-tokens", backend, std::string("{\"a\":\"\xff\"}")).status, 400);
    EXPECT_EQ(send("POST", "/api/device-tokens", backend, std::string(200'000, '[')).status, 400);
    EXPECT_EQ(send("POST", "/api/device-tokens", backend, "{\"a\":1e999}").status, 400);
}

// Values are copied and written level by level, on the stack: such a body must end there, not the server.
TEST_F(api_bad_input, a_body_that_is_nested_without_end_is_400) {
    const auto backend = acting(k_ada);
    const std::string deep = std::string(200'000, '[') + std::string(200'000, ']');
    const auto in = [&deep](const std::string& field) {
        return R"({"device_id":"a-1","platform":"android",")" + field + "\":" + deep + "}";
    };
    for (const char* path : {"/api/device-tokens", "/api/device-tokens/update-fcm"})
        for (const auto& body : {in("unknown"), in("capabilities"), in("fcm_token")}) {
            const auto r = send("POST", path, backend, body);
            EXPECT_EQ(r.status, 400) << path;
            EXPECT_EQ(r.code(), "invalid_json");
        }
    const auto nested = R"({"device_id":"a-1","platform":"android","capabilities":{"a":)" + deep + "}}";
    EXPECT_EQ(send("POST", "/api/device-tokens", backend, nested).status, 400);
    EXPECT_TRUE(devices.rows.empty());
    const std::string fits = std::string(30, '[') + std::string(30, ']');
    const auto odd = R"({"device_id":"a-1","platform":"android","unknown":)" + fits + "}";
    EXPECT_EQ(send("POST", "/api/device-tokens", backend, odd).status / 100, 2);
}

TEST_F(api_bad_input, every_problem_is_reported_at_once) {
    const json body{
        {"device_id", 7},        {"platform", "windows"},       {"app_version", std::string(51, '1')},
        {"capabilities", "all"}, {"embedded_webview", "maybe"}, {"organization_id", -1},
        {"issued_at", "soon"},   {"device_public_key", "short"}
    };
    const auto r = send("POST", "/api/device-tokens", acting(k_ada), body);
    EXPECT_EQ(r.status, 422);
    EXPECT_EQ(r.code(), "validation_failed");
    for (const auto& [field, value] : body.items())
        EXPECT_TRUE(r.body["errors"].contains(field)) << field << " in " << r.text;
    EXPECT_TRUE(r.body["errors"]["device_id"].is_array());
}

TEST_F(api_bad_input, and_24_junk_device_ids_and_tokens_are_422) {
    const auto backend = acting(k_ada);
    for (const char* junk : {"", "web", "undefined", "null"}) {
        const json id{{"device_id", junk}, {"platform", "android"}};
        EXPECT_EQ(send("POST", "/api/device-tokens", backend, id).status, 422) << "device_id " << junk;
        const json token{{"device_id", "a-1"}, {"platform", "android"}, {"fcm_token", junk}};
        const auto r = send("POST", "/api/device-tokens", backend, token);
        EXPECT_EQ(r.status, 422) << "fcm_token " << junk;
        EXPECT_TRUE(r.body["errors"].contains("fcm_token"));
        const json voip{{"device_id", "i-1"}, {"platform", "ios"}, {"voip_token", junk}};
        EXPECT_EQ(send("POST", "/api/device-tokens", backend, voip).status, 422) << "voip_token " << junk;
        const json update{{"device_id", "a-1"}, {"fcm_token", junk}};
        EXPECT_EQ(send("POST", "/api/device-tokens/update-fcm", backend, update).status, 422) << junk;
    }
    EXPECT_TRUE(devices.rows.empty());
}

TEST_F(api_bad_input, and_24_words_that_sdks_return_in_place_of_a_token_are_422) {
    const auto backend = acting(k_ada);
    for (const char* word :
         {"SERVICE_NOT_AVAILABLE", "service_not_available", "MISSING_INSTANCEID_SERVICE",
          "AUTHENTICATION_FAILED", "PHONE_REGISTRATION_ERROR", "TOO_MANY_REGISTRATIONS",
          "FIS_AUTH_ERROR:attempt-3-of-5", "java.io.IOException:SERVICE_NOT_AVAILABLE",
          "java.io.IOException:code-17", "messaging.token-unsubscribe", "no-token-could-be-fetched",
          "INTERNAL_SERVER_ERROR_500", "messaging-permission-blocked-1", "messaging/token-update-failed",
          "java.util.concurrent.ExecutionException:17", "YOUR_DEVICE_TOKEN_HERE"}) {
        for (const auto& [platform, field] :
             {std::pair{"android", "fcm_token"}, std::pair{"ios", "push_token"}}) {
            const json body{{"device_id", "a-1"}, {"platform", platform}, {field, word}};
            const auto r = send("POST", "/api/device-tokens", backend, body);
            EXPECT_EQ(r.status, 422) << word;
            EXPECT_TRUE(r.body["errors"].contains(field)) << word;
        }
    }
    EXPECT_TRUE(devices.rows.empty());
}

TEST_F(api_bad_input, and_24_what_is_no_firebase_installation_is_422) {
    const auto backend = acting(k_ada);
    const std::string good = "cQwXwWgXcQ_0a1b2c3d4e5";
    for (const std::string& fid :
         {std::string(), std::string("undefined"), good.substr(1), good + "a", "b" + good.substr(1),
          "g" + good.substr(1), "C" + good.substr(1), good.substr(0, 21) + "=", good.substr(0, 20) + "ü",
          std::string("disabled-notifications"), std::string("cSERVICE_NOT_AVAILABLE"), k_fcm}) {
        const json body{{"device_id", "a-1"}, {"platform", "android"}, {"fid", fid}};
        const auto r = send("POST", "/api/device-tokens", backend, body);
        EXPECT_EQ(r.status, 422) << fid;
        EXPECT_TRUE(r.body["errors"].contains("fid")) << fid << " " << r.text;
        const json update{{"device_id", "a-1"}, {"fid", fid}};
        EXPECT_EQ(send("POST", "/api/device-tokens/update-fcm", backend, update).status, 422) << fid;
    }
    for (const char* platform : {"ios", "web"}) {
        const json body{{"device_id", "a-1"}, {"platform", platform}, {"fid", good}};
        const auto r = send("POST", "/api/device-tokens", backend, body);
        EXPECT_EQ(r.status, 422) << platform;
        EXPECT_TRUE(r.body["errors"].contains("fid")) << r.text;
    }
    EXPECT_TRUE(devices.rows.empty());
}

TEST_F(api_bad_input, and_24_a_token_is_opaque_and_registers_whatever_letters_it_has) {
    const auto backend = acting(k_ada);
    std::string printable;
    for (char c = '!'; c <= '~'; ++c)
        printable.push_back(c);
    int n = 0;
    for (const std::string& token :
         {std::string("cQwXwWgXcQ:APAbExampleExampleExampleExample"), std::string(40, 'a'),
          std::string(142, 'Z'), std::string(100, 'a') + "_NOT_FOUND_" + std::string(50, 'b'),
          "words-and-words-" + std::string(90, 'c') + "-in-one-case", printable, std::string(4096, 'k'),
          std::string("fQwXwWgXcQ/APAbExample+Example=Example~x")}) {
        const auto uid = "a-" + std::to_string(++n);
        const json body{{"device_id", uid}, {"platform", "android"}, {"fcm_token", token}};
        const auto r = send("POST", "/api/device-tokens", backend, body);
        EXPECT_EQ(r.status, 201) << token << " " << r.text;
        EXPECT_EQ(r.data()["push_token_required"], false) << token;
        const json alert{{"device_id", "i" + uid}, {"platform", "ios"}, {"push_token", token}};
        EXPECT_EQ(send("POST", "/api/device-tokens", backend, alert).status, 201) << token;
        const json update{{"device_id", uid}, {"fcm_token", token}};
        EXPECT_EQ(send("POST", "/api/device-tokens/update-fcm", backend, update).status, 200) << token;
    }
}

TEST_F(api_bad_input, and_24_tokens_of_the_wrong_shape_for_the_platform_are_422) {
    struct wrong {
        const char* platform;
        const char* field;
        std::string token;
    };
    const std::vector<wrong> table{
        {"ios", "voip_token", k_fcm},
        {"ios", "voip_token", "abcdef"},
        {"ios", "voip_token", std::string(63, 'a')},
        {"ios", "push_token", "too short"},
        {"android", "fcm_token", "with spaces in the middle of it"},
        {"android", "fcm_token", std::string(4097, 'a')},
        {"android", "fcm_token", std::string(19, 'a')},
        {"android", "fcm_token", "caf\xc3\xa9" + std::string(150, 'a')},
        {"android", "fcm_token", std::string(150, 'a') + "\x7f"},
        {"web", "fcm_token", k_fcm},
        {"web", "fcm_token", "web_of-another-device"},
        {"android", "fcm_token", std::string("tab\tin\tthe\tmiddle\tof\tthe\ttoken")},
    };
    const auto backend = acting(k_ada);
    for (const auto& w : table) {
        const json body{{"device_id", "d-1"}, {"platform", w.platform}, {w.field, w.token}};
        const auto r = send("POST", "/api/device-tokens", backend, body);
        EXPECT_EQ(r.status, 422) << w.platform << " " << w.token;
        EXPECT_TRUE(r.body["errors"].contains(w.field)) << r.text;
        EXPECT_EQ(r.text.find(w.token), std::string::npos) << "the token is not repeated";
    }
}

TEST_F(api_bad_input, texts_hold_no_control_characters_and_numbers_may_be_texts) {
    const auto backend = acting(k_ada);
    json body{{"device_id", "d-1"}, {"platform", "ios"}, {"device_name", std::string("a\0b", 3)}};
    EXPECT_EQ(send("POST", "/api/device-tokens", backend, body).status, 422);
    body["device_name"] = "Ada\xE2\x80\x99s \xF0\x9F\x93\xB1";
    body["organization_id"] = "7";
    EXPECT_EQ(send("POST", "/api/device-tokens", backend, body).status, 201);
    for (const std::string& bad : {std::string("\0", 1), std::string("\x1b[31m"), std::string("\xC2\x9B")}) {
        body["capabilities"] = {{"x", bad}};
        EXPECT_EQ(send("POST", "/api/device-tokens", backend, body).status, 422);
    }
    body.erase("capabilities");
    for (const char* bad :
         {"\x1b[31mred", "a\x7f",
          "C1 \xC2\x9B"
          "31m",
          "C1 \xC2\x85"})
        for (const char* field : {"device_id", "device_name", "app_version", "os_version"}) {
            auto wrong = body;
            wrong[field] = bad;
            const auto r = send("POST", "/api/device-tokens", backend, wrong);
            EXPECT_EQ(r.status, 422) << field;
            EXPECT_TRUE(r.body["errors"].contains(field)) << r.text;
        }
    for (const auto& [path, field] : std::vector<std::pair<std::string, std::string>>{
             {"/api/admin/organizations/7", "name"},
             {"/api/admin/users/3", "name"},
             {"/api/admin/organizations/7/contacts/+13125550188", "name"}
         })
        EXPECT_EQ(
            send("PUT", path, admin(), json{{field, "a\xC2\x9B"}, {"login", "a@b.example"}}).status, 422
        ) << path;
}

TEST_F(api_bad_input, a_name_is_something_that_people_can_read) {
    const auto boss = admin();
    const std::string org = "/api/admin/organizations/" + std::to_string(k_acme.value);
    struct place {
        const char* method;
        std::string path;
        json body;
        const char* field;
        bool required;
    };
    const std::vector<place> table{
        {"PUT", org, json::object(), "name", true},
        {"PUT", "/api/admin/users/3", {{"login", "a@b.example"}}, "name", true},
        {"PUT",
         org + "/numbers/+13125550100",
         {{"route_type", "reject"}, {"connection_id", "1"}},
         "alias",
         false},
        {"PUT", org + "/contacts/+13125550142", json::object(), "name", true},
        {"PUT", org + "/settings", json::object(), "hold_prompt", false},
        {"POST", "/api/admin/tokens", {{"kind", "service"}}, "name", true},
        {"POST", "/api/device-tokens", {{"device_id", "n-1"}, {"platform", "android"}}, "device_name", false},
    };
    for (const auto& p : table) {
        const auto put = [&](const std::string& name) {
            auto body = p.body;
            body[p.field] = name;
            const auto& who = std::string(p.path) == "/api/device-tokens" ? acting(k_ada) : boss;
            return send(p.method, p.path, who, body);
        };
        for (const std::string& bad :
             {std::string(" "), std::string("\t \n"), std::string("\u00a0"), std::string("\u200b\u3000"),
              std::string("\u202egnp.exe"), std::string("a\x1b[2J"), std::string(3001, 'x')}) {
            const auto r = put(bad);
            EXPECT_EQ(r.status, 422) << p.path << " " << json(bad) << " " << r.text;
            EXPECT_TRUE(r.body["errors"].contains(p.field)) << r.text;
        }
        EXPECT_EQ(put("").status == 422, p.required || std::string(p.field) == "hold_prompt") << p.path;
        EXPECT_LT(put("Bäckerei 山田").status, 300) << p.path << put("Bäckerei 山田").text;
    }
    for (const char* login : {"@", "@x", "ada@", " @x", "a da@x", "ada\u00a0@x"})
        EXPECT_EQ(send("PUT", "/api/admin/users/3", boss, json{{"login", login}, {"name", "x"}}).status, 422)
            << login;
}

TEST_F(api_bad_input, a_table_of_bodies_that_no_route_takes) {
    const auto phone = device(k_ada, "phone-1");
    const auto boss = admin();
    struct wrong {
        const char* method;
        const char* path;
        const with& who;
        json body;
        const char* field;
    };
    const std::vector<wrong> table{
        {"POST", "/api/voip/switch-org", phone, json::object(), "target_organization_id"},
        {"POST",
         "/api/voip/switch-org",
         phone,
         {{"target_organization_id", "seven"}},
         "target_organization_id"},
        {"POST", "/api/voip/switch-org", phone, {{"target_organization_id", 1.5}}, "target_organization_id"},
        {"POST", "/api/voip/token", phone, {{"device_id", 5}}, "device_id"},
        {"POST", "/api/device-tokens/update-fcm", phone, {{"device_id", "phone-1"}}, "fcm_token"},
        {"PUT", "/api/admin/organizations/7", boss, json::object(), "name"},
        {"PUT", "/api/admin/organizations/7", boss, {{"name", "x"}, {"slug", "Not A Slug"}}, "slug"},
        {"PUT", "/api/admin/organizations/7", boss, {{"name", "x"}, {"status", "gone"}}, "status"},
        {"PUT", "/api/admin/users/3", boss, {{"login", "nobody"}, {"name", "x"}}, "login"},
        {"PUT", "/api/admin/organizations/7/members/3", boss, {{"role", "king"}}, "role"},
        {"PUT", "/api/admin/organizations/7/settings", boss, {{"ring_seconds", 61}}, "ring_seconds"},
        {"PUT", "/api/admin/organizations/7/settings", boss, {{"ringback_url", "http://x"}}, "ringback_url"},
        {"PUT", "/api/admin/organizations/7/numbers/555", boss, json::object(), "number"},
        {"PUT",
         "/api/admin/organizations/7/numbers/+13125550100",
         boss,
         {{"route_type", "user"}},
         "receiving_user_id"},
        {"PUT",
         "/api/admin/organizations/7/contacts/+13125550142",
         boss,
         {{"name", "x"}, {"avatar_url", "http://x"}},
         "avatar_url"},
        {"POST", "/api/admin/users/3/enrolment-codes", boss, {{"ttl_seconds", 1}}, "ttl_seconds"},
        {"POST", "/api/admin/tokens", boss, {{"kind", "device"}, {"name", "x"}}, "kind"},
        {"POST",
         "/api/admin/tokens",
         boss,
         {{"kind", "service"}, {"name", "x"}, {"scopes", {"root"}}},
         "scopes"},
        {"POST", "/api/auth/apple", phone, {{"nonce", "n"}}, "identity_token"},
    };
    for (const auto& w : table) {
        const auto r = send(w.method, w.path, w.who, w.body);
        EXPECT_EQ(r.status, 422) << w.method << " " << w.path << " " << w.body << " " << r.text;
        EXPECT_TRUE(r.body.contains("errors") && r.body["errors"].contains(w.field)) << r.text;
    }
    for (const char* path :
         {"/api/voip/calls?limit=0", "/api/voip/calls?limit=x", "/api/voip/calls?since=-1"})
        EXPECT_EQ(send("GET", path, phone).status, 422) << path;
    for (const char* path :
         {"/api/admin/organizations?after=x", "/api/admin/organizations?limit=501",
          "/api/admin/organizations/7/numbers?after=x"})
        EXPECT_EQ(send("GET", path, boss).status, 422) << path;
}
