// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The inbox of calls, and what a service says of messages.
#include "bed.hpp"

using namespace z360;
using namespace z360::test;

namespace {

constexpr const char* k_list = "/api/voip/conversations";

class api_conversations : public bed {
  protected:
    void add(std::int64_t id, org_id org = k_acme) {
        port::conversation_view c;
        c.id = id;
        c.org = org;
        c.number = "+13125550100";
        c.identifier = "+1312555014" + std::to_string(id);
        c.last_at = clock.at - std::chrono::minutes{id};
        c.summary = {3, 2, 1, millis{61'000}, c.last_at};
        books.rows.push_back(c);
    }
    void add_message(std::int64_t id, std::int64_t conversation, std::optional<uuid> recording = {}) {
        port::message_view m;
        m.id = id;
        m.conversation = conversation;
        m.call = {derive_uuid("call " + std::to_string(id))};
        m.direction = "inbound";
        m.status = "delivered";
        m.metadata =
            json{
                {"call_session_id", m.call.text()},
                {"call_control_id", "leg"},
                {"parent_call_control_id", "caller"},
                {"original_from", "+13125550142"},
                {"received_by", k_ada.value},
                {"keys", {"handleCall:inbound"}},
                {"is_voicemail", true},
                {"is_agent", false},
                {"thread_id", nullptr},
                {"recording_id", "rec"},
                {"recording_started_at", nullptr},
                {"recording_ended_at", nullptr},
                {"recording_urls", {{"mp3", "/api/recordings/x"}, {"wav", nullptr}}},
                {"call_quality", nullptr},
            }
                .dump();
        m.recording = recording;
        m.recording_format = "mp3";
        m.voicemail = m.missed = true;
        m.at = clock.at - std::chrono::minutes{id};
        books.all.push_back(m);
    }
};

} // namespace

TEST_F(api_conversations, be_29_a_person_pages_through_the_inbox_and_gets_figures_with_the_first_page) {
    for (const int n : {1, 2, 3})
        add(n);
    add(4, k_globex);
    const auto who = device(k_ada, "ada-phone");
    const auto first = send("GET", std::string(k_list) + "?limit=2", who);
    ASSERT_EQ(first.status, 200) << first.text;
    ASSERT_EQ(first.data().size(), 2U);
    EXPECT_EQ(first.data()[0]["identifier"], "+13125550141");
    EXPECT_EQ(first.data()[0]["summary"]["talk_minutes"], 2);
    EXPECT_TRUE(first.data()[0]["name"].is_null());
    ASSERT_TRUE(first.body["meta"].contains("summary"));
    const auto next = first.body["meta"]["next"].get<std::string>();
    const auto rest = send("GET", std::string(k_list) + "?limit=200&before=" + next, who);
    ASSERT_EQ(rest.status, 200) << rest.text;
    EXPECT_FALSE(rest.body["meta"].contains("summary"));
    EXPECT_TRUE(rest.body["meta"]["next"].is_null());
    const auto one =
        send("GET", std::string(k_list) + "?organization_id=" + std::to_string(k_acme.value), who);
    EXPECT_EQ(one.data().size(), 3U);
}

TEST_F(api_conversations, be_29_messages_lead_to_what_the_asker_may_hear_and_nowhere_else) {
    add(1);
    const auto heard = derive_uuid("recording");
    add_message(1, 1, heard);
    add_message(2, 1);
    const auto who = device(k_ada, "ada-phone");
    const auto r = send("GET", std::string(k_list) + "/1/messages", who);
    ASSERT_EQ(r.status, 200) << r.text;
    ASSERT_EQ(r.data().size(), 2U);
    const auto url = r.data()[0]["metadata"]["recording_urls"]["mp3"].get<std::string>();
    EXPECT_NE(url.find("/api/recordings/" + heard.text() + "?expires="), std::string::npos) << url;
    EXPECT_TRUE(r.data()[1]["metadata"]["recording_urls"]["mp3"].is_null());
    const auto page = send("GET", std::string(k_list) + "/1/messages?limit=1", who);
    const auto next = page.body["meta"]["next"].get<std::string>();
    const auto rest = send("GET", std::string(k_list) + "/1/messages?before=" + next, who);
    ASSERT_EQ(rest.data().size(), 1U);
    EXPECT_EQ(rest.data()[0]["id"], 2);
}

TEST_F(api_conversations, i_05_conversations_of_others_do_not_exist) {
    add(1, org_id{99});
    add_message(1, 1);
    const auto who = device(k_ada, "ada-phone");
    EXPECT_TRUE(send("GET", k_list, who).data().empty());
    for (const char* id : {"1", "2", "x", "-1", "99999999999999999999"}) {
        const auto r = send("GET", std::string(k_list) + "/" + id + "/messages", who);
        EXPECT_EQ(r.status, 404) << id;
        EXPECT_EQ(r.body["code"], "conversation_unknown");
    }
    EXPECT_EQ(send("GET", k_list).status, 401);
}

TEST_F(api_conversations, be_29_what_cannot_be_asked_is_refused_by_its_name) {
    const auto who = device(k_ada, "ada-phone");
    for (const char* query :
         {"limit=0", "before=x", "before=1.x", "before=1.0", "before=253402300800000.1",
          "organization_id=acme"}) {
        const auto r = send("GET", std::string(k_list) + "?" + query, who);
        EXPECT_EQ(r.status, 422) << query;
        EXPECT_EQ(r.body["errors"].size(), 1U) << query << r.text;
    }
}

TEST_F(api_conversations, be_26_a_service_says_what_a_message_says_again_is_no_change) {
    port::recording_view m;
    m.id = derive_uuid("recording");
    m.call = {derive_uuid("call")};
    m.session = "session";
    m.org = k_acme;
    m.user = k_ada;
    m.purpose = call::recording_purpose::message;
    m.status = port::recording_status::kept;
    m.carrier_id = "rec";
    m.told_at = clock.at;
    recordings.rows.push_back(m);
    const auto path = "/api/voip/voicemails/" + m.id.text() + "/transcription";
    const auto backend = token(port::token_kind::service, {}, k_acme, {"recordings:write"});
    const auto said = send("POST", path, backend, json{{"transcript", "Please\ncall me."}});
    ASSERT_EQ(said.status, 200) << said.text;
    EXPECT_EQ(said.data()["transcript"], "Please\ncall me.");
    EXPECT_EQ(send("POST", path, backend, json{{"transcript", "Please\ncall me."}}).data(), said.data());
    EXPECT_EQ(
        send("GET", "/api/voip/voicemails", device(k_ada, "ada-phone")).data()[0]["transcript"],
        "Please\ncall me."
    );
    for (const json& body :
         {json::object(), json{{"transcript", ""}}, json{{"transcript", std::string(15'001, 'x')}},
          json{{"transcript", 7}}})
        EXPECT_EQ(send("POST", path, backend, body).status, 422) << body.dump().substr(0, 50);
    EXPECT_EQ(recordings.rows[0].transcript, "Please\ncall me.") << "bad input changes nothing";
    EXPECT_EQ(send("POST", path, device(k_ada, "ada-phone"), json{{"transcript", "Mine"}}).status, 403);
    EXPECT_EQ(
        send(
            "POST", path, token(port::token_kind::service, {}, k_acme, {"recordings:read"}),
            json{{"transcript", "x"}}
        )
            .status,
        403
    );
    recordings.rows[0].purpose = call::recording_purpose::talk;
    EXPECT_EQ(send("POST", path, backend, json{{"transcript", "x"}}).status, 404);
}
