// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What was measured of calls, what they cost, what apps report of them, and the record of it all.
#include "calls.hpp"

#include <z360/port/call_records.hpp>
#include <z360/port/client_reports.hpp>
#include <z360/port/retention_store.hpp>

#include <nlohmann/json.hpp>

using namespace z360;
using namespace z360::testing;
using nlohmann::json;

namespace {

class call_figures : public stored_calls {
  protected:
    void SetUp() override {
        stored_calls::SetUp();
        if (IsSkipped()) return;
        reports_ = pg::make_client_reports(*db_);
        records_ = pg::make_call_records(*db_);
        call_ = ringing(people_, "s1");
        ASSERT_EQ(commit(first_commit(call_)), port::commit_result::committed);
    }
    void TearDown() override {
        records_.reset();
        reports_.reset();
        stored_calls::TearDown();
    }
    /// One more commit of the call, with these reports.
    port::commit_result told(std::vector<call::leg_report> all) {
        port::call_commit c;
        c.expected_version = version_;
        c.next = call_;
        c.reports = std::move(all);
        c.at = k_noon + millis{90'000};
        const auto out = commit(std::move(c));
        if (out == port::commit_result::committed) ++version_;
        return out;
    }
    [[nodiscard]] call::leg_report
    heard(std::size_t leg, const std::string& mos, std::int64_t packets = 500) const {
        call::media_figures f;
        f.mos = mos;
        f.jitter = "2.74";
        f.packets_in = packets;
        f.packets_out = 500;
        return {"v3:" + std::to_string(leg), call_.legs.at(leg).id, true, f};
    }
    [[nodiscard]] call::leg_report
    charged(std::size_t leg, const std::string& total, millis at, bool failed = false) const {
        call::charge c;
        c.total = total;
        c.currency = total.empty() ? "" : "USD";
        c.failed = failed;
        c.billed_secs = 60;
        c.at = k_noon + at;
        c.parts.push_back({"sip-trunking", total, "0.005", "USD", 60});
        return {"v3:" + std::to_string(leg), call_.legs.at(leg).id, true, c};
    }
    /// Its first device has talked for a minute.
    void talked() {
        auto& l = call_.legs[0];
        l.dial = call::dial_status::accepted;
        l.call_control_id = "v3:0";
        l.answered = l.bridged = l.ended = true;
        l.answer_order = 1;
        l.hangup_cause = "normal_clearing";
        call::join j;
        j.epoch = 1;
        j.a = call_.caller.id;
        j.b = l.id;
        j.commanded = j.accepted = true;
        j.joined_at = k_noon + millis{5'000};
        j.over = call::join_end::talk_over;
        j.over_at = k_noon + millis{65'000};
        call_.joins.push_back(j);
        call_.caller.hangup_cause = "normal_clearing";
        call_.reason = call::end_reason::completed;
        call_.ended_at = k_noon + millis{65'000};
    }
    [[nodiscard]] port::reporter by(std::size_t device = 0, const std::string& said = "") const {
        return {
            port::tenant_scope::of(people_.user), people_.devices.at(device).device, said,
            k_noon + millis{10'000}
        };
    }
    [[nodiscard]] static port::client_event
    event_named(const std::string& name, const std::string& key = "") {
        port::client_event e;
        e.call = "s1";
        e.key = key.empty() ? name : key;
        e.name = name;
        e.client_at = k_noon;
        e.at = k_noon + millis{250};
        e.detail = R"({"tone": "on"})";
        return e;
    }
    [[nodiscard]] static port::client_sample sample(millis at, double mos) {
        port::client_sample s;
        s.client_at = k_noon + at;
        s.at = s.client_at;
        s.mos = mos;
        s.network = "wifi";
        return s;
    }
    port::call_record record(const port::tenant_scope& who) {
        const auto r = run(records_->find(who, "s1"));
        EXPECT_TRUE(r);
        return r.value_or(port::call_record{});
    }

    call::state call_;
    std::uint64_t version_ = 1;
    std::unique_ptr<port::client_reports> reports_;
    std::unique_ptr<port::call_records> records_;
};

} // namespace

TEST_F(call_figures, state_05_what_was_heard_of_a_leg_is_stored_once_with_the_decision) {
    EXPECT_EQ(told({heard(0, "4.20"), heard(1, "3.1", 0)}), port::commit_result::committed);
    const std::string rows =
        "select string_agg(carrier_leg || ' ' || mos || ' ' || silent, ',' order by carrier_leg) "
        "from leg_media";
    EXPECT_EQ(value(rows), "v3:0 4.20 false,v3:1 3.1 true");
    EXPECT_EQ(told({heard(0, "1.0")}), port::commit_result::committed) << "told again, by another webhook";
    EXPECT_EQ(value(rows), "v3:0 4.20 false,v3:1 3.1 true");
    port::call_commit late;
    late.expected_version = 1;
    late.next = call_;
    late.reports = {heard(2, "2.0")};
    late.at = k_noon;
    EXPECT_EQ(commit(std::move(late)), port::commit_result::conflict);
    EXPECT_EQ(value("select count(*) from leg_media"), "2") << "nothing of a commit that did not come about";
}

TEST_F(call_figures, the_newest_charge_that_has_not_failed_counts_in_whatever_order_they_come) {
    const auto first = charged(0, "0.0050", millis{1'000});
    const auto failed = charged(0, "", millis{3'000}, true);
    const auto last = charged(0, "0.0106", millis{2'000});
    const std::vector<std::vector<call::leg_report>> orders{
        {first, failed, last}, {last, first, failed}, {failed, last, first}
    };
    for (const auto& order : orders) {
        for (const auto& one : order)
            EXPECT_EQ(told({one}), port::commit_result::committed);
        EXPECT_EQ(value("select total || ' ' || failed from leg_charges"), "0.0106 false");
        sql("delete from leg_charges");
        EXPECT_EQ(told(order), port::commit_result::committed) << "all in one commit";
        EXPECT_EQ(value("select total || ' ' || failed from leg_charges"), "0.0106 false");
        sql("delete from leg_charges");
    }
}

TEST_F(call_figures, costs_add_up_exactly) {
    std::vector<call::leg_report> all;
    for (const std::size_t leg : {0U, 1U, 2U})
        all.push_back(charged(leg, "0.1", millis{1'000}));
    auto other = charged(2, "0.000000000001", millis{1'000});
    other.carrier_leg = "v3:caller";
    other.leg = call_.caller.id;
    all.push_back(other);
    EXPECT_EQ(told(all), port::commit_result::committed);
    const auto r = record(port::tenant_scope::of(people_.org));
    ASSERT_EQ(r.costs.size(), 1U);
    EXPECT_EQ(r.costs[0].total, "0.300000000001");
    EXPECT_EQ(r.costs[0].currency, "USD");
}

TEST_F(call_figures, a_record_says_who_talked_how_long_how_well_and_what_it_cost) {
    talked();
    auto caller = heard(1, "4.40");
    caller.carrier_leg = "v3:caller";
    caller.leg = call_.caller.id;
    EXPECT_EQ(
        told({heard(0, "4.20"), caller, charged(0, "0.0106", millis{70'000})}), port::commit_result::committed
    );
    run(reports_->add_samples(by(), "s1", {sample(millis{10'000}, 4.0), sample(millis{15'000}, 3.0)}));
    const auto r = record(port::tenant_scope::of(people_.org));
    EXPECT_EQ(r.outcome, "answered");
    EXPECT_EQ(r.talk, millis{60'000});
    EXPECT_EQ(r.answered_by, "device");
    EXPECT_EQ(r.device, people_.devices[0].device);
    EXPECT_EQ(r.caller_cause, "normal_clearing");
    EXPECT_EQ(r.carrier_mos, "4.20") << "the worse of the two";
    EXPECT_EQ(r.client_mos, "3.50");
    EXPECT_EQ(r.samples, 2U);
    EXPECT_FALSE(r.no_media);
    EXPECT_EQ(r.caller_number, "+15550109999");
    const auto legs = json::parse(r.legs);
    ASSERT_EQ(legs.size(), 4U) << legs.dump(1);
    EXPECT_EQ(legs[0]["role"], "caller");
    EXPECT_EQ(legs[0]["mos"], 4.4);
    EXPECT_EQ(json::parse(r.joins).size(), 1U);
    for (const auto& l : legs)
        if (l["leg_id"] == call_.legs[0].id.text()) {
            EXPECT_EQ(l["cost"], "0.0106");
        }
}

TEST_F(call_figures, i_05_a_person_sees_the_record_of_their_call_without_its_cost) {
    talked();
    EXPECT_EQ(told({heard(0, "4.20"), charged(0, "0.0106", millis{70'000})}), port::commit_result::committed);
    const auto r = record(port::tenant_scope::of(people_.user));
    EXPECT_EQ(r.carrier_mos, "4.20");
    EXPECT_TRUE(r.costs.empty());
    EXPECT_EQ(r.legs.find("0.0106"), std::string::npos);
    const auto other = add_people("rival", "+15550100002", 1);
    EXPECT_FALSE(run(records_->find(port::tenant_scope::of(other.user), "s1")));
    EXPECT_FALSE(run(records_->find(port::tenant_scope::of(other.org), "s1")));
}

TEST_F(
    call_figures, b7_a_talk_with_a_silent_direction_has_no_media_and_a_leg_that_never_talked_says_nothing
) {
    talked();
    EXPECT_EQ(told({heard(0, "4.20"), heard(1, "1.0", 0)}), port::commit_result::committed);
    EXPECT_FALSE(record(port::tenant_scope::of(people_.org)).no_media);
    auto caller = heard(2, "4.2", 0);
    caller.carrier_leg = "v3:caller";
    caller.leg = call_.caller.id;
    EXPECT_EQ(told({caller}), port::commit_result::committed);
    EXPECT_TRUE(record(port::tenant_scope::of(people_.org)).no_media);
}

TEST_F(call_figures, ios_03_a_batch_that_comes_twice_or_in_part_is_stored_once) {
    std::vector<port::client_event> all;
    for (int i = 0; i < 200; ++i)
        all.push_back(event_named("ring_shown", "event-" + std::to_string(i)));
    EXPECT_EQ(run(reports_->add_events(by(), {all.begin(), all.begin() + 50})).stored, 50U);
    EXPECT_EQ(run(reports_->add_events(by(), all)).stored, 150U);
    EXPECT_EQ(run(reports_->add_events(by(), all)).stored, 0U);
    EXPECT_EQ(run(reports_->add_events(by(1), {event_named("ring_shown", "event-0")})).stored, 1U)
        << "another phone's own";
    EXPECT_EQ(
        value("select count(*) || ' ' || min(z360_ms(at) - z360_ms(client_at)) from client_events"), "201 250"
    );
}

TEST_F(call_figures, ios_03_events_name_their_calls_by_either_id_and_those_of_unknown_calls_are_told) {
    auto mine = event_named("ring_shown");
    auto same = event_named("answered");
    same.call = call_.id.text();
    auto unknown = event_named("answered", "x");
    unknown.call = "nobody-knows";
    const auto out = run(reports_->add_events(by(), {mine, same, unknown}));
    EXPECT_EQ(out.stored, 2U);
    EXPECT_EQ(out.unknown_calls, std::vector<std::string>{"nobody-knows"});
}

TEST_F(call_figures, and_23_versions_are_of_the_devices_row_and_another_claim_is_noted) {
    sql("update devices set sdk_version = '3.3.1', app_version = '9.1'");
    run(reports_->add_events(by(0, "3.2.0"), {event_named("a")}));
    run(reports_->add_events(by(0, "3.3.1"), {event_named("b")}));
    run(reports_->add_events(by(0), {event_named("c")}));
    EXPECT_EQ(
        value("select string_agg(name || ' ' || sdk_version || ' ' || app_version || ' ' || "
              "coalesce(said_version, "
              "'none'), ',' order by name) from client_events"),
        "a 3.3.1 9.1 3.2.0,b 3.3.1 9.1 none,c 3.3.1 9.1 none"
    );
}

TEST_F(call_figures, i_05_a_report_of_somebody_elses_call_or_device_is_taken_by_nobody) {
    const auto other = add_people("rival", "+15550100002", 1);
    port::reporter rival{port::tenant_scope::of(other.user), other.devices[0].device, "", k_noon};
    EXPECT_EQ(run(reports_->add_events(rival, {event_named("a")})).unknown_calls.size(), 1U);
    EXPECT_EQ(run(reports_->add_samples(rival, "s1", {sample(millis{0}, 4)})).unknown_calls.size(), 1U);
    EXPECT_EQ(
        run(reports_->media_failed(rival, event_named("media_failed"), k_noon + millis{1'000}))
            .unknown_calls.size(),
        1U
    );
    auto foreign = by();
    foreign.device = other.devices[0].device;
    EXPECT_EQ(run(reports_->add_events(foreign, {event_named("a")})).stored, 0U);
    EXPECT_EQ(
        value("select (select count(*) from client_events) + (select count(*) from call_samples) + "
              "(select count(*) from devices where relay_until is not null)"),
        "0"
    );
}

TEST_F(call_figures, i_05_everybody_whom_a_plan_rings_reports_of_a_call_and_nobody_else_of_its_organisation) {
    const auto bob = add_people("bob", "+15550100002", 1), eve = add_people("eve", "+15550100003", 1);
    for (const auto& p : {bob, eve})
        sql("insert into memberships (org_id, user_id, role) values (" + std::to_string(people_.org.value) +
            ", " + std::to_string(p.user.value) + ", 'member')");
    auto s = ringing(people_, "shared");
    s.routed.user = {};
    s.routed.targets = {people_.devices[0], bob.devices[0]};
    s.routed.targets[0].user = people_.user;
    s.routed.targets[1].user = bob.user;
    s.routed.plan = {{millis{30'000}, {{.user = people_.user}, {.user = bob.user}}}};
    s.legs.resize(2);
    for (std::size_t i = 0; i < 2; ++i)
        s.legs[i].to = s.routed.targets[i], s.legs[i].wave = 1;
    ASSERT_EQ(commit(first_commit(s)), port::commit_result::committed);
    const auto reports = [&](const people& p) {
        port::reporter r{port::tenant_scope::of(p.user), p.devices[0].device, "", k_noon + millis{10'000}};
        auto failed = event_named("media_failed");
        failed.call = "shared";
        const auto out = run(reports_->media_failed(r, failed, k_noon + millis{86'400'000}));
        const auto samples = run(reports_->add_samples(r, s.id.text(), {sample(millis{1}, 4.0)}));
        return std::pair{
            out.stored + samples.stored, out.unknown_calls.size() + samples.unknown_calls.size()
        };
    };
    EXPECT_EQ(reports(people_), (std::pair<std::size_t, std::size_t>{2, 0}));
    EXPECT_EQ(reports(bob), (std::pair<std::size_t, std::size_t>{2, 0}));
    EXPECT_EQ(reports(eve), (std::pair<std::size_t, std::size_t>{0, 2}));
    EXPECT_EQ(
        value("select string_agg(u.login, ' ' order by u.login) from devices d join users u using (user_id) "
              "where d.relay_until is not null"),
        "acme@example.com bob@example.com"
    );
    const auto seen = [&](const people& p) {
        const auto r = run(records_->find(port::tenant_scope::of(p.user), "shared"));
        return r ? std::to_string(r->samples) + " " + std::to_string(r->user.value) +
                       (r->no_media ? " mute" : "")
                 : std::string("none");
    };
    EXPECT_EQ(seen(bob), "1 0 mute") << "what others' devices measured is theirs";
    EXPECT_EQ(seen(eve), "none");
    const auto all = run(records_->find(port::tenant_scope::of(people_.org), "shared"));
    ASSERT_TRUE(all);
    EXPECT_EQ(all->samples, 2U);
}

TEST_F(call_figures, b7_media_that_failed_flags_the_call_and_makes_its_device_use_a_relay) {
    const auto until = k_noon + millis{3'600'000};
    EXPECT_EQ(run(reports_->media_failed(by(), event_named("media_failed"), until)).stored, 1U);
    EXPECT_EQ(run(reports_->media_failed(by(), event_named("media_failed"), k_noon)).stored, 0U);
    EXPECT_EQ(
        value(
            "select z360_ms(relay_until) from devices where device_id = " +
            std::to_string(people_.devices[0].device.value)
        ),
        std::to_string(until.time_since_epoch().count())
    ) << "an earlier time takes nothing away";
    EXPECT_EQ(value("select count(*) from devices where relay_until is not null"), "1");
    EXPECT_TRUE(record(port::tenant_scope::of(people_.org)).no_media);
}

TEST_F(call_figures, state_05_no_device_fills_a_call_with_samples) {
    std::vector<port::client_sample> all;
    for (std::size_t i = 0; i < 2'000; ++i)
        all.push_back(sample(millis{static_cast<std::int64_t>(i) * 5'000}, 4));
    EXPECT_EQ(run(reports_->add_samples(by(), "s1", all)).stored, 2'000U);
    for (auto& s : all)
        s.client_at += millis{1};
    EXPECT_EQ(run(reports_->add_samples(by(), "s1", all)).stored, 2'000U);
    for (auto& s : all)
        s.client_at += millis{1};
    EXPECT_EQ(run(reports_->add_samples(by(), "s1", all)).stored, 0U);
    EXPECT_EQ(run(reports_->add_samples(by(1), "s1", all)).stored, 2'000U);
}

TEST_F(call_figures, records_come_page_by_page_oldest_first_and_of_their_organisation_alone) {
    const auto other = add_people("rival", "+15550100002", 1);
    for (int i = 2; i <= 5; ++i) {
        auto s = ringing(people_, "s" + std::to_string(i));
        s.began = k_noon + millis{(i / 2) * 1'000}; // two begin in the same moment
        ASSERT_EQ(commit(first_commit(s)), port::commit_result::committed);
    }
    ASSERT_EQ(commit(first_commit(ringing(other, "theirs"))), port::commit_result::committed);
    const port::record_span span{people_.org, k_noon, k_noon + millis{60'000}};
    port::record_cursor after;
    std::vector<std::string> seen;
    for (int pages = 0; pages < 10; ++pages) {
        const auto page = run(records_->page(port::tenant_scope::all(), span, after, 2));
        for (const auto& r : page)
            seen.push_back(r.session);
        if (page.size() < 2) break;
        after = {page.back().began, page.back().id};
    }
    ASSERT_EQ(seen.size(), 5U);
    EXPECT_EQ(seen[0], "s1");
    std::sort(seen.begin(), seen.end());
    EXPECT_EQ(seen, (std::vector<std::string>{"s1", "s2", "s3", "s4", "s5"}));
    EXPECT_TRUE(run(records_->page(port::tenant_scope::of(other.org), span, {}, 10)).empty());
    const port::record_span before{people_.org, k_noon - millis{1'000}, k_noon};
    EXPECT_TRUE(run(records_->page(port::tenant_scope::all(), before, {}, 10)).empty())
        << "the end is not in it";
}

TEST_F(call_figures, what_is_kept_of_a_call_goes_with_it) {
    talked();
    EXPECT_EQ(told({heard(0, "4.20"), charged(0, "0.0106", millis{70'000})}), port::commit_result::committed);
    run(reports_->add_samples(by(), "s1", {sample(millis{0}, 4)}));
    run(reports_->add_events(by(), {event_named("a")}));
    sql("delete from recordings");
    auto retention = pg::make_retention_store(*db_);
    EXPECT_EQ(run(retention->remove(port::kept::calls, millis{1}, 100)), 1U);
    EXPECT_EQ(
        value("select (select count(*) from leg_media) + (select count(*) from leg_charges) + "
              "(select count(*) from call_samples) + (select count(*) from client_events)"),
        "0"
    );
}
