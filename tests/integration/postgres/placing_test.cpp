// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What becomes of a call that a device places: whose it is, as which number they are shown, by which rules
// (BE-42, AND-14).
#include "calls.hpp"

#include <algorithm>

using namespace z360;
using namespace z360::testing;
using call::placing_rule;

namespace {

class placing : public postgres_test {
  protected:
    void SetUp() override {
        postgres_test::SetUp();
        if (IsSkipped()) return;
        acme_ = add_people("acme", "+15550100001", 2);
        pg::directory_settings s;
        s.placed_at_once = 3;
        s.placed_per_minute = 2;
        directory_ = pg::make_directory(*db_, s);
        calls_ = pg::make_call_store(*db_);
    }
    void TearDown() override {
        calls_.reset();
        directory_.reset();
        postgres_test::TearDown();
    }
    port::placing dials(std::string to) const {
        return {acme_.devices[0].sip_username, std::move(to), "", ""};
    }
    call::route place(port::placing what) { return run(directory_->place(std::move(what), k_noon)); }
    call::route place(std::string to) { return place(dials(std::move(to))); }
    placing_rule rule(std::string to) { return place(std::move(to)).placed->refused; }
    void rules(const std::string& columns, const std::string& values) {
        sql("delete from outbound_rules");
        sql("insert into outbound_rules (org_id, " + columns + ") values (" +
            std::to_string(acme_.org.value) + ", " + values + ")");
    }
    std::string add_number(const people& of, const std::string& e164, bool usual = false) {
        sql("insert into phone_numbers (org_id, connection_id, e164, route_type, is_default_caller_id) "
            "values (" +
            std::to_string(of.org.value) + ", 'connection-1', '" + e164 + "', 'voicemail', " +
            (usual ? "true" : "false") + ")");
        return e164;
    }
    /// It is going on.
    call::state begin(const std::string& session, port::placing what) {
        call::incoming e;
        e.id = id_of(session);
        e.call_control_id = "v3:" + session;
        e.call_session_id = session;
        e.from = what.sip_username;
        e.routed = place(std::move(what));
        auto d = call::begin(e, k_noon);
        port::call_commit c;
        c.next = d.next;
        c.deadline = call::deadline(d.next);
        c.at = k_noon;
        for (auto& o : d.effects)
            if (auto* x = std::get_if<call::effect>(&o)) c.new_effects.push_back(*x);
        EXPECT_EQ(run(calls_->commit(c, millis{60'000})), port::commit_result::committed);
        // As clocks have it that count what was placed lately.
        sql("update calls set began_at = now() where call_session_id = '" + session + "'");
        return d.next;
    }
    void step(call::state& s, std::uint64_t version, const call::event& e) {
        s = call::decide(s, e, k_noon + millis{1'000} * static_cast<long>(version)).next;
        port::call_commit c;
        c.expected_version = version;
        c.next = s;
        c.deadline = call::deadline(s);
        c.at = k_noon;
        ASSERT_EQ(run(calls_->commit(c, millis{60'000})), port::commit_result::committed);
    }
    std::string device() const { return std::to_string(acme_.devices[0].device.value); }

    people acme_;
    std::unique_ptr<port::directory> directory_;
    std::unique_ptr<port::call_store> calls_;
};

} // namespace

TEST_F(placing, be_42_the_identity_says_whose_device_it_is_and_the_organisation_what_it_is_shown_as) {
    sql("insert into contacts (org_id, e164, name) values (" + std::to_string(acme_.org.value) +
        ", '+15557654321', 'Carla')");
    const auto r = place("+15557654321");
    ASSERT_TRUE(r.placed);
    EXPECT_EQ(r.placed->refused, placing_rule::none);
    EXPECT_EQ(r.placed->to, "+15557654321");
    EXPECT_EQ(r.placed->by.device, acme_.devices[0].device);
    EXPECT_EQ(r.placed->by.identity, acme_.devices[0].identity);
    EXPECT_EQ(r.org, acme_.org);
    EXPECT_EQ(r.user, acme_.user);
    EXPECT_EQ(r.number, acme_.number);
    EXPECT_EQ(r.number_e164, "+15550100001");
    EXPECT_EQ(r.caller_name, "Carla");
    EXPECT_TRUE(r.targets.empty());
}

TEST_F(placing, numbers_are_taken_as_clients_send_them) {
    for (const auto* sent :
         {"15557654321", "+1 (555) 765-4321", "5557654321", "sip:15557654321@sip.example.com",
          "tel:+15557654321"})
        EXPECT_EQ(place(sent).placed->to, "+15557654321") << sent;
    for (const auto* sent : {"", "911x", "hello", "12", "gencredabc"}) {
        const auto r = place(sent);
        EXPECT_EQ(r.placed->refused, placing_rule::number_malformed) << sent;
        EXPECT_FALSE(r.placed->said.empty());
    }
}

TEST_F(placing, be_42_whoever_is_no_device_of_ours_or_may_not_call_is_refused) {
    const auto refused = [this](const std::string& why) {
        const auto r = place("+15557654321");
        EXPECT_EQ(r.placed->refused, placing_rule::unknown_device) << why;
        EXPECT_TRUE(r.org.none()) << why;
        EXPECT_TRUE(r.placed->said.empty()) << why;
    };
    EXPECT_EQ(place({"", "+15557654321", "", ""}).placed->refused, placing_rule::unknown_device);
    EXPECT_EQ(
        place({"gencred-nobody", "+15557654321", "", ""}).placed->refused, placing_rule::unknown_device
    );
    EXPECT_EQ(
        place({std::string("a\0b", 3), "+15557654321", "", ""}).placed->refused, placing_rule::unknown_device
    );
    for (const auto* change :
         {"update sip_identities set state = 'retiring'",
          "update devices set status = 'removed', removed_at = now()",
          "update devices set status = 'suspended'", "update users set status = 'suspended'",
          "update devices set embedded_webview = true"}) {
        pqxx::work tx(*sql_);
        tx.exec(change);
        tx.commit();
        refused(change);
        sql("update sip_identities set state = 'active'");
        sql("update devices set status = 'active', removed_at = null, embedded_webview = false");
        sql("update users set status = 'active'");
    }
    EXPECT_EQ(rule("+15557654321"), placing_rule::none);
}

TEST_F(placing, and_14_the_organisation_is_the_one_that_is_named_or_whose_number_is_shown_never_anothers) {
    const auto other = add_people("other", "+15550100002", 1);
    const auto stranger = add_people("stranger", "+15550100003", 1);
    sql("insert into memberships (org_id, user_id) values (" + std::to_string(other.org.value) + ", " +
        std::to_string(acme_.user.value) + ")");
    auto what = dials("+15557654321");
    EXPECT_EQ(place(what).org, acme_.org);
    what.org = std::to_string(other.org.value);
    EXPECT_EQ(place(what).org, other.org);
    EXPECT_EQ(place(what).number_e164, "+15550100002");
    what.org.clear();
    what.from = "+15550100002";
    EXPECT_EQ(place(what).org, other.org);
    what.from = "+15550100003";
    EXPECT_EQ(place(what).placed->refused, placing_rule::caller_id_not_yours);
    what.from.clear();
    for (const std::string& named :
         {std::to_string(stranger.org.value), std::string("0"), std::string("x1"), std::string("-5"),
          std::string("99999999999999999999")}) {
        what.org = named;
        EXPECT_EQ(place(what).placed->refused, placing_rule::not_a_member) << named;
        EXPECT_TRUE(place(what).org.none());
        EXPECT_TRUE(place(what).placed->said.empty()) << "nobody's call talks to nobody";
    }
    sql("update organizations set status = 'suspended' where org_id = " + std::to_string(acme_.org.value));
    what.org.clear();
    EXPECT_EQ(place(what).org, other.org);
}

TEST_F(placing, caller_ids_are_the_organisations_own_and_the_destinations_country_comes_first) {
    add_number(acme_, "+4930100001");
    add_number(acme_, "+15550100009", true);
    EXPECT_EQ(place("+4930555555").number_e164, "+4930100001");
    EXPECT_EQ(place("+15557654321").number_e164, "+15550100001") << "one's own before the organisation's";
    EXPECT_EQ(place("+33140000000").number_e164, "+15550100001");
    auto what = dials("+4930555555");
    what.from = "15550100009";
    EXPECT_EQ(place(what).number_e164, "+15550100009") << "as they say themselves";
    what.from = "+15550999999";
    EXPECT_EQ(place(what).placed->refused, placing_rule::caller_id_not_yours);
    what.from = acme_.devices[0].sip_username;
    EXPECT_EQ(place(what).placed->refused, placing_rule::none) << "no number, so as usual";
    sql("update phone_numbers set status = 'suspended'");
    EXPECT_EQ(rule("+15557654321"), placing_rule::no_caller_id);
}

TEST_F(placing, where_an_organisation_does_not_call_nobody_of_it_calls) {
    EXPECT_EQ(rule("+4930555555"), placing_rule::none);
    EXPECT_EQ(rule("+19005551234"), placing_rule::destination_forbidden) << "costs extra";
    EXPECT_EQ(rule("+88216123456"), placing_rule::destination_forbidden);
    rules("premium", "true");
    EXPECT_EQ(rule("+19005551234"), placing_rule::none);
    rules("allowed, forbidden", "'{+1,+49}', '{+1809}'");
    EXPECT_EQ(rule("+4930555555"), placing_rule::none);
    EXPECT_EQ(rule("+33140000000"), placing_rule::destination_forbidden);
    EXPECT_EQ(rule("+18095551234"), placing_rule::destination_forbidden);
    rules("enabled", "false");
    EXPECT_EQ(rule("+4930555555"), placing_rule::switched_off);
    rules("ring_seconds", "15");
    EXPECT_EQ(place("+4930555555").placed->ring_time, millis{15'000});
    sql("insert into blocked_callers (org_id, e164) values (" + std::to_string(acme_.org.value) +
        ", '+4930555555')");
    EXPECT_EQ(rule("+4930555555"), placing_rule::destination_blocked);
}

TEST_F(placing, emergency_numbers_always_pass) {
    rules("enabled, allowed", "false, '{+49}'");
    sql("update users set do_not_disturb_until = 'infinity'");
    auto s = begin("talking", dials("+4930555555")); // refused, and over once it was told so
    for (const auto* number : {"911", "112", "tel:911", "933"}) {
        const auto r = place(number);
        EXPECT_EQ(r.placed->refused, placing_rule::none) << number;
        EXPECT_TRUE(r.placed->emergency);
        EXPECT_EQ(r.number_e164, "+15550100001");
    }
    auto what = dials("911");
    what.from = "+15550999999";
    EXPECT_EQ(place(what).placed->refused, placing_rule::none);
    EXPECT_EQ(place(what).number_e164, "+15550100001") << "but only as a number that is ours";
    EXPECT_EQ(rule("110"), placing_rule::number_malformed) << "of another country";
}

TEST_F(placing, state_02_a_device_that_calls_is_in_a_call_until_that_is_over) {
    auto s = begin("s1", dials("+15557654321"));
    EXPECT_EQ(value("select placed_by from calls where call_session_id = 's1'"), device());
    EXPECT_EQ(value("select z360_talks(" + device() + ")"), "t");
    EXPECT_EQ(rule("+15557654322"), placing_rule::in_a_call);
    auto second = dials("+15557654322");
    second.sip_username = acme_.devices[1].sip_username;
    EXPECT_EQ(place(second).placed->refused, placing_rule::none) << "their other device";
    step(s, 1, call::leg_hangup{{"v3:s1", {}}, "originator_cancel"});
    EXPECT_EQ(value("select end_reason from calls where call_session_id = 's1'"), "caller_cancelled");
    EXPECT_EQ(rule("+15557654322"), placing_rule::none);
}

TEST_F(placing, as_many_at_once_and_in_a_minute_as_the_server_or_the_organisation_allows) {
    rules("at_once", "1");
    auto s = begin("s1", dials("+15557654321"));
    auto second = dials("+15557654322");
    second.sip_username = acme_.devices[1].sip_username;
    EXPECT_EQ(place(second).placed->refused, placing_rule::too_many_calls);
    rules("per_minute", "1");
    EXPECT_EQ(place(second).placed->refused, placing_rule::too_often);
    step(s, 1, call::leg_hangup{{"v3:s1", {}}, "originator_cancel"});
    EXPECT_EQ(place(second).placed->refused, placing_rule::too_often) << "over or not";
    sql("update calls set began_at = now() - interval '2 minutes'");
    EXPECT_EQ(place(second).placed->refused, placing_rule::none);
}

TEST_F(placing, what_is_stored_of_a_placed_call_is_found_again) {
    auto s = begin("s1", dials("+15557654321"));
    auto found = run(calls_->load(s.id));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->state, s);
    EXPECT_EQ(value("select form from calls"), "11") << "programs of before leave it alone";
    EXPECT_EQ(value("select caller_number from calls"), "+15557654321") << "the other party";
    EXPECT_EQ(value("select role || ' ' || address from call_legs"), "peer +15557654321");
    EXPECT_EQ(value("select verb || ' ' || form from commands"), "transfer 11");
    const call::leg_ref peer{"v3:peer", call::placed_leg_id(s.id)};
    step(s, 1, call::leg_answered{peer});
    step(s, 2, call::leg_bridged{{"v3:s1", {}}});
    step(s, 3, call::leg_bridged{peer});
    EXPECT_EQ(value("select phase from calls"), "active");
    step(s, 4, call::leg_hangup{peer, "normal_clearing"});
    EXPECT_EQ(
        value("select outcome || ' ' || direction || ' ' || placed_device from call_records"),
        "answered outbound " + device()
    );
}

TEST_F(placing, be_43_recording_is_as_the_organisation_or_the_number_shown_says) {
    const auto recording = [this] { return call::recording_of(place("+15557654321").rules); };
    sql("insert into org_settings (org_id, record_calls) values (" + std::to_string(acme_.org.value) +
        ", false)");
    EXPECT_EQ(recording(), call::recording_policy::off);
    sql("update phone_numbers set recording = 'on'");
    EXPECT_EQ(recording(), call::recording_policy::on);
    sql("update org_settings set record_calls = true, recording_mandatory = true");
    EXPECT_EQ(recording(), call::recording_policy::mandatory);
    sql("update phone_numbers set recording = 'off'");
    EXPECT_EQ(recording(), call::recording_policy::mandatory) << "no number loosens that";
}
