// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Who talks already, or does not want to be disturbed: whom a call rings, and what the database does about
// two calls that come at once.
#include "calls.hpp"

#include <z360/call/decide.hpp>

#include <algorithm>
#include <future>
#include <string>
#include <vector>

using namespace z360;
using namespace z360::testing;

namespace {

class second_call : public stored_calls {
  protected:
    void SetUp() override {
        stored_calls::SetUp();
        if (IsSkipped()) return;
        pg::directory_settings s;
        s.device_life = millis{30LL * 24 * 3600 * 1000};
        directory_ = pg::make_directory(*db_, s);
        registry_ = pg::make_device_registry(*db_, nullptr);
        sql("update devices set last_seen_at = now()");
    }
    void TearDown() override {
        registry_.reset();
        directory_.reset();
        stored_calls::TearDown();
    }
    time_point now() { return time_point{millis{std::stoll(value("select z360_ms(clock_timestamp())"))}}; }
    call::route called(const std::string& number = "+15550100001") {
        auto r = run(directory_->resolve(number, "+15550109999", now()));
        call::heed_cause(r);
        return r;
    }
    /// The numbers of the devices that ring, "1 3", and of those left out with why, "2=busy".
    std::string rings(const call::route& r) {
        std::string out;
        const auto number = [this](device_id d) {
            for (std::size_t i = 0; i < people_.devices.size(); ++i)
                if (people_.devices[i].device == d) return std::to_string(i + 1);
            return std::string("?");
        };
        for (const auto& t : r.targets)
            out += (out.empty() ? "" : " ") + number(t.device);
        for (const auto& t : r.left_out)
            out += (out.empty() ? "" : " ") + number(t.device) + "=" + std::string(name(t.left_out));
        return out;
    }
    std::string rings() { return rings(called()); }
    struct stored {
        call::state is;
        std::uint64_t version = 1;
    };
    /// In the memory of a node alone.
    call::state begun(const std::string& session, call::route r, time_point at) {
        call::incoming e;
        e.id = id_of(session);
        e.call_control_id = "v3:" + session;
        e.call_session_id = session;
        e.from = "+15550109999";
        e.routed = std::move(r);
        return call::begin(e, at).next;
    }
    /// The first commit of a call, however far it has come.
    stored first_stored(call::state s, time_point at) {
        port::call_commit c;
        c.next = s;
        c.deadline = call::deadline(s);
        c.at = at;
        EXPECT_EQ(commit(c), port::commit_result::committed);
        return {std::move(s)};
    }
    stored begin(const std::string& session, call::route r) {
        const auto at = now();
        return first_stored(begun(session, std::move(r), at), at);
    }
    void step(stored& s, const call::event& e) {
        const auto at = now();
        s.is = call::decide(s.is, e, at).next;
        port::call_commit c;
        c.expected_version = s.version++;
        c.next = s.is;
        c.deadline = call::deadline(s.is);
        c.at = at;
        ASSERT_EQ(commit(c), port::commit_result::committed);
    }
    call::leg_ref leg_of(const stored& s, std::size_t device) {
        for (const auto& l : s.is.legs)
            if (l.device() == people_.devices.at(device - 1).device)
                return {"v3:" + s.is.origin.call_session_id + std::to_string(device), l.id};
        ADD_FAILURE() << "device " << device << " has no leg";
        return {};
    }
    void answers(stored& s, std::size_t device) { step(s, call::leg_answered{leg_of(s, device)}); }
    std::vector<call::event> talk_on(const stored& s, std::size_t device) {
        const call::leg_ref caller{"v3:" + s.is.origin.call_session_id, std::nullopt};
        return {
            call::leg_answered{leg_of(s, device)}, call::leg_bridged{leg_of(s, device)},
            call::leg_bridged{caller}
        };
    }
    void talks(stored& s, std::size_t device) {
        for (const auto& e : talk_on(s, device))
            step(s, e);
    }
    void hangs_up(stored& s) {
        step(s, call::leg_hangup{{"v3:" + s.is.origin.call_session_id, std::nullopt}, "x"});
    }
    void policy(const std::string& word) { sql("update memberships set second_call = '" + word + "'"); }
    std::string id(std::size_t device) { return std::to_string(people_.devices.at(device - 1).device.value); }
    /// Sessions whose rings are stopped, with the devices: "b 12 13".
    std::string stopped() {
        return value(
            "select coalesce(string_agg(call_session_id || ' ' || (select string_agg(d, ' ' order by "
            "d::bigint) from "
            "jsonb_array_elements_text(convert_from(body, 'UTF8')::jsonb->'devices') d), ', ' order by seq), "
            "'') from "
            "webhook_events where event_type = 'own.ring_withdrawn' and convert_from(body, 'UTF8')::jsonb @> "
            "'{\"busy\": true}'"
        );
    }

    std::unique_ptr<port::directory> directory_;
    std::unique_ptr<port::device_registry> registry_;
};

} // namespace

// ---- whom a call rings

TEST_F(second_call, state_02_a_device_that_talks_is_left_out_and_the_others_ring_until_the_talk_is_over) {
    EXPECT_EQ(rings(), "1 2 3");
    auto a = begin("a", called());
    EXPECT_EQ(rings(), "1 2 3") << "nobody talks yet";
    answers(a, 2);
    EXPECT_EQ(rings(), "1 3 2=busy");
    hangs_up(a);
    EXPECT_EQ(rings(), "1 2 3");
}

TEST_F(second_call, state_02_the_members_policy_goes_before_the_organisations) {
    auto a = begin("a", called());
    answers(a, 2);
    sql("insert into org_settings (org_id, second_call) select org_id, 'none' from organizations "
        "on conflict (org_id) do update set second_call = 'none'");
    EXPECT_EQ(rings(), "1=busy 2=busy 3=busy");
    policy("ring");
    EXPECT_EQ(rings(), "1 2 3");
    policy("others");
    EXPECT_EQ(rings(), "1 3 2=busy");
}

TEST_F(second_call, state_02_a_talk_for_one_organisation_counts_in_all_of_them) {
    auto a = begin("a", called());
    answers(a, 2);
    const auto other = add_people("rival", "+15550100009", 0);
    pg::admin(secret(scratch_->url())).upsert_membership(other.org, people_.user, "member");
    sql("update phone_numbers set receiving_user_id = " + std::to_string(people_.user.value) +
        " where e164 = '+15550100009'");
    EXPECT_EQ(rings(called("+15550100009")), "1 3 2=busy");
}

TEST_F(second_call, be_46_whoever_talks_is_not_called_on_their_mobile_number) {
    sql("update memberships set mobile = '+15550107777'");
    EXPECT_EQ(called().mobile, "+15550107777");
    auto a = begin("a", called());
    answers(a, 2);
    EXPECT_EQ(called().mobile, "");
    policy("ring");
    EXPECT_EQ(called().mobile, "+15550107777");
}

TEST_F(second_call, a_talk_that_is_older_than_any_talk_occupies_nobody) {
    auto a = begin("a", called());
    answers(a, 2);
    sql("update calls set began_at = now() - interval '5 hours'");
    EXPECT_EQ(rings(), "1 2 3");
}

TEST_F(second_call, do_not_disturb_of_a_device_and_of_the_person_holds_as_long_as_it_was_set_for) {
    const auto at = now();
    const auto second = people_.devices.at(1).device;
    run(registry_->disturb(people_.user, second, {.off = true, .until = at + millis{3'600'000}}));
    EXPECT_EQ(rings(), "1 3 2=do_not_disturb");
    EXPECT_EQ(rings(run(directory_->foresee("+15550100001", "", at, at + millis{3'700'000}))), "1 2 3");
    EXPECT_EQ(run(registry_->disturbances_of(people_.user, second, at)).device.until, at + millis{3'600'000});
    EXPECT_FALSE(run(registry_->disturbances_of(people_.user, second, at + millis{3'700'000})).device.off);

    run(registry_->disturb(people_.user, {}, {.off = true, .until = {}}));
    sql("update memberships set mobile = '+15550107777'");
    EXPECT_EQ(rings(), "1=do_not_disturb 2=do_not_disturb 3=do_not_disturb");
    EXPECT_EQ(called().mobile, "");
    const auto told = run(registry_->disturbances_of(people_.user, second, at));
    EXPECT_TRUE(told.person.off);
    EXPECT_EQ(told.person.until, std::nullopt);

    run(registry_->disturb(people_.user, {}, {}));
    run(registry_->disturb(people_.user, second, {}));
    EXPECT_EQ(rings(), "1 2 3");
}

TEST_F(second_call, b13_who_gets_a_phone_from_another_is_disturbed_again) {
    const auto other = add_people("rival", "+15550100009", 0);
    const auto second = people_.devices.at(1).device;
    run(registry_->disturb(people_.user, second, {.off = true, .until = {}}));
    run(registry_->disturb(other.user, people_.devices.at(0).device, {.off = true, .until = {}}));
    EXPECT_EQ(rings(), "1 3 2=do_not_disturb") << "a stranger says nothing of a device";
    sql("update devices set user_id = " + std::to_string(other.user.value) + " where device_id = " + id(2));
    EXPECT_EQ(value("select do_not_disturb_until is null from devices where device_id = " + id(2)), "t");
}

TEST_F(second_call, a_device_that_is_left_out_cannot_ask_to_be_rung) {
    const auto reach = [this](std::size_t n) {
        return run(directory_->reach(people_.devices.at(n - 1).device, {people_.user}, people_.org, now()))
            .size();
    };
    auto a = begin("a", called());
    answers(a, 2);
    EXPECT_EQ(reach(1), 1U);
    EXPECT_EQ(reach(2), 0U);
    run(registry_->disturb(people_.user, people_.devices.at(0).device, {.off = true, .until = {}}));
    EXPECT_EQ(reach(1), 0U);
}

// ---- the reservation

TEST_F(second_call, state_02_whoever_answers_one_of_two_calls_is_rung_by_the_other_no_more) {
    auto a = begin("a", called());
    auto b = begin("b", called());
    EXPECT_EQ(stopped(), "");
    talks(a, 2);
    EXPECT_EQ(stopped(), "b " + id(2));
    sql("delete from webhook_events");
    step(b, call::ring_withdrawn{{people_.devices.at(1).device}, true});
    talks(b, 3);
    EXPECT_EQ(stopped(), "") << "a's other phones are let go already, and b's own ring is b's to end";
}

TEST_F(second_call, state_02_by_the_policy_none_all_devices_stop_and_by_call_waiting_none) {
    policy("none");
    auto a = begin("a", called());
    auto b = begin("b", called());
    talks(a, 2);
    EXPECT_EQ(stopped(), "b " + id(1) + " " + id(2) + " " + id(3));
    hangs_up(a);
    hangs_up(b);
    sql("delete from webhook_events");
    policy("ring");
    auto c = begin("c", called());
    auto d = begin("d", called());
    talks(c, 2);
    EXPECT_EQ(stopped(), "");
}

TEST_F(second_call, state_02_a_ring_that_was_looked_up_before_the_talk_began_is_stopped_when_it_is_stored) {
    const auto before = called();
    auto a = begin("a", called());
    talks(a, 2);
    auto b = begin("b", before);
    EXPECT_EQ(stopped(), "b " + id(2));
}

TEST_F(second_call, state_02_a_claim_that_comes_to_nothing_takes_no_other_calls_ring_away) {
    auto a = begin("a", called());
    auto b = begin("b", called());
    answers(a, 2);
    EXPECT_EQ(stopped(), "") << "nobody talks yet";
    hangs_up(a);
    EXPECT_EQ(stopped(), "");
}

TEST_F(second_call, state_02_a_talk_that_is_stored_once_it_is_over_stops_nobody) {
    auto b = begin("b", called());
    const auto at = now();
    stored a{begun("a", called(), at)};
    auto events = talk_on(a, 2);
    events.push_back(call::leg_hangup{{"v3:a", std::nullopt}, "x"});
    for (const auto& what : events)
        a.is = call::decide(a.is, what, at).next;
    ASSERT_TRUE(over(a.is));
    (void)first_stored(a.is, at);
    EXPECT_EQ(stopped(), "");
    EXPECT_EQ(rings(), "1 2 3");
}

TEST_F(second_call, state_02_a_talk_that_is_stored_while_it_goes_on_stops_the_other_ring) {
    auto b = begin("b", called());
    const auto at = now();
    stored a{begun("a", called(), at)};
    for (const auto& what : talk_on(a, 2))
        a.is = call::decide(a.is, what, at).next;
    (void)first_stored(a.is, at);
    EXPECT_EQ(stopped(), "b " + id(2));
}

// Neither transaction sees the other's rows: without taking turns the phone would ring beside the talk.
TEST_F(second_call, state_02_a_ring_and_a_talk_that_begin_at_the_same_moment_see_each_other) {
    auto a = begin("a", called());
    const auto winner = leg_of(a, 2).leg->text();
    pqxx::connection other(scratch_->url());
    auto claim = std::make_unique<pqxx::work>(other);
    claim->exec(
        "update calls set winner_leg_id = '" + winner +
        "', phase = 'active', bridged_at = now(), version = version + 1 "
        "where call_session_id = 'a'"
    );
    auto began = std::async(std::launch::async, [&] {
        pqxx::connection third(scratch_->url());
        pqxx::work tx(third);
        auto s = ringing(people_, "b");
        tx.exec(
            "insert into calls (call_id, call_session_id, org_id, user_id, phase, version, snapshot, "
            "began_at, "
            "updated_at) values ('" +
            s.id.text() + "', 'b', " + std::to_string(people_.org.value) + ", " +
            std::to_string(people_.user.value) + ", 'ringing', 1, '{}', now(), now())"
        );
        tx.exec(
            "insert into call_legs (leg_id, call_id, org_id, role, device_id, identity_id, attempt, dial, "
            "answer_order, initiated, "
            "answered, bridged, ended) "
            "values ('" +
            s.legs.at(1).id.text() + "', '" + s.id.text() + "', " + std::to_string(people_.org.value) +
            ", 'device', " + id(2) + ", " + std::to_string(people_.devices.at(1).identity.value) +
            ", 1, 'requested', 0, false, false, false, false)"
        );
        tx.commit();
    });
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    while (began.wait_for(std::chrono::seconds{0}) != std::future_status::ready &&
           value("select exists (select from pg_locks where locktype = 'advisory' and not granted)") != "t")
        ASSERT_LT(std::chrono::steady_clock::now(), until) << "the ring did not wait for the talk";
    EXPECT_NE(began.wait_for(std::chrono::seconds{0}), std::future_status::ready) << "it takes its turn";
    claim->commit();
    began.get();
    EXPECT_EQ(stopped(), "b " + id(2));
}
