// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Under load, with servers that say GOAWAY, reset and vanish: one outcome for each request, and none that is
// "not processed" was ever seen whole by the server.
#include "bed.hpp"

#include <nghttp2/nghttp2.h>

#include <map>
#include <random>

using namespace z360;
using namespace z360::test;

namespace {

constexpr int k_workers = 60;
constexpr int k_each = 150;

struct tally {
    std::map<std::string, h2::result> outcomes;
    std::size_t doubled = 0;
    int workers_left = k_workers;
};

awaitable<void> work(bed& b, tally& t, int worker) {
    for (int i = 0; i < k_each; ++i) {
        auto r = ask("/" + std::to_string(worker) + "-" + std::to_string(i), std::string(200, 'b'));
        r.timeout = 3s;
        const std::string path = r.path;
        const h2::result got = co_await b.pool->perform(std::move(r));
        if (!t.outcomes.emplace(path, got).second) ++t.doubled;
    }
    --t.workers_left;
}

/// What the server does with a request, by chance.
struct mischief {
    bed& b;
    std::mt19937 random{7};
    int goaways = 0;
    int resets = 0;
    int refusals = 0;
    int drops = 0;
    std::map<std::string, unsigned> processed; ///< the truth: looked at, and taken

    void operator()(h2_peer& p, const h2_seen& r) {
        const auto dice = random() % 1000;
        if (dice < 12 && p.open()) {
            ++refusals;
            p.reset(r.stream, NGHTTP2_REFUSED_STREAM); // says: nothing was done
            return;
        }
        ++processed[r.path];
        if (dice < 30) {
            ++resets;
            p.reset(r.stream, NGHTTP2_INTERNAL_ERROR);
        } else if (dice < 31) {
            ++drops;
            p.drop();
        } else if (dice < 56) {
            ++goaways;
            p.respond(r.stream, 200, "ok");
            p.goaway(p.last_stream(), NGHTTP2_NO_ERROR, "{\"reason\":\"Shutdown\"}");
        } else {
            p.respond(r.stream, 200, "ok");
        }
    }
};

awaitable<void> storm(bed& b, tally& t, mischief& m) {
    b.server.on_request = [&m](h2_peer& p, const h2_seen& r) { m(p, r); };
    for (int w = 0; w < k_workers; ++w)
        b.tasks.spawn(work(b, t, w));
    const auto until = steady::now() + 50s;
    while (t.workers_left > 0 && steady::now() < until)
        co_await rt::sleep_for(5ms);
    EXPECT_EQ(t.workers_left, 0);
}

void expect_truth(const bed& b, const tally& t, const mischief& m) {
    EXPECT_GE(b.goaways.size(), 100U);
    EXPECT_GE(m.resets, 100);
    EXPECT_GT(m.refusals, 0);
    EXPECT_GT(m.drops, 0);
    EXPECT_EQ(t.outcomes.size(), static_cast<std::size_t>(k_workers * k_each)) << "each has an outcome";
    EXPECT_EQ(t.doubled, 0U);
    std::size_t replied = 0;
    std::size_t unknown = 0;
    for (const auto& [path, r] : t.outcomes) {
        const auto it = m.processed.find(path);
        const unsigned times = it == m.processed.end() ? 0 : it->second;
        EXPECT_LE(times, 1U) << path << " was sent again although it had been processed";
        switch (r.what) {
        case outcome::replied:
            ++replied;
            EXPECT_EQ(times, 1U) << path;
            break;
        case outcome::not_processed: EXPECT_EQ(times, 0U) << path << " " << h2::name(r.why); break;
        case outcome::unknown: ++unknown; break;
        }
    }
    EXPECT_GT(replied, t.outcomes.size() * 8 / 10);
    EXPECT_GE(unknown, 100U) << "resets";
    EXPECT_EQ(b.sent_frames(NGHTTP2_RST_STREAM), 0);
    EXPECT_EQ(b.sent_frames(NGHTTP2_PRIORITY), 0);
}

void run_storm(bool tls) {
    bed b(tls);
    b.settings.first_pause = 1ms;
    b.settings.longest_pause = 5ms;
    b.settings.patience = 2s;
    tally t;
    mischief m{b};
    b.run(storm(b, t, m));
    expect_truth(b, t, m);
}

/// The line takes no more than it may, whatever is asked of it.
awaitable<void> flood(bed& b) {
    b.server.on_request = [](h2_peer&, const h2_seen&) {};
    const auto all = b.start_many(3'000, "/p", 2);
    Z360_REQUIRE(co_await eventually([&] { return b.server.seen.size() == 10; }));
    const auto n = b.pool->now();
    EXPECT_EQ(n.waiting, 990U);
    EXPECT_EQ(n.streams, 10U);
    const auto full = std::count_if(all.begin(), all.end(), [](const auto& p) { return p->done; });
    EXPECT_EQ(full, 2'000);
}

} // namespace

TEST(http2_load, each_request_has_one_outcome_and_it_is_true) {
    run_storm(false);
}

TEST(http2_load, each_request_has_one_outcome_and_it_is_true_over_tls) {
    run_storm(true);
}

TEST(http2_load, what_waits_is_bounded) {
    bed b;
    b.server.max_streams = 10;
    b.settings.max_connections = 1;
    b.settings.max_waiting = 1'000;
    b.settings.patience = 5s;
    b.stop_limit = 100ms;
    b.run(flood(b));
}
