// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The queue of pushes that belong to no call: who gets in, once, and who takes what out.
#include "adapter/postgres/postgres.hpp"
#include "registry.hpp"
#include "support/recording_metrics.hpp"

#include <z360/port/push_queue.hpp>

#include <algorithm>
#include <set>

using namespace z360;
using namespace z360::testing;
using port::push_answer;
using port::push_kind;
using port::tenant_scope;
using push::lane;

namespace {

constexpr const char* k_voip = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
constexpr const char* k_alert = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
constexpr millis k_minute{60'000};

class push_queue_rows : public registry_test {
  protected:
    void SetUp() override {
        registry_test::SetUp();
        if (IsSkipped()) return;
        queue_ = pg::make_push_queue(*db_);
        orders_ = pg::make_push_orders(*db_, {.most_waiting = 5});
        pixel_ = phone(ann_, "pixel", "fcm-of-ann");
    }
    void TearDown() override {
        orders_.reset();
        queue_.reset();
        registry_test::TearDown();
    }
    device_id phone(const person& p, const std::string& uid, const std::string& token) {
        auto r = registration(p, uid, "android");
        r.push.push_back(push(token, push_kind::fcm));
        return must_enrol(std::move(r)).device.id;
    }
    device_id iphone(const person& p, const std::string& uid) {
        auto r = registration(p, uid);
        r.push.push_back(push(k_alert, push_kind::apns));
        r.push.push_back(push(k_voip, push_kind::apns_voip));
        return must_enrol(std::move(r)).device.id;
    }
    static port::push_order order(const person& p, const std::string& key, std::vector<std::string> devices) {
        port::push_order o;
        o.org = p.org;
        o.key = key;
        o.fingerprint = std::string(64, 'f');
        o.devices = std::move(devices);
        o.shown.type = "message_received";
        o.shown.title = "[Org] Ada";
        o.shown.body = "Is the engine running?";
        o.shown.link = "/inbox/9?organization_id=1";
        o.shown.channel = "messages";
        o.shown.collapse_key = "conversation-9";
        o.shown.urgent = false;
        o.shown.extras = {{"conversation_id", "9"}};
        o.ttl = k_minute;
        return o;
    }
    push_answer place(const person& p, port::push_order o) {
        return run(orders_->place(tenant_scope::of(p.org), std::move(o)));
    }
    std::vector<port::queued_push>
    claim(lane of = lane::message, std::size_t most = 10, millis length = k_minute) {
        return run(queue_->claim(of, most, length));
    }
    void
    settle(const port::queued_push& q, std::optional<millis> again, const std::string& outcome = "done") {
        std::vector<port::push_settled> all{{{q.id, q.claim}, again, false, again ? "" : outcome, "code"}};
        run(queue_->settle(std::move(all)));
    }
    std::string waiting() { return value("select count(*) from push_messages where settled_at is null"); }
    void silent_for(device_id d, const std::string& how_long) {
        sql("update devices set last_seen_at = now() - interval '" + how_long +
            "' where device_id = " + text(d));
    }
    std::size_t warn() { return run(queue_->warn_silent(25 * k_one_day, 30 * k_one_day, 100)); }

    std::unique_ptr<port::push_queue> queue_;
    std::unique_ptr<port::push_orders> orders_;
    device_id pixel_;
};

awaitable<void>
place_into(port::push_orders& to, tenant_scope who, port::push_order o, std::vector<push_answer>* out) {
    auto a = co_await to.place(who, std::move(o));
    out->push_back(std::move(a));
}
awaitable<void> put_back(port::push_queue& to, std::vector<port::push_settled> all, int* failed) {
    for (int i = 0; i < 20; ++i) {
        try {
            co_await to.settle(all);
        } catch (const std::exception&) {
            ++*failed;
        }
    }
}
awaitable<void> keep_on(port::push_queue& to, std::vector<port::push_claim> all, int* failed) {
    for (int i = 0; i < 20; ++i) {
        try {
            (void)co_await to.keep(all, k_minute);
        } catch (const std::exception&) {
            ++*failed;
        }
    }
}
awaitable<void> claim_into(port::push_queue& from, std::vector<port::queued_push>* out) {
    auto got = co_await from.claim(lane::message, 3, k_minute);
    out->insert(out->end(), got.begin(), got.end());
}

} // namespace

TEST_F(push_queue_rows, be_28_what_is_put_in_comes_out_as_it_was) {
    const auto a = place(ann_, order(ann_, "key-1", {"pixel"}));
    ASSERT_EQ(a.went, push_answer::how::placed);
    ASSERT_EQ(a.all.size(), 1U);
    EXPECT_EQ(a.all[0].device, "pixel");
    EXPECT_EQ(a.all[0].user, ann_.user);
    EXPECT_EQ(a.all[0].skipped, "");
    const auto got = claim();
    ASSERT_EQ(got.size(), 1U);
    EXPECT_EQ(got[0].id, a.all[0].message);
    EXPECT_EQ(got[0].org, ann_.org);
    EXPECT_EQ(got[0].device, pixel_);
    EXPECT_EQ(got[0].what, push::kind::business);
    EXPECT_EQ(got[0].until - got[0].at, k_minute);
    EXPECT_EQ(got[0].claim, 1U);
    EXPECT_FALSE(got[0].in_doubt);
    const auto& t = got[0].shown;
    EXPECT_EQ(t.type + t.title + t.body, "message_received[Org] AdaIs the engine running?");
    EXPECT_EQ(t.link + t.channel + t.collapse_key, "/inbox/9?organization_id=1messagesconversation-9");
    EXPECT_FALSE(t.urgent);
    EXPECT_EQ(t.extras, (std::vector<std::pair<std::string, std::string>>{{"conversation_id", "9"}}));
    EXPECT_TRUE(claim().empty()) << "it is claimed";
    EXPECT_TRUE(claim(lane::sync).empty());
}

TEST_F(push_queue_rows, be_28_the_same_key_is_answered_alike_and_put_in_once_also_by_two_at_once) {
    std::vector<push_answer> both;
    std::vector<awaitable<void>> tasks;
    for (int i = 0; i < 4; ++i)
        tasks.push_back(place_into(
            *orders_, tenant_scope::of(ann_.org), order(ann_, "key-1", {"pixel", "nobody's"}), &both
        ));
    run(together(std::move(tasks)));
    ASSERT_EQ(both.size(), 4U);
    EXPECT_EQ(std::count_if(both.begin(), both.end(), [](const auto& a) { return a.repeated; }), 3);
    for (const auto& a : both) {
        ASSERT_EQ(a.went, push_answer::how::placed);
        ASSERT_EQ(a.all.size(), 2U);
        EXPECT_EQ(a.all[0].message, both[0].all[0].message);
        EXPECT_EQ(a.all[1].skipped, "not_found");
    }
    EXPECT_EQ(waiting(), "1");
    auto other = order(ann_, "key-1", {"pixel"});
    other.fingerprint = std::string(64, 'e');
    EXPECT_EQ(place(ann_, other).went, push_answer::how::key_reused);
    EXPECT_EQ(waiting(), "1");
}

TEST_F(push_queue_rows, i_05_devices_and_people_of_others_are_not_found_whoever_asks) {
    (void)phone(bob_, "bobs", "fcm-of-bob");
    auto o = order(ann_, "key-1", {"bobs", "pixel"});
    o.users = {bob_.user};
    for (const auto& who : {tenant_scope::of(ann_.org), tenant_scope::all()}) {
        o.key += "x";
        const auto a = run(orders_->place(who, o));
        ASSERT_EQ(a.went, push_answer::how::placed);
        std::set<std::string> lines;
        for (const auto& p : a.all)
            lines.insert(p.device + " " + text(p.user) + " " + p.skipped);
        EXPECT_EQ(
            lines,
            (std::set<std::string>{
                "pixel " + text(ann_.user) + " ", "bobs 0 not_found", " " + text(bob_.user) + " not_found"
            })
        );
    }
    EXPECT_EQ(waiting(), "2");
    EXPECT_EQ(
        run(orders_->place(tenant_scope::of(bob_.org), order(ann_, "key-2", {"pixel"}))).went,
        push_answer::how::org_unknown
    );
    EXPECT_EQ(place(bob_, order(bob_, "keyx", {"bobs"})).all.at(0).skipped, "") << "keys are each one's own";
}

TEST_F(push_queue_rows, i_05_a_device_id_means_one_device_or_is_refused) {
    pg::admin(secret(scratch_->url())).upsert_membership(ann_.org, bob_.user, "member");
    const auto bobs = phone(bob_, "pixel", "fcm-of-bob");
    const auto both = place(ann_, order(ann_, "key-1", {"pixel"}));
    EXPECT_EQ(both.went, push_answer::how::device_ambiguous);
    std::set<std::string> people;
    for (const auto& p : both.all)
        people.insert(p.device + " of " + text(p.user));
    EXPECT_EQ(people, (std::set<std::string>{"pixel of " + text(ann_.user), "pixel of " + text(bob_.user)}));
    EXPECT_EQ(waiting(), "0");
    const auto one = place(ann_, order(ann_, "key-1", {text(bobs), "987654321"}));
    ASSERT_EQ(one.went, push_answer::how::placed) << "the key was not used up";
    ASSERT_EQ(one.all.size(), 2U);
    EXPECT_EQ(one.all[0].device + " of " + text(one.all[0].user), "pixel of " + text(bob_.user));
    EXPECT_EQ(one.all[1].device + one.all[1].skipped, "987654321not_found");
    EXPECT_EQ(claim().at(0).device, bobs);
    // An app's own id goes before our number of another device.
    const auto named_so = phone(ann_, text(bobs), "fcm-named-so");
    EXPECT_EQ(place(ann_, order(ann_, "key-2", {text(bobs)})).went, push_answer::how::placed);
    const auto got = claim();
    ASSERT_EQ(got.size(), 1U);
    EXPECT_EQ(got[0].device, named_so);
    // Whom the organisation has not got makes nothing ambiguous.
    sql("insert into device_exclusions (device_id, org_id) values (" + text(bobs) + ", " + text(ann_.org) +
        ")");
    EXPECT_EQ(place(ann_, order(ann_, "key-3", {"pixel"})).went, push_answer::how::placed);
    EXPECT_EQ(claim().at(0).device, pixel_);
    // All phones of a person are nobody's id.
    sql("delete from device_exclusions");
    sql("delete from push_messages");
    auto all = order(ann_, "key-4", {});
    all.users = {ann_.user, bob_.user};
    EXPECT_EQ(place(ann_, all).all.size(), 3U);
}

TEST_F(push_queue_rows, be_28_who_cannot_be_told_is_skipped_with_the_reason) {
    (void)enrolled(ann_, "bare", "android");
    (void)enrolled(ann_, "browser", "web");
    const auto dead = phone(ann_, "dead", "fcm-dead");
    sql("update devices set push_invalid_at = now() where device_id = " + text(dead));
    const auto idle = phone(ann_, "idle", "fcm-idle");
    sql("update devices set status = 'suspended' where device_id = " + text(idle));
    const auto taken = phone(ann_, "taken", "fcm-taken");
    sql("insert into device_exclusions (device_id, org_id) values (" + text(taken) + ", " + text(ann_.org) +
        ")");
    auto o = order(ann_, "key-1", {});
    o.users = {ann_.user};
    std::set<std::string> lines;
    for (const auto& p : place(ann_, o).all)
        lines.insert(p.device + " " + p.skipped);
    EXPECT_EQ(lines, (std::set<std::string>{"pixel ", "bare no_token", "dead dead_token", "idle suspended"}))
        << "neither browsers nor what was taken away";
}

TEST_F(push_queue_rows, be_28_an_organisation_with_too_much_waiting_is_told_so_and_others_are_not) {
    for (int i = 0; i < 5; ++i)
        ASSERT_EQ(
            place(ann_, order(ann_, "key-" + std::to_string(i), {"pixel"})).went, push_answer::how::placed
        );
    EXPECT_EQ(place(ann_, order(ann_, "key-9", {"pixel"})).went, push_answer::how::too_many_wait);
    (void)phone(bob_, "bobs", "fcm-of-bob");
    EXPECT_EQ(place(bob_, order(bob_, "key-9", {"bobs"})).went, push_answer::how::placed);
    settle(claim(lane::message, 1).at(0), std::nullopt);
    const auto a = place(ann_, order(ann_, "key-9", {"pixel"}));
    EXPECT_EQ(a.went, push_answer::how::placed) << "the key was not used up";
    EXPECT_FALSE(a.repeated);
}

TEST_F(push_queue_rows, be_28_two_nodes_never_hold_the_same_and_an_end_takes_the_text_away) {
    for (int i = 0; i < 5; ++i)
        (void)place(ann_, order(ann_, "key-" + std::to_string(i), {"pixel"}));
    std::vector<port::queued_push> one, two;
    std::vector<awaitable<void>> tasks;
    tasks.push_back(claim_into(*queue_, &one));
    tasks.push_back(claim_into(*queue_, &two));
    run(together(std::move(tasks)));
    std::set<std::string> ids;
    for (const auto* part : {&one, &two})
        for (const auto& q : *part)
            EXPECT_TRUE(ids.insert(q.id.text()).second);
    EXPECT_EQ(ids.size(), 5U);
    for (const auto& q : one)
        settle(q, std::nullopt);
    EXPECT_EQ(
        value("select count(*) from push_messages where settled_at is not null and content is null and "
              "outcome = "
              "'done' and code = 'code'"),
        std::to_string(one.size())
    );
}

TEST_F(
    push_queue_rows,
    be_28_a_claim_that_ends_is_taken_over_in_doubt_and_late_words_of_the_old_one_count_nothing
) {
    (void)place(ann_, order(ann_, "key-1", {"pixel"}));
    const auto first = claim(lane::message, 1, millis{0}).at(0);
    const auto second = claim().at(0);
    EXPECT_EQ(second.claim, 2U);
    EXPECT_TRUE(second.in_doubt);
    settle(first, std::nullopt, "refused");
    EXPECT_EQ(waiting(), "1");
    auto kept = run(queue_->keep({{first.id, first.claim}, {second.id, second.claim}}, k_minute));
    ASSERT_EQ(kept.size(), 1U);
    EXPECT_EQ(kept[0].claim, 2U);
    settle(second, millis{0});
    const auto third = claim().at(0);
    EXPECT_FALSE(third.in_doubt) << "its holder knows that nothing has reached the phone";
    EXPECT_EQ(third.shown.type, "message_received") << "its text is still there";
    settle(third, k_minute);
    EXPECT_TRUE(claim().empty()) << "not before its time";
}

TEST_F(push_queue_rows, cred_01_a_silent_phone_is_warned_once_in_each_silence) {
    silent_for(pixel_, "24 days");
    EXPECT_EQ(warn(), 0U) << "too early";
    silent_for(pixel_, "26 days");
    EXPECT_EQ(warn(), 1U);
    EXPECT_EQ(warn(), 0U) << "by whichever node";
    const auto got = claim(lane::sync);
    ASSERT_EQ(got.size(), 1U);
    EXPECT_EQ(got[0].what, push::kind::session_warning);
    EXPECT_EQ(got[0].org, ann_.org);
    const auto left = std::chrono::duration_cast<std::chrono::hours>(got[0].until - got[0].at).count();
    EXPECT_NEAR(static_cast<double>(left), 4 * 24, 1) << "until it is suspended";
    settle(got[0], std::nullopt);
    EXPECT_EQ(warn(), 0U);
    silent_for(pixel_, "27 days");
    EXPECT_EQ(warn(), 1U) << "another silence";
    silent_for(pixel_, "31 days");
    EXPECT_EQ(warn(), 0U) << "too late";
}

TEST_F(push_queue_rows, cred_01_a_phone_that_came_back_while_its_warning_waits_is_silent_no_more) {
    silent_for(pixel_, "26 days");
    ASSERT_EQ(warn(), 1U);
    const auto warning = claim(lane::sync).at(0);
    EXPECT_TRUE(run(queue_->still_silent(warning.id)));
    sql("update devices set last_seen_at = clock_timestamp()");
    EXPECT_FALSE(run(queue_->still_silent(warning.id)));
    silent_for(pixel_, "26 days");
    sql("delete from push_messages");
    EXPECT_FALSE(run(queue_->still_silent(warning.id))) << "it is gone";
}

TEST_F(push_queue_rows, cred_01_nobody_is_warned_who_cannot_be_or_serves_nobody) {
    (void)enrolled(ann_, "browser", "web");
    sql("update devices set last_seen_at = now() - interval '26 days'");
    sql("insert into device_exclusions (device_id, org_id) values (" + text(pixel_) + ", " + text(ann_.org) +
        ")");
    EXPECT_EQ(warn(), 0U);
    sql("delete from device_exclusions");
    sql("update devices set push_invalid_at = now()");
    EXPECT_EQ(warn(), 0U);
    sql("update devices set push_invalid_at = null");
    EXPECT_EQ(warn(), 1U);
}

TEST_F(
    push_queue_rows, mob_02_a_dead_pushkit_token_is_asked_for_by_the_other_one_and_never_the_other_way_round
) {
    const auto d = iphone(ann_, "iphone");
    test::recording_metrics metrics;
    auto died = k_then;
    const auto dies = [&](push::token_kind k) {
        const std::string column = k == push::token_kind::voip ? "voip_token" : "push_token";
        const auto name =
            value("select encode(sha256(" + column + "), 'hex') from devices where device_id = " + text(d));
        auto ledger = pg::make_push_ledger(io_.get_executor(), *db_, metrics);
        died += millis{5'000};
        ledger->token_dead(d, k, name, "Unregistered", died);
        ledger->token_dead(d, k, name, "Unregistered", died + millis{1'000});
        run(ledger->stop(millis{5'000}));
    };
    dies(push::token_kind::voip);
    const auto got = claim(lane::sync);
    ASSERT_EQ(got.size(), 1U);
    EXPECT_EQ(got[0].what, push::kind::push_token_required);
    EXPECT_EQ(got[0].device, d);
    sql("update devices set voip_invalid_at = null");
    dies(push::token_kind::alert);
    EXPECT_TRUE(claim(lane::sync).empty()) << "PushKit takes nothing but calls";
    dies(push::token_kind::voip);
    EXPECT_TRUE(claim(lane::sync).empty()) << "nothing is left that it could be told by";
    sql("update devices set voip_invalid_at = null, push_invalid_at = null");
    dies(push::token_kind::voip);
    EXPECT_EQ(claim(lane::sync).size(), 1U) << "it was registered again, and has died again";
}

TEST_F(push_queue_rows, be_28_old_rows_go_and_what_waits_or_says_that_a_phone_was_warned_stays) {
    auto old_rows = pg::make_retention_store(*db_);
    (void)place(ann_, order(ann_, "key-1", {"pixel"}));
    (void)place(ann_, order(ann_, "key-2", {"pixel"}));
    settle(claim(lane::message, 1).at(0), std::nullopt);
    silent_for(pixel_, "26 days");
    ASSERT_EQ(warn(), 1U);
    settle(claim(lane::sync, 1).at(0), std::nullopt);
    sql("update push_messages set settled_at = settled_at - interval '2 days'");
    EXPECT_EQ(run(old_rows->remove(port::kept::push_attempts, k_one_day, 100)), 1U);
    EXPECT_EQ(waiting(), "1");
    EXPECT_EQ(warn(), 0U);
    sql("update push_messages set until = now() - interval '2 days'");
    sql("update push_requests set created_at = now() - interval '2 days'");
    EXPECT_EQ(run(old_rows->remove(port::kept::push_attempts, k_one_day, 100)), 4U);
}

TEST_F(push_queue_rows, be_28_a_key_whose_messages_are_kept_is_answered_as_before) {
    auto old_rows = pg::make_retention_store(*db_);
    const auto first = place(ann_, order(ann_, "key-1", {"pixel"}));
    sql("update push_requests set created_at = now() - interval '2 days'");
    EXPECT_EQ(run(old_rows->remove(port::kept::push_attempts, k_one_day, 100)), 0U);
    const auto again = place(ann_, order(ann_, "key-1", {"pixel"}));
    EXPECT_TRUE(again.repeated);
    ASSERT_EQ(again.all.size(), 1U);
    EXPECT_EQ(again.all[0].message, first.all.at(0).message);
}

TEST_F(push_queue_rows, be_28_what_nobody_sends_loses_its_text_long_after_it_was_worth_anything) {
    auto old_rows = pg::make_retention_store(*db_);
    for (const auto* key : {"left", "young", "held", "waits"})
        (void)place(ann_, order(ann_, key, {"pixel"}));
    sql("update push_messages set until = now() - interval '61 minutes', due_at = now() - interval '61 "
        "minutes' "
        "where key in ('left', 'held')");
    sql("update push_messages set due_at = now() - interval '1 minute' where key = 'held'");
    sql("update push_messages set until = now() - interval '59 minutes', due_at = now() - interval '2 hours' "
        "where key = 'young'");
    const millis hour{3'600'000};
    EXPECT_EQ(run(old_rows->end_abandoned(hour, 100)), 1U);
    EXPECT_EQ(run(old_rows->end_abandoned(hour, 100)), 0U);
    EXPECT_EQ(
        value("select key || ' ' || outcome || ' ' || code || ' ' || (content is null)::text from "
              "push_messages "
              "where settled_at is not null"),
        "left expired no_runner true"
    );
    EXPECT_EQ(value("select count(*) from push_messages where content is not null"), "3");
}

// The database's clock is set back by an hour: what was written before lies in the future.
TEST_F(push_queue_rows, be_28_a_clock_that_is_set_back_stalls_no_message_for_longer_than_a_claim) {
    orders_ = pg::make_push_orders(*db_, {.most_waiting = 1'000});
    for (const auto* key : {"claimed", "put off", "new"})
        (void)place(ann_, order(ann_, key, {"pixel"}));
    sql("update push_messages set stamped_at = now() + interval '1 hour', "
        "due_at = now() + interval '1 hour' + case key when 'claimed' then interval '1 minute' "
        "when 'put off' then interval '5 minutes' else interval '0' end");
    sql("update push_messages set claim = 1, in_doubt = true where key = 'claimed'");
    const auto held = value("select message_id from push_messages where key = 'claimed'");
    EXPECT_TRUE(claim().empty()
    ) << "whoever holds one of them may be alive: it has a claim's time to renew it";
    const auto in_time = "select count(*) from push_messages where due_at <= now() + interval '1 minute' and "
                         "stamped_at <= now()";
    EXPECT_EQ(value(in_time), "3");
    ASSERT_EQ(run(queue_->keep({{*uuid::parse(held), 1}}, 2 * k_minute)).size(), 1U);
    sql("update push_messages set due_at = now() - interval '1 s' where due_at <= now() + interval '1 minute'"
    );
    EXPECT_EQ(claim().size(), 2U) << "the one that was renewed is still held";
    sql("update push_messages set stamped_at = now() + interval '1 hour', due_at = now() + interval '2 hours'"
    );
    const auto all = claim(lane::message, 10, millis{0});
    EXPECT_EQ(all.size(), 3U) << "a claim's time has passed";
    for (const auto& q : all)
        EXPECT_TRUE(q.in_doubt) << "a request of the claim before may have reached the phone";
    // What was put off for long by the clock as it is, is not touched.
    for (const auto& q : all)
        settle(q, 60 * k_minute);
    EXPECT_TRUE(claim(lane::message, 10, millis{0}).empty());
}

// A node keeps its claims while it writes the ends of some of them.
TEST_F(push_queue_rows, be_28_ends_and_claims_of_the_same_messages_wait_for_each_other_in_one_order) {
    orders_ = pg::make_push_orders(*db_, {.most_waiting = 1'000});
    (void)place(ann_, order(ann_, "key-1", {"pixel"}));
    sql("insert into push_messages (org_id, device_id, kind, lane, key, until) select org_id, device_id, "
        "kind, lane, "
        "'more-' || i, until from push_messages, generate_series(1, 299) i");
    const auto held = claim(lane::message, 500);
    ASSERT_EQ(held.size(), 300U);
    std::vector<port::push_claim> claims;
    std::vector<port::push_settled> ends;
    for (const auto& q : held) {
        claims.push_back({q.id, q.claim});
        ends.push_back({{q.id, q.claim}, k_minute, false, "", "code"});
    }
    std::reverse(ends.begin(), ends.end());
    int failed = 0;
    std::vector<awaitable<void>> tasks;
    tasks.push_back(put_back(*queue_, ends, &failed));
    tasks.push_back(keep_on(*queue_, claims, &failed));
    std::reverse(claims.begin(), claims.end());
    tasks.push_back(keep_on(*queue_, claims, &failed));
    run(together(std::move(tasks)));
    EXPECT_EQ(failed, 0) << "no deadlock";
}

TEST_F(push_queue_rows, an_attempt_at_a_message_is_written_and_seen_by_its_organisation_alone) {
    test::recording_metrics metrics;
    auto ledger = pg::make_push_ledger(io_.get_executor(), *db_, metrics);
    port::push_attempt a;
    a.id = derive_uuid("attempt");
    a.message = derive_uuid("message");
    a.org = ann_.org;
    a.device = pixel_;
    a.what = push::kind::business;
    a.queued_at = a.sent_at = k_then;
    a.end = port::push_attempt_end::later;
    a.reason = "QUOTA_EXCEEDED";
    ledger->note(a);
    run(ledger->stop(millis{5'000}));
    EXPECT_EQ(value("select message_id from push_attempts where call_id is null"), a.message.text());
    auto figures = pg::make_push_figures(*db_);
    EXPECT_EQ(run(figures->since(tenant_scope::of(ann_.org), k_then - k_minute)).refusals.size(), 1U);
    EXPECT_TRUE(run(figures->since(tenant_scope::of(bob_.org), k_then - k_minute)).refusals.empty());
}

TEST_F(push_queue_rows, what_waits_is_counted_by_lane) {
    (void)place(ann_, order(ann_, "key-1", {"pixel"}));
    (void)place(ann_, order(ann_, "key-2", {"pixel"}));
    const auto all = run(queue_->backlog());
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].waiting, 2U);
    EXPECT_EQ(all[1].waiting, 0U);
}
