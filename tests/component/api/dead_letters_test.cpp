// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Webhooks that were given up, for operators.
#include "bed.hpp"

using namespace z360;
using namespace z360::test;

class api_unusable_events : public bed {
  protected:
    void SetUp() override {
        for (int n = 1; n <= 5; ++n) {
            port::dead_event e;
            e.position = n;
            e.event_id = "event-" + std::to_string(n);
            e.event_type = n % 2 == 0 ? "call.hangup" : "call.answered";
            e.call_session_id = "session-" + std::to_string(n);
            e.route = "call_control";
            e.received_at = clock.at + std::chrono::minutes{n};
            e.error = n < 4 ? "unknown session" : "decided four times, failed four times";
            e.status = "dead";
            e.processed_at = e.received_at;
            e.body = R"({"data":{"id":"event-)" + std::to_string(n) + "\"}}";
            dead_letters.rows.push_back(e);
        }
    }
    std::string listed(const std::string& query) {
        const auto r = send("GET", "/api/admin/dead-letters" + query, admin());
        EXPECT_EQ(r.status, 200) << r.text;
        std::string out;
        for (const auto& row : r.data())
            out += row["event_id"].get<std::string>().substr(6);
        return out;
    }
};

TEST_F(api_unusable_events, be_19_they_are_listed_newest_first_in_pages_and_by_what_they_have_in_common) {
    EXPECT_EQ(listed(""), "54321");
    EXPECT_EQ(listed("?type=call.hangup"), "42");
    EXPECT_EQ(listed("?call_session_id=session-3"), "3");
    EXPECT_EQ(listed("?error=unknown"), "321");
    EXPECT_EQ(listed("?since=" + iso8601(clock.at + std::chrono::minutes{4})), "54");
    EXPECT_EQ(listed("?until=" + iso8601(clock.at + std::chrono::minutes{2})), "1");
    const auto first = send("GET", "/api/admin/dead-letters?limit=2", admin());
    EXPECT_EQ(first.body["meta"]["next"], 4);
    EXPECT_EQ(listed("?limit=2&after=4"), "32");
    EXPECT_EQ(listed("?after=1"), "");
    for (const char* bad : {"?since=yesterday", "?limit=0", "?after=x"})
        EXPECT_EQ(send("GET", std::string("/api/admin/dead-letters") + bad, admin()).status, 422) << bad;
}

TEST_F(api_unusable_events, be_19_one_is_shown_as_it_came) {
    const auto r = send("GET", "/api/admin/dead-letters/event-2", admin());
    ASSERT_EQ(r.status, 200) << r.text;
    EXPECT_EQ(r.data()["body"], R"({"data":{"id":"event-2"}})");
    EXPECT_EQ(r.data()["error"], "unknown session");
    const auto none = send("GET", "/api/admin/dead-letters/event-9", admin());
    EXPECT_EQ(none.status, 404);
    EXPECT_EQ(none.code(), "event_unknown");
}

TEST_F(api_unusable_events, be_19_one_is_offered_again_once_however_often_it_is_asked) {
    const auto r = send("POST", "/api/admin/dead-letters/event-2/replay", admin());
    ASSERT_EQ(r.status, 200) << r.text;
    EXPECT_EQ(r.data()["replayed"], true);
    ASSERT_FALSE(audit.lines.empty());
    EXPECT_EQ(audit.lines.back().action, "dead_letters_replayed");
    EXPECT_EQ(audit.lines.back().detail, "ids=1 event-2");
    dead_letters.rows[1].status = "done";
    const auto again = send("POST", "/api/admin/dead-letters/event-2/replay", admin());
    EXPECT_EQ(again.status, 200);
    EXPECT_EQ(again.data()["replayed"], false);
    EXPECT_EQ(again.data()["status"], "done");
    EXPECT_EQ(send("POST", "/api/admin/dead-letters/event-9/replay", admin()).status, 404);
}

TEST_F(api_unusable_events, be_19_many_are_offered_again_by_ids_or_by_a_filter_with_a_limit) {
    const auto replay = [&](const json& body) {
        return send("POST", "/api/admin/dead-letters/replay", admin(), body);
    };
    auto r = replay({{"event_ids", {"event-5", "event-9"}}});
    ASSERT_EQ(r.status, 200) << r.text;
    EXPECT_EQ(r.data()["event_ids"], json({"event-5"}));
    r = replay({{"error", "unknown session"}, {"limit", 2}});
    EXPECT_EQ(r.data()["event_ids"], json({"event-1", "event-2"})) << "the oldest";
    EXPECT_EQ(r.data()["more"], true);
    r = replay({{"error", "unknown session"}, {"limit", 2}});
    EXPECT_EQ(r.data()["replayed"], 1);
    EXPECT_EQ(r.data()["more"], false);
    for (const auto& bad :
         {json::object(), json{{"limit", 3}}, json{{"event_ids", json::array()}},
          json{{"type", "x"}, {"limit", 501}}, json{{"event_ids", {"event-4"}}, {"type", "x"}},
          json{{"since", "soon"}}})
        EXPECT_EQ(replay(bad).status, 422) << bad.dump();
    EXPECT_EQ(listed(""), "4") << "never all of them for want of a word";
}

TEST_F(api_unusable_events, i_05_they_are_nobodys_and_need_a_scope_and_a_token_of_no_organisation) {
    const auto read = token(port::token_kind::service, {}, {}, {"events:read"});
    EXPECT_EQ(send("GET", "/api/admin/dead-letters", read).status, 200);
    EXPECT_EQ(send("POST", "/api/admin/dead-letters/event-1/replay", read).code(), "scope_missing");
    EXPECT_EQ(send("GET", "/api/admin/dead-letters", service()).code(), "scope_missing");
    for (const char* path : {"/api/admin/dead-letters", "/api/admin/dead-letters/event-1"}) {
        const auto bound = send("GET", path, admin(k_acme));
        EXPECT_EQ(bound.status, 403) << path;
        EXPECT_EQ(bound.code(), "access_denied");
    }
    for (const char* path : {"/api/admin/dead-letters/event-1/replay", "/api/admin/dead-letters/replay"})
        EXPECT_EQ(send("POST", path, admin(k_acme), json{{"type", "call.hangup"}}).status, 403) << path;
    EXPECT_EQ(send("GET", "/api/admin/dead-letters", device(k_ada, "phone-1")).status, 403);
    EXPECT_EQ(listed(""), "54321");
}
