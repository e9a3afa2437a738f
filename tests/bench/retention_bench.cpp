// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What a day's old rows cost those who wait: acknowledgements at a steady pace without and with a purge of a
// million events beside them; and what a claim costs out of a backlog of 100,000. Load generator, Postgres
// and server share the machine. Needs Z360_TEST_DATABASE_URL (scripts/bench sets it).
#include "adapter/postgres/postgres.hpp"
#include "bench/load.hpp"
#include "bench/webhooks.hpp"
#include "support/rig.hpp"

#include <z360/rt/sync.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <csignal>
#include <cstdio>

using namespace z360;
using namespace z360::bench;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t k_old_events = 1'000'000;
constexpr std::size_t k_backlog = 100'000;
constexpr std::size_t k_paced = 6'000; ///< webhooks of one round
constexpr double k_pace = 300;         ///< a second
constexpr unsigned k_connections = 32;
constexpr unsigned k_rounds = 3;

std::string insert_events(std::size_t n, const std::string& name, const std::string& rest) {
    return "insert into webhook_events (event_id, event_type, route, call_session_id, received_at, body, "
           "claimed_until, status, processed_at) select '" +
           name + "-' || n, 'call.answered', 'call_control', 's' || (n / 10), " + rest +
           " from generate_series(1, " + std::to_string(n) + ") n";
}

z360::testing::rig_options options(const sim::signer& signer, bool start) {
    z360::testing::rig_options o;
    o.direct = true;
    o.start = start;
    o.environment["Z360_TELNYX_PUBLIC_KEYS"] = signer.public_key();
    o.environment["Z360_LOG_LEVEL"] = "warn";
    for (const char* kind : {"RAW_EVENTS", "DEAD_LETTERS", "CALLS"})
        o.environment[std::string("Z360_RETENTION_") + kind + "_DAYS"] = "0";
    return o;
}

double removed(const z360::testing::node& n) {
    return n.metric("retention_removed_total{what=\"raw_events\"}");
}

void round(
    z360::testing::node& server, const sim::signer& signer, unsigned number, const char* what, samples& all
) {
    auto got = run_load(server.port(), make_webhooks(signer, k_paced, number), k_connections, k_pace);
    std::printf(
        "%-28s p50 %6.2f ms  p99 %6.2f ms  p99.9 %6.2f ms  (failed %lu)\n", what,
        got.latency_ms.percentile(50), got.latency_ms.percentile(99), got.latency_ms.percentile(99.9),
        got.failed
    );
    for (const double ms : got.each)
        if (ms >= 0) all.add(ms);
}

// One node takes webhooks; another removes old rows and stands still in every second round.
int purge_beside_acks() {
    const sim::signer signer("retention-bench");
    z360::testing::rig r(options(signer, true));
    (void)r.sql(insert_events(
        k_old_events, "old",
        "now() - interval '8 days', convert_to(repeat('x', 700), 'UTF8'), now(), 'done', now() - interval '8 "
        "days'"
    ));
    (void)r.sql("vacuum analyze webhook_events");
    (void)r.sql("checkpoint");
    auto& purging = r.add_node({{"Z360_RETENTION_RAW_EVENTS_DAYS", "7"}});
    purging.start();
    if (!purging.ready() || !z360::testing::eventually([&] { return removed(purging) > 0; }, 20s)) return 1;
    samples alone;
    samples beside;
    double seconds = 0;
    double rows = 0;
    for (unsigned n = 0; n < k_rounds; ++n) {
        purging.signal(SIGSTOP);
        round(r.server(), signer, 2 * n, "acks alone, 300/s", alone);
        purging.signal(SIGCONT);
        const double before = removed(purging);
        const auto began = steady::now();
        round(r.server(), signer, 2 * n + 1, "acks beside a purge, 300/s", beside);
        seconds += std::chrono::duration<double>(steady::now() - began).count();
        rows += removed(purging) - before;
    }
    std::printf(
        "%.0f rows removed meanwhile, %.0f a second: a million in %.0f minutes\n", rows, rows / seconds,
        static_cast<double>(k_old_events) * seconds / rows / 60
    );
    std::printf(
        "goal p99 not moved: %.2f ms alone, %.2f ms beside the purge (ratio %.2f)\n", alone.percentile(99),
        beside.percentile(99), beside.percentile(99) / alone.percentile(99)
    );
    return rows > 0 ? 0 : 1;
}

boost::asio::awaitable<void> claim(port::event_inbox* inbox, samples* took, std::size_t* claimed) {
    for (int n = 0; n < 100; ++n) {
        const auto began = steady::now();
        const auto events = co_await inbox->claim_pending(200, millis{600'000});
        took->add(std::chrono::duration<double, std::milli>(steady::now() - began).count());
        *claimed += events.size();
    }
}

int claims_of_a_backlog() {
    const sim::signer signer("retention-bench");
    z360::testing::rig r(options(signer, false));
    (void)r.sql("analyze webhook_events"); // an outage makes the planner's figures worthless
    (void)r.sql(insert_events(
        k_backlog, "new",
        "now() - (100000 - n) * interval '5 ms', convert_to(repeat('x', 700), 'UTF8'), now(), 'new', null"
    ));
    boost::asio::io_context io{1};
    adapter::postgres::database_settings s;
    s.url = secret(r.database_url());
    samples took;
    std::size_t claimed = 0;
    {
        adapter::postgres::database db(std::move(s));
        const auto inbox = adapter::postgres::make_event_inbox(db);
        boost::asio::co_spawn(io, claim(inbox.get(), &took, &claimed), [](const std::exception_ptr& e) {
            if (e) std::printf("claims failed: %s\n", rt::what(e).c_str());
        });
        io.run();
    }
    std::printf(
        "claim of 200 out of 100,000  p50 %6.2f ms  p99 %6.2f ms  (%zu claimed)\ngoal 10 ms: %.2f ms\n",
        took.percentile(50), took.percentile(99), claimed, took.percentile(50)
    );
    return claimed == 20'000 ? 0 : 1;
}

} // namespace

int main() {
    (void)std::setvbuf(stdout, nullptr, _IOLBF, 0); // it runs for minutes
    if (!z360::testing::rig::available()) {
        std::puts("bench_retention needs Z360_TEST_DATABASE_URL and Z360_TEST_REDIS_URL; use scripts/bench");
        return 2;
    }
    const int claims = claims_of_a_backlog();
    return purge_beside_acks() + claims;
}
