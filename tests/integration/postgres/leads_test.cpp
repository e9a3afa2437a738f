// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Numbers that lead to an agent or outside, callers who show none, and what an agent is told.
#include "adapter/crypto/agent_reference.hpp"
#include "tenancy.hpp"

#include <z360/call/decide.hpp>
#include <z360/port/agent_desk.hpp>

#include <gmock/gmock.h>

#include <chrono>
#include <functional>

using namespace z360;
using namespace z360::testing;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using why = port::refusal::why;
using how = port::redemption::how;

namespace {

constexpr const char* k_agent = "sip:agent@agents.example";
const std::string k_ours = "+15550100001";
const std::string k_caller = "+15550109999";

class leads : public postgres_test {
  protected:
    void SetUp() override {
        postgres_test::SetUp();
        if (IsSkipped()) return;
        acme_ = add_people("acme", k_ours, 1);
        rival_ = add_people("rival", "+15550100002", 1);
        tenants_ = pg::make_tenants(*db_, "connection-1");
        pg::directory_settings s;
        s.device_life = millis{30LL * 24 * 3600 * 1000};
        directory_ = pg::make_directory(*db_, s);
        calls_ = pg::make_call_store(*db_, [this](const leg_id& leg) {
            return adapter::crypto::hash_of_reference(references_.of(leg).reveal());
        });
        desk_ = pg::make_agent_desk(*db_);
        sql("update devices set last_seen_at = now()");
    }
    void TearDown() override {
        desk_.reset();
        calls_.reset();
        directory_.reset();
        tenants_.reset();
        postgres_test::TearDown();
    }
    void settings(const std::function<void(port::org_settings&)>& change) {
        port::org_settings s;
        change(s);
        const auto out = run(tenants_->put(tenant_scope::all(), acme_.org, s));
        ASSERT_TRUE(out.value) << out.refused->field << ": " << out.refused->text;
    }
    port::outcome_of<port::number>
    lead(const std::string& type, const std::string& external = {}, tenant_scope who = tenant_scope::all()) {
        port::number n;
        n.org = acme_.org;
        n.e164 = k_ours;
        n.route_type = type;
        n.external = external;
        return run(tenants_->put(std::move(who), n));
    }
    call::route route(const std::string& caller = k_caller) {
        auto r = run(directory_->resolve(k_ours, caller, now()));
        call::heed_cause(r);
        call::leave_out_caller(r, caller);
        return r;
    }
    static time_point now() { return std::chrono::floor<millis>(std::chrono::system_clock::now()); }
    /// A call that rings the agent, committed.
    call::decision begun(const std::string& session) {
        call::incoming first;
        first.id = call_id{derive_uuid(session)};
        first.call_session_id = session;
        first.call_control_id = "v3:" + session;
        first.from = k_caller;
        first.routed = route();
        const auto d = call::begin(first, now());
        port::call_commit c;
        c.next = d.next;
        c.at = first_at_ = now();
        for (const auto& x : d.effects)
            if (const auto* e = std::get_if<call::effect>(&x)) c.new_effects.push_back(*e);
        EXPECT_EQ(run(calls_->commit(c, millis{60'000})), port::commit_result::committed);
        return d;
    }
    std::string reference(const call::decision& d) {
        return std::string(references_.of(d.next.legs.at(0).id).reveal());
    }
    template <class Id>
    static std::string text(Id id) {
        return std::to_string(id.value);
    }
    port::redemption redeem(const std::string& reference, org_id org, time_point at) {
        return run(desk_->redeem(tenant_scope::of(org), adapter::crypto::hash_of_reference(reference), at));
    }
    adapter::crypto::agent_references references_{{}, secret(std::string("KEY-for-tests"))};
    people acme_, rival_;
    time_point first_at_{};
    std::unique_ptr<port::tenants> tenants_;
    std::unique_ptr<port::directory> directory_;
    std::unique_ptr<port::call_store> calls_;
    std::unique_ptr<port::agent_desk> desk_;
};

} // namespace

TEST_F(leads, a_number_for_the_agent_rings_the_organisations_address_or_goes_to_voicemail_without_one) {
    ASSERT_TRUE(lead("agent").value);
    EXPECT_EQ(outcome_of(route()), call::route_outcome::voicemail) << "it has none";
    settings([](auto& s) { s.agent_uri = k_agent; });
    const auto r = route();
    ASSERT_EQ(r.plan.size(), 1U);
    EXPECT_EQ(r.plan[0].branches.at(0).agent, k_agent);
    EXPECT_EQ(r.rules.ring_time, millis{20'000}) << "a program that has not answered by then is down";
    EXPECT_THAT(r.targets, IsEmpty());
    EXPECT_EQ(outcome_of(r), call::route_outcome::ring);
}

TEST_F(leads, be_27_an_address_with_a_password_or_at_the_carrier_is_refused) {
    for (const char* bad : {"sip:a:secret@agents.example", "sip:gencred1@sip.telnyx.com", "agents.example"}) {
        port::org_settings s;
        s.agent_uri = bad;
        const auto out = run(tenants_->put(tenant_scope::all(), acme_.org, s));
        ASSERT_TRUE(out.refused) << bad;
        EXPECT_EQ(out.refused->field, "agent_uri");
        EXPECT_EQ(out.refused->text.find("secret"), std::string::npos);
    }
}

TEST_F(leads, out_of_hours_the_agent_takes_the_calls_where_that_was_set) {
    settings([](auto& s) { s.agent_uri = k_agent; });
    port::opening o;
    o.org = acme_.org;
    o.time_zone = "UTC";
    ASSERT_TRUE(run(tenants_->put(tenant_scope::all(), o)).value);
    EXPECT_EQ(outcome_of(route()), call::route_outcome::voicemail);
    o.closed_to_agent = true;
    o.closed_greeting = "We are closed.";
    ASSERT_TRUE(run(tenants_->put(tenant_scope::all(), o)).value);
    EXPECT_TRUE(run(tenants_->opening_of(tenant_scope::all(), acme_.org))->closed_to_agent);
    const auto r = route();
    EXPECT_EQ(r.cause, call::route_cause::closed);
    EXPECT_EQ(r.plan.at(0).branches.at(0).agent, k_agent);
    EXPECT_EQ(r.rules.voicemail_greeting, "We are closed.") << "what is heard when the agent is down";
    EXPECT_THAT(r.when_closed, IsEmpty());
    settings([](auto&) {});
    EXPECT_EQ(outcome_of(route()), call::route_outcome::voicemail) << "there is no agent any more";
}

TEST_F(leads, a_number_leads_outside_but_never_back_to_us_or_to_who_calls) {
    const auto put = lead("external", "+1 (555) 010-8888");
    ASSERT_TRUE(put.value) << put.refused->text;
    EXPECT_EQ(put.value->external, "+15550108888");
    const auto r = route();
    ASSERT_EQ(r.plan.size(), 1U);
    EXPECT_EQ(r.plan[0].branches.at(0).number, "+15550108888");
    EXPECT_TRUE(r.plan[0].branches[0].asked);
    EXPECT_EQ(outcome_of(route("+15550108888")), call::route_outcome::voicemail) << "it is they who call";
    for (const char* loop : {"+15550100001", "+15550100002"}) {
        for (const auto& who : {tenant_scope::all(), tenant_scope::of(acme_.org)}) {
            const auto refused = lead("external", loop, who); // whoever asks sees its own numbers alone
            ASSERT_TRUE(refused.refused) << loop;
            EXPECT_THAT(refused.refused->text, HasSubstr("a number of ours"));
        }
    }
    sql("insert into phone_numbers (org_id, connection_id, e164, route_type, status) values (" +
        text(rival_.org) + ", 'removed:1', '+15550108889', 'reject', 'suspended')");
    EXPECT_TRUE(lead("external", "+15550108889").value) << "it was given back";
    ASSERT_TRUE(lead("external", "+15550108888").value);
    EXPECT_EQ(lead("external", "nonsense").refused->field, "external");
    EXPECT_EQ(lead("voicemail", "+15550108888").refused->field, "external");
    // It became one of ours afterwards.
    sql("insert into phone_numbers (org_id, connection_id, e164, route_type) values (" + text(rival_.org) +
        ", 'connection-1', '+15550108888', 'voicemail')");
    EXPECT_EQ(outcome_of(route()), call::route_outcome::voicemail);
    EXPECT_TRUE(run(tenants_->remove_number(tenant_scope::all(), acme_.org, k_ours)));
}

TEST_F(leads, callers_without_a_number_are_turned_away_where_that_was_set_and_only_they) {
    EXPECT_EQ(outcome_of(route("withheld")), call::route_outcome::ring);
    settings([](auto& s) { s.block_anonymous = true; });
    const auto r = route("withheld");
    EXPECT_EQ(r.cause, call::route_cause::anonymous);
    EXPECT_EQ(outcome_of(r), call::route_outcome::rejected);
    EXPECT_EQ(outcome_of(route()), call::route_outcome::ring);
    EXPECT_EQ(outcome_of(route("")), call::route_outcome::ring) << "a SIP address is no withheld number";
    settings([](auto& s) {
        s.block_anonymous = true;
        s.blocked_message = "Not you.";
    });
    EXPECT_EQ(route("withheld").rules.voicemail_greeting, "Not you.");
    settings([](auto& s) {
        s.block_anonymous = true;
        s.blocked_message = "Not you.";
        s.anonymous_message = "Show your number.";
    });
    const auto told = route("withheld");
    EXPECT_EQ(told.rules.voicemail_greeting, "Show your number.");
    EXPECT_EQ(outcome_of(told), call::route_outcome::announcement);
}

TEST_F(leads, be_27_the_reference_comes_with_the_dial_by_its_hash_alone_and_serves_once) {
    settings([](auto& s) { s.agent_uri = k_agent; });
    ASSERT_TRUE(lead("agent").value);
    sql("insert into contacts (org_id, e164, name) values (" + text(acme_.org) + ", '+15550109999', 'Grace')"
    );
    const auto d = begun("agent-1");
    const auto text_of_it = reference(d);
    EXPECT_EQ(value("select count(*) from agent_references"), "1");
    for (const char* table :
         {"agent_references", "commands", "calls", "call_steps", "call_events", "call_legs"})
        EXPECT_EQ(
            value(
                std::string("select count(*) from ") + table + " t where t::text like '%" + text_of_it + "%'"
            ),
            "0"
        ) << table;
    EXPECT_EQ(redeem(text_of_it, rival_.org, first_at_).became, how::unknown) << "another organisation's";
    EXPECT_EQ(redeem(std::string(32, '0'), acme_.org, first_at_).became, how::unknown);
    const auto first = redeem(text_of_it, acme_.org, first_at_ + millis{59'000});
    ASSERT_EQ(first.became, how::given);
    EXPECT_EQ(first.what->caller, k_caller);
    EXPECT_EQ(first.what->called, k_ours);
    EXPECT_EQ(first.what->name, "Grace");
    EXPECT_FALSE(first.what->conversation);
    EXPECT_FALSE(first.what->summary);
    EXPECT_EQ(redeem(text_of_it, acme_.org, first_at_ + millis{59'000}).became, how::gone);
}

TEST_F(leads, be_27_a_reference_is_gone_after_a_minute_and_with_its_call) {
    settings([](auto& s) { s.agent_uri = k_agent; });
    ASSERT_TRUE(lead("agent").value);
    const auto late = begun("agent-late");
    EXPECT_EQ(redeem(reference(late), acme_.org, first_at_ + millis{60'100}).became, how::gone);
    const auto over = begun("agent-over");
    sql("update calls set phase = 'ended', end_reason = 'caller_cancelled', ended_at = now(), next_deadline "
        "= null where "
        "call_session_id = 'agent-over'");
    EXPECT_EQ(redeem(reference(over), acme_.org, first_at_).became, how::gone);
}

TEST_F(leads, be_29_the_newest_summary_is_told_and_goes_with_its_conversation) {
    settings([](auto& s) { s.agent_uri = k_agent; });
    ASSERT_TRUE(lead("agent").value);
    sql("insert into conversations (org_id, phone_number_id, identifier, last_message_at) values (" +
        text(acme_.org) + ", " + text(acme_.number) + ", '+15550109999', now())");
    const auto id = std::stol(value("select conversation_id from conversations"));
    const auto us = tenant_scope::of(acme_.org);
    const auto them = tenant_scope::of(rival_.org);
    EXPECT_TRUE(run(desk_->put_summary(us, acme_.org, id, {"Older.", now()})));
    EXPECT_TRUE(run(desk_->put_summary(us, acme_.org, id, {"Newer.", now()})));
    EXPECT_FALSE(run(desk_->put_summary(them, rival_.org, id, {"Planted.", now()})));
    EXPECT_FALSE(run(desk_->put_summary(them, acme_.org, id, {"Planted.", now()})));
    EXPECT_FALSE(run(desk_->remove_summary(them, acme_.org, id)));
    const auto d = begun("agent-2");
    const auto told = redeem(reference(d), acme_.org, first_at_);
    ASSERT_EQ(told.became, how::given);
    EXPECT_EQ(told.what->conversation, id);
    ASSERT_TRUE(told.what->summary);
    EXPECT_EQ(told.what->summary->text, "Newer.");
    sql("delete from conversations");
    EXPECT_EQ(value("select count(*) from conversation_summaries"), "0");
}

// However many there are, and whoever reads them meanwhile.
TEST_F(leads, be_29_no_message_of_a_conversation_is_looked_at_while_a_caller_waits) {
    settings([](auto& s) { s.agent_uri = k_agent; });
    ASSERT_TRUE(lead("agent").value);
    const auto scans = [this](const std::string& table) {
        return std::stoll(value(
            "select coalesce(seq_scan, 0) + coalesce(idx_scan, 0) from pg_stat_user_tables where relname = "
            "'" +
            table + "'"
        ));
    };
    const auto before = scans("messages");
    const auto d = begun("agent-3");
    EXPECT_EQ(redeem(reference(d), acme_.org, first_at_).became, how::given);
    // A connection tells what it has read when it ends.
    desk_.reset();
    calls_.reset();
    directory_.reset();
    tenants_.reset();
    db_.reset();
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    while (scans("agent_references") == 0)
        ASSERT_LT(std::chrono::steady_clock::now(), until) << "nothing was told";
    EXPECT_EQ(scans("messages"), before);
}
