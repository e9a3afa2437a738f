// SPDX-License-Identifier: LicenseRef-z360-proprietary
// One rule each: a device in a given condition, and what should be done for it.
#include "life.hpp"

#include <gmock/gmock.h>

using namespace z360;
using namespace z360::credential;
using namespace z360::testing;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

namespace {

const policy k_rules;

identity pending(std::int64_t id) {
    identity i;
    i.id = identity_id{id};
    i.created_at = k_start;
    return i;
}
identity active(std::int64_t id) {
    auto i = pending(id);
    i.now_in = identity_state::active;
    i.at_carrier = true;
    i.activated_at = k_start;
    i.asked_at = k_start;
    i.expires_at = k_start + k_rules.life;
    return i;
}
identity rotating(std::int64_t id) {
    auto i = active(id);
    i.now_in = identity_state::rotating;
    i.superseded_at = k_start;
    return i;
}
identity retiring(std::int64_t id) {
    auto i = active(id);
    i.now_in = identity_state::retiring;
    return i;
}
device with(std::vector<identity> identities) {
    return {device_id{7}, true, false, k_start, std::move(identities)};
}
std::vector<std::string> steps(const device& d, time_point now = k_start) {
    return texts(decide(d, k_rules, now));
}
std::vector<std::int64_t> dialed(const device& d, time_point now = k_start) {
    std::vector<std::int64_t> out;
    for (const auto i : dialable(d, now))
        out.push_back(i.value);
    return out;
}

} // namespace

TEST(lifecycle, a_device_without_an_identity_gets_one) {
    EXPECT_THAT(steps(with({})), ElementsAre("add"));
    EXPECT_THAT(steps(with({pending(1)})), ElementsAre("provision 1"));
    EXPECT_THAT(steps(with({active(1)})), IsEmpty());
}

TEST(lifecycle, be_13_a_create_that_may_have_arrived_is_looked_up_before_it_is_repeated) {
    auto asked = pending(1);
    asked.asked_at = k_start;
    EXPECT_THAT(steps(with({asked})), ElementsAre("provision 1 looked up"));
    asked.now_in = identity_state::retiring;
    EXPECT_THAT(steps(with({active(2), asked})), ElementsAre("erase 1 looked up"));
    asked.asked_at.reset();
    EXPECT_THAT(steps(with({active(2), asked})), ElementsAre("erase 1"));
    EXPECT_THAT(steps(with({active(2), retiring(1)})), ElementsAre("erase 1"));
}

TEST(lifecycle, cred_03_nothing_is_tried_again_before_its_time) {
    auto failed = pending(1);
    failed.failures = 3;
    failed.retry_at = k_start + 4s;
    EXPECT_THAT(steps(with({failed}), k_start + 3'999ms), IsEmpty());
    EXPECT_EQ(deadline(with({failed}), k_rules, k_start), k_start + 4s);
    EXPECT_THAT(steps(with({failed}), k_start + 4s), ElementsAre("provision 1"));
}

TEST(lifecycle, be_04_an_identity_is_replaced_at_four_fifths_of_its_life) {
    const auto d = with({active(1)});
    const auto due = rotation_due(d, d.identities[0], k_rules);
    ASSERT_TRUE(due);
    EXPECT_GE(*due, k_start + k_rules.life / 100 * 78);
    EXPECT_LE(*due, k_start + k_rules.life / 100 * 82);
    auto seen = d;
    seen.last_seen = *due;
    EXPECT_THAT(steps(seen, *due - 1ms), IsEmpty());
    EXPECT_THAT(steps(seen, *due), ElementsAre("add"));
    EXPECT_EQ(deadline(seen, k_rules, k_start), due);
}

TEST(lifecycle, cred_01_due_rotations_of_many_devices_are_spread) {
    auto d = with({active(1)});
    time_point first = time_point::max();
    time_point last = time_point::min();
    for (std::int64_t n = 1; n <= 1'000; ++n) {
        d.id = device_id{n};
        const auto due = *rotation_due(d, d.identities[0], k_rules);
        first = std::min(first, due);
        last = std::max(last, due);
        EXPECT_EQ(due, *rotation_due(d, d.identities[0], k_rules));
    }
    EXPECT_LT(first, k_start + k_rules.life / 1'000 * 785);
    EXPECT_GT(last, k_start + k_rules.life / 1'000 * 815);
    EXPECT_FALSE(rotation_due(d, pending(2), k_rules));
}

TEST(lifecycle, be_04_an_expired_identity_is_retired_and_followed_by_another) {
    auto d = with({active(1)});
    d.last_seen = k_start + k_rules.life;
    EXPECT_THAT(steps(d, k_start + k_rules.life), ElementsAre("retire 1 expired", "add"));
    d.identities.push_back(pending(2));
    EXPECT_THAT(steps(d, k_start + k_rules.life), ElementsAre("retire 1 expired", "provision 2"));
}

TEST(lifecycle, be_04_a_silent_device_is_suspended) {
    auto d = with({active(1), retiring(2)});
    d.identities[0].expires_at = k_start + 90 * k_day;
    const auto silence = k_start + k_rules.silent_after;
    EXPECT_THAT(steps(d, silence - 1ms), ElementsAre("erase 2"));
    EXPECT_THAT(steps(d, silence), ElementsAre("suspend", "erase 2"));
    d.busy = true;
    EXPECT_THAT(steps(d, silence), IsEmpty());
}

TEST(lifecycle, be_05_everything_of_a_device_that_is_gone_is_retired) {
    auto d = with({pending(3), active(2), rotating(1), retiring(4)});
    d.entitled = false;
    EXPECT_THAT(
        steps(d),
        ElementsAre("retire 3 device_gone", "retire 2 device_gone", "retire 1 device_gone", "erase 4")
    );
    EXPECT_THAT(dialed(d), IsEmpty());
}

TEST(lifecycle, and_09_nothing_is_retired_during_a_call) {
    auto gone = with({pending(3), active(2), rotating(1), retiring(4)});
    gone.entitled = false;
    gone.busy = true;
    EXPECT_THAT(steps(gone), IsEmpty());
    EXPECT_EQ(steps(gone, k_start + k_rules.life), std::vector<std::string>{}) << "not even expired ones";

    auto proved = with({active(2), rotating(1)});
    proved.identities[0].proved_at = k_start;
    EXPECT_THAT(steps(proved), ElementsAre("retire 1 rotated"));
    proved.busy = true;
    EXPECT_THAT(steps(proved), IsEmpty());
}

TEST(lifecycle, and_09_an_identity_never_used_may_be_erased_during_a_call) {
    auto d = with({active(1), pending(2)});
    d.busy = true;
    d.identities[1].now_in = identity_state::retiring;
    EXPECT_THAT(steps(d), ElementsAre("erase 2"));
}

TEST(lifecycle, and_09_an_identity_that_would_lapse_during_a_call_is_extended) {
    auto d = with({active(1)});
    d.busy = true;
    d.last_seen = k_start + k_rules.life - 1h;
    const auto soon = k_start + k_rules.life - k_rules.call_reserve;
    EXPECT_THAT(steps(d, soon - 1ms), IsEmpty());
    EXPECT_EQ(deadline(d, k_rules, k_start), soon);
    EXPECT_THAT(steps(d, soon), ElementsAre("extend 1"));
    const auto until = std::get<extend>(decide(d, k_rules, soon)[0]).until;
    EXPECT_GT(until, soon + k_rules.call_reserve) << "else it would be due again at once";
    EXPECT_THAT(steps(d, k_start + k_rules.life), IsEmpty()) << "too late: an expired one cannot be extended";
}

TEST(lifecycle, mob_12_rotation_is_deferred_while_busy) {
    auto d = with({active(1)});
    const auto due = *rotation_due(d, d.identities[0], k_rules);
    d.last_seen = due;
    d.busy = true;
    EXPECT_THAT(steps(d, due), IsEmpty());
    d.identities.push_back(pending(2));
    EXPECT_THAT(steps(d, due), IsEmpty()) << "begun before the call: goes on after it";
    d.busy = false;
    EXPECT_THAT(steps(d, due), ElementsAre("provision 2"));
    auto first = with({pending(1)});
    first.busy = true;
    EXPECT_THAT(steps(first), ElementsAre("provision 1")) << "nothing is replaced by a first one";
}

TEST(lifecycle, cred_01_old_identity_is_dialed_until_the_new_one_was_delivered) {
    auto d = with({active(2), rotating(1)});
    EXPECT_THAT(dialed(d), ElementsAre(1));
    EXPECT_THAT(steps(d), IsEmpty());
    d.identities[0].delivered_at = k_start;
    EXPECT_THAT(dialed(d), ElementsAre(2, 1)) << "both until proved";
    d.identities[0].proved_at = k_start;
    EXPECT_THAT(dialed(d), ElementsAre(2));
    EXPECT_THAT(steps(d), ElementsAre("retire 1 rotated"));
}

TEST(lifecycle, cred_01_the_overlap_ends_after_72_hours) {
    const auto d = with({active(2), rotating(1)});
    EXPECT_THAT(steps(d, k_start + 72h - 1ms), IsEmpty());
    EXPECT_EQ(deadline(d, k_rules, k_start), k_start + 72h);
    EXPECT_THAT(steps(d, k_start + 72h), ElementsAre("retire 1 rotated"));
}

TEST(lifecycle, be_04_the_last_valid_identity_is_kept_however_old) {
    auto d = with({active(2), rotating(1)});
    d.identities[0].expires_at = k_start + 1h;
    EXPECT_THAT(steps(d, k_start + 73h), ElementsAre("retire 2 expired", "add"));
    EXPECT_THAT(dialed(d, k_start + 73h), ElementsAre(1));
    auto alone = with({rotating(1)});
    EXPECT_THAT(steps(alone, k_start + 73h), ElementsAre("add"));
}

TEST(lifecycle, activating_never_makes_two_old_identities) {
    auto d = with({pending(3), active(2), rotating(1)});
    EXPECT_THAT(steps(d), IsEmpty());
    EXPECT_EQ(deadline(d, k_rules, k_start), k_start + 72h);
    d.identities[1].proved_at = k_start;
    EXPECT_THAT(steps(d), ElementsAre("retire 1 rotated"));
}

TEST(lifecycle, be_04_an_expired_identity_is_never_dialed) {
    const auto d = with({active(2), rotating(1)});
    EXPECT_THAT(dialed(d, k_start + k_rules.life), IsEmpty());
    auto half = d;
    half.identities[1].expires_at = k_start + 1h;
    EXPECT_THAT(dialed(half, k_start + 1h), ElementsAre(2)) << "delivered or not, it is the only one";
}

TEST(lifecycle, names_are_read_back) {
    for (const auto p :
         {identity_state::pending, identity_state::active, identity_state::rotating, identity_state::retiring,
          identity_state::dead})
        EXPECT_EQ(identity_state_of(name(p)), p);
    EXPECT_FALSE(identity_state_of("failed"));
}
