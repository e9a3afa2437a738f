// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Scripted misbehaviour of the carrier towards requests about credentials.
#include "credential_desk.hpp"

using namespace z360;
using namespace z360::sim;
using namespace z360::sim::testing;
using namespace std::chrono_literals;

namespace {

command_fault fault_of(const char* verb) {
    command_fault f;
    f.verb = verb;
    return f;
}

} // namespace

TEST(credential_fault, a_create_whose_answer_is_lost_was_carried_out) {
    desk w;
    auto f = fault_of("create_credential");
    f.lose_reply = true;
    f.match.times = 1;
    w.tel.add_fault(f, w.now);
    const auto lost = w.ask("POST", "", w.body("one"));
    EXPECT_TRUE(lost.lost);
    EXPECT_EQ(w.tel.credentials().existing().size(), 1U);
    EXPECT_EQ(w.listed("filter[name]=one"), 1U);
    EXPECT_EQ(w.ask("POST", "", w.body("two")).status, 201);
}

TEST(credential_fault, refusals_come_with_status_and_code_and_change_nothing) {
    desk w;
    const auto id = w.make_id("one");
    auto f = fault_of("delete_credential");
    f.fail_status = 503;
    w.tel.add_fault(f, w.now);
    EXPECT_EQ(w.ask("DELETE", "/" + id).status, 503);
    EXPECT_EQ(w.tel.credentials().existing().size(), 1U);
    w.tel.clear_faults();
    auto limit = fault_of("create_credential");
    limit.fail_status = 429;
    limit.fail_code = "10011";
    limit.match.nth = 2;
    w.tel.add_fault(limit, w.now);
    EXPECT_EQ(w.ask("POST", "", w.body("two")).status, 201);
    EXPECT_EQ(code(w.ask("POST", "", w.body("three"))), "10011");
    EXPECT_EQ(w.ask("POST", "", w.body("four")).status, 201);
}

TEST(credential_fault, stalls_act_late_or_answer_late) {
    desk w;
    auto before = fault_of("create_credential");
    before.stall_before = 500ms;
    before.match.times = 1;
    w.tel.add_fault(before, w.now);
    const auto request = w.tel.submit("POST", "/v2/telephony_credentials", "", w.body("one"), w.now);
    EXPECT_TRUE(w.tel.credentials().all().empty());
    w.pass(500ms);
    EXPECT_EQ(w.tel.credentials().all().size(), 1U);
    EXPECT_EQ(w.tel.take_reply(request, w.now)->status, 201);
    auto after = fault_of("create_credential");
    after.stall_reply = 500ms;
    w.tel.add_fault(after, w.now);
    const auto second = w.tel.submit("POST", "/v2/telephony_credentials", "", w.body("two"), w.now);
    EXPECT_EQ(w.tel.credentials().all().size(), 2U);
    EXPECT_FALSE(w.tel.take_reply(second, w.now));
    w.pass(500ms);
    EXPECT_TRUE(w.tel.take_reply(second, w.now));
}

TEST(credential_fault, without_effect_the_answer_is_a_lie) {
    desk w;
    const auto id = w.make_id("one");
    for (const char* verb : {"create_credential", "update_credential", "delete_credential", "mint_token"}) {
        auto f = fault_of(verb);
        f.no_effect = true;
        w.tel.add_fault(f, w.now);
    }
    EXPECT_EQ(w.ask("POST", "", w.body("ghost")).status, 201);
    EXPECT_EQ(w.ask("PATCH", "/" + id, json{{"name", "uno"}}).body["data"]["name"], "uno");
    const auto token = w.ask("POST", "/" + id + "/token");
    EXPECT_EQ(token.status, 201);
    EXPECT_FALSE(w.tel.credentials().accepts_token(*token.text, w.now));
    EXPECT_EQ(w.ask("DELETE", "/" + id).status, 200);
    ASSERT_EQ(w.tel.credentials().existing().size(), 1U);
    EXPECT_EQ(w.tel.credentials().existing()[0]->name, "one");
}

TEST(credential_fault, can_be_about_one_credential_by_name_tag_id_or_username) {
    desk w;
    const auto one = w.make("one", "tag-one");
    const auto two = w.make_id("two");
    for (const char* key : {"id", "name", "tag", "sip_username"}) {
        w.tel.clear_faults();
        command_fault f;
        f.credential = one[key].get<std::string>();
        f.fail_status = 500;
        w.tel.add_fault(f, w.now);
        EXPECT_EQ(w.ask("GET", "/" + one["id"].get<std::string>()).status, 500) << key;
        EXPECT_EQ(w.ask("GET", "/" + two).status, 200) << key;
        const auto caller = w.ring_in();
        EXPECT_EQ(w.command(caller, "answer").status, 200) << "calls are left alone";
    }
    w.tel.clear_faults();
    command_fault outage = command_fault::from_json(json::parse(R"({"credential":"*","status":503})"));
    w.tel.add_fault(outage, w.now);
    EXPECT_EQ(w.ask("GET", "").status, 503);
    EXPECT_EQ(w.ask("POST", "", w.body("three")).status, 503);
    w.tel.clear_faults();
    command_fault by_filter = fault_of("list_credentials");
    by_filter.credential = "two";
    by_filter.fail_status = 500;
    w.tel.add_fault(by_filter, w.now);
    EXPECT_EQ(w.ask("GET", "?filter[name]=two").status, 500);
    EXPECT_EQ(w.ask("GET", "?filter[name]=one").status, 200);
}

TEST(credential_fault, faults_about_calls_leave_credentials_alone) {
    desk w;
    command_fault f;
    f.fail_status = 503;
    w.tel.add_fault(f, w.now);
    EXPECT_EQ(w.ask("POST", "", w.body("one")).status, 201);
}
