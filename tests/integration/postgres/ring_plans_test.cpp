// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Groups: what may be set, whom a call rings, in whose lists it stands, and who is not rung any more.
#include "tenancy.hpp"

#include <z360/call/decide.hpp>
#include <z360/call/view.hpp>

#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>

using namespace z360;
using namespace z360::testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using why = port::refusal::why;

namespace {

class ring_plans : public postgres_test {
  protected:
    void SetUp() override {
        postgres_test::SetUp();
        if (IsSkipped()) return;
        ada_ = add_people("acme", "+15550100001", 2);
        bob_ = join("bob", 1);
        eve_ = join("eve", 1);
        stranger_ = add_people("rival", "+15550100002", 1);
        tenants_ = pg::make_tenants(*db_, "connection-1");
        pg::directory_settings s;
        s.device_life = millis{30LL * 24 * 3600 * 1000};
        directory_ = pg::make_directory(*db_, s);
        calls_ = pg::make_call_store(*db_);
        reader_ = pg::make_call_reader(*db_);
        sql("update devices set last_seen_at = now()");
    }
    void TearDown() override {
        reader_.reset();
        calls_.reset();
        directory_.reset();
        tenants_.reset();
        postgres_test::TearDown();
    }
    user_id join(const std::string& name, unsigned devices) {
        pg::admin admin(secret(scratch_->url()));
        const auto user = admin.upsert_user(name + "@example.com", name);
        admin.upsert_membership(ada_.org, user, "member");
        for (unsigned i = 0; i < devices; ++i)
            admin.upsert_device(
                {user, name + "-device", name + "'s phone", "ios", "cred-" + name, "gencred-" + name,
                 std::nullopt}
            );
        return user;
    }
    static call::plan_member person(user_id who) {
        call::plan_member m;
        m.who.user = who;
        return m;
    }
    static call::plan_member number(std::string e164, bool asked = true) {
        call::plan_member m;
        m.who.number = std::move(e164);
        m.who.asked = asked;
        return m;
    }
    port::ring_plan plan(call::strategy how, std::vector<call::plan_member> members) {
        port::ring_plan p;
        p.org = ada_.org;
        p.key = "sales";
        p.name = "Sales";
        p.rules.how = how;
        p.rules.members = std::move(members);
        return p;
    }
    port::outcome_of<port::ring_plan> put(port::ring_plan p, tenant_scope who = tenant_scope::all()) {
        return run(tenants_->put(std::move(who), std::move(p)));
    }
    /// The number rings by the plan from now on.
    void route_by(const port::ring_plan& p) {
        const auto set = put(p);
        ASSERT_TRUE(set.value) << set.refused->field << ": " << set.refused->text;
        port::number n;
        n.org = ada_.org;
        n.e164 = "+15550100001";
        n.route_type = "plan";
        n.ring_plan = "sales";
        const auto out = run(tenants_->put(tenant_scope::all(), n));
        ASSERT_TRUE(out.value) << out.refused->text;
    }
    call::route resolve() { return run(directory_->resolve("+15550100001", "+15550109999", now())); }
    time_point now() { return time_point{millis{std::stoll(value("select z360_ms(clock_timestamp())"))}}; }
    /// The people of each wave, in their order.
    static std::vector<std::vector<std::int64_t>> waves(const call::route& r) {
        std::vector<std::vector<std::int64_t>> out;
        for (const auto& w : r.plan) {
            out.emplace_back();
            for (const auto& b : w.branches)
                out.back().push_back(b.user.value);
        }
        return out;
    }
    call::state begin(const std::string& session, time_point at) {
        call::incoming e;
        e.id = id_of(session);
        e.call_control_id = "v3:" + session;
        e.call_session_id = session;
        e.from = "+15550109999";
        e.routed = resolve();
        auto d = call::begin(e, at);
        port::call_commit c;
        c.next = d.next;
        c.deadline = call::deadline(d.next);
        c.at = at;
        EXPECT_EQ(run(calls_->commit(c, millis{60'000})), port::commit_result::committed);
        return d.next;
    }
    void step(call::state& s, std::uint64_t version, const call::event& e, time_point at) {
        s = call::decide(s, e, at).next;
        port::call_commit c;
        c.expected_version = version;
        c.next = s;
        c.deadline = call::deadline(s);
        c.at = at;
        ASSERT_EQ(run(calls_->commit(c, millis{60'000})), port::commit_result::committed);
    }
    static const call::leg* leg_of(const call::state& s, user_id who) {
        for (const auto& l : s.legs)
            if (l.goes_to() != nullptr && l.goes_to()->user == who) return &l;
        return nullptr;
    }
    /// A call that this person takes and ends.
    void talk(const std::string& session, user_id who, time_point at) {
        auto s = begin(session, at);
        const auto* l = leg_of(s, who);
        ASSERT_NE(l, nullptr);
        const call::leg_ref ref{"v3:" + session + "-leg", l->id};
        std::uint64_t version = 0;
        for (const call::event& e : std::initializer_list<call::event>{
                 call::leg_answered{ref}, call::leg_bridged{ref},
                 call::leg_bridged{{"v3:" + session, std::nullopt}},
                 call::leg_hangup{{"v3:" + session, {}}, "x"}
             })
            step(s, ++version, e, at += millis{1'000});
        ASSERT_TRUE(over(s));
    }
    /// What is under way in any database of the server holds changes back: a `create database` of another
    /// test for as long as its checkpoint takes.
    std::vector<port::call_view> changed(user_id who, std::uint64_t since) {
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{60};
        for (;;) {
            auto out = run(reader_->changed(tenant_scope::of(who), since, 10));
            if (!out.empty() || std::chrono::steady_clock::now() > until) return out;
        }
    }
    std::vector<std::string> listed(user_id who) {
        std::vector<std::string> out;
        for (const auto& v : run(reader_->live(tenant_scope::of(who))))
            out.push_back(v.state.origin.call_session_id);
        return out;
    }
    std::string withdrawn() {
        return value(
            "select coalesce(string_agg(convert_from(body, 'UTF8'), ' ' order by received_at), '') from "
            "webhook_events where event_type = 'own.ring_withdrawn'"
        );
    }

    people ada_, stranger_;
    user_id bob_, eve_;
    std::unique_ptr<port::tenants> tenants_;
    std::unique_ptr<port::directory> directory_;
    std::unique_ptr<port::call_store> calls_;
    std::unique_ptr<port::call_reader> reader_;
};

} // namespace

// ---- what may be set

TEST_F(ring_plans, a_number_of_another_organisation_is_ours_whoever_sets_the_plan_and_whenever_it_became_so) {
    for (const auto& who : {tenant_scope::all(), tenant_scope::of(ada_.org)}) {
        const auto out = put(plan(call::strategy::all, {person(ada_.user), number("+15550100002")}), who);
        ASSERT_TRUE(out.refused);
        EXPECT_THAT(out.refused->text, HasSubstr("of ours"));
    }
    route_by(plan(call::strategy::all, {person(ada_.user), number("+15550108888")}));
    EXPECT_EQ(resolve().plan.at(0).branches.size(), 2U);
    sql("update phone_numbers set e164 = '+15550108888' where e164 = '+15550100002'");
    EXPECT_EQ(resolve().plan.at(0).branches.size(), 1U) << "such a call would come back";
}

TEST_F(ring_plans, a_plan_that_names_nobody_a_stranger_or_us_is_refused_and_changes_nothing) {
    const auto before = value("select count(*) from ring_plans");
    const auto refused = [&](port::ring_plan p, why reason, const char* field) {
        const auto out = put(std::move(p));
        ASSERT_TRUE(out.refused) << field;
        EXPECT_EQ(out.refused->reason, reason) << out.refused->text;
        EXPECT_EQ(out.refused->field, field) << out.refused->text;
    };
    refused(plan(call::strategy::all, {}), why::invalid, "members");
    refused(plan(call::strategy::all, {person(bob_), person(bob_)}), why::invalid, "members[1].user_id");
    refused(plan(call::strategy::all, {person(stranger_.user)}), why::not_found, "members");
    refused(plan(call::strategy::all, {number("+15550100002")}), why::invalid, "members");
    refused(plan(call::strategy::all, {number("110")}), why::invalid, "members[0].number");
    auto long_one = plan(call::strategy::sequence, {});
    long_one.rules.step = millis{60'000};
    for (int i = 0; i < 6; ++i)
        long_one.rules.members.push_back(number("+1555020000" + std::to_string(i)));
    refused(long_one, why::invalid, "members");
    auto oddly_named = plan(call::strategy::all, {person(bob_)});
    oddly_named.key = "Sales!";
    refused(oddly_named, why::invalid, "ring_plan");
    auto elsewhere = plan(call::strategy::all, {person(bob_)});
    elsewhere.mailbox = stranger_.user;
    refused(elsewhere, why::not_found, "members");
    EXPECT_EQ(value("select count(*) from ring_plans"), before);
}

TEST_F(ring_plans, what_was_set_is_read_back_replaced_and_kept_while_numbers_ring_by_it) {
    auto p = plan(call::strategy::waves, {person(ada_.user), number("(312) 555-0177", false)});
    p.rules.members[1].wave = 2;
    p.rules.members[1].who.after = millis{5'000};
    p.rules.members[0].who.lasts = millis{10'000};
    p.rules.members[1].who.number = "+13125550177";
    p.mailbox = bob_;
    const auto made = put(p);
    ASSERT_TRUE(made.value) << made.refused->text;
    EXPECT_TRUE(made.created);
    EXPECT_FALSE(put(p).created);
    const auto read = run(tenants_->plan_of(tenant_scope::of(ada_.org), ada_.org, "sales"));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->rules, p.rules);
    EXPECT_EQ(read->mailbox, bob_);
    EXPECT_THAT(run(tenants_->plans(tenant_scope::of(ada_.org), ada_.org, "", 10)), SizeIs(1));
    EXPECT_THAT(run(tenants_->plans(tenant_scope::of(stranger_.org), ada_.org, "", 10)), IsEmpty());
    route_by(p);
    const auto used = run(tenants_->remove_plan(tenant_scope::all(), ada_.org, "sales"));
    ASSERT_TRUE(used.refused);
    EXPECT_EQ(used.refused->reason, why::conflict);
    sql("update phone_numbers set route_type = 'voicemail' where e164 = '+15550100001'");
    EXPECT_TRUE(run(tenants_->remove_plan(tenant_scope::all(), ada_.org, "sales")).value);
    EXPECT_FALSE(run(tenants_->remove_plan(tenant_scope::all(), ada_.org, "sales")).value);
}

TEST_F(ring_plans, a_number_or_a_member_is_routed_by_a_plan_of_their_own_organisation_alone) {
    auto foreign = plan(call::strategy::all, {person(stranger_.user)});
    foreign.org = stranger_.org;
    foreign.key = "theirs";
    ASSERT_TRUE(put(foreign).value);
    port::number n;
    n.org = ada_.org;
    n.e164 = "+15550100001";
    n.route_type = "plan";
    for (const char* key : {"theirs", "none", ""}) {
        n.ring_plan = key;
        const auto out = run(tenants_->put(tenant_scope::all(), n));
        ASSERT_TRUE(out.refused) << key;
        EXPECT_EQ(out.refused->field, "ring_plan") << key;
    }
    port::membership m{ada_.org, bob_, "member", "", ""};
    m.ring_plan = "theirs";
    const auto out = run(tenants_->put(tenant_scope::all(), m));
    ASSERT_TRUE(out.refused);
    EXPECT_EQ(out.refused->field, "ring_plan");
}

// ---- whom a call rings

TEST_F(ring_plans, a_group_is_looked_up_with_everybodys_devices_and_the_length_of_its_ring) {
    auto p = plan(call::strategy::sequence, {person(ada_.user), person(bob_)});
    p.rules.members[1].who.lasts = millis{20'000};
    p.mailbox = eve_;
    route_by(p);
    const auto r = resolve();
    EXPECT_EQ(r.verdict, call::route_verdict::ring);
    EXPECT_EQ(r.user, eve_) << "whose messages are those that are left";
    EXPECT_EQ(waves(r), (std::vector<std::vector<std::int64_t>>{{ada_.user.value}, {bob_.value}}));
    EXPECT_EQ(r.rules.ring_time, millis{35'000});
    ASSERT_EQ(r.targets.size(), 3U);
    EXPECT_EQ(
        std::count_if(r.targets.begin(), r.targets.end(), [&](const auto& t) { return t.user == ada_.user; }),
        2
    );
    // Each device of everybody may ask to be rung, and nobody else's.
    const auto people = call::people_of(r);
    EXPECT_EQ(run(directory_->reach(r.targets[2].device, people, r.org, now())).size(), 1U);
    EXPECT_TRUE(run(directory_->reach(stranger_.devices[0].device, people, r.org, now())).empty());
}

TEST_F(ring_plans, a_persons_own_plan_rings_in_place_of_their_devices_and_an_empty_one_does_not) {
    ASSERT_TRUE(put(plan(call::strategy::sequence, {person(ada_.user), person(bob_)})).value);
    port::membership m{ada_.org, ada_.user, "", "", ""};
    m.ring_plan = "sales";
    ASSERT_TRUE(run(tenants_->put(tenant_scope::all(), m)).value);
    const auto r = resolve();
    EXPECT_EQ(r.user, ada_.user);
    EXPECT_EQ(waves(r), (std::vector<std::vector<std::int64_t>>{{ada_.user.value}, {bob_.value}}));
    sql("delete from ring_plan_members");
    EXPECT_TRUE(resolve().plan.empty());
    EXPECT_EQ(resolve().targets.size(), 2U);
}

TEST_F(ring_plans, hunt_begins_behind_who_took_the_last_call_and_longest_idle_with_who_never_talked) {
    route_by(plan(call::strategy::hunt, {person(ada_.user), person(bob_), person(eve_)}));
    using all = std::vector<std::vector<std::int64_t>>;
    const auto ada = ada_.user.value;
    EXPECT_EQ(waves(resolve()), (all{{ada}, {bob_.value}, {eve_.value}}));
    talk("first", bob_, now() - millis{600'000});
    EXPECT_EQ(waves(resolve()), (all{{eve_.value}, {ada}, {bob_.value}}));
    talk("second", eve_, now() - millis{300'000});
    EXPECT_EQ(waves(resolve()), (all{{ada}, {bob_.value}, {eve_.value}}));
    route_by(plan(call::strategy::longest_idle, {person(eve_), person(bob_), person(ada_.user)}));
    EXPECT_EQ(waves(resolve()), (all{{ada}, {bob_.value}, {eve_.value}}));
}

TEST_F(ring_plans, a_large_group_rings_the_devices_of_each_that_were_heard_of_last) {
    std::vector<call::plan_member> all{person(ada_.user)};
    for (int i = 0; i < 49; ++i)
        all.push_back(number("+155502" + std::to_string(10'000 + i)));
    pg::admin admin(secret(scratch_->url()));
    for (int i = 0; i < 9; ++i) {
        const auto n = std::to_string(i);
        admin.upsert_device(
            {ada_.user, "extra-" + n, "Extra " + n, "ios", "cred-extra-" + n, "gencred-extra-" + n,
             std::nullopt}
        );
    }
    sql("update devices set last_seen_at = now() - device_id * interval '1 minute'");
    route_by(plan(call::strategy::all, all));
    const auto r = resolve();
    ASSERT_EQ(r.targets.size(), 4U) << "of eleven";
    EXPECT_EQ(r.targets[0].device, ada_.devices[0].device);
    EXPECT_EQ(r.targets[1].device, ada_.devices[1].device);
}

// ---- in whose lists it stands

TEST_F(ring_plans, i_05_a_call_of_a_group_is_its_members_and_nobody_elses) {
    route_by(plan(call::strategy::sequence, {person(ada_.user), person(bob_)}));
    const auto at = now();
    auto s = begin("s1", at);
    EXPECT_THAT(listed(ada_.user), ElementsAre("s1"));
    EXPECT_THAT(listed(bob_), ElementsAre("s1")) << "a row; what may be seen of it is the view's to say";
    EXPECT_THAT(listed(eve_), IsEmpty());
    EXPECT_THAT(listed(stranger_.user), IsEmpty());
    EXPECT_TRUE(run(reader_->find(tenant_scope::of(bob_), "s1")));
    EXPECT_FALSE(run(reader_->find(tenant_scope::of(eve_), "s1")));
    EXPECT_FALSE(run(reader_->find(tenant_scope::of(stranger_.user), "s1")));
    call::viewer bob;
    bob.user = bob_;
    EXPECT_FALSE(view_of(s, bob)) << "not his turn yet";
    const auto first = changed(bob_, 0);
    ASSERT_THAT(first, SizeIs(1));
    step(s, 1, call::tick{}, at + millis{15'000});
    EXPECT_TRUE(view_of(s, bob));
    const auto next = changed(bob_, first[0].position);
    ASSERT_THAT(next, SizeIs(1)) << "that it is his turn is told as a change";
    step(s, 2, call::leg_hangup{{"v3:s1", {}}, "originator_cancel"}, at + millis{16'000});
    EXPECT_THAT(listed(bob_), IsEmpty());
    EXPECT_THAT(run(reader_->newest(tenant_scope::of(bob_), 10)), SizeIs(1));
    EXPECT_THAT(run(reader_->newest(tenant_scope::of(eve_), 10)), IsEmpty());
    sql("delete from memberships where user_id = " + std::to_string(bob_.value));
    EXPECT_THAT(run(reader_->newest(tenant_scope::of(bob_), 10)), IsEmpty()) << "who has left sees nothing";
}

TEST_F(ring_plans, operators_find_a_groups_call_by_each_of_its_people_and_see_all_their_devices) {
    auto p = plan(call::strategy::sequence, {person(ada_.user), person(bob_)});
    p.mailbox = ada_.user;
    route_by(p);
    (void)begin("s1", now());
    pg::admin admin(secret(scratch_->url()));
    for (const auto who : {ada_.user, bob_}) {
        pg::call_filter f;
        f.user = who;
        EXPECT_THAT(admin.calls(f), SizeIs(1)) << who.value;
    }
    const auto told = admin.explain("s1", millis{30LL * 24 * 3600 * 1000});
    ASSERT_TRUE(told);
    ASSERT_THAT(told->devices, SizeIs(3)) << "two of Ada's, one of Bob's";
    for (const auto& d : told->devices)
        EXPECT_TRUE(d.rung) << d.name;
    const auto bobs = std::find_if(told->devices.begin(), told->devices.end(), [](const auto& d) {
        return d.name == "bob's phone";
    });
    ASSERT_NE(bobs, told->devices.end());
    EXPECT_EQ(judge_device(*bobs, told->ring).result, call::ring_result::not_its_turn);
}

// ---- who is not rung any more (B28)

TEST_F(ring_plans, b28_who_leaves_the_plan_or_the_organisation_is_withdrawn_and_their_colleagues_ring_on) {
    const auto p = plan(call::strategy::sequence, {person(ada_.user), person(bob_), person(eve_)});
    route_by(p);
    const auto s = begin("s1", now());
    const auto device = [&s](user_id who) { return std::to_string(leg_of(s, who)->device().value); };
    ASSERT_TRUE(put(p).value); // set again as it was
    EXPECT_EQ(withdrawn(), "");
    ASSERT_TRUE(put(plan(call::strategy::sequence, {person(ada_.user), person(eve_)})).value);
    EXPECT_THAT(withdrawn(), HasSubstr("[" + device(bob_) + "]"));
    run(tenants_->remove_membership(tenant_scope::all(), ada_.org, eve_, now()));
    EXPECT_THAT(withdrawn(), HasSubstr("[" + device(eve_) + "]"));
    EXPECT_THAT(withdrawn(), ::testing::Not(HasSubstr(device(ada_.user) + "]")));
    EXPECT_EQ(value("select count(*) from ring_plan_members"), "1");
    sql("update organizations set status = 'suspended'");
    EXPECT_THAT(withdrawn(), HasSubstr(device(ada_.user)));
}

TEST_F(ring_plans, b28_who_leaves_the_plan_of_a_person_is_withdrawn_from_that_persons_calls) {
    const auto p = plan(call::strategy::sequence, {person(ada_.user), person(bob_)});
    ASSERT_TRUE(put(p).value);
    port::membership m{ada_.org, ada_.user, "", "", ""};
    m.ring_plan = "sales";
    ASSERT_TRUE(run(tenants_->put(tenant_scope::all(), m)).value);
    const auto s = begin("s1", now());
    ASSERT_NE(leg_of(s, bob_), nullptr);
    ASSERT_TRUE(put(plan(call::strategy::sequence, {person(ada_.user)})).value);
    EXPECT_THAT(withdrawn(), HasSubstr("[" + std::to_string(leg_of(s, bob_)->device().value) + "]"));
}

TEST_F(ring_plans, b28_numbers_that_nobody_of_the_organisation_is_rung_beside_stop_with_it) {
    route_by(plan(call::strategy::sequence, {number("+13125550177"), number("+13125550178")}));
    const auto s = begin("s1", now());
    ASSERT_EQ(value("select count(*) from call_people"), "0");
    sql("update organizations set status = 'suspended'");
    EXPECT_THAT(withdrawn(), HasSubstr("[0]"));
}

TEST_F(ring_plans, state_03_calls_that_never_came_to_a_person_hide_none_that_did) {
    const auto bobs = plan(call::strategy::sequence, {person(bob_), person(ada_.user)});
    route_by(bobs);
    const auto at = now() - millis{3'600'000};
    talk("theirs", bob_, at);
    route_by(plan(call::strategy::sequence, {person(ada_.user), person(bob_)}));
    for (int i = 1; i <= 5; ++i)
        talk("others-" + std::to_string(i), ada_.user, at + millis{60'000 * i});
    const auto page = run(reader_->newest(tenant_scope::of(bob_), 3));
    call::viewer bob;
    bob.user = bob_;
    EXPECT_TRUE(std::any_of(page.begin(), page.end(), [&](const auto& c) {
        return view_of(c.state, bob).has_value();
    }));
    EXPECT_THAT(run(reader_->newest(tenant_scope::of(ada_.user), 3)), SizeIs(3));
}

TEST_F(ring_plans, retention_takes_a_groups_call_with_its_people) {
    route_by(plan(call::strategy::all, {person(ada_.user), person(bob_)}));
    auto s = begin("s1", now());
    EXPECT_EQ(value("select count(*) from call_people"), "2");
    sql("delete from call_legs");
    sql("delete from calls");
    EXPECT_EQ(value("select count(*) from call_people"), "0");
}
