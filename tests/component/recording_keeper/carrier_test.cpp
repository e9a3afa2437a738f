// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A carrier that does not give what it offers, does not answer, or knows nothing.
#include "world.hpp"

using namespace z360;
using namespace z360::testing;

TEST(recording_keeper, be_24_for_an_address_that_has_run_out_a_fresh_one_is_had_at_once) {
    run([](world& w) -> awaitable<void> {
        auto& r = w.add(1);
        w.carrier.addresses.clear();
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return r.what.status == recording_status::kept; }));
        EXPECT_EQ(w.carrier.finds, 1);
        EXPECT_EQ(w.carrier.fetches, 2);
        EXPECT_EQ(r.settled, 1) << "that is no failure";
        EXPECT_EQ(w.metrics.total("recording_failures_total"), 0);
    });
}

TEST(recording_keeper, be_24_an_old_address_is_not_even_tried) {
    run([](world& w) -> awaitable<void> {
        auto& r = w.add(1);
        r.told_at -= 9min;
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return r.what.status == recording_status::kept; }));
        EXPECT_EQ(w.carrier.finds, 1);
        EXPECT_EQ(w.carrier.fetches, 1);
    });
}

TEST(recording_keeper, be_24_addresses_that_never_work_are_asked_for_once_a_look) {
    run([](world& w) -> awaitable<void> {
        auto& r = w.add(1);
        w.carrier.addresses.clear();
        w.store.before = [&w](const std::string& operation) {
            if (operation == "settle") w.carrier.addresses.clear();
        };
        w.carrier.there["r1"].offered = false; // on record, without an address
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return r.what.attempts == 3; }, 5min));
        EXPECT_EQ(w.carrier.finds, 3);
        EXPECT_EQ(w.carrier.fetches, 1) << "the one that was told";
        EXPECT_EQ(w.failures("carrier"), 3);
        EXPECT_EQ(r.error, "carrier: it offers no address");
        w.carrier.there["r1"].offered = true;
        EXPECT_TRUE(co_await until([&] { return r.what.status == recording_status::kept; }, 5min));
    });
}

TEST(recording_keeper, be_24_a_carrier_that_is_away_is_asked_again_later_and_nothing_is_lost) {
    run([](world& w) -> awaitable<void> {
        auto& r = w.add(1);
        w.carrier.addresses.clear();
        w.carrier.away = true;
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return r.what.attempts == 14; }, 12h));
        EXPECT_EQ(r.what.status, recording_status::waiting);
        EXPECT_EQ(r.pauses.at(0), millis{5'000});
        EXPECT_EQ(r.pauses.at(1), millis{10'000});
        EXPECT_EQ(r.pauses.at(2), millis{20'000});
        EXPECT_TRUE(std::is_sorted(r.pauses.begin(), r.pauses.end()));
        EXPECT_EQ(r.pauses.back(), millis{3'600'000}) << "at most an hour";
        EXPECT_EQ(w.failures("carrier"), 14);
        EXPECT_EQ(w.failures("vault"), 0);
        EXPECT_EQ(w.metrics.counted("recordings_lost_total"), 0);
        EXPECT_TRUE(co_await until([&] { return w.metrics.gauge_value("recordings_failing") == 1; }));
        EXPECT_GT(w.metrics.gauge_value("recordings_waiting_oldest_seconds"), 3'600);
        w.carrier.away = false;
        EXPECT_TRUE(co_await until([&] { return r.what.status == recording_status::kept; }, 2h));
        EXPECT_EQ(r.what.attempts, 0U);
        EXPECT_TRUE(co_await until([&] { return w.metrics.gauge_value("recordings_waiting") == 0; }));
    });
}

TEST(recording_keeper, be_24_contents_that_do_not_come_are_the_carriers_failure) {
    run([](world& w) -> awaitable<void> {
        auto& r = w.add(1);
        w.carrier.contents_away = true;
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return r.what.attempts == 2; }));
        EXPECT_EQ(w.failures("carrier"), 2);
        EXPECT_EQ(w.vault.open_intakes, 0);
        w.carrier.contents_away = false;
        // Then one that breaks off in the middle.
        int broken = 0;
        w.carrier.before_piece = [&broken](std::size_t sent) {
            if (sent > 500 && broken++ == 0) throw port::unavailable("the connection was cut");
        };
        EXPECT_TRUE(co_await until([&] { return r.what.status == recording_status::kept; }, 1min));
        EXPECT_EQ(broken, 1 + 4) << "once cut, then whole";
        EXPECT_EQ(w.failures("carrier"), 3);
        EXPECT_EQ(w.vault.kept.at(r.what.copy.key), world::content(1)) << "no part is taken for the whole";
        EXPECT_EQ(w.disagreement(), "");
    });
}

TEST(recording_keeper, be_24_no_bytes_are_a_failure_and_no_copy) {
    run([](world& w) -> awaitable<void> {
        auto& r = w.add(1, purpose::talk, 0);
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return r.what.attempts == 2; }));
        EXPECT_EQ(r.error, "carrier: it sent nothing");
        EXPECT_EQ(w.failures("carrier"), 2);
        EXPECT_TRUE(w.vault.kept.empty());
        w.carrier.there["r1"].content = "late";
        EXPECT_TRUE(co_await until([&] { return r.what.status == recording_status::kept; }, 1min));
        EXPECT_EQ(r.content.bytes, 4U);
    });
}

TEST(recording_keeper, be_24_what_the_carrier_does_not_know_is_lost_after_hours_of_asking) {
    run([](world& w) -> awaitable<void> {
        auto& r = w.add(1);
        w.carrier.there.clear();
        w.add_node();
        const auto began = rt::clock::now();
        EXPECT_TRUE(co_await until([&] { return r.what.status != recording_status::waiting; }, 10h));
        EXPECT_EQ(r.what.status, recording_status::lost);
        EXPECT_GE(rt::clock::now() - began, 2h);
        EXPECT_LE(rt::clock::now() - began, 4h);
        EXPECT_GE(w.carrier.finds, 3);
        EXPECT_FALSE(r.due);
        EXPECT_FALSE(r.what.at_carrier);
        EXPECT_EQ(w.metrics.counted("recordings_lost_total"), 1);
        EXPECT_EQ(w.disagreement(), "");
    });
}

TEST(recording_keeper, be_24_a_recording_told_of_long_ago_is_not_lost_at_the_first_question) {
    run([](world& w) -> awaitable<void> {
        auto& r = w.add(1);
        r.told_at -= 300h; // e.g. it rested until there was a vault
        const auto thing = w.carrier.there.extract("r1").mapped();
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return r.what.attempts >= 6; }, 30min));
        EXPECT_EQ(r.what.status, recording_status::waiting) << "six times within minutes prove nothing";
        w.carrier.there["r1"] = thing;
        EXPECT_TRUE(co_await until([&] { return r.what.status == recording_status::kept; }, 2h));
    });
}

TEST(recording_keeper, be_24_hours_of_a_full_vault_prove_nothing_about_the_carrier) {
    run([](world& w) -> awaitable<void> {
        auto& r = w.add(1);
        w.vault.full = true;
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return r.what.attempts == 13; }, 6h));
        const auto thing = w.carrier.there.extract("r1").mapped();
        EXPECT_TRUE(co_await until([&] { return r.what.attempts == 14; }, 2h));
        EXPECT_EQ(r.error, "carrier: it knows no such recording");
        EXPECT_EQ(r.what.status, recording_status::waiting) << "it has said so once";
        w.carrier.there["r1"] = thing;
        w.vault.full = false;
        EXPECT_TRUE(co_await until([&] { return r.what.status == recording_status::kept; }, 2h));
    });
}

TEST(recording_keeper, be_24_what_the_carrier_has_known_meanwhile_is_asked_for_anew) {
    run([](world& w) -> awaitable<void> {
        auto& r = w.add(1);
        const auto began = rt::clock::now();
        w.carrier.there.clear();
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return rt::clock::now() - began > 90min; }, 2h));
        w.carrier.there["r1"].offered = false; // known again, though without an address
        const auto asked = w.carrier.finds;
        EXPECT_TRUE(co_await until([&] { return w.carrier.finds > asked; }, 2h));
        w.carrier.there.clear();
        const auto anew = rt::clock::now();
        EXPECT_TRUE(co_await until([&] { return r.what.status == recording_status::lost; }, 10h));
        EXPECT_GE(rt::clock::now() - anew, 2h);
    });
}
