// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What the tables refuse, whoever writes to them.
#include "calls.hpp"

using namespace z360;
using namespace z360::testing;

namespace {

class schema : public postgres_test {
  protected:
    void SetUp() override {
        postgres_test::SetUp();
        if (IsSkipped()) return;
        acme_ = add_people("acme", "+15550100001", 2);
        rival_ = add_people("rival", "+15550100002", 1);
        auto calls = pg::make_call_store(*db_);
        ring_ = ringing(acme_, "s1");
        run(calls->commit(first_commit(ring_), millis{60'000}));
    }
    std::string leg_insert(const std::string& device, const std::string& identity, const people& org) {
        return "insert into call_legs (leg_id, call_id, org_id, device_id, identity_id, attempt, dial, "
               "initiated, "
               "answered, bridged, ended) values ('" +
               uuid{7, ++salt_}.text() + "', '" + ring_.id.text() + "', " + text(org.org) + ", " + device +
               ", " + identity + ", 9, 'requested', false, false, false, false)";
    }
    template <class Id>
    static std::string text(Id id) {
        return std::to_string(id.value);
    }
    people acme_;
    people rival_;
    call::state ring_;
    std::uint64_t salt_ = 0;
};

} // namespace

TEST_F(schema, be_36_a_leg_can_only_name_an_identity_of_its_own_device) {
    const auto legacy = value(
        "insert into sip_identities (kind, org_id, telnyx_credential_id, sip_username, state) values "
        "('organization', " +
        text(acme_.org) + ", 'legacy', 'gencred-legacy', 'active') returning identity_id"
    );
    const auto& mine = acme_.devices[0];
    const auto& other = acme_.devices[1];
    EXPECT_EQ(refusal(leg_insert(text(mine.device), legacy, acme_)), "call_legs_device_identity_only");
    EXPECT_EQ(
        refusal(leg_insert(text(mine.device), text(other.identity), acme_)), "call_legs_device_identity_only"
    );
    EXPECT_EQ(refusal(leg_insert("null", legacy, acme_)), "call_legs_leads_somewhere");
    EXPECT_EQ(refusal(leg_insert(text(mine.device), "null", acme_)), "call_legs_device_has_identity");
    EXPECT_EQ(
        refusal(leg_insert(text(mine.device), text(mine.identity), rival_)), "call_legs_tenant_of_call"
    );
    EXPECT_EQ(refusal(leg_insert(text(mine.device), text(mine.identity), acme_)), "accepted");
    EXPECT_EQ(refusal(leg_insert(text(mine.device), text(mine.identity), acme_)), "call_legs_one_per_device");
}

TEST_F(schema, be_36_a_leg_leads_to_a_device_or_to_an_address_and_only_a_device_is_dialed_without_one) {
    const auto leg = [this](
                         const std::string& role, const std::string& endpoint, const std::string& address,
                         const std::string& device
                     ) {
        return refusal(
            "insert into call_legs (leg_id, call_id, org_id, role, endpoint, address, device_id, "
            "identity_id, "
            "dial, initiated, answered, bridged, ended) values ('" +
            uuid{8, ++salt_}.text() + "', '" + ring_.id.text() + "', " + text(acme_.org) + ", '" + role +
            "', '" + endpoint + "', " + address + ", " + device + ", 'requested', false, false, false, false)"
        );
    };
    const auto& mine = acme_.devices[0];
    const auto identity = text(mine.device) + ", " + text(mine.identity);
    EXPECT_EQ(leg("peer", "e164", "'+15550100009'", "null, null"), "accepted");
    EXPECT_EQ(leg("agent", "sip_uri", "'sip:a@example.com'", "null, null"), "accepted");
    EXPECT_EQ(leg("peer", "e164", "'+15550100009'", identity), "call_legs_leads_somewhere");
    EXPECT_EQ(leg("peer", "e164", "null", "null, null"), "call_legs_leads_somewhere");
    EXPECT_EQ(leg("peer", "e164", "''", "null, null"), "call_legs_leads_somewhere");
    EXPECT_EQ(leg("peer", "identity", "'x'", identity), "call_legs_leads_somewhere");
    EXPECT_EQ(leg("device", "e164", "'+15550100009'", "null, null"), "call_legs_device_has_identity");
    EXPECT_EQ(leg("peer", "pigeon", "'x'", "null, null"), "call_legs_endpoint_check");
    EXPECT_EQ(leg("caller", "e164", "'+15550100009'", "null, null"), "call_legs_role_check");
}

TEST_F(schema, i_01_a_join_is_of_a_leg_of_its_call_and_one_is_open_at_a_time) {
    auto calls = pg::make_call_store(*db_);
    const auto foreign = ringing(rival_, "s2");
    run(calls->commit(first_commit(foreign), millis{60'000}));
    const auto join = [this](const leg_id& leg, int epoch, const std::string& over, const people& org) {
        return refusal(
            "insert into call_joins (call_id, leg_id, epoch, org_id, commanded, accepted, refused, over) "
            "values ('" +
            ring_.id.text() + "', '" + leg.text() + "', " + std::to_string(epoch) + ", " + text(org.org) +
            ", false, false, false, " + over + ")"
        );
    };
    EXPECT_EQ(join(foreign.legs[0].id, 1, "null", acme_), "call_joins_own_leg");
    EXPECT_EQ(join(ring_.legs[0].id, 1, "null", rival_), "call_joins_tenant_of_call");
    EXPECT_EQ(join(ring_.legs[0].id, 0, "null", acme_), "call_joins_epoch_check");
    EXPECT_EQ(join(ring_.legs[0].id, 1, "'bored'", acme_), "call_joins_over_check");
    EXPECT_EQ(join(ring_.legs[0].id, 1, "'dropped'", acme_), "accepted");
    EXPECT_EQ(join(ring_.legs[0].id, 1, "'dropped'", acme_), "call_joins_pkey");
    EXPECT_EQ(join(ring_.legs[1].id, 2, "null", acme_), "accepted");
    EXPECT_EQ(join(ring_.legs[0].id, 3, "null", acme_), "call_joins_one_at_a_time");
    for (const auto why :
         {call::join_end::talk_over, call::join_end::call_over, call::join_end::dropped,
          call::join_end::overtaken})
        EXPECT_EQ(
            refusal("update call_joins set over = '" + std::string(name(why)) + "' where epoch = 2"),
            "accepted"
        );
}

TEST_F(schema, be_36_an_identity_belongs_to_a_device_or_to_an_organisation_never_both) {
    const auto insert = [this](const char* kind, const std::string& device, const std::string& org) {
        return refusal(
            "insert into sip_identities (kind, device_id, org_id) values ('" + std::string(kind) + "', " +
            device + ", " + org + ")"
        );
    };
    const auto device = text(acme_.devices[0].device);
    const auto org = text(acme_.org);
    EXPECT_EQ(insert("device", "null", org), "sip_identities_kind_has_its_owner");
    EXPECT_EQ(insert("device", device, org), "sip_identities_kind_has_its_owner");
    EXPECT_EQ(insert("organization", device, "null"), "sip_identities_kind_has_its_owner");
    EXPECT_EQ(insert("device", device, "null"), "accepted");
    EXPECT_EQ(
        refusal(
            "insert into sip_identities (device_id, telnyx_credential_id, sip_username, state) values (" +
            device + ", 'c', 'u', 'active')"
        ),
        "sip_identities_one_active_per_device"
    );
    EXPECT_EQ(
        refusal("insert into sip_identities (device_id, state) values (" + device + ", 'rotating')"),
        "sip_identities_usable_has_name"
    );
    // What Telnyx never made can be given up all the same.
    EXPECT_EQ(
        refusal("insert into sip_identities (device_id, state) values (" + device + ", 'retiring')"),
        "accepted"
    );
}

TEST_F(schema, web_04_a_number_has_one_owner_per_connection_and_rings_a_member_only) {
    const auto insert = [this](const people& org, const people& receiver, const std::string& number) {
        return refusal(
            "insert into phone_numbers (org_id, connection_id, e164, receiving_user_id) values (" +
            text(org.org) + ", 'connection-1', '" + number + "', " + text(receiver.user) + ")"
        );
    };
    EXPECT_EQ(insert(rival_, rival_, "+15550100001"), "phone_numbers_one_owner_per_connection");
    EXPECT_EQ(insert(acme_, rival_, "+15550100003"), "phone_numbers_receiver_is_member");
    EXPECT_EQ(insert(acme_, acme_, "15550100003"), "e164_check");
    EXPECT_EQ(insert(acme_, acme_, "+1 555 010 0003"), "e164_check");
    EXPECT_EQ(
        refusal("update phone_numbers set receiving_user_id = null"), "phone_numbers_user_route_has_receiver"
    );
    EXPECT_EQ(refusal("delete from memberships"), "phone_numbers_receiver_is_member");
}

TEST_F(schema, be_15_a_call_that_does_anything_belongs_to_an_organisation_and_its_number) {
    EXPECT_EQ(refusal("update calls set org_id = null"), "calls_belong_to_an_organisation");
    EXPECT_EQ(
        refusal("update calls set phone_number_id = " + text(rival_.number)),
        "calls_number_of_same_organisation"
    );
    EXPECT_NE(refusal("update calls set org_id = " + text(rival_.org)), "accepted");
}

TEST_F(schema, an_ended_call_has_a_reason_and_states_have_only_the_canonical_names) {
    EXPECT_EQ(refusal("update calls set phase = 'ended', ended_at = now()"), "calls_ended_has_reason");
    EXPECT_EQ(refusal("update calls set phase = 'ended', end_reason = 'completed'"), "calls_ended_has_time");
    EXPECT_EQ(refusal("update calls set phase = 'claimed'"), "calls_phase_check");
    for (int i = 0; i < call::k_phase_count; ++i)
        EXPECT_EQ(
            refusal(
                "update calls set end_reason = 'completed', ended_at = now(), phase = '" +
                std::string(name(static_cast<call::phase>(i))) + "'"
            ),
            "accepted"
        );
}

TEST_F(schema, be_07_the_winner_is_a_leg_of_the_same_call) {
    auto calls = pg::make_call_store(*db_);
    const auto foreign = ringing(rival_, "s2");
    run(calls->commit(first_commit(foreign), millis{60'000}));
    const auto claim = [this](const leg_id& leg) {
        return refusal(
            "update calls set winner_leg_id = '" + leg.text() + "' where call_id = '" + ring_.id.text() + "'"
        );
    };
    EXPECT_EQ(claim(foreign.legs[0].id), "calls_winner_is_own_leg");
    EXPECT_EQ(claim({uuid{1, 2}}), "calls_winner_is_own_leg");
    EXPECT_EQ(claim(ring_.legs[1].id), "accepted");
    EXPECT_EQ(
        refusal(
            "insert into commands (command_id, call_id, org_id, leg_id, verb, payload, deadline, "
            "claimed_until, "
            "created_at) values ('x', '" +
            ring_.id.text() + "', " + text(acme_.org) + ", '" + foreign.legs[0].id.text() +
            "', 'bridge', '{}', now(), now(), now())"
        ),
        "commands_leg_of_same_call"
    );
}

TEST_F(schema, the_core_s_words_and_the_tables_words_are_the_same) {
    for (int i = 0; i < call::k_verb_count; ++i) {
        const std::string verb(name(static_cast<call::verb>(i)));
        EXPECT_EQ(refusal("update commands set verb = '" + verb + "'"), "accepted") << verb;
    }
    for (int i = 0; i < call::k_outcome_count; ++i) {
        const std::string outcome(name(static_cast<call::outcome>(i)));
        EXPECT_EQ(refusal("update commands set finished_at = now(), status = '" + outcome + "'"), "accepted")
            << outcome;
    }
    EXPECT_EQ(refusal("update commands set finished_at = null"), "commands_finished_has_time");
    for (const auto r :
         {call::release_reason::answered_elsewhere, call::release_reason::caller_gone,
          call::release_reason::ring_timeout, call::release_reason::bridge_failed,
          call::release_reason::call_over, call::release_reason::device_removed})
        EXPECT_EQ(
            refusal("update call_legs set release_reason = '" + std::string(name(r)) + "'"), "accepted"
        );
}

TEST_F(schema, be_12_an_event_id_exists_once_and_its_digest_is_that_of_its_bytes) {
    const std::string insert =
        "insert into webhook_events (event_id, event_type, route, received_at, body, claimed_until) "
        "values ('e1', '', 'call_control', now(), 'x', now())";
    EXPECT_EQ(refusal(insert), "accepted");
    EXPECT_EQ(refusal(insert), "webhook_events_pkey");
    EXPECT_EQ(refusal("update webhook_events set digest = 'x'"), "428C9");
    EXPECT_EQ(refusal("update webhook_events set status = 'done'"), "webhook_events_processed_has_time");
    EXPECT_EQ(
        refusal("update webhook_events set status = 'dead', processed_at = now()"),
        "webhook_events_dead_has_error"
    );
}
