// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Why a phone did not ring, from rows as they are: each reason is the lack of what the directory asks for.
#include "calls.hpp"

#include <z360/call/diagnosis.hpp>

#include <algorithm>

using namespace z360;
using namespace z360::testing;
using call::obstacle;
using call::ring_result;

namespace {

constexpr millis k_day{24LL * 3'600 * 1'000};
constexpr millis k_month = 30 * k_day;

std::string at(time_point t) {
    return "z360_at(" + std::to_string(t.time_since_epoch().count()) + ")";
}

/// A push of the call's first ring to this device, as the core issues it.
call::effect wake(const call_id& call, device_id device) {
    call::push_notice p;
    p.call = call;
    p.device = device;
    p.ring = 1;
    call::effect e;
    e.id = "push-1";
    e.issued_at = k_noon;
    e.deadline = k_noon + millis{30'000};
    e.body = p;
    return e;
}

class explained : public postgres_test {
  protected:
    void SetUp() override {
        postgres_test::SetUp();
        if (IsSkipped()) return;
        acme_ = add_people("acme", "+15550100001", 2);
        admin_ = std::make_unique<pg::admin>(secret(scratch_->url()));
        calls_ = pg::make_call_store(*db_);
        pg::directory_settings s;
        s.device_life = k_month;
        directory_ = pg::make_directory(*db_, s);
        be_older();
    }
    void TearDown() override {
        directory_.reset();
        calls_.reset();
        admin_.reset();
        postgres_test::TearDown();
    }
    /// Everything was there a day before the call.
    void be_older() {
        const auto then = at(k_noon - k_day);
        sql("update devices set registered_at = " + then + ", created_at = " + then +
            ", last_seen_at = " + then);
        sql("update sip_identities set activated_at = coalesce(activated_at, " + then +
            "), created_at = " + then);
    }
    pg::explained_call explain(const std::string& session) {
        auto c = admin_->explain(session, k_month);
        EXPECT_TRUE(c && c->call) << session;
        return c.value_or(pg::explained_call{});
    }
    call::finding judged(const pg::explained_call& c, device_id d) {
        for (const auto& facts : c.devices)
            if (facts.id == d) return judge_device(facts, c.ring);
        ADD_FAILURE() << "device " << d.value << " is not told of";
        return {};
    }
    /// A call of the person that rang nobody.
    std::string call_without_targets(const std::string& session) {
        auto s = ringing(acme_, session);
        s.routed.targets.clear();
        s.legs.clear();
        EXPECT_EQ(run(calls_->commit(first_commit(s), millis{0})), port::commit_result::committed);
        return session;
    }
    bool rings_now(device_id d) {
        const auto r = run(directory_->resolve("+15550100001", "", k_noon));
        return std::any_of(r.targets.begin(), r.targets.end(), [d](const auto& t) { return t.device == d; });
    }
    std::string device(std::size_t i) const { return std::to_string(acme_.devices.at(i).device.value); }
    std::string person() const { return std::to_string(acme_.user.value); }

    people acme_;
    std::unique_ptr<pg::admin> admin_;
    std::unique_ptr<port::call_store> calls_;
    std::unique_ptr<port::directory> directory_;
};

} // namespace

TEST_F(explained, be_41_whatever_the_directory_asks_for_is_told_when_it_is_lacking) {
    const auto rival = add_people("rival", "+15550100009", 0);
    const auto org = std::to_string(acme_.org.value);
    const auto other = std::to_string(rival.org.value);
    const auto d = " where device_id = " + device(0);
    const struct {
        obstacle why;
        std::string change, back;
    } all[]{
        {obstacle::person_suspended, "update users set status = 'suspended' where user_id = " + person(),
         "update users set status = 'active'"},
        {obstacle::removed, "update devices set status = 'removed', removed_at = " + at(k_noon) + d,
         "update devices set status = 'active', removed_at = null" + d},
        {obstacle::suspended, "update devices set status = 'suspended', status_reason = 'by hand'" + d,
         "update devices set status = 'active', status_reason = ''" + d},
        {obstacle::silent, "update devices set status = 'suspended', status_reason = 'silent'" + d,
         "update devices set status = 'active', status_reason = ''" + d},
        {obstacle::silent, "update devices set last_seen_at = " + at(k_noon - k_month - millis{1}) + d,
         "update devices set last_seen_at = " + at(k_noon - k_month) + d},
        {obstacle::other_organisation, "update devices set bound_org_id = " + other + d,
         "update devices set bound_org_id = " + org + d},
        {obstacle::given_up,
         "insert into device_exclusions (device_id, org_id) values (" + device(0) + ", " + org + ")",
         "delete from device_exclusions"},
        {obstacle::pushes_only, "update devices set wants_identity = false" + d,
         "update devices set wants_identity = true" + d},
        {obstacle::native_app, "update devices set native_device_id = " + device(1) + d,
         "update devices set native_device_id = null" + d},
        {obstacle::native_app, "update devices set embedded_webview = true" + d,
         "update devices set embedded_webview = false" + d},
        {obstacle::identity_retired,
         "update sip_identities set state = 'retiring', retired_at = " + at(k_noon) + d,
         "update sip_identities set state = 'active', retired_at = null" + d},
        {obstacle::identity_expired, "update sip_identities set expires_at = " + at(k_noon) + d,
         "update sip_identities set expires_at = null" + d},
        {obstacle::identity_pending, "update sip_identities set state = 'pending', activated_at = null" + d,
         "update sip_identities set state = 'active', activated_at = created_at" + d},
        {obstacle::no_identity, "update sip_identities set device_id = " + device(1) + ", state = 'dead'" + d,
         "update sip_identities set state = 'active', device_id = " + device(0) + " where state = 'dead'"},
    };
    call_without_targets("s1");
    const auto first = acme_.devices[0].device;
    ASSERT_TRUE(rings_now(first));
    EXPECT_EQ(judged(explain("s1"), first).why_left_out, obstacle::changed_since);
    for (const auto& x : all) {
        SCOPED_TRACE(x.change);
        sql(x.change);
        EXPECT_FALSE(rings_now(first));
        const auto f = judged(explain("s1"), first);
        EXPECT_EQ(f.result, ring_result::left_out);
        EXPECT_EQ(f.why_left_out, x.why) << name(f.why_left_out);
        sql(x.back);
        EXPECT_TRUE(rings_now(first));
        EXPECT_EQ(judged(explain("s1"), first).why_left_out, obstacle::changed_since);
    }
}

TEST_F(explained, be_41_who_registered_or_came_back_after_the_call_is_told_as_that) {
    call_without_targets("s1");
    const auto first = acme_.devices[0].device;
    const auto d = " where device_id = " + device(0);
    sql("update devices set registered_at = " + at(k_noon + millis{1}) + d);
    EXPECT_EQ(judged(explain("s1"), first).why_left_out, obstacle::registered_later);
    sql("update devices set registered_at = created_at" + d);
    // Its credential was taken back for silence, and a new one made with its next sign of life.
    sql("update sip_identities set state = 'dead', retired_at = " + at(k_noon - millis{5}) +
        ", retire_reason = 'silent'" + d);
    sql("insert into sip_identities (device_id, telnyx_credential_id, sip_username, state, created_at, "
        "activated_at) "
        "values (" +
        device(0) + ", 'new', 'gencred-new', 'active', " + at(k_noon + millis{50}) + ", " +
        at(k_noon + millis{60}) + ")");
    EXPECT_EQ(judged(explain("s1"), first).why_left_out, obstacle::silent);
    sql("update sip_identities set retire_reason = 'lost' where state = 'dead'");
    EXPECT_EQ(judged(explain("s1"), first).why_left_out, obstacle::identity_retired);
    EXPECT_TRUE(rings_now(first)) << "today it rings";
}

TEST_F(explained, who_left_the_organisation_is_told_and_who_is_long_gone_is_not) {
    call_without_targets("s1");
    sql("update phone_numbers set receiving_user_id = null, route_type = 'voicemail'");
    sql("delete from memberships where user_id = " + person());
    EXPECT_EQ(judged(explain("s1"), acme_.devices[0].device).why_left_out, obstacle::no_member);
    sql("update devices set status = 'removed', removed_at = " + at(k_noon - k_month - millis{1}) +
        " where device_id = " + device(0));
    EXPECT_EQ(explain("s1").devices.size(), 1U);
}

TEST_F(explained, push_02_legs_pushes_and_requests_become_facts_with_their_times_and_words) {
    auto s = ringing(acme_, "s1");
    s.routed.rules.wake_by_push = true;
    const auto phone = acme_.devices[0].device;
    auto begin = first_commit(s);
    begin.new_effects.push_back(wake(s.id, phone));
    run(calls_->commit(begin, millis{60'000}));

    s.legs[0].dial = call::dial_status::accepted;
    s.legs[0].call_control_id = "control-0";
    s.legs[0].ended = true;
    s.legs[0].hangup_cause = "normal_clearing";
    s.legs[1].dial = call::dial_status::failed;
    s.notices.push_back({.device = phone, .ring = 1, .rounds = 1, .acknowledged = true});
    s.verdicts.push_back(
        {"r1", call::request_kind::ring, call::refusal::may_not_ring, k_noon + millis{900}, phone}
    );
    port::call_commit step;
    step.expected_version = 1;
    step.next = s;
    step.at = k_noon + millis{80};
    call::push_outcome taken;
    taken.effect_id = "push-1";
    taken.device = phone;
    taken.ring = 1;
    taken.by = push::provider::fcm;
    taken.attempts = 2;
    taken.code = "projects/p/messages/1";
    step.finished.emplace_back(taken);
    step.finished.emplace_back(
        call::command_outcome{s.legs[1].id.text(), call::verb::dial, {}, call::outcome::refused, "10010"}
    );
    step.notes.push_back({call::remark::push_accepted, "device=" + device(0) + " what=incoming_call by=fcm"});
    step.notes.push_back(
        {call::remark::device_leg_ended, "leg=" + s.legs[0].id.text() + " cause=normal_clearing"}
    );
    EXPECT_EQ(run(calls_->commit(step, millis{60'000})), port::commit_result::committed);
    auto hook = event(
        "e1",
        R"({"data":{"id":"e1","event_type":"call.hangup","payload":{"call_control_id":"control-0","call_session_id":"s1",)"
        R"("hangup_cause":"normal_clearing","sip_hangup_cause":"480"}}})",
        "s1"
    );
    hook.event_type = "call.hangup";
    auto inbox = pg::make_event_inbox(*db_);
    run(inbox->append({hook, event("e2", "no json at all", "s1")}, millis{60'000}));
    sql("update webhook_events set event_type = 'call.hangup'");

    const auto c = explain("s1");
    EXPECT_EQ(c.person, "User acme");
    EXPECT_EQ(c.number_alias, "Main line");
    ASSERT_EQ(c.devices.size(), 2U);
    const auto& d = c.devices[0];
    ASSERT_EQ(d.legs.size(), 1U);
    EXPECT_EQ(d.legs[0].sip_cause, "480");
    EXPECT_EQ(d.legs[0].dialed_at, k_noon);
    EXPECT_EQ(d.legs[0].ended_at, step.at);
    ASSERT_EQ(d.pushes.size(), 1U);
    EXPECT_EQ(d.pushes[0].by, push::provider::fcm);
    EXPECT_EQ(d.pushes[0].over_at, step.at);
    EXPECT_EQ(d.pushes[0].attempts, 2U);
    EXPECT_TRUE(d.acknowledged);
    ASSERT_EQ(d.asks.size(), 1U);
    const auto f = judged(c, phone);
    EXPECT_EQ(f.result, ring_result::unreachable);
    EXPECT_EQ(f.asleep, call::sleep_cause::not_let_in);
    const auto refused = judged(c, acme_.devices[1].device);
    EXPECT_EQ(refused.result, ring_result::dial_refused);
    EXPECT_EQ(refused.detail, "10010");
    for (const auto& l : c.lines) {
        if (l.what == "push_accepted" || l.what == "incoming_call" || l.what == "device_leg_ended")
            EXPECT_EQ(l.device, phone) << l.source << " " << l.what;
        if (l.what == "incoming_call") EXPECT_EQ(l.channel, "push");
        if (l.source == "outcome" && l.what == "incoming_call") {
            EXPECT_NE(l.detail.find(" push_id=projects/p/messages/1"), std::string::npos) << l.detail;
            EXPECT_EQ(l.detail.find("error="), std::string::npos) << l.detail;
        }
        if (l.source == "outcome" && l.what == "dial") EXPECT_EQ(l.device, acme_.devices[1].device);
    }
}

TEST_F(explained, sys_it_is_known_how_long_an_event_and_an_effect_took) {
    const auto s = ringing(acme_, "s1");
    auto begin = first_commit(s);
    run(calls_->commit(begin, millis{60'000}));
    auto inbox = pg::make_event_inbox(*db_);
    (void)run(inbox->append({event("e1", "{}", "s1")}, millis{60'000}));
    port::call_commit next;
    next.expected_version = 1;
    next.next = s;
    next.at = k_noon + millis{250};
    next.processed_events = {"e1"};
    next.finished.emplace_back(call::ended_as(begin.new_effects[0], call::outcome::done));
    run(calls_->commit(next, millis{60'000}));
    sql("update webhook_events set received_at = stored_at - interval '3 ms', processed_at = stored_at + "
        "interval '7 ms'");
    const auto told = explain("s1");
    int events = 0;
    int outcomes = 0;
    for (const auto& l : told.lines) {
        if (l.source == "webhook") {
            ++events;
            EXPECT_EQ(l.stored, millis{3});
            EXPECT_EQ(l.decided, millis{10});
        } else if (l.source == "outcome") {
            ++outcomes;
            EXPECT_EQ(l.took, millis{250});
        } else {
            EXPECT_FALSE(l.stored || l.decided || l.took) << l.source;
        }
    }
    EXPECT_EQ(events, 1);
    EXPECT_EQ(outcomes, 1);
}

TEST_F(explained, push_02_each_request_to_a_provider_and_what_the_phone_says_of_it_are_facts) {
    auto s = ringing(acme_, "s1");
    s.routed.rules.wake_by_push = true;
    auto begin = first_commit(s);
    begin.new_effects.push_back(wake(s.id, acme_.devices[0].device));
    run(calls_->commit(begin, millis{60'000}));
    const auto pushed = [&] { return explain("s1").devices.at(0).pushes.at(0); };
    EXPECT_FALSE(pushed().by);
    sql("insert into push_attempts (attempt_id, call_id, org_id, device_id, kind, ring, round, attempt, "
        "provider, "
        "token_kind, lane, queued_at, sent_at, status, reason, outcome) select gen_random_uuid(), call_id, "
        "org_id, " +
        device(0) +
        ", 'incoming_call', 1, 1, 3, 'apns', 'voip', 'call', now(), now(), 410, 'Unregistered', 'failed' "
        "from calls");
    EXPECT_EQ(pushed().by, push::provider::apns);
    EXPECT_EQ(pushed().attempts, 3U);
    sql("update commands set status = 'refused', error_code = 'dead_token', finished_at = now() where "
        "channel = 'push'");
    EXPECT_EQ(pushed().code, "410 Unregistered");
    const auto lines = explain("s1").lines;
    EXPECT_EQ(
        std::count_if(
            lines.begin(), lines.end(),
            [](const auto& l) {
                return l.source == "outcome" && l.detail.find(" error=dead_token") != std::string::npos;
            }
        ),
        1
    );
    for (const auto& [state, later] : {std::pair{"received", 5}, std::pair{"ringing", 7}})
        sql("insert into push_receipts (call_id, device_id, ring, state, org_id, at) select call_id, " +
            device(0) + ", 1, '" + state + "', org_id, " + at(k_noon + millis{later}) + " from calls");
    const auto said = explain("s1").devices.at(0).receipts;
    ASSERT_EQ(said.size(), 2U);
    EXPECT_EQ(said[0].state, "received");
    EXPECT_EQ(said[1].at, k_noon + millis{7});
}

TEST_F(explained, a_device_that_was_in_another_call_is_told_to_have_been) {
    auto first = ringing(acme_, "s1");
    first.legs[0].answered = true;
    run(calls_->commit(first_commit(first), millis{60'000}));
    auto second = ringing(acme_, "s2");
    second.began = second.rings[0].began = k_noon + millis{5'000};
    run(calls_->commit(first_commit(second), millis{60'000}));
    const auto c = explain("s2");
    EXPECT_TRUE(c.devices.at(0).was_talking);
    EXPECT_FALSE(c.devices.at(1).was_talking);
    sql("update calls set ended_at = " + at(k_noon + millis{5'000}) + " where call_session_id = 's1'");
    EXPECT_FALSE(explain("s2").devices.at(0).was_talking);
}

// ---- what is meant

TEST_F(explained, a_call_is_found_by_its_id_session_number_person_and_device) {
    const auto s = ringing(acme_, "s1");
    run(calls_->commit(first_commit(s), millis{60'000}));
    using kind = pg::call_subject::kind;
    const auto is = [this](const std::string& text) {
        const auto found = admin_->find_subject(text);
        EXPECT_TRUE(found) << text;
        return found.value_or(pg::call_subject{});
    };
    EXPECT_EQ(is("s1").is, kind::call);
    EXPECT_EQ(is(s.id.text()).text, s.id.text());
    EXPECT_EQ(is(s.id.text().substr(0, 8)).text, s.id.text()) << "as lists show it";
    EXPECT_EQ(is("+1 (555) 010-0001").text, "+15550100001");
    EXPECT_EQ(is("15550109999").is, kind::number);
    EXPECT_EQ(is("ACME@example.com").user, acme_.user);
    EXPECT_EQ(is("acme@example.com").name, "User acme");
    for (const auto& text : {std::string("acme-device-1"), std::string("phone 1"), device(1)}) {
        EXPECT_EQ(is(text).is, kind::device) << text;
        EXPECT_EQ(is(text).device, acme_.devices[1].device) << text;
        EXPECT_EQ(is(text).user, acme_.user);
    }
    for (const std::string text : {"", "nobody", "00000000", "+12", "999999", "'; drop table calls; --"})
        EXPECT_FALSE(admin_->find_subject(text)) << text;
}

TEST_F(explained, a_name_that_several_devices_have_is_refused_naming_them) {
    const auto rival = add_people("rival", "+15550100009", 1);
    const auto said = [this](const std::string& text) -> std::string {
        try {
            (void)admin_->find_subject(text);
        } catch (const pg::admin_error& e) {
            return e.what();
        }
        return "found";
    };
    const auto text = said("Phone 0");
    EXPECT_NE(text.find("may be 2 devices"), std::string::npos) << text;
    EXPECT_NE(text.find(device(0) + " of acme@example.com"), std::string::npos) << text;
    EXPECT_EQ(said("acme-device-0"), "found") << "the app's id is one device's";
    sql("update devices set status = 'removed', removed_at = now() where user_id = " +
        std::to_string(rival.user.value));
    EXPECT_EQ(admin_->find_subject("Phone 0")->device, acme_.devices[0].device)
        << "a removed one is not meant";
}

TEST_F(explained, and_14_calls_are_listed_newest_first_and_narrowed_by_whom_and_when) {
    const auto rival = add_people("rival", "+15550100009", 1);
    const auto put = [&](const people& p, const std::string& session, millis later, auto change) {
        auto s = ringing(p, session);
        s.routed.number_e164 = p.org == rival.org ? "+15550100009" : "+15550100001";
        s.routed.caller_name = "Carla";
        s.began = s.rings[0].began = k_noon + later;
        change(s);
        EXPECT_EQ(run(calls_->commit(first_commit(s), millis{0})), port::commit_result::committed);
    };
    put(acme_, "s1", millis{0}, [](auto& s) {
        s.ended_at = k_noon + millis{9'000};
        s.reason = call::end_reason::caller_cancelled;
    });
    put(acme_, "s2", millis{1'000}, [](auto&) {});
    put(rival, "s3", millis{2'000}, [](auto& s) { s.caller.to = call::e164{"+15550107777"}; });
    put(acme_, "s4", millis{3'000}, [](auto& s) { // nobody's
        s.routed = {};
        s.legs.clear();
        s.ended_at = k_noon + millis{3'000};
        s.reason = call::end_reason::rejected;
    });
    const auto listed = [this](pg::call_filter f) {
        if (f.since == time_point{}) f.since = k_noon;
        std::string out;
        for (const auto& l : admin_->calls(f))
            out += l.call_session_id + " ";
        return out;
    };
    EXPECT_EQ(listed({}), "s4 s3 s2 s1 ");
    EXPECT_EQ(listed({.since = k_noon + millis{1}}), "s4 s3 s2 ");
    EXPECT_EQ(listed({.user = acme_.user}), "s2 s1 ");
    EXPECT_EQ(listed({.number = "+15550107777"}), "s3 ") << "the caller's";
    EXPECT_EQ(listed({.number = "+15550100001"}), "s2 s1 ") << "ours";
    EXPECT_EQ(listed({.missed = true}), "s1 ") << "a refused call is not missed";
    EXPECT_EQ(listed({.user = rival.user, .missed = true}), "");
    EXPECT_EQ(listed({.limit = 2}), "s4 s3 ");
    const auto all = admin_->calls({.since = k_noon});
    EXPECT_EQ(all[3].caller_name, "Carla");
    EXPECT_EQ(all[3].person, "User acme");
    EXPECT_EQ(all[3].end_reason, "caller_cancelled");
    EXPECT_TRUE(all[3].missed);
    EXPECT_EQ(all[3].number_alias, "Main line");
    EXPECT_TRUE(all[0].user.none());
}
