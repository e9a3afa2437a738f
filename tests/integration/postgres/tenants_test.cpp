// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What an existing product synchronises, and what a departure takes with it.
#include "adapter/postgres/tenants/slug.hpp"
#include "tenancy.hpp"

#include <gmock/gmock.h>

using namespace z360;
using namespace z360::testing;
using ::testing::HasSubstr;
using ::testing::Not;
using why = port::refusal::why;

namespace {

class tenant_rows : public asked_tenants {
  protected:
    port::number voicemail(const people& p, const std::string& e164) {
        port::number n;
        n.org = p.org;
        n.e164 = e164;
        n.route_type = "voicemail";
        return n;
    }
    std::string device_state(const people& p) {
        return value(
            "select status || ' ' || push_state || ' ' || (push_token is null)::text from devices where "
            "user_id = " +
            text(p.user)
        );
    }
    std::string live_tokens(const people& p) {
        return value(
            "select count(*) from api_tokens where revoked_at is null and user_id = " + text(p.user)
        );
    }
    void join(const people& p, org_id org) {
        ASSERT_TRUE(put(port::membership{org, p.user, "member", "", ""}).value);
    }

    static constexpr const char* k_stopped = "removed none true";
    static constexpr const char* k_working = "active active false";
};

} // namespace

// ---- idempotent upserts under the caller's ids

TEST_F(tenant_rows, organisations_keep_the_callers_ids_and_ours_begin_after_them) {
    const auto made = put(port::organisation{{4'711}, "Demo Company, Ltd.", "", "active"});
    ASSERT_TRUE(made.value);
    EXPECT_TRUE(made.created);
    EXPECT_EQ(made.value->id.value, 4'711);
    EXPECT_EQ(made.value->slug, "demo-company-ltd");
    const auto again = put(port::organisation{{4'711}, "Demo Renamed", "", "active"});
    EXPECT_FALSE(again.created);
    EXPECT_EQ(again.value->slug, "demo-company-ltd") << "a slug stays when the name changes";
    EXPECT_EQ(again.value->name, "Demo Renamed");
    const auto same_name = put(port::organisation{{4'712}, "Demo Company Ltd", "", "active"});
    EXPECT_EQ(same_name.value->slug, "demo-company-ltd-4712");
    EXPECT_EQ(pg::admin(secret(scratch_->url())).upsert_organization("ours", "Ours").value, 4'713);
    EXPECT_TRUE(put(port::organisation{{50}, "Late", "", "active"}).created);
    EXPECT_EQ(pg::admin(secret(scratch_->url())).upsert_organization("more", "More").value, 4'714);
}

TEST_F(tenant_rows, people_keep_the_callers_ids_and_ours_begin_after_them) {
    const auto made = put(port::person{{900}, "ada@example.com", "Ada", "active", {}});
    ASSERT_TRUE(made.value);
    EXPECT_TRUE(made.created);
    EXPECT_FALSE(put(port::person{{900}, "ada@new.example", "Ada L.", "active", {}}).created);
    EXPECT_EQ(run(tenants_->person_of(tenant_scope::all(), {900}))->login, "ada@new.example");
    EXPECT_EQ(pg::admin(secret(scratch_->url())).upsert_user("bob@example.com", "Bob").value, 901);
    join({acme_.org, {900}, {}, {}}, acme_.org);
    const auto seen = run(tenants_->person_of(tenant_scope::of(acme_.org), {900}));
    ASSERT_TRUE(seen);
    ASSERT_EQ(seen->memberships.size(), 1U);
    EXPECT_EQ(seen->memberships[0].second, "member");
}

TEST_F(tenant_rows, i_05_addresses_that_differ_by_case_only_are_one_persons) {
    ASSERT_TRUE(put(port::person{{900}, "ada@example.com", "Ada", "active", {}}).created);
    for (const user_id id : {user_id{901}, user_id{}}) {
        const auto double_ = put(port::person{id, "ADA@Example.com", "Ada", "active", {}});
        ASSERT_TRUE(double_.refused);
        EXPECT_EQ(double_.refused->reason, why::conflict);
        EXPECT_EQ(double_.refused->field, "login");
        EXPECT_NE(double_.refused->text.find("user 900"), std::string::npos) << double_.refused->text;
        EXPECT_NE(double_.refused->text.find("\"ada@example.com\""), std::string::npos);
    }
    EXPECT_TRUE(put(port::person{{900}, "ADA@Example.com", "Ada", "active", {}}).value)
        << "their own spelling";
    EXPECT_EQ(value("select count(*) from users where lower(login) = 'ada@example.com'"), "1");
    // What a database holds from before goes on; only a new spelling is refused.
    sql("insert into users (user_id, login, name) values (902, 'ada@example.com', 'Other Ada')");
    EXPECT_TRUE(put(port::person{{902}, "ada@example.com", "Ada B.", "active", {}}).value);
    EXPECT_TRUE(put(port::person{{}, "ada@example.com", "Ada C.", "active", {}}).value);
    EXPECT_TRUE(put(port::person{{900}, "ADA@Example.com", "Ada", "active", {}}).value);
    EXPECT_TRUE(put(port::person{{902}, "Ada@example.com", "Ada", "active", {}}).refused);
    EXPECT_TRUE(put(port::person{{902}, "ada.b@example.com", "Ada", "active", {}}).value);
}

TEST_F(tenant_rows, wrong_values_and_unknown_references_name_their_field_and_change_nothing) {
    const auto before = fingerprints();
    const auto expect = [](const auto& outcome, why reason, const std::string& field) {
        EXPECT_FALSE(outcome.value);
        ASSERT_TRUE(outcome.refused) << field;
        EXPECT_EQ(outcome.refused->reason, reason) << field;
        EXPECT_EQ(outcome.refused->field, field);
        EXPECT_FALSE(outcome.refused->text.empty());
    };
    expect(put(port::organisation{{1'000}, "", "", "active"}), why::invalid, "name");
    expect(put(port::organisation{{1'000}, "X", "No Slug", "active"}), why::invalid, "slug");
    expect(put(port::organisation{{1'000}, "X", "acme", "active"}), why::conflict, "slug");
    expect(put(port::organisation{{1'000}, "X", "", "asleep"}), why::invalid, "status");
    expect(put(port::person{{1'000}, "", "X", "active", {}}), why::invalid, "login");
    expect(put(port::person{{1'000}, "acme@example.com", "X", "active", {}}), why::conflict, "login");
    expect(put(port::membership{{1'000}, acme_.user, "member", "", ""}), why::not_found, "org");
    expect(put(port::membership{acme_.org, {1'000}, "member", "", ""}), why::not_found, "user");
    expect(put(port::membership{acme_.org, acme_.user, "king", "", ""}), why::invalid, "role");
    auto n = voicemail(acme_, "no number");
    expect(put(n), why::invalid, "e164");
    n = voicemail(acme_, "+15550100005");
    n.route_type = "user";
    expect(put(n), why::invalid, "receiver");
    n.receiver = rival_.user;
    expect(put(n), why::not_found, "receiver");
    n = voicemail({{1'000}, {}, {}, {}}, "+15550100005");
    expect(put(n), why::not_found, "org");
    n = voicemail(acme_, "+15550100005");
    n.connection_id = "removed:7";
    expect(put(n), why::invalid, "connection_id");
    expect(put(port::contact{"+15550100005", {1'000}, "X", ""}), why::not_found, "org");
    expect(put(port::contact{"+15550100005", acme_.org, "X", "http://x/y.png"}), why::invalid, "avatar_url");
    port::org_settings s;
    s.ring_seconds = 4;
    expect(run(tenants_->put(tenant_scope::all(), acme_.org, s)), why::invalid, "ring_seconds");
    expect(run(tenants_->put(tenant_scope::all(), {1'000}, {})), why::not_found, "org");
    EXPECT_EQ(fingerprints(), before);
}

TEST_F(tenant_rows, be_46_who_is_given_a_mobile_number_keeps_the_role) {
    port::membership m;
    m.org = acme_.org;
    m.user = acme_.user;
    m.role = "owner";
    EXPECT_EQ(put(m).value->role, "owner");
    m.role.clear();
    m.mobile = "+14155550177";
    EXPECT_EQ(put(m).value->role, "owner") << "not spoken of: as it was";
}

TEST_F(tenant_rows, be_46_a_mobile_number_is_kept_until_it_is_changed_and_is_none_of_ours) {
    port::membership m{acme_.org, acme_.user, "member", "", ""};
    const auto refused = [this](const port::membership& x) {
        const auto out = put(x);
        return !out.value && out.refused && out.refused->reason == why::invalid &&
               out.refused->field == "mobile_number";
    };
    m.mobile = "a number";
    EXPECT_TRUE(refused(m));
    for (const auto* extended :
         {"tel:+1-415-555-0177;ext=42", "sip:+14155550177;EXT=42@host", "tel:+14155550177;isub=1"}) {
        m.mobile = extended;
        EXPECT_TRUE(refused(m)) << extended << " cannot be dialed";
    }
    m.mobile = "tel:+1-415-555-0177;phone-context=+1";
    EXPECT_EQ(put(m).value->mobile, "+14155550177");
    m.mobile.reset();
    m.role = "admin";
    EXPECT_EQ(put(m).value->mobile, "+14155550177") << "not spoken of: as it was";
    const auto seen = run(tenants_->members(tenant_scope::of(acme_.org), acme_.org, {}, 10));
    ASSERT_EQ(seen.size(), 1U);
    EXPECT_EQ(seen[0].mobile, "+14155550177");
    m.mobile = value("select e164 from phone_numbers where org_id = " + text(acme_.org) + " limit 1");
    EXPECT_TRUE(refused(m)) << "it is one of ours";
    m.mobile = "";
    EXPECT_EQ(put(m).value->mobile, std::nullopt);
}

TEST_F(tenant_rows, settings_are_replaced_as_a_whole) {
    port::org_settings s;
    s.hold_prompt = "One moment";
    s.record_calls = false;
    s.transcribe_messages = true;
    const auto out = run(tenants_->put(tenant_scope::of(acme_.org), acme_.org, s));
    ASSERT_TRUE(out.value);
    EXPECT_FALSE(out.created);
    const auto stored = run(tenants_->settings_of(tenant_scope::of(acme_.org), acme_.org));
    ASSERT_TRUE(stored);
    EXPECT_FALSE(stored->ring_seconds) << "what is left out is the server's default again";
    EXPECT_EQ(stored->hold_prompt, "One moment");
    EXPECT_EQ(stored->record_calls, false);
    EXPECT_EQ(stored->transcribe_messages, true);
}

TEST_F(tenant_rows, be_24_recording_cannot_be_mandatory_and_off) {
    port::org_settings s;
    s.recording_mandatory = true;
    s.ends_unrecorded = false;
    s.unrecorded_message = "Not recorded.";
    s.recording_announcement = "Recorded.";
    const auto put = [&] { return run(tenants_->put(tenant_scope::of(acme_.org), acme_.org, s)); };
    const auto out = put();
    ASSERT_TRUE(out.value);
    EXPECT_EQ(out.value->recording_mandatory, true);
    EXPECT_EQ(out.value->ends_unrecorded, false);
    EXPECT_EQ(out.value->unrecorded_message, "Not recorded.");
    EXPECT_EQ(out.value->recording_announcement, "Recorded.");
    s.record_calls = false;
    const auto no = put();
    ASSERT_TRUE(no.refused);
    EXPECT_EQ(no.refused->field, "recording_mandatory");
    s.recording_mandatory.reset();
    s.recording_announcement = "";
    ASSERT_TRUE(put().refused) << "an empty text says nothing";
}

TEST_F(tenant_rows, lists_go_on_after_the_last_one_of_the_page_before) {
    for (int i = 0; i < 5; ++i) {
        EXPECT_TRUE(put(voicemail(acme_, "+1555020000" + std::to_string(i))).created);
        EXPECT_TRUE(put(port::contact{"+1555030000" + std::to_string(i), acme_.org, "C", ""}).created);
    }
    std::string after;
    std::size_t seen = 0;
    for (auto page = run(tenants_->numbers(tenant_scope::of(acme_.org), acme_.org, after, 2)); !page.empty();
         page = run(tenants_->numbers(tenant_scope::of(acme_.org), acme_.org, after, 2))) {
        EXPECT_GT(page.front().e164, after);
        seen += page.size();
        after = page.back().e164;
    }
    EXPECT_EQ(seen, 6U);
    EXPECT_EQ(run(tenants_->contacts(tenant_scope::of(acme_.org), acme_.org, "+15550300002", 10)).size(), 2U);
    EXPECT_EQ(run(tenants_->organisations(tenant_scope::all(), acme_.org, 10)).size(), 1U);
    EXPECT_EQ(run(tenants_->members(tenant_scope::of(acme_.user), acme_.org, {}, 10)).size(), 1U);
}

// ---- numbers

TEST_F(tenant_rows, web_04_a_number_of_another_organisation_is_a_conflict_that_does_not_say_whose) {
    const auto before = fingerprint("phone_numbers");
    for (const auto& who : {tenant_scope::of(rival_.org), tenant_scope::all()}) {
        const auto out = put(voicemail(rival_, "+1 (555) 010-0001"), who);
        ASSERT_TRUE(out.refused);
        EXPECT_EQ(out.refused->reason, why::conflict);
        EXPECT_EQ(out.refused->field, "e164");
        EXPECT_THAT(out.refused->text, Not(HasSubstr("acme")));
    }
    EXPECT_EQ(fingerprint("phone_numbers"), before);
}

TEST_F(tenant_rows, web_04_a_number_that_was_given_back_may_go_to_another_organisation) {
    EXPECT_TRUE(run(tenants_->remove_number(tenant_scope::of(acme_.org), acme_.org, "15550100001")));
    EXPECT_FALSE(run(tenants_->remove_number(tenant_scope::of(acme_.org), acme_.org, "15550100001")));
    EXPECT_TRUE(run(tenants_->numbers(tenant_scope::of(acme_.org), acme_.org, "", 10)).empty());
    const auto moved = put(voicemail(rival_, "+15550100001"), tenant_scope::of(rival_.org));
    EXPECT_TRUE(moved.created);
    // Its calls of the past still name it.
    auto reader = pg::make_call_reader(*db_);
    const auto call = run(reader->find(tenant_scope::of(acme_.user), "session-acme"));
    ASSERT_TRUE(call);
    EXPECT_EQ(call->channel_number, "+15550100001");
}

TEST_F(tenant_rows, be_24_the_recording_of_a_number_is_kept_until_it_is_changed_on_each_of_its_connections) {
    auto n = voicemail(acme_, "+15550100031");
    EXPECT_EQ(put(n).value->recording, "organization");
    n.recording = "mandatory";
    EXPECT_EQ(put(n).value->recording, "mandatory");
    n.recording.reset();
    n.alias = "Claims";
    EXPECT_EQ(put(n).value->recording, "mandatory") << "not spoken of: as it was";
    n.connection_id = "another";
    const auto second = put(n);
    EXPECT_TRUE(second.created);
    EXPECT_EQ(second.value->recording, "mandatory") << "what was said of the number";
    n.recording = "off";
    EXPECT_EQ(put(n).value->recording, "off");
    const auto stored = "select string_agg(distinct coalesce(recording, '-'), ',') from phone_numbers where "
                        "e164 = '+15550100031'";
    EXPECT_EQ(value(stored), "off");
    n.recording = "sometimes";
    const auto out = put(n);
    ASSERT_TRUE(out.refused);
    EXPECT_EQ(out.refused->field, "recording");
    n.recording = "organization";
    EXPECT_EQ(put(n).value->recording, "organization");
    n.recording = "on";
    (void)put(n);
    EXPECT_TRUE(run(tenants_->remove_number(tenant_scope::of(acme_.org), acme_.org, "+15550100031")));
    EXPECT_EQ(value(stored), "-") << "whoever gets it next has said nothing of it";
    EXPECT_EQ(value("select count(*) from phone_numbers where recording is not null"), "0");
}

TEST_F(tenant_rows, i_05_the_recording_of_a_number_is_its_organisations_to_say) {
    auto theirs = voicemail(rival_, "+15550100001");
    theirs.recording = "off";
    const auto before = fingerprint("phone_numbers");
    EXPECT_TRUE(put(theirs, tenant_scope::of(rival_.org)).refused);
    EXPECT_EQ(fingerprint("phone_numbers"), before);
}

TEST_F(tenant_rows, an_organisation_has_one_default_caller_id) {
    auto first = voicemail(acme_, "+15550100011");
    auto second = voicemail(acme_, "+15550100012");
    first.default_caller_id = second.default_caller_id = true;
    EXPECT_TRUE(put(first).value->default_caller_id);
    EXPECT_TRUE(put(second).value->default_caller_id);
    EXPECT_EQ(
        value("select string_agg(e164, ',') from phone_numbers where is_default_caller_id"), "+15550100012"
    );
    auto reader = pg::make_call_reader(*db_);
    EXPECT_EQ(
        run(reader->find(tenant_scope::of(acme_.user), "session-acme"))->org.default_caller_id, "+15550100012"
    );
}

TEST_F(tenant_rows, i_05_people_are_listed_in_pages_and_an_organisation_sees_its_own) {
    join(acme_, rival_.org);
    const auto all = run(tenants_->people(tenant_scope::all(), {}, 10));
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].login, "acme@example.com");
    ASSERT_EQ(all[0].memberships.size(), 2U);
    EXPECT_EQ(all[0].memberships[1].first, rival_.org);
    EXPECT_EQ(all[0].memberships[1].second, "member");
    const auto second = run(tenants_->people(tenant_scope::all(), all[0].id, 1));
    ASSERT_EQ(second.size(), 1U);
    EXPECT_EQ(second[0].id, rival_.user);
    EXPECT_TRUE(run(tenants_->people(tenant_scope::all(), rival_.user, 10)).empty());
    const auto own = run(tenants_->people(tenant_scope::of(acme_.org), {}, 10));
    ASSERT_EQ(own.size(), 1U);
    ASSERT_EQ(own[0].memberships.size(), 1U) << "other memberships are nobody's business";
    EXPECT_EQ(own[0].memberships[0].first, acme_.org);
    EXPECT_EQ(run(tenants_->people(tenant_scope::of(rival_.org), {}, 10)).size(), 2U);
}

// ---- routing

TEST_F(tenant_rows, opening_hours_are_replaced_as_a_whole_and_taken_away) {
    port::opening o;
    o.org = acme_.org;
    o.time_zone = "America/Chicago";
    o.hours.week[0] = {{540, 1020}};
    o.hours.special.push_back({std::chrono::year{2026} / 12 / 25, "Christmas", {}});
    o.closed_greeting = "We are closed.";
    sql("delete from opening_hours");
    EXPECT_TRUE(put(o).created);
    const auto stored = run(tenants_->opening_of(tenant_scope::of(acme_.org), acme_.org));
    ASSERT_TRUE(stored);
    EXPECT_EQ(stored->time_zone, o.time_zone);
    EXPECT_EQ(stored->hours, o.hours);
    EXPECT_EQ(stored->closed_greeting, o.closed_greeting);
    o.closed_greeting.reset();
    o.hours.special.clear();
    EXPECT_FALSE(put(o).created);
    EXPECT_EQ(run(tenants_->opening_of(tenant_scope::all(), acme_.org))->hours, o.hours);
    EXPECT_FALSE(run(tenants_->opening_of(tenant_scope::all(), acme_.org))->closed_greeting);
    EXPECT_TRUE(run(tenants_->remove_opening(tenant_scope::of(acme_.org), acme_.org)));
    EXPECT_FALSE(run(tenants_->remove_opening(tenant_scope::of(acme_.org), acme_.org)));
    EXPECT_FALSE(run(tenants_->opening_of(tenant_scope::all(), acme_.org)));
}

TEST_F(tenant_rows, a_nul_in_the_name_of_a_special_day_is_no_error_of_the_server) {
    port::opening o;
    o.org = acme_.org;
    o.time_zone = "UTC";
    o.hours.special.push_back({std::chrono::year{2026} / 12 / 25, std::string("Christ\0mas", 10), {}});
    EXPECT_TRUE(put(o).value);
}

TEST_F(tenant_rows, what_is_no_time_zone_is_refused_and_changes_nothing) {
    port::opening o;
    o.org = acme_.org;
    o.time_zone = "Europe/Zurich";
    ASSERT_TRUE(put(o).value);
    // Postgres itself takes most of them: "UTC+3" with the sign turned round, "CET" without summer time.
    for (const char* odd :
         {"", "Mars/Olympus", "America/Chicago; drop table calls", "UTC+3", "<X>5", "CEST", "CET",
          "localtime", "Factory", "posix/Europe/Paris", "Etc/GMT+3"}) {
        o.time_zone = odd;
        const auto out = put(o);
        ASSERT_TRUE(out.refused) << odd;
        EXPECT_EQ(out.refused->field, "time_zone");
    }
    EXPECT_EQ(
        value("select time_zone from opening_hours where org_id = " + text(acme_.org)), "Europe/Zurich"
    );
    o.time_zone = "UTC";
    o.closed_greeting = "";
    EXPECT_TRUE(put(o).refused);
    o.closed_greeting = std::string(3001, 'x');
    EXPECT_TRUE(put(o).refused);
}

TEST_F(tenant_rows, blocked_callers_are_pages_of_numbers_in_one_form) {
    sql("delete from blocked_callers");
    const auto block = [this](const std::string& e164, const std::string& note) {
        return put(port::blocked_caller{e164, acme_.org, note});
    };
    EXPECT_TRUE(block("+1 (555) 010-7001", "robocalls").created);
    EXPECT_FALSE(block("+15550107001", "sells windows").created);
    EXPECT_TRUE(block("+15550107002", "").created);
    EXPECT_TRUE(put(port::blocked_caller{"+15550107003", rival_.org, ""}).created);
    EXPECT_EQ(block("nobody", "").refused->field, "e164");
    EXPECT_EQ(block("+15550107004", std::string(1001, 'x')).refused->field, "note");
    const auto all = run(tenants_->blocked_callers(tenant_scope::of(acme_.org), acme_.org, "", 10));
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].e164, "+15550107001");
    EXPECT_EQ(all[0].note, "sells windows");
    const auto rest = run(tenants_->blocked_callers(tenant_scope::all(), acme_.org, all[0].e164, 10));
    ASSERT_EQ(rest.size(), 1U);
    EXPECT_EQ(rest[0].e164, "+15550107002");
    EXPECT_TRUE(run(tenants_->remove_blocked_caller(tenant_scope::of(acme_.org), acme_.org, "+15550107001")));
    EXPECT_FALSE(run(tenants_->remove_blocked_caller(tenant_scope::of(acme_.org), acme_.org, "+15550107001"))
    );
}

// ---- departures

TEST_F(tenant_rows, b28_the_last_membership_takes_devices_push_tokens_and_bearers_with_it) {
    join(acme_, rival_.org);
    EXPECT_TRUE(run(tenants_->remove_membership(tenant_scope::of(acme_.org), acme_.org, acme_.user, k_noon)));
    EXPECT_EQ(device_state(acme_), k_working) << "it rings for the other organisation";
    EXPECT_EQ(live_tokens(acme_), "1");
    EXPECT_EQ(value("select route_type from phone_numbers where e164 = '+15550100001'"), "voicemail");
    EXPECT_EQ(value("select count(*) from device_registrations where org_id = " + text(acme_.org)), "0");
    EXPECT_TRUE(run(tenants_->remove_membership(tenant_scope::of(rival_.org), rival_.org, acme_.user, k_noon))
    );
    EXPECT_EQ(device_state(acme_), k_stopped);
    EXPECT_EQ(live_tokens(acme_), "0");
    EXPECT_EQ(
        value("select status_reason from devices where user_id = " + text(acme_.user)), "membership_removed"
    );
    EXPECT_EQ(device_state(rival_), k_working);
    EXPECT_EQ(live_tokens(rival_), "1");
    EXPECT_FALSE(run(tenants_->remove_membership(tenant_scope::of(rival_.org), rival_.org, acme_.user, k_noon)
    ));
}

TEST_F(tenant_rows, b28_two_organisations_that_part_with_somebody_at_once_leave_nothing_behind) {
    for (int i = 0; i < 10; ++i) {
        const auto p = furnish("person-" + std::to_string(i), "+1555040000" + std::to_string(i));
        join(p, rival_.org);
        std::vector<awaitable<void>> both;
        for (const auto org : {p.org, rival_.org}) {
            const auto leave = [](port::tenants& t, org_id o, user_id u) -> awaitable<void> {
                EXPECT_TRUE(co_await t.remove_membership(tenant_scope::of(o), o, u, k_noon));
            };
            both.push_back(leave(*tenants_, org, p.user));
        }
        run(together(std::move(both)));
        ASSERT_EQ(device_state(p), k_stopped);
        ASSERT_EQ(live_tokens(p), "0");
    }
}

TEST_F(tenant_rows, b28_a_removed_person_has_no_devices_and_a_suspended_one_none_that_work) {
    join(acme_, rival_.org);
    EXPECT_TRUE(run(tenants_->remove_person(tenant_scope::all(), acme_.user, k_noon)));
    EXPECT_EQ(device_state(acme_), k_stopped);
    EXPECT_EQ(live_tokens(acme_), "0");
    EXPECT_FALSE(run(tenants_->apple_user("apple-acme")));
    EXPECT_TRUE(run(tenants_->remove_person(tenant_scope::all(), acme_.user, k_noon))) << "may be repeated";
    EXPECT_FALSE(run(tenants_->remove_person(tenant_scope::all(), {99'999}, k_noon)));

    ASSERT_TRUE(put(port::person{rival_.user, "rival@example.com", "R", "suspended", {}}).value);
    EXPECT_EQ(device_state(rival_), "suspended none true");
    EXPECT_EQ(live_tokens(rival_), "0");
    ASSERT_TRUE(put(port::person{rival_.user, "rival@example.com", "R", "active", {}}).value);
    EXPECT_EQ(device_state(rival_), "suspended none true") << "it has to register again";
    EXPECT_EQ(value("select count(*) from calls"), "2") << "history stays";
}

TEST_F(tenant_rows, b28_an_organisation_takes_the_devices_of_those_who_have_no_other) {
    const auto guest = furnish("guest", "+15550100003");
    join(guest, acme_.org);
    EXPECT_TRUE(run(tenants_->remove_organisation(tenant_scope::all(), acme_.org, k_noon)));
    EXPECT_EQ(device_state(acme_), k_stopped);
    EXPECT_EQ(live_tokens(acme_), "0");
    EXPECT_EQ(device_state(guest), k_working);
    EXPECT_EQ(
        value("select count(*) from api_tokens where revoked_at is null and org_id = " + text(acme_.org)), "0"
    );
    EXPECT_FALSE(run(tenants_->remove_organisation(tenant_scope::all(), {99'999}, k_noon)));
    ASSERT_TRUE(put(port::organisation{guest.org, "Guest", "", "suspended"}).value);
    EXPECT_EQ(device_state(guest), "suspended none true") << "both of its organisations are suspended now";
}

TEST_F(tenant_rows, b28_a_departure_marks_identities_for_who_retires_them_and_no_others) {
    sql("update calls set began_at = now()"); // a call that has lasted for days keeps nobody busy
    const auto theirs = fingerprint("sip_identities", "device_id <> " + text(acme_.devices[0].device));
    EXPECT_TRUE(run(tenants_->remove_person(tenant_scope::all(), acme_.user, k_noon)));
    EXPECT_EQ(
        value(
            "select state || ' ' || z360_ms(retry_at) from sip_identities where device_id = " +
            text(acme_.devices[0].device)
        ),
        "active " + std::to_string(k_noon.time_since_epoch().count())
    ) << "deleted at the carrier first, and not during a call";
    EXPECT_EQ(fingerprint("sip_identities", "device_id <> " + text(acme_.devices[0].device)), theirs);
}

// ---- Sign in with Apple

TEST_F(tenant_rows, ios_04_a_subject_belongs_to_one_person_until_it_is_revoked) {
    EXPECT_EQ(run(tenants_->apple_user("apple-acme")), acme_.user);
    EXPECT_FALSE(run(tenants_->apple_user("unheard of")));
    EXPECT_TRUE(run(tenants_->link_apple(acme_.user, "apple-acme", "a@example.com", k_noon)));
    EXPECT_FALSE(run(tenants_->link_apple(rival_.user, "apple-acme", "r@example.com", k_noon)));
    EXPECT_EQ(run(tenants_->apple_user("apple-acme")), acme_.user);
    const auto told = std::chrono::floor<millis>(std::chrono::system_clock::now()); // the link is of now
    const auto stopped = run(tenants_->unlink_apple("apple-acme", told, k_noon));
    ASSERT_EQ(stopped.size(), 1U);
    EXPECT_EQ(stopped[0], acme_.devices[0].device);
    EXPECT_EQ(device_state(acme_), k_stopped);
    EXPECT_EQ(live_tokens(acme_), "0");
    EXPECT_EQ(device_state(rival_), k_working);
    EXPECT_FALSE(run(tenants_->apple_user("apple-acme")));
    EXPECT_TRUE(run(tenants_->unlink_apple("apple-acme", told, k_noon)).empty());
    EXPECT_TRUE(run(tenants_->link_apple(rival_.user, "apple-acme", "r@example.com", k_noon)));
    EXPECT_EQ(run(tenants_->apple_user("apple-acme")), rival_.user);
    EXPECT_TRUE(run(tenants_->unlink_apple("apple-acme", k_noon - millis{1'000}, k_noon)).empty());
    EXPECT_EQ(run(tenants_->apple_user("apple-acme")), rival_.user) << "the notice is older than the link";
}

TEST(slug, is_made_of_any_name) {
    EXPECT_EQ(pg::slug_of("Demo Company, Ltd."), "demo-company-ltd");
    EXPECT_EQ(pg::slug_of(std::string(80, 'A')), std::string(63, 'a'));
    EXPECT_TRUE(pg::is_slug(pg::slug_of("株式会社")));
    EXPECT_NE(pg::slug_of("株式会社"), pg::slug_of("有限会社"));
    EXPECT_TRUE(pg::is_slug(pg::slug_of("-")));
    for (const auto* bad : {"", "-a", "A", "a b", "a_b"})
        EXPECT_FALSE(pg::is_slug(bad)) << bad;
}

TEST_F(tenant_rows, be_26_voicemail_of_a_number_or_a_member_says_otherwise_than_its_organisation) {
    sql("delete from voicemail_settings");
    const auto who = tenant_scope::of(acme_.org);
    const port::box_owner number{acme_.org, "+15550100001", {}};
    const port::box_owner member{acme_.org, "", acme_.user};
    port::voicemail_box b;
    b.voicemail = false;
    b.max_secs = 60;
    b.greeting_url = "https://example.test/hello.mp3";
    for (const auto& of : {number, member}) {
        EXPECT_FALSE(run(tenants_->box_of(who, of)));
        const auto made = run(tenants_->put_box(who, of, b));
        ASSERT_TRUE(made.value && made.created);
        EXPECT_FALSE(run(tenants_->put_box(who, of, b)).created);
        const auto found = run(tenants_->box_of(who, of));
        ASSERT_TRUE(found);
        EXPECT_EQ(found->voicemail, false);
        EXPECT_EQ(found->max_secs, 60);
        EXPECT_EQ(found->greeting_url, "https://example.test/hello.mp3");
        EXPECT_FALSE(found->greeting || found->beep || found->voice);
    }
    EXPECT_EQ(value("select count(*) from voicemail_settings"), "2");
    EXPECT_TRUE(run(tenants_->remove_box(who, number)));
    EXPECT_FALSE(run(tenants_->remove_box(who, number)));
    EXPECT_TRUE(run(tenants_->box_of(who, member))) << "a number's and a member's are two";
}

TEST_F(tenant_rows, be_26_voicemail_of_a_number_is_of_all_connections_that_have_it_and_of_none_given_back) {
    const auto who = tenant_scope::of(acme_.org);
    const port::box_owner of{acme_.org, "+15550100001", {}};
    const auto number_on = [&](const std::string& connection) {
        port::number n;
        n.org = acme_.org;
        n.e164 = of.e164;
        n.connection_id = connection;
        n.route_type = "voicemail";
        return run(tenants_->put(tenant_scope::all(), n));
    };
    const auto boxes = [this](const char* more) {
        return value(
            "select count(*) from voicemail_settings join phone_numbers using (phone_number_id) "
            "where e164 = '+15550100001' and not voicemail and " +
            std::string(more)
        );
    };
    port::voicemail_box off;
    off.voicemail = false;
    ASSERT_TRUE(run(tenants_->put_box(who, of, {})).value);
    ASSERT_TRUE(run(tenants_->remove_number(who, acme_.org, of.e164)));
    EXPECT_FALSE(run(tenants_->box_of(who, of))) << "its number is not there";
    EXPECT_EQ(value("select count(*) from voicemail_settings where phone_number_id is not null"), "0");
    EXPECT_TRUE(run(tenants_->put_box(who, of, off)).refused);
    ASSERT_TRUE(number_on("conn-1").value && number_on("conn-2").value) << "it is taken again";
    EXPECT_FALSE(run(tenants_->box_of(who, of)));
    EXPECT_TRUE(run(tenants_->put_box(who, of, off)).created);
    EXPECT_EQ(boxes("connection_id in ('conn-1', 'conn-2')"), "2");
    EXPECT_EQ(boxes("true"), "2");
    ASSERT_TRUE(number_on("conn-3").created);
    EXPECT_EQ(boxes("connection_id = 'conn-3'"), "1") << "what was said of the number goes for it";
    EXPECT_TRUE(run(tenants_->remove_box(who, of)));
    EXPECT_EQ(boxes("true"), "0");
}

TEST_F(tenant_rows, be_26_voicemail_that_cannot_be_is_refused_by_its_field) {
    const auto expect = [](const auto& out, why reason, const std::string& field) {
        ASSERT_TRUE(out.refused) << field;
        EXPECT_EQ(out.refused->reason, reason) << field;
        EXPECT_EQ(out.refused->field, field);
    };
    const auto who = tenant_scope::of(acme_.org);
    const port::box_owner member{acme_.org, "", acme_.user};
    const auto with = [](auto set) {
        port::voicemail_box b;
        set(b);
        return b;
    };
    expect(
        run(tenants_->put_box(who, member, with([](auto& b) { b.max_secs = 4; }))), why::invalid,
        "max_seconds"
    );
    expect(
        run(tenants_->put_box(who, member, with([](auto& b) { b.greeting = ""; }))), why::invalid, "greeting"
    );
    expect(
        run(tenants_->put_box(who, member, with([](auto& b) { b.greeting_url = "ftp://x"; }))), why::invalid,
        "greeting_url"
    );
    expect(run(tenants_->put_box(who, {acme_.org, "+15550100099", {}}, {})), why::not_found, "number");
    expect(run(tenants_->put_box(who, {acme_.org, "", {99'999}}, {})), why::not_found, "user");
    expect(run(tenants_->put_box(tenant_scope::of(acme_.user), member, {})), why::not_found, "org");
}
