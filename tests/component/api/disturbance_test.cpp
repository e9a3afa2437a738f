// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Do not disturb, of a person and of one of their devices.
#include "bed.hpp"

using namespace z360;
using namespace z360::test;

namespace {

constexpr const char* k_path = "/api/voip/do-not-disturb";
constexpr const char* k_tonight = "2026-01-31T18:00:00Z";

class api_disturbance : public bed {};

} // namespace

TEST_F(api_disturbance, a_device_says_it_of_itself_and_of_its_person_until_a_time_or_until_it_ends) {
    const auto own = device(k_ada, "ada-phone");
    const auto other = device(k_ada, "ada-tablet");
    EXPECT_EQ(send("GET", k_path, own).data()["person"], (json{{"on", false}, {"until", nullptr}}));
    const auto until = iso8601(clock.at + std::chrono::hours{5});
    auto r = send("PUT", k_path, own, json{{"of", "device"}, {"on", true}, {"until", until}});
    ASSERT_EQ(r.status, 200) << r.text;
    EXPECT_EQ(r.data()["device"], (json{{"on", true}, {"until", until}, {"device_id", "ada-phone"}}));
    EXPECT_EQ(send("GET", k_path, other).data()["device"]["on"], false) << "of that one alone";
    r = send("PUT", k_path, other, json{{"of", "person"}, {"on", true}});
    ASSERT_EQ(r.status, 200) << r.text;
    EXPECT_EQ(send("GET", k_path, own).data()["person"], (json{{"on", true}, {"until", nullptr}}));
    clock.at += std::chrono::hours{6};
    EXPECT_EQ(send("GET", k_path, own).data()["device"]["on"], false) << "its time is over";
    ASSERT_EQ(send("PUT", k_path, own, json{{"of", "person"}, {"on", false}}).status, 200);
    EXPECT_EQ(send("GET", k_path, own).data()["person"]["on"], false);
}

TEST_F(api_disturbance, a_backend_says_it_for_a_person_and_names_the_device_that_it_means) {
    (void)device(k_ada, "ada-phone");
    const auto ada = plus(service(), {{"X-Z360-User", std::to_string(k_ada.value)}});
    EXPECT_EQ(send("GET", k_path, ada).data()["device"], nullptr) << "none is meant";
    const auto set =
        send("PUT", k_path, ada, json{{"of", "device"}, {"on", true}, {"device_id", "ada-phone"}});
    ASSERT_EQ(set.status, 200) << set.text;
    EXPECT_EQ(send("GET", std::string(k_path) + "?device_id=ada-phone", ada).data()["device"]["on"], true);
    EXPECT_EQ(send("GET", std::string(k_path) + "?device_id=bobs-phone", ada).status, 404);
}

TEST_F(api_disturbance, i_05_a_token_of_one_organisation_says_nothing_for_the_others) {
    const auto bound = bound_device(k_ada, k_globex, "globex-phone");
    const auto r = send("PUT", k_path, bound, json{{"of", "person"}, {"on", true}});
    EXPECT_EQ(r.status, 403) << r.text;
    EXPECT_EQ(send("GET", k_path, bound).data()["person"]["on"], false);
    EXPECT_EQ(send("PUT", k_path, bound, json{{"of", "device"}, {"on", true}}).status, 200);
}

TEST_F(api_disturbance, bad_input_is_refused_by_its_field_and_changes_nothing) {
    const auto own = device(k_ada, "ada-phone");
    const auto later = iso8601(clock.at + std::chrono::hours{24 * 367});
    const auto before = iso8601(clock.at - millis{1});
    for (const auto& [body, field] : std::initializer_list<std::pair<json, const char*>>{
             {json{{"on", true}}, "of"},
             {json{{"of", "everybody"}, {"on", true}}, "of"},
             {json{{"of", "person"}}, "on"},
             {json{{"of", "person"}, {"on", "perhaps"}}, "on"},
             {json{{"of", "person"}, {"on", true}, {"until", "tonight"}}, "until"},
             {json{{"of", "person"}, {"on", true}, {"until", before}}, "until"},
             {json{{"of", "person"}, {"on", true}, {"until", later}}, "until"},
             {json{{"of", "person"}, {"on", false}, {"until", k_tonight}}, "until"},
         }) {
        const auto r = send("PUT", k_path, own, body);
        EXPECT_EQ(r.status, 422) << body << r.text;
        EXPECT_TRUE(r.body["errors"].contains(field)) << body << r.text;
    }
    const auto now = send("GET", k_path, own).data();
    EXPECT_FALSE(now["person"]["on"].get<bool>() || now["device"]["on"].get<bool>());
}

TEST_F(api_disturbance, who_silenced_a_phone_is_in_the_audit) {
    const auto own = device(k_ada, "ada-phone");
    ASSERT_EQ(send("PUT", k_path, own, json{{"of", "device"}, {"on", true}}).status, 200);
    const auto& lines = audit.lines;
    EXPECT_TRUE(std::any_of(lines.begin(), lines.end(), [](const port::audit_line& l) {
        return l.action == "do_not_disturb" && l.detail == "of=device on";
    }));
}
