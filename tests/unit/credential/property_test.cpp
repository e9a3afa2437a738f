// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What holds for any device in any condition, reachable or not.
#include "life.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <limits>

using namespace z360;
using namespace z360::credential;
using namespace z360::testing;

namespace {

/// Short lives, so that all thresholds lie close together and meet often.
policy short_rules() {
    policy p;
    p.life = 100ms;
    p.overlap = 20ms;
    p.silent_after = 120ms;
    p.call_reserve = 15ms;
    p.retry_first = 1ms;
    p.retry_longest = 8ms;
    return p;
}

time_point some_time() {
    return k_start + millis{*rc::gen::inRange(-150, 150)};
}
std::optional<time_point> maybe_time() {
    if (*rc::gen::arbitrary<bool>()) return std::nullopt;
    return some_time();
}
bool coin() {
    return *rc::gen::arbitrary<bool>();
}

identity some_identity(std::int64_t id) {
    identity i;
    i.id = identity_id{id};
    i.now_in = *rc::gen::element(
        identity_state::pending, identity_state::active, identity_state::rotating, identity_state::retiring,
        identity_state::dead
    );
    i.at_carrier = coin();
    i.created_at = some_time();
    i.activated_at = maybe_time();
    i.expires_at = maybe_time();
    i.delivered_at = maybe_time();
    i.proved_at = maybe_time();
    i.superseded_at = maybe_time();
    i.asked_at = maybe_time();
    i.retry_at = maybe_time();
    return i;
}

device some_device() {
    device d;
    d.id = device_id{*rc::gen::inRange<std::int64_t>(1, 1'000)};
    d.entitled = *rc::gen::inRange(0, 4) != 0;
    d.busy = *rc::gen::inRange(0, 3) == 0;
    d.last_seen = some_time();
    const auto n = *rc::gen::inRange<std::int64_t>(0, 5);
    for (std::int64_t i = 1; i <= n; ++i)
        d.identities.push_back(some_identity(i));
    return d;
}

std::optional<identity_id> whose(const step& s) {
    return std::visit(
        overloaded{
            [](const add_identity&) -> std::optional<identity_id> { return std::nullopt; },
            [](const suspend&) -> std::optional<identity_id> { return std::nullopt; },
            [](const auto& x) -> std::optional<identity_id> { return x.who; },
        },
        s
    );
}

const identity& of(const device& d, identity_id id) {
    return *std::find_if(d.identities.begin(), d.identities.end(), [&](const auto& i) { return i.id == id; });
}

} // namespace

RC_GTEST_PROP(lifecycle_property, the_deadline_is_the_first_instant_with_something_to_do, ()) {
    const auto rules = short_rules();
    const auto d = some_device();
    const auto now = some_time();
    RC_PRE(decide(d, rules, now).empty());
    const auto next = deadline(d, rules, now);
    if (next) {
        RC_ASSERT(*next > now);
        RC_ASSERT(!decide(d, rules, *next).empty());
    }
    const auto end = next.value_or(k_start + 600ms);
    for (auto t = now; t < end; t += 1ms)
        RC_ASSERT(decide(d, rules, t).empty());
}

RC_GTEST_PROP(lifecycle_property, the_same_rows_give_the_same_steps, ()) {
    const auto rules = short_rules();
    const auto d = some_device();
    const auto now = some_time();
    RC_ASSERT(texts(decide(d, rules, now)) == texts(decide(d, rules, now)));
}

RC_GTEST_PROP(lifecycle_property, cred_03_no_step_before_its_retry_at_and_none_for_the_dead, ()) {
    const auto d = some_device();
    const auto now = some_time();
    for (const auto& s : decide(d, short_rules(), now)) {
        const auto who = whose(s);
        if (!who) continue;
        RC_ASSERT(of(d, *who).now_in != identity_state::dead);
        RC_ASSERT((!of(d, *who).retry_at || *of(d, *who).retry_at <= now));
    }
}

RC_GTEST_PROP(lifecycle_property, be_04_expired_is_never_dialable, ()) {
    const auto d = some_device();
    const auto now = some_time();
    for (const auto id : dialable(d, now)) {
        const auto& i = of(d, id);
        RC_ASSERT((i.now_in == identity_state::active || i.now_in == identity_state::rotating));
        RC_ASSERT((!i.expires_at || *i.expires_at > now));
    }
}

RC_GTEST_PROP(lifecycle_property, and_09_busy_devices_lose_and_replace_nothing, ()) {
    auto d = some_device();
    d.busy = true;
    const auto now = some_time();
    const auto replaces = std::any_of(d.identities.begin(), d.identities.end(), [](const auto& i) {
        return i.now_in == identity_state::active || i.now_in == identity_state::rotating;
    });
    for (const auto& s : decide(d, short_rules(), now)) {
        RC_ASSERT(!std::holds_alternative<retire>(s));
        RC_ASSERT(!std::holds_alternative<suspend>(s));
        if (std::holds_alternative<add_identity>(s) || std::holds_alternative<provision>(s))
            RC_ASSERT(!replaces);
        if (const auto* e = std::get_if<erase>(&s)) RC_ASSERT(!of(d, e->who).activated_at);
    }
}

RC_GTEST_PROP(lifecycle_property, i_04_every_identity_of_a_device_that_is_gone_ends_dead, ()) {
    life l;
    l.rules = short_rules();
    l.device = some_device();
    l.device.entitled = false;
    l.device.busy = false;
    for (auto& i : l.device.identities) {
        if (i.at_carrier || i.asked_at) l.carrier[i.id.value] = i.expires_at.value_or(k_start + 1h);
        if (i.now_in == identity_state::dead) i.now_in = identity_state::retiring;
    }
    // The carrier fails every other request.
    int turn = 0;
    l.carrier_works = [&turn](time_point) { return ++turn % 2 == 0; };
    l.run_until(k_start + 1s);
    RC_ASSERT(l.device.identities.empty());
    RC_ASSERT(l.carrier.empty());
}

RC_GTEST_PROP(lifecycle_property, an_entitled_device_that_is_seen_ends_with_exactly_one_identity, ()) {
    life l;
    l.rules = short_rules();
    l.rules.life = 10'000ms;
    l.device = some_device();
    l.device.entitled = true;
    l.device.busy = false;
    // What the database keeps true: one row of each kind, and what is in use has a name at the carrier.
    std::map<identity_state, int> seen;
    l.serial = 10;
    auto& all = l.device.identities;
    all.erase(
        std::remove_if(
            all.begin(), all.end(),
            [&](const auto& i) {
                return i.now_in == identity_state::dead ||
                       (i.now_in != identity_state::retiring && seen[i.now_in]++ > 0);
            }
        ),
        all.end()
    );
    for (auto& i : all)
        if (i.at_carrier || i.asked_at || i.now_in == identity_state::active ||
            i.now_in == identity_state::rotating)
            l.carrier[i.id.value] = i.expires_at.value_or(k_start + 1h);
    l.now = k_start - 200ms;
    for (int n = 0; n < 100; ++n) {
        l.contact();
        l.run_until(l.now + 10ms);
    }
    RC_ASSERT(l.count(identity_state::active) == 1U);
    RC_ASSERT(l.device.identities.size() == 1U);
    RC_ASSERT(l.carrier.size() == 1U);
    RC_ASSERT(dialable(l.device, l.now).size() == 1U);
}

RC_GTEST_PROP(lifecycle_property, any_instant_and_any_policy_is_survived, ()) {
    const auto any = [] {
        return *rc::gen::element<std::int64_t>(
            std::numeric_limits<std::int64_t>::min(), -1, 0, 1, 1'800'000'000'000,
            std::numeric_limits<std::int64_t>::max()
        );
    };
    auto d = some_device();
    d.last_seen = time_point{millis{any()}};
    for (auto& i : d.identities) {
        i.created_at = time_point{millis{any()}};
        i.expires_at = time_point{millis{any()}};
        if (i.superseded_at) i.superseded_at = time_point{millis{any()}};
    }
    policy p;
    p.overlap = millis{any()};
    p.silent_after = millis{any()};
    p.call_reserve = millis{any()};
    p.retry_first = millis{any()};
    p.retry_longest = millis{any()};
    p.rotate_percent = *rc::gen::arbitrary<unsigned>();
    const time_point now{millis{any()}};
    (void)decide(d, p, now);
    (void)deadline(d, p, now);
}
