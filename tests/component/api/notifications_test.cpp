// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Notifications that the product's backend wants on phones.
#include "bed.hpp"

using namespace z360;
using namespace z360::test;

namespace {

constexpr const char* k_path = "/api/push/notifications";

class api_notifications : public bed {
  protected:
    with backend(org_id org = k_acme) { return token(port::token_kind::service, {}, org, {"push:send"}); }
    with keyed(const std::string& key = "key-1") { return plus(backend(), {{"Idempotency-Key", key}}); }
    static json wanted() {
        return {
            {"user_id", 3},
            {"type", "message_received"},
            {"title", "[Acme] Ada"},
            {"body", "Is the engine running?\nReally?"},
            {"link", "/inbox/9?organization_id=7"},
            {"data", {{"conversation_id", "9"}}},
            {"collapse_key", "conversation-9"},
            {"android_channel_id", "messages"},
            {"ttl_seconds", 300},
            {"priority", "normal"}
        };
    }
    json without(const std::string& field) {
        auto body = wanted();
        body.erase(field);
        return body;
    }
    json changed(const std::string& field, const json& to) {
        auto body = wanted();
        body[field] = to;
        return body;
    }
    void refused(const json& body, const std::string& field) {
        const auto before = orders.asked;
        const auto r = send("POST", k_path, keyed(), body);
        EXPECT_EQ(r.status, 422) << r.text;
        EXPECT_EQ(r.code(), "validation_failed") << r.text;
        EXPECT_TRUE(r.body.at("errors").contains(field)) << r.text;
        EXPECT_EQ(orders.asked, before);
    }
};

} // namespace

TEST_F(api_notifications, be_28_a_notification_is_queued_for_each_phone_and_the_sender_is_woken) {
    auto body = wanted();
    body["device_ids"] = {"unknown", "dead", "unknown"};
    const auto r = send("POST", k_path, keyed(), body);
    ASSERT_EQ(r.status, 202) << r.text;
    EXPECT_EQ(r.data()["messages"].size(), 1U);
    EXPECT_EQ(r.data()["skipped"].size(), 2U);
    EXPECT_EQ(r.data()["skipped"][0]["reason"], "dead_token");
    EXPECT_EQ(r.data()["repeated"], false);
    EXPECT_EQ(orders_placed, 1);
    const auto& o = orders.last;
    EXPECT_EQ(o.org, k_acme);
    EXPECT_EQ(o.users, std::vector<user_id>{k_ada});
    EXPECT_EQ(o.devices.size(), 2U) << "each once";
    EXPECT_EQ(o.ttl, millis{300'000});
    EXPECT_EQ(
        o.shown.type + o.shown.channel + o.shown.collapse_key, "message_receivedmessagesconversation-9"
    );
    EXPECT_EQ(o.shown.extras.size(), 1U);
    EXPECT_FALSE(o.shown.urgent);
    EXPECT_FALSE(orders.asked_for.everything);
    EXPECT_EQ(orders.asked_for.org, k_acme);
}

TEST_F(api_notifications, be_28_the_same_key_again_is_the_same_answer_and_wakes_nobody) {
    const auto first = send("POST", k_path, keyed(), wanted());
    const auto again = send("POST", k_path, keyed(), wanted());
    ASSERT_EQ(again.status, 202);
    EXPECT_EQ(again.data()["messages"], first.data()["messages"]);
    EXPECT_EQ(again.data()["repeated"], true);
    EXPECT_EQ(orders_placed, 1);
    const auto other = send("POST", k_path, keyed(), changed("title", "Another"));
    EXPECT_EQ(other.status, 422);
    EXPECT_EQ(other.code(), "idempotency_key_reused");
    EXPECT_EQ(send("POST", k_path, keyed("key-2"), changed("title", "Another")).status, 202);
}

TEST_F(api_notifications, be_28_what_no_phone_could_take_is_refused_by_its_field) {
    refused(without("type"), "type");
    refused(changed("type", "incoming_call"), "type");
    refused(changed("type", "push_test"), "type");
    refused(changed("type", "two words"), "type");
    refused(without("user_id"), "user_id");
    refused(changed("user_ids", "3"), "user_ids");
    refused(changed("user_ids", {3, "x"}), "user_ids");
    refused(changed("device_ids", {""}), "device_ids");
    refused(changed("device_ids", {std::string("pixel\0", 6)}), "device_ids");
    refused(changed("data", {{"n", 9}}), "data");
    refused(changed("data", {{"aps", "x"}}), "data");
    refused(changed("data", {{"call_uuid", "x"}}), "data");
    refused(changed("data", {{"two words", "x"}}), "data");
    const auto both =
        send("POST", k_path, keyed(), changed("data", {{"from", "x"}, {"a", "x"}, {"seq", "1"}}));
    EXPECT_EQ(both.body.at("errors").at("data").size(), 2U) << "each by its name: " << both.text;
    EXPECT_NE(both.text.find("'from'"), std::string::npos) << both.text;
    EXPECT_NE(both.text.find("'seq'"), std::string::npos) << both.text;
    refused(changed("ttl_seconds", 9), "ttl_seconds");
    refused(changed("ttl_seconds", 2'419'201), "ttl_seconds");
    refused(changed("priority", "urgent"), "priority");
    refused(changed("collapse_key", std::string(65, 'x')), "collapse_key");
    auto empty = without("title");
    empty.erase("body");
    refused(empty, "title");
    refused(changed("title", "   "), "title");
    refused(changed("title", "\u00a0\u200b"), "title");
    refused(changed("body", " \n "), "body");
    const auto bad = send("POST", k_path, backend(), wanted());
    EXPECT_EQ(bad.status, 422);
    EXPECT_TRUE(bad.body["errors"].contains("Idempotency-Key")) << bad.text;
    EXPECT_EQ(send("POST", k_path, keyed("two words"), wanted()).status, 422);
    EXPECT_EQ(orders.asked, 0);
}

TEST_F(api_notifications, be_28_data_that_fits_no_provider_is_too_large) {
    const auto r = send("POST", k_path, keyed(), changed("data", {{"n", std::string(2'048, 'x')}}));
    EXPECT_EQ(r.status, 422);
    EXPECT_EQ(r.code(), "notification_too_large");
    EXPECT_EQ(send("POST", k_path, keyed(), changed("data", {{"n", std::string(1'900, 'x')}})).status, 202);
}

TEST_F(api_notifications, be_28_a_body_that_is_nested_without_end_is_400) {
    const std::string deep = std::string(200'000, '[') + std::string(200'000, ']');
    for (const auto* field : {"user_ids", "data", "unknown"}) {
        const auto body =
            std::string(R"({"user_id":3,"type":"m","title":"t",")") + field + "\":" + deep + "}";
        EXPECT_EQ(send("POST", k_path, keyed(), body).status, 400) << field;
    }
    EXPECT_EQ(orders.asked, 0);
}

TEST_F(api_notifications, i_05_an_id_that_several_people_have_is_refused_by_its_name) {
    orders.went = port::push_answer::how::device_ambiguous;
    auto body = without("user_id");
    body["device_ids"] = {"shared"};
    const auto r = send("POST", k_path, keyed(), body);
    EXPECT_EQ(r.status, 422);
    EXPECT_EQ(r.code(), "validation_failed");
    ASSERT_EQ(r.body.at("errors").at("device_ids").size(), 1U) << r.text;
    EXPECT_NE(r.text.find("'shared'"), std::string::npos) << r.text;
    EXPECT_EQ(orders_placed, 0);
}

TEST_F(api_notifications, be_28_a_full_queue_says_when_to_come_back) {
    orders.went = port::push_answer::how::too_many_wait;
    const auto r = send("POST", k_path, keyed(), wanted());
    EXPECT_EQ(r.status, 429);
    EXPECT_EQ(r.code(), "push_queue_full");
    EXPECT_EQ(r.header("Retry-After"), "30");
    EXPECT_EQ(orders_placed, 0);
}

TEST_F(api_notifications, i_05_a_key_sends_for_its_own_organisation_only_and_names_one_if_it_has_many) {
    EXPECT_EQ(send("POST", k_path, keyed(), changed("organization_id", 8)).code(), "organization_unknown");
    EXPECT_EQ(
        send("POST", k_path, plus(keyed(), {{"X-Z360-Organization", "8"}}), wanted()).code(),
        "organization_unknown"
    );
    EXPECT_EQ(orders.asked, 0);
    const auto many = plus(backend({}), {{"Idempotency-Key", "key-1"}});
    const auto none = send("POST", k_path, many, wanted());
    EXPECT_EQ(none.status, 422);
    EXPECT_TRUE(none.body["errors"].contains("organization_id"));
    EXPECT_EQ(send("POST", k_path, many, changed("organization_id", 8)).status, 202);
    EXPECT_EQ(orders.last.org, k_globex);
    EXPECT_EQ(send("POST", k_path, plus(many, {{"X-Z360-Organization", "7"}}), wanted()).status, 202);
    EXPECT_EQ(orders.last.org, k_acme);
    const auto both =
        send("POST", k_path, plus(many, {{"X-Z360-Organization", "7"}}), changed("organization_id", 8));
    EXPECT_EQ(both.status, 422);
    orders.went = port::push_answer::how::org_unknown;
    EXPECT_EQ(send("POST", k_path, many, changed("organization_id", 77)).status, 404);
}

TEST_F(api_notifications, sec_04_only_a_key_that_may_send_pushes_sends_them) {
    const with key{{"Idempotency-Key", "key-1"}};
    EXPECT_EQ(send("POST", k_path, key, wanted()).status, 401);
    EXPECT_EQ(send("POST", k_path, plus(service(k_acme), key), wanted()).code(), "scope_missing");
    EXPECT_EQ(send("POST", k_path, plus(admin(), key), wanted()).code(), "wrong_credential");
    EXPECT_EQ(send("POST", k_path, plus(device(k_ada, "phone-1"), key), wanted()).status, 403);
    EXPECT_EQ(orders.asked, 0);
}

TEST_F(api_notifications, be_28_without_push_keys_nothing_is_taken) {
    takes_orders = false;
    restart();
    const auto r = send("POST", k_path, keyed(), wanted());
    EXPECT_EQ(r.status, 503);
    EXPECT_EQ(r.code(), "push_not_configured");
    EXPECT_NE(r.body.at("detail").get<std::string>().find("push.apns_key_file"), std::string::npos);
}
