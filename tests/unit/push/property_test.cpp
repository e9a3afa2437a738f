// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What holds for every answer, every order of outcomes and every set of devices.
#include <z360/push/ladder.hpp>
#include <z360/push/verdict.hpp>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>

using namespace z360;
using namespace z360::push;
using namespace std::chrono_literals;

namespace {

constexpr time_point k_start{1'780'000'000'000ms};

bool coin() {
    return *rc::gen::arbitrary<bool>();
}
template <class T>
T one_of(int count) {
    return static_cast<T>(*rc::gen::inRange(0, count));
}
std::span<const table_row> table(provider p) {
    return p == provider::apns ? apns_table() : fcm_table();
}

/// Mostly a known word, sometimes under another status or another word altogether.
answer some_answer(provider p) {
    const auto rows = table(p);
    const auto& row = rows[static_cast<std::size_t>(*rc::gen::inRange<std::size_t>(0, rows.size()))];
    answer a;
    a.status = *rc::gen::inRange(0, 5) != 0 ? row.status : *rc::gen::inRange(-10, 700);
    a.reason = *rc::gen::inRange(0, 5) != 0 ? std::string(row.reason) : *rc::gen::arbitrary<std::string>();
    if (coin()) a.dead_since = k_start + millis{*rc::gen::inRange(-10'000, 10'000)};
    if (coin()) a.retry_after = millis{*rc::gen::inRange(-1'000, 100'000)};
    a.names_token = coin();
    a.limit = one_of<quota>(3);
    return a;
}
circumstances some_circumstances() {
    circumstances c;
    c.now = k_start;
    c.registered_at = k_start + millis{*rc::gen::inRange(-10'000, 10'000)};
    c.env_proven = coin();
    c.tried = {coin(), coin(), coin(), coin(), coin()};
    return c;
}
attempt some_attempt(provider p, const progress& so_far, time_point now) {
    attempt a;
    a.how = static_cast<transport>(*rc::gen::inRange(0, 3));
    auto c = some_circumstances();
    c.tried = so_far.tried;
    c.now = now;
    a.what = judge(p, some_answer(p), c);
    return a;
}

} // namespace

RC_GTEST_PROP(push_properties, mob_02_a_token_dies_only_of_a_line_that_says_so, ()) {
    const auto p = one_of<provider>(2);
    const auto a = some_answer(p);
    const auto v = judge(p, a, some_circumstances());
    if (v.what != judgement::dead_token) return;
    const auto rows = table(p);
    RC_ASSERT(std::any_of(rows.begin(), rows.end(), [&](const table_row& r) {
        const bool deadly = r.says == rule::token_of_another || r.says == rule::token_gone ||
                            r.says == rule::token_dead || r.says == rule::token_if_named;
        return deadly && r.status == a.status && r.reason == a.reason;
    }));
}

RC_GTEST_PROP(push_properties, be_14_a_change_is_never_asked_for_twice, ()) {
    const auto p = one_of<provider>(2);
    const auto c = some_circumstances();
    const auto v = judge(p, some_answer(p), c);
    RC_ASSERT(!(v.first.fresh_token && c.tried.fresh_token));
    RC_ASSERT(!(v.first.other_environment && c.tried.other_environment));
    RC_ASSERT(!(v.first.smaller && c.tried.smaller));
    // Another connection is no change of the push, but then it is waited for.
    RC_ASSERT(!(v.first.new_connection && c.tried.new_connection && v.at_once));
}

RC_GTEST_PROP(
    push_properties, i_16_whatever_is_answered_a_push_ends_by_its_last_try_and_in_bounded_attempts, ()
) {
    const auto p = one_of<provider>(2);
    const auto k = one_of<kind>(k_kind_count);
    const auto until = limits_of(k, k_start, k_start + 30s);
    progress so_far;
    auto now = k_start;
    for (int n = 0; n < 1'000; ++n) {
        const auto a = some_attempt(p, so_far, now);
        const bool none_yet = so_far.failed + so_far.paced + so_far.unknown == 0;
        const auto next = after(so_far, k, p, a, until, now, *rc::gen::inRange(0, 100) / 100.0);
        if (next.why != stop::none) return;
        RC_ASSERT(next.pause >= 0ms);
        now += next.pause;
        const bool first = a.how == transport::not_processed && none_yet;
        RC_ASSERT(now <= (first ? until.deadline : until.last_try));
        now += 1ms; // the attempt itself
    }
    RC_FAIL("it never ends");
}

RC_GTEST_PROP(push_properties, i_16_retries_never_exceed_their_share_in_any_ten_seconds, ()) {
    retry_budget b(10, 3);
    auto now = millis{*rc::gen::inRange(0, 100'000)};
    std::vector<std::pair<millis, bool>> log; // when, and whether a first attempt
    for (int i = 0; i < 300; ++i) {
        now += millis{*rc::gen::inRange(0, 200)};
        if (*rc::gen::inRange(0, 3) != 0) {
            b.first_attempt(now);
            log.emplace_back(now, true);
        } else if (b.take(now)) {
            // The window is of whole seconds: ten of them, the present one begun.
            const auto from = std::chrono::floor<std::chrono::seconds>(now) - 9s;
            const auto in = [&](bool first) {
                return std::count_if(log.begin(), log.end(), [&](const auto& x) {
                    return x.first >= from && x.second == first;
                });
            };
            RC_ASSERT(in(false) + 1 <= std::max<std::ptrdiff_t>(3, in(true) / 10));
            log.emplace_back(now, false);
        }
    }
}
