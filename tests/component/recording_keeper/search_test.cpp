// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Recordings that the carrier has never told of.
#include "world.hpp"

using namespace z360;
using namespace z360::testing;

namespace {

port::silent_call silent(std::uint64_t n) {
    port::silent_call c;
    c.call = call_id{uuid{2, n}};
    c.org = org_id{7};
    c.session = "session-" + std::to_string(n);
    return c;
}

} // namespace

TEST(recording_search, be_24_what_the_carrier_has_is_made_good) {
    run([](world& w) -> awaitable<void> {
        w.store.silent = {silent(1)};
        port::carrier_recording r;
        r.id = "r1";
        w.carrier.of["session-1"] = {r};
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return w.store.was_found.size() == 1; }));
        EXPECT_EQ(w.store.was_found[0].id, "r1");
        EXPECT_EQ(w.metrics.counted("recordings_found_total"), 1);
        EXPECT_EQ(w.metrics.counted("recordings_missing_total"), 0);
    });
}

TEST(recording_search, be_24_what_the_carrier_has_not_is_asked_for_over_hours_and_then_an_alarm) {
    run([](world& w) -> awaitable<void> {
        w.store.silent = {silent(1)};
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return w.carrier.lists == 3; }, 5h));
        EXPECT_EQ(w.metrics.counted("recordings_missing_total"), 0);
        EXPECT_TRUE(co_await until([&] { return w.store.searches.begin()->second.outcome == "missing"; }, 10h)
        );
        EXPECT_EQ(w.carrier.lists, 4);
        EXPECT_EQ(w.metrics.counted("recordings_missing_total"), 1);
    });
}

TEST(recording_search, be_24_a_carrier_that_is_away_is_no_answer) {
    run([](world& w) -> awaitable<void> {
        w.store.silent = {silent(1)};
        w.carrier.away = true;
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return w.carrier.lists >= 20; }, 5h));
        EXPECT_EQ(w.store.searches.begin()->second.of.tries, 0U);
        w.carrier.away = false;
        w.carrier.of["session-1"].emplace_back().id = "r1";
        EXPECT_TRUE(co_await until([&] { return w.store.was_found.size() == 1; }, 1h));
    });
}

TEST(recording_search, be_24_each_call_is_looked_at_about_once_and_after_a_start_two_hours_back) {
    run([](world& w) -> awaitable<void> {
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return w.store.looked.size() >= 4; }, 2h));
        EXPECT_EQ(w.store.looked[0].first, millis{2h});
        for (std::size_t n = 1; n < 4; ++n) {
            EXPECT_GE(w.store.looked[n].first, w.settings.search_every + 10min);
            EXPECT_LE(w.store.looked[n].first, w.settings.search_every + 12min);
            EXPECT_EQ(w.store.looked[n].second, millis{10min});
        }
    });
}
