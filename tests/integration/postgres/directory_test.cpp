// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "calls.hpp"

#include <algorithm>

using namespace z360;
using namespace z360::testing;
using call::route_verdict;

namespace {

constexpr millis k_day{24LL * 3600 * 1000};

class directory : public postgres_test {
  protected:
    void SetUp() override {
        postgres_test::SetUp();
        if (IsSkipped()) return;
        acme_ = add_people("acme", "+15550100001", 3);
        admin_ = std::make_unique<pg::admin>(secret(scratch_->url()));
        for (const auto& d : acme_.devices)
            admin_->touch_device(d.device, k_noon);
        pg::directory_settings s;
        s.defaults.voicemail_greeting = "configured default";
        s.device_life = 30 * k_day;
        directory_ = pg::make_directory(*db_, s);
    }
    void TearDown() override {
        directory_.reset();
        admin_.reset();
        postgres_test::TearDown();
    }
    call::route resolve(const std::string& dialed, const std::string& caller = "+15550109999") {
        return run(directory_->resolve(dialed, caller, k_noon));
    }
    /// What is done with a call.
    call::route heeded(const std::string& caller = "+15550109999") {
        auto r = resolve("+15550100001", caller);
        call::heed_cause(r);
        return r;
    }
    people acme_;
    std::unique_ptr<pg::admin> admin_;
    std::unique_ptr<port::directory> directory_;
};

} // namespace

TEST_F(directory, web_04_any_spelling_of_a_number_leads_to_its_owner) {
    for (const char* spelling :
         {"+15550100001", "15550100001", "+1 (555) 010-0001", "sip:+15550100001@sip.example.com"}) {
        const auto r = resolve(spelling);
        EXPECT_EQ(r.verdict, route_verdict::ring) << spelling;
        EXPECT_EQ(r.org, acme_.org);
        EXPECT_EQ(r.user, acme_.user);
        EXPECT_EQ(r.number, acme_.number);
        EXPECT_EQ(r.number_e164, "+15550100001");
        EXPECT_EQ(r.targets, acme_.devices);
    }
}

TEST_F(directory, web_04_ten_digits_never_ring_the_owner_of_a_foreign_number) {
    const auto dutch = add_people("dutch", "+3125550133", 1);
    for (const char* bare : {"3125550133", "sip:3125550133@203.0.113.9", "(312) 555-0133", "tel:3125550133"})
        EXPECT_EQ(resolve(bare), call::route{}) << bare;
    EXPECT_EQ(resolve("+3125550133").org, dutch.org);
}

TEST_F(directory, be_36_a_sip_username_of_a_device_is_known_whatever_its_state) {
    const auto is = [this](const std::string& user) { return run(directory_->is_device(user)); };
    const auto user = acme_.devices.front().sip_username;
    EXPECT_TRUE(is(user));
    sql("update sip_identities set state = 'retiring'");
    EXPECT_TRUE(is(user));
    for (const std::string& other :
         {std::string{}, std::string("somebody"), user + "x", std::string("a\0b", 3)})
        EXPECT_FALSE(is(other)) << other;
}

TEST_F(directory, web_04_unknown_malformed_suspended_and_ambiguous_numbers_ring_nobody) {
    const call::route nobody;
    EXPECT_EQ(resolve("+15550100002"), nobody);
    EXPECT_EQ(resolve("anonymous"), nobody);
    EXPECT_EQ(resolve(""), nobody);
    EXPECT_EQ(resolve("'; drop table calls; --"), nobody);
    const auto rival = add_people("rival", "+15550100009", 1);
    sql("update phone_numbers set connection_id = 'connection-2', e164 = '+15550100001' where org_id = " +
        std::to_string(rival.org.value));
    EXPECT_EQ(resolve("+15550100001"), nobody);
    pg::directory_settings s;
    s.connection_id = "connection-2"; // who knows the connection need not guess
    auto of_connection = pg::make_directory(*db_, s);
    EXPECT_EQ(run(of_connection->resolve("+15550100001", "", k_noon)).org, rival.org);
    sql("update phone_numbers set status = 'suspended'");
    EXPECT_EQ(resolve("+15550100001"), nobody);
}

TEST_F(directory, be_15_a_contact_is_named_from_the_called_organisation_only) {
    const auto rival = add_people("rival", "+15550100009", 1);
    admin_->upsert_contact(acme_.org, "+1 555 010 9999", "Carla");
    admin_->upsert_contact(rival.org, "+15550109999", "Somebody else");
    EXPECT_EQ(resolve("+15550100001").caller_name, "Carla");
    EXPECT_EQ(resolve("+15550100001", "sip:15550109999@1.2.3.4").caller_name, "Carla");
    EXPECT_EQ(resolve("+15550100009").caller_name, "Somebody else");
    EXPECT_EQ(resolve("+15550100001", "anonymous").caller_name, "");
}

TEST_F(directory, only_devices_with_a_valid_identity_and_a_sign_of_life_are_rung) {
    const auto only = [this](std::size_t i) { return std::vector{acme_.devices[i]}; };
    const auto id = [this](std::size_t i) { return std::to_string(acme_.devices[i].device.value); };
    sql("update devices set status = 'suspended' where device_id = " + id(0));
    admin_->touch_device(acme_.devices[1].device, k_noon - 30 * k_day - millis{1});
    EXPECT_EQ(resolve("+15550100001").targets, only(2));
    admin_->touch_device(acme_.devices[1].device, k_noon - 30 * k_day);
    sql("update sip_identities set expires_at = z360_at(" +
        std::to_string(k_noon.time_since_epoch().count()) + ") where device_id = " + id(2));
    EXPECT_EQ(resolve("+15550100001").targets, only(1));
    sql("update sip_identities set expires_at = expires_at + interval '1 ms' where device_id = " + id(2));
    sql("update sip_identities set state = 'retiring' where device_id = " + id(1));
    EXPECT_EQ(resolve("+15550100001").targets, only(2));
    sql("update sip_identities set state = 'dead'");
    const auto none = resolve("+15550100001");
    EXPECT_EQ(none.verdict, route_verdict::ring); // nobody to ring: voicemail, not a refusal
    EXPECT_TRUE(none.targets.empty());
}

TEST_F(directory, cred_01_during_a_rotation_the_old_identity_rings_then_both_then_the_new_one) {
    const auto device = std::to_string(acme_.devices[0].device.value);
    const auto names = [this] {
        std::vector<std::string> out;
        for (const auto& t : resolve("+15550100001").targets)
            if (t.device == acme_.devices[0].device) out.push_back(t.sip_username);
        std::sort(out.begin(), out.end());
        return out;
    };
    const std::string old = acme_.devices[0].sip_username;
    sql("update sip_identities set state = 'rotating' where device_id = " + device);
    EXPECT_EQ(names(), std::vector{old});
    sql("insert into sip_identities (device_id, telnyx_credential_id, sip_username, state) values (" +
        device + ", 'cred-new', 'gencred-new', 'active')");
    EXPECT_EQ(names(), std::vector{old});
    sql("update sip_identities set delivered_at = now() where sip_username = 'gencred-new'");
    EXPECT_EQ(names(), (std::vector<std::string>{old, "gencred-new"}));
    sql("update sip_identities set proved_at = now() where sip_username = 'gencred-new'");
    EXPECT_EQ(names(), std::vector<std::string>{"gencred-new"});
    EXPECT_EQ(resolve("+15550100001").targets.size(), 3U);
}

TEST_F(directory, b_28_who_is_suspended_or_gone_is_not_rung_from_the_next_call_on) {
    const auto user = std::to_string(acme_.user.value);
    sql("update users set status = 'suspended' where user_id = " + user);
    EXPECT_EQ(resolve("+15550100001").verdict, route_verdict::ring); // voicemail
    EXPECT_TRUE(resolve("+15550100001").targets.empty());
    sql("update users set status = 'active'");
    sql("update devices set status = 'removed', removed_at = now() where device_id = " +
        std::to_string(acme_.devices[1].device.value));
    EXPECT_EQ(resolve("+15550100001").targets.size(), 2U);
    sql("update organizations set status = 'suspended'");
    EXPECT_EQ(resolve("+15550100001"), call::route{});
}

TEST_F(directory, mob_14_a_web_view_is_not_rung_beside_its_native_device) {
    const auto id = [this](std::size_t i) { return std::to_string(acme_.devices[i].device.value); };
    sql("update devices set native_device_id = " + id(0) + " where device_id = " + id(1));
    EXPECT_EQ(resolve("+15550100001").targets, (std::vector{acme_.devices[0], acme_.devices[2]}));
    sql("update devices set embedded_webview = true, native_device_id = null where device_id = " + id(1));
    EXPECT_EQ(resolve("+15550100001").targets, (std::vector{acme_.devices[0], acme_.devices[2]}));
    sql("update devices set wants_identity = false where device_id = " + id(2));
    EXPECT_EQ(resolve("+15550100001").targets, std::vector{acme_.devices[0]});
}

TEST_F(directory, be_36_a_credential_of_an_organisation_is_never_a_target) {
    sql("insert into sip_identities (kind, org_id, telnyx_credential_id, sip_username, state) values "
        "('organization', " +
        std::to_string(acme_.org.value) + ", 'legacy', 'gencred-legacy', 'active')");
    EXPECT_EQ(resolve("+15550100001").targets, acme_.devices);
}

TEST_F(directory, route_types_decide_before_devices_do) {
    const auto as = [this](const char* type) {
        sql(std::string("update phone_numbers set route_type = '") + type + "'");
        return resolve("+15550100001");
    };
    EXPECT_EQ(as("voicemail").verdict, route_verdict::ring);
    EXPECT_TRUE(as("voicemail").targets.empty());
    EXPECT_EQ(as("voicemail").org, acme_.org);
    EXPECT_TRUE(as("agent").targets.empty());
    EXPECT_EQ(as("reject"), call::route{});
    EXPECT_EQ(as("user").targets.size(), 3U);
}

TEST_F(directory, an_organisations_settings_win_over_the_defaults_one_by_one) {
    EXPECT_EQ(resolve("+15550100001").rules.voicemail_greeting, "configured default");
    sql("insert into org_settings (org_id, ring_seconds, record_calls, voice) values (" +
        std::to_string(acme_.org.value) + ", 12, false, 'AWS.Polly.Amy-Neural')");
    const auto rules = resolve("+15550100001").rules;
    EXPECT_EQ(rules.ring_time, millis{12'000});
    EXPECT_FALSE(rules.record_calls);
    EXPECT_EQ(rules.voice, "AWS.Polly.Amy-Neural");
    EXPECT_EQ(rules.voicemail_greeting, "configured default");
    EXPECT_EQ(rules.voicemail_max, call::policy{}.voicemail_max);
}

TEST_F(directory, be_24_what_must_be_recorded_is_recorded_whatever_the_default_is) {
    using call::recording_of;
    EXPECT_EQ(recording_of(resolve("+15550100001").rules), call::recording_policy::on);
    const auto org = std::to_string(acme_.org.value);
    sql("insert into org_settings (org_id, recording_mandatory, ends_unrecorded, unrecorded_message, "
        "recording_announcement) values (" +
        org + ", true, false, 'Not recorded.', 'Recorded.')");
    const auto rules = resolve("+15550100001").rules;
    EXPECT_EQ(recording_of(rules), call::recording_policy::mandatory);
    EXPECT_TRUE(rules.record_calls);
    EXPECT_FALSE(rules.ends_unrecorded);
    EXPECT_EQ(rules.unrecorded_message, "Not recorded.");
    EXPECT_EQ(rules.recording_announcement, "Recorded.");
    sql("update org_settings set recording_mandatory = null, record_calls = false where org_id = " + org);
    EXPECT_EQ(recording_of(resolve("+15550100001").rules), call::recording_policy::off);
    EXPECT_ANY_THROW(sql("update org_settings set recording_mandatory = true where org_id = " + org));
}

TEST_F(directory, be_24_a_number_says_what_is_recorded_unless_its_organisation_demands_it) {
    const auto org = std::to_string(acme_.org.value);
    const auto number_says = [this](const std::string& word) {
        sql("update phone_numbers set recording = " + (word.empty() ? "null" : "'" + word + "'") +
            " where e164 = '+15550100001'");
        return resolve("+15550100001").rules;
    };
    EXPECT_FALSE(number_says("").recorded_by_number);
    EXPECT_EQ(recording_of(number_says("off")), call::recording_policy::off);
    EXPECT_TRUE(number_says("off").recorded_by_number);
    EXPECT_EQ(recording_of(number_says("mandatory")), call::recording_policy::mandatory);
    sql("insert into org_settings (org_id, record_calls) values (" + org + ", false)");
    EXPECT_EQ(recording_of(number_says("")), call::recording_policy::off);
    EXPECT_EQ(recording_of(number_says("on")), call::recording_policy::on);
    sql("update org_settings set record_calls = true, recording_mandatory = true where org_id = " + org);
    for (const std::string word : {"", "off", "on", "mandatory"})
        EXPECT_EQ(recording_of(number_says(word)), call::recording_policy::mandatory) << word;
    EXPECT_ANY_THROW(number_says("sometimes"));
}

TEST_F(directory, be_46_the_mobile_number_is_the_members_while_they_work_here_and_none_of_ours) {
    const auto member = " where org_id = " + std::to_string(acme_.org.value) +
                        " and user_id = " + std::to_string(acme_.user.value);
    EXPECT_EQ(resolve("+15550100001").mobile, "");
    sql("update memberships set mobile = '+15550107777'" + member);
    sql("insert into org_settings (org_id, mobile_after_secs, mobile_prompt) values (" +
        std::to_string(acme_.org.value) + ", 12, 'Ein Anruf. Druecken Sie die Eins.')");
    const auto r = resolve("+15550100001");
    EXPECT_EQ(r.mobile, "+15550107777");
    EXPECT_EQ(r.rules.mobile_after, millis{12'000});
    EXPECT_EQ(r.rules.mobile_prompt, "Ein Anruf. Druecken Sie die Eins.");
    const auto rival = add_people("rival", "+15550100009", 1);
    EXPECT_EQ(resolve("+15550100009").mobile, "") << "somebody else's";
    sql("update memberships set mobile = '+15550100009'" + member);
    EXPECT_EQ(resolve("+15550100001").mobile, "") << "it would come back to us";
    sql("update memberships set mobile = '+15550107777'" + member);
    sql("update users set status = 'suspended' where user_id = " + std::to_string(acme_.user.value));
    EXPECT_EQ(resolve("+15550100001").mobile, "");
}

TEST_F(directory, i_12_a_device_that_asks_is_reached_where_its_persons_calls_ring_and_nowhere_else) {
    const auto rival = add_people("rival", "+15550100009", 1);
    const auto reached = [&](const call::target& d, const people& whose) {
        auto out = run(directory_->reach(d.device, {whose.user}, whose.org, k_noon));
        for (auto& t : out)
            EXPECT_EQ(std::exchange(t.user, {}), whose.user); // as its own person's calls do not say
        return out;
    };
    const auto as_rung = [&](const char* after) {
        const auto targets = resolve("+15550100001").targets;
        for (const auto& d : acme_.devices) {
            std::vector<call::target> want;
            std::copy_if(targets.begin(), targets.end(), std::back_inserter(want), [&d](const auto& t) {
                return t.device == d.device;
            });
            EXPECT_EQ(reached(d, acme_), want) << d.device_name << " after " << after;
        }
    };
    const auto& asking = acme_.devices[1];
    const auto with = [&](const std::string& change, const std::string& back) {
        const auto where = " where device_id = " + std::to_string(asking.device.value);
        sql(change + where);
        EXPECT_TRUE(reached(asking, acme_).empty()) << change;
        as_rung(change.c_str());
        sql(back + where);
        EXPECT_EQ(reached(asking, acme_), std::vector{asking}) << back;
    };
    as_rung("nothing");
    EXPECT_EQ(reached(asking, acme_), std::vector{asking});
    EXPECT_TRUE(reached(rival.devices[0], acme_).empty()); // another person's device
    EXPECT_TRUE(run(directory_->reach(asking.device, {acme_.user}, rival.org, k_noon)).empty());
    with("update devices set status = 'suspended'", "update devices set status = 'active'");
    with("update devices set wants_identity = false", "update devices set wants_identity = true");
    with(
        "update devices set bound_org_id = " + std::to_string(rival.org.value),
        "update devices set bound_org_id = null"
    );
    with("update sip_identities set state = 'retiring'", "update sip_identities set state = 'active'");
    sql("insert into sip_identities (device_id, telnyx_credential_id, sip_username, state, delivered_at) "
        "values (" +
        std::to_string(asking.device.value) + ", 'cred-new', 'gencred-new', 'pending', now())");
    sql("update sip_identities set state = 'rotating' where sip_username = '" + asking.sip_username + "'");
    sql("update sip_identities set state = 'active' where sip_username = 'gencred-new'");
    EXPECT_EQ(reached(asking, acme_).size(), 2U); // both, while one replaces the other
    as_rung("a rotation");
    // Whoever asks lives, however long ago it was last seen.
    admin_->touch_device(acme_.devices[2].device, k_noon - 31 * k_day);
    EXPECT_EQ(reached(acme_.devices[2], acme_), std::vector{acme_.devices[2]});
    sql("update organizations set status = 'suspended' where org_id = " + std::to_string(acme_.org.value));
    for (const auto& d : acme_.devices)
        EXPECT_TRUE(reached(d, acme_).empty());
}

// k_noon is a Thursday, 08:53 in UTC, 03:53 in Chicago, 17:53 in Tokyo.
TEST_F(directory, opening_hours_go_by_the_clock_on_the_organisations_wall) {
    const auto set = [this](const std::string& zone, const std::string& rules) {
        sql("insert into opening_hours (org_id, time_zone, rules, closed_greeting) values (" +
            std::to_string(acme_.org.value) + ", '" + zone + "', '" + rules +
            "', 'We are closed.') on conflict (org_id) do update set time_zone = excluded.time_zone, rules = "
            "excluded.rules");
        return heeded();
    };
    const std::string all = R"({"week": {"thursday": [{"from": "03:53", "to": "17:53"}]}})";
    for (const char* zone : {"UTC", "America/Chicago"}) {
        const auto open = set(zone, all);
        EXPECT_EQ(open.cause, call::route_cause::as_set) << zone;
        EXPECT_EQ(open.targets.size(), 3U) << zone;
        EXPECT_EQ(open.rules.voicemail_greeting, "configured default");
    }
    const auto tokyo = set("Asia/Tokyo", all);
    EXPECT_EQ(tokyo.cause, call::route_cause::closed);
    EXPECT_EQ(tokyo.verdict, route_verdict::ring);
    EXPECT_TRUE(tokyo.targets.empty());
    EXPECT_TRUE(tokyo.mobile.empty());
    EXPECT_EQ(tokyo.user, acme_.user) << "the message is theirs";
    EXPECT_EQ(tokyo.rules.voicemail_greeting, "We are closed.");
    EXPECT_EQ(outcome_of(tokyo), call::route_outcome::voicemail);
    const auto date = std::string(iso8601(k_noon)).substr(0, 10);
    const auto holiday =
        set("UTC",
            R"({"week": {"thursday": [{"from": "00:00", "to": "24:00"}]}, "special_days": [{"date": ")" +
                date + R"(", "open": [{"from": "08:54", "to": "13:00"}]}]})");
    EXPECT_EQ(holiday.cause, call::route_cause::holiday);
    EXPECT_TRUE(holiday.targets.empty());
}

// In the night of the change the wall goes from 01:59 to 03:00, and half a year later from 01:59 back to
// 01:00.
TEST_F(directory, opening_hours_follow_summer_time) {
    sql("insert into opening_hours (org_id, time_zone, rules) values (" + std::to_string(acme_.org.value) +
        R"(, 'America/Chicago', '{"week": {"sunday": [{"from": "03:00", "to": "04:00"}]}}'))");
    const auto cause = [this](const char* at) {
        return run(directory_->resolve("+15550100001", "", *parse_iso8601(at))).cause;
    };
    EXPECT_EQ(cause("2026-03-08T07:59:59Z"), call::route_cause::closed); // 01:59
    EXPECT_EQ(cause("2026-03-08T08:00:00Z"), call::route_cause::as_set); // 03:00
    EXPECT_EQ(cause("2026-03-08T09:00:00Z"), call::route_cause::closed); // 04:00
    EXPECT_EQ(cause("2026-11-01T08:59:59Z"), call::route_cause::closed); // 02:59
    EXPECT_EQ(cause("2026-11-01T09:00:00Z"), call::route_cause::as_set); // 03:00
}

// What --explain-route --at and GET …/route?at= ask.
TEST_F(directory, asked_about_a_day_in_two_months_the_devices_of_today_ring) {
    for (const int days : {1, 20, 40, 60})
        EXPECT_EQ(
            run(directory_->foresee("+15550100001", "", k_noon, k_noon + days * k_day)).targets.size(), 3U
        ) << days;
    sql("insert into opening_hours (org_id, time_zone, rules) values (" + std::to_string(acme_.org.value) +
        R"(, 'UTC', '{"week": {"thursday": [{"from": "00:00", "to": "24:00"}]}}'))");
    EXPECT_EQ(run(directory_->foresee("+15550100001", "", k_noon, k_noon)).cause, call::route_cause::as_set);
    EXPECT_EQ(
        run(directory_->foresee("+15550100001", "", k_noon, k_noon + k_day)).cause, call::route_cause::closed
    );
}

// B28 and whose_leg.cpp: a leg that rings a mobile number is ours if this number rings on there.
TEST_F(directory, b_28_the_mobile_number_is_known_as_ours_outside_the_hours_too) {
    sql("update memberships set mobile = '+15550177777' where org_id = " + std::to_string(acme_.org.value) +
        " and user_id = " + std::to_string(acme_.user.value));
    EXPECT_EQ(resolve("+15550100001", "").mobile, "+15550177777");
    sql("insert into opening_hours (org_id, time_zone, rules) values (" + std::to_string(acme_.org.value) +
        R"(, 'UTC', '{"week": {}}'))");
    EXPECT_EQ(resolve("+15550100001", "").mobile, "+15550177777");
}

TEST_F(directory, rules_written_by_hand_with_one_odd_key_close_nobody) {
    sql("insert into opening_hours (org_id, time_zone, rules) values (" + std::to_string(acme_.org.value) +
        ", 'UTC', '{}')");
    EXPECT_EQ(resolve("+15550100001").targets.size(), 3U) << "{}";
    sql(R"(update opening_hours set rules = '{"week": {"Monday": [], "thursday": [{"from": "00:00", "to": "24:00"}]}}')"
    );
    EXPECT_EQ(resolve("+15550100001").targets.size(), 3U) << "Monday";
}

TEST_F(directory, no_rules_however_odd_make_a_number_unroutable) {
    sql("insert into opening_hours (org_id, time_zone, rules) values (" + std::to_string(acme_.org.value) +
        ", 'UTC', '{}')");
    for (const char* rules :
         {R"({"week": null})", R"({"week": []})", R"({"week": {"thursday": null}})",
          R"({"week": {"thursday": [null, 1, "x", []]}})",
          R"({"week": {"thursday": [{"from": 9, "to": {}}]}})",
          R"({"week": {"thursday": [{"from": "09:00"}]}})", R"({"week": {}, "special_days": {}})",
          R"({"week": {}, "special_days": [null, 1, [], "x", {}]})",
          R"({"week": {}, "special_days": [{"date": 20261225, "open": 1, "name": []}]})",
          R"({"week": {}, "special_days": [{"date": "2026-02-30"}, {"date": "0000-01-01"}, {"date": "9999-12-31", "open": null}]})"
         }) {
        sql("update opening_hours set rules = '" + std::string(rules) + "'");
        EXPECT_EQ(resolve("+15550100001").verdict, route_verdict::ring) << rules;
    }
    for (const char* zone :
         {"+99", "-99:99:99", "UTC+999999", "a/b/../c", "X5Y,M3.2.0,M11.1.0", "EST5EDT4,0,0", " "}) {
        sql("update opening_hours set time_zone = '" + std::string(zone) + "'");
        EXPECT_EQ(resolve("+15550100001").verdict, route_verdict::ring) << zone;
    }
    sql("update opening_hours set time_zone = 'UTC'");
    for (const char* at :
         {"9999-12-31T23:59:59Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59-99:59",
          "0000-01-01T00:00:00+99:59"})
        EXPECT_EQ(
            run(directory_->resolve("+15550100001", "withheld", *parse_iso8601(at))).verdict,
            route_verdict::ring
        ) << at;
    for (const char* from : {"withheld", "sip:a@b", "", "anonymous", "\xff\xfe"})
        EXPECT_EQ(resolve("+15550100001", from).verdict, route_verdict::ring);
}

TEST_F(directory, a_time_zone_that_this_database_does_not_know_closes_nobody) {
    sql("insert into opening_hours (org_id, time_zone, rules) values (" + std::to_string(acme_.org.value) +
        R"(, 'Mars/Olympus', '{"week": {}}'))");
    EXPECT_EQ(resolve("+15550100001").targets.size(), 3U);
    sql("update opening_hours set time_zone = 'UTC'");
    EXPECT_TRUE(heeded().targets.empty());
}

TEST_F(directory, b_43_a_blocked_caller_reaches_nobody_of_the_organisation_that_blocks_them) {
    const auto rival = add_people("rival", "+15550100002", 1);
    sql("insert into blocked_callers (org_id, e164) values (" + std::to_string(acme_.org.value) +
        ", '+15550109999')");
    EXPECT_EQ(resolve("+15550100001").targets, acme_.devices) << "whoever was rung before is known";
    const auto blocked = heeded("+1 (555) 010-9999");
    EXPECT_EQ(blocked.verdict, route_verdict::blocked_caller);
    EXPECT_EQ(blocked.cause, call::route_cause::blocked);
    EXPECT_EQ(blocked.org, acme_.org);
    EXPECT_TRUE(blocked.user.none());
    EXPECT_TRUE(blocked.targets.empty());
    EXPECT_EQ(outcome_of(blocked), call::route_outcome::rejected);
    EXPECT_EQ(resolve("+15550100002", "+15550109999").targets, rival.devices);
    EXPECT_EQ(resolve("+15550100001", "+15550109998").targets, acme_.devices);
    EXPECT_EQ(resolve("+15550100001", "").targets, acme_.devices) << "who shows no number";
    sql("insert into org_settings (org_id, blocked_message) values (" + std::to_string(acme_.org.value) +
        ", 'Not you.')");
    const auto told = heeded();
    EXPECT_EQ(told.rules.voicemail_greeting, "Not you.");
    EXPECT_EQ(outcome_of(told), call::route_outcome::announcement);
}

TEST_F(directory, be_26_voicemail_is_the_numbers_then_its_persons_then_the_organisations) {
    const auto rules = [this] { return resolve("+15550100001").rules; };
    const auto defaults = rules();
    EXPECT_TRUE(defaults.takes_messages);
    EXPECT_FALSE(defaults.transcribe_messages);
    EXPECT_TRUE(defaults.voicemail_greeting_url.empty());
    const auto org = std::to_string(acme_.org.value);
    sql("insert into org_settings (org_id, voicemail, voicemail_greeting, voicemail_greeting_url, "
        "voicemail_max_secs, "
        "voicemail_beep, unavailable_message, transcribe_messages) values (" +
        org + ", false, 'Of all', 'https://example.test/all.mp3', 50, false, 'Gone', true)");
    EXPECT_TRUE(rules().transcribe_messages);
    EXPECT_FALSE(rules().takes_messages);
    EXPECT_EQ(rules().voicemail_greeting_url, "https://example.test/all.mp3");
    EXPECT_EQ(rules().unavailable_message, "Gone");
    EXPECT_FALSE(rules().voicemail_beep);
    sql("insert into voicemail_settings (org_id, user_id, voicemail, greeting) values (" + org + ", " +
        std::to_string(acme_.user.value) + ", true, 'Of Ann')");
    EXPECT_TRUE(rules().takes_messages);
    EXPECT_EQ(rules().voicemail_greeting, "Of Ann");
    EXPECT_EQ(rules().voicemail_greeting_url, "") << "whoever gives words has them said";
    EXPECT_EQ(rules().voicemail_max, std::chrono::seconds{50});
    sql("insert into voicemail_settings (org_id, phone_number_id, max_secs, greeting_url, beep) values (" +
        org + ", " + std::to_string(acme_.number.value) + ", 20, 'https://example.test/number.mp3', true)");
    EXPECT_EQ(rules().voicemail_greeting_url, "https://example.test/number.mp3");
    EXPECT_EQ(rules().voicemail_greeting, "Of Ann") << "said if the audio cannot be played";
    EXPECT_EQ(rules().voicemail_max, std::chrono::seconds{20});
    EXPECT_TRUE(rules().voicemail_beep);
}

TEST_F(directory, be_26_out_of_hours_a_number_may_have_words_of_its_own) {
    const auto org = std::to_string(acme_.org.value);
    sql("insert into opening_hours (org_id, time_zone, rules, closed_greeting) values (" + org +
        R"(, 'UTC', '{"week": {}}', 'All closed'))");
    sql("insert into voicemail_settings (org_id, phone_number_id, greeting_url, closed_greeting) values (" +
        org + ", " + std::to_string(acme_.number.value) +
        ", 'https://example.test/number.mp3', 'Closed here')");
    const auto closed = heeded();
    EXPECT_EQ(closed.rules.voicemail_greeting, "Closed here");
    EXPECT_TRUE(closed.rules.voicemail_greeting_url.empty()) << "the usual audio would say that it is open";
}
