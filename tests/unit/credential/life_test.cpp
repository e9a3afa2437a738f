// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Whole lives in virtual time.
#include "life.hpp"

#include <gmock/gmock.h>

#include <random>

using namespace z360;
using namespace z360::credential;
using namespace z360::testing;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

namespace {

void expect_reachable(const life& l) {
    const auto dialed = dialable(l.device, l.now);
    ASSERT_FALSE(dialed.empty()) << "nothing to dial at " << (l.now - k_start).count() << " ms, after "
                                 << l.log.back();
    for (const auto i : dialed)
        ASSERT_GT(l.carrier.at(i.value), l.now) << "expired at the carrier";
}

} // namespace

TEST(life, be_04_active_device_never_lapses) {
    for (std::int64_t n = 1; n <= 20; ++n) {
        life l;
        l.device.id = device_id{n};
        for (int day = 0; day < 3 * 365; ++day) {
            l.run_until(k_start + day * k_day, [&] { expect_reachable(l); });
            l.contact();
            expect_reachable(l);
        }
        EXPECT_GT(l.serial, 40) << "about one every 24 days";
        EXPECT_LE(l.carrier.size(), 2U);
        EXPECT_FALSE(l.suspended);
    }
}

TEST(life, be_04_active_device_never_lapses_although_calls_and_outages_come_between) {
    std::mt19937_64 dice(360);
    for (std::int64_t n = 1; n <= 20; ++n) {
        life l;
        l.device.id = device_id{n};
        // Outages of up to two days, at least two days apart.
        const auto shift = millis{static_cast<std::int64_t>(dice() % 96) * 3'600'000};
        l.carrier_works = [shift](time_point t) {
            const auto in_turn = (t - k_start + shift) % (4 * k_day);
            return t < k_start + k_day || in_turn > 2 * k_day;
        };
        for (int hour = 0; hour < 365 * 24; ++hour) {
            l.run_until(k_start + hour * millis{1h}, [&] { expect_reachable(l); });
            l.device.busy = dice() % 4 == 0;
            if (hour % 24 == 0) l.contact();
            expect_reachable(l);
        }
        EXPECT_GE(l.serial, 12);
    }
}

TEST(life, be_04_a_device_silent_for_31_days_is_suspended_and_everything_of_it_is_erased) {
    life l;
    l.run_until(k_start + 31 * k_day);
    EXPECT_TRUE(l.suspended);
    EXPECT_THAT(l.device.identities, IsEmpty());
    EXPECT_THAT(l.carrier, IsEmpty());
    EXPECT_FALSE(deadline(l.device, l.rules, l.now)) << "nothing is left to wait for";
}

TEST(life, and_09_an_identity_lives_through_a_call_longer_than_its_life) {
    life l;
    l.run_until(k_start);
    l.contact();
    l.device.busy = true;
    l.run_until(k_start + 40 * k_day, [&] { expect_reachable(l); });
    expect_reachable(l);
    EXPECT_THAT(l.log, Not(Contains(HasSubstr("retire"))));
    l.contact();
    l.device.busy = false;
    l.run_until(l.now + 1ms, [&] { expect_reachable(l); });
    l.contact();
    l.run_until(l.now + 1ms);
    EXPECT_EQ(l.serial, 2) << "replaced when the call was over";
    EXPECT_EQ(l.carrier.size(), 1U);
}

TEST(life, cred_01_a_sleeping_device_is_reachable_by_its_old_name_for_the_whole_overlap) {
    life l;
    l.run_until(k_start);
    const auto due = *rotation_due(l.device, *l.in(identity_state::active), l.rules);
    l.run_until(due + l.rules.overlap - 1ms, [&] {
        const auto dialed = dialable(l.device, l.now);
        ASSERT_EQ(dialed.size(), 1U) << "one ring per device";
        EXPECT_EQ(dialed[0], identity_id{1});
    });
    l.run_until(l.now + 1ms);
    EXPECT_EQ(dialable(l.device, l.now), std::vector{identity_id{2}});
}

TEST(life, cred_03_a_carrier_that_is_away_delays_and_loses_nothing) {
    life l;
    l.carrier_works = [](time_point t) { return t >= k_start + 1h; };
    l.run_until(k_start + 1h - 1ms);
    EXPECT_EQ(l.in(identity_state::active), nullptr);
    EXPECT_EQ(l.serial, 1) << "one row, however often it is tried";
    l.run_until(k_start + 1h + l.rules.retry_longest);
    EXPECT_NE(l.in(identity_state::active), nullptr);
}
