// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What became of pushes, for operators.
#include "bed.hpp"

using namespace z360;
using namespace z360::test;

class api_push_stats : public bed {
  protected:
    void SetUp() override {
        port::push_group g;
        g.platform = "ios";
        g.app_version = "2.4.0";
        g.provider = "apns";
        g.rings = 10;
        g.accepted = 9;
        g.received = 8;
        g.shown = 7;
        g.answered = 3;
        g.arrival_p50 = millis{420};
        pushes.report.groups.push_back(g);
        pushes.report.refusals.push_back({"apns", "dead_token", "Unregistered", 1});
        port::dark_device d;
        d.id = device_id{12};
        d.uid = "phone-12";
        d.name = "Ada's iPhone";
        d.platform = "ios";
        d.app_version = "2.4.0";
        d.user = k_ada;
        d.accepted = 4;
        d.last = clock.at;
        pushes.report.dark.push_back(d);
    }
};

TEST_F(api_push_stats, push_02_what_was_taken_received_and_answered_is_told_by_app_and_provider) {
    const auto r = send("GET", "/api/admin/push/stats?hours=48", admin());
    ASSERT_EQ(r.status, 200) << r.text;
    EXPECT_EQ(r.data()["since"], iso8601(clock.at - std::chrono::hours{48}));
    const auto& g = r.data()["groups"][0];
    EXPECT_EQ(g["provider"], "apns");
    EXPECT_EQ(g["accepted"], 9);
    EXPECT_EQ(g["arrival_ms"]["p50"], 420);
    EXPECT_EQ(g["arrival_ms"]["p95"], nullptr);
    EXPECT_EQ(r.data()["refusals"][0]["reason"], "Unregistered");
    EXPECT_EQ(r.data()["dark_devices"][0]["device_id"], "phone-12");
    EXPECT_TRUE(pushes.asked_for.everything);
}

TEST_F(api_push_stats, i_05_a_token_of_one_organisation_asks_for_that_one) {
    ASSERT_EQ(send("GET", "/api/admin/push/stats", admin(k_acme)).status, 200);
    EXPECT_FALSE(pushes.asked_for.everything);
    EXPECT_EQ(pushes.asked_for.org, k_acme);
    EXPECT_EQ(pushes.asked_from, clock.at - std::chrono::hours{24});
}

TEST_F(api_push_stats, sec_04_neither_people_nor_bad_times_get_figures) {
    EXPECT_EQ(send("GET", "/api/admin/push/stats", device(k_ada, "phone-1")).status, 403);
    EXPECT_EQ(send("GET", "/api/admin/push/stats").status, 401);
    for (const char* bad : {"0", "2161", "-1", "soon"})
        EXPECT_EQ(send("GET", std::string("/api/admin/push/stats?hours=") + bad, admin()).status, 422) << bad;
}
