// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What telling of changes costs a commit: steps of calls stored one after another in a few calls at once,
// without the change feed, with it over Redis, with a subscriber in the same process, and with Postgres alone
// as the carrier. The ways take turns; each is compared with the same run without. Needs
// Z360_TEST_DATABASE_URL and Z360_TEST_REDIS_URL (scripts/bench sets them).
#include "adapter/postgres/broadcast.hpp"
#include "adapter/postgres/postgres.hpp"
#include "adapter/redis/broadcast.hpp"
#include "adapter/redis/url.hpp"
#include "bench/load.hpp"
#include "support/recording_metrics.hpp"
#include "support/rig.hpp"

#include <z360/engine/change_feed.hpp>
#include <z360/rt/sync.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

using namespace z360;
using namespace z360::bench;
using namespace std::chrono_literals;
namespace asio = boost::asio;
namespace pg = adapter::postgres;
namespace redis = adapter::redis;

namespace {

constexpr std::size_t k_calls = 4;   ///< that are written to at once
constexpr std::size_t k_steps = 500; ///< of each call in a round
constexpr unsigned k_rounds = 5;

enum class way : std::uint8_t { without, redis, subscribed, notify };
constexpr std::array k_ways{way::without, way::redis, way::subscribed, way::notify};
const char* name(way w) {
    switch (w) {
    case way::without: return "without a feed";
    case way::redis: return "told by Redis";
    case way::subscribed: return "the same, and heard here";
    case way::notify: return "told by NOTIFY";
    }
    return "?";
}

double processor_seconds() {
    rusage u{};
    ::getrusage(RUSAGE_SELF, &u);
    const auto s = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return s(u.ru_utime) + s(u.ru_stime);
}

struct figures {
    samples latency_ms;
    std::vector<double> per_second, processor_us; ///< of each round
    double heard = 0;
};

double middle(std::vector<double> v) {
    std::sort(v.begin(), v.end());
    return v.empty() ? 0 : v[v.size() / 2];
}

/// A feed of one round, over the carriers of this way.
struct telling {
    telling(asio::io_context& io, pg::database& db, const std::string& url, const redis::url& where, way w)
        : notes(
              pg::make_notifications(io.get_executor(), db, {secret(url), "bench_changes", 5'000ms}, metrics)
          ),
          log(pg::make_change_log(db)) {
        if (w != way::notify) {
            redis::channel_settings c;
            c.connect.where = where;
            c.name = "bench:changes";
            session = std::make_unique<redis::session>(io.get_executor(), c.connect, metrics);
            channel = redis::make_channel(io.get_executor(), *session, c, metrics);
            session->start();
            channel->start();
        }
        notes->start();
        feed = engine::make_change_feed(io.get_executor(), {channel.get(), *notes, *log, metrics});
        feed->start();
    }
    asio::awaitable<void> ready() {
        while (session && !session->healthy())
            co_await rt::sleep_for(millis{1});
    }
    asio::awaitable<void> stop() {
        co_await feed->stop();
        co_await notes->stop();
        if (channel) co_await channel->stop();
        if (session) co_await session->stop();
    }
    test::recording_metrics metrics;
    std::unique_ptr<redis::session> session;
    std::unique_ptr<redis::channel> channel;
    std::unique_ptr<pg::notifications> notes;
    std::unique_ptr<port::change_log> log;
    std::unique_ptr<engine::change_feed> feed;
};

struct bench_run {
    asio::io_context& io;
    port::call_store& store;
    call::state model;
    unsigned serial = 0;

    asio::awaitable<void> one_call(port::change_feed* feed, samples* latency) {
        auto s = model;
        const auto session = "bench-" + std::to_string(++serial);
        s.id = call_id{derive_uuid(session)};
        s.origin.call_session_id = session;
        s.caller.call_control_id = "caller-" + session;
        for (std::uint64_t version = 0; version < k_steps; ++version) {
            s.told = static_cast<std::uint32_t>(version);
            port::call_commit c;
            c.expected_version = version;
            c.next = s;
            c.at = s.began;
            c.notes.push_back({call::remark::carrier_asked, std::to_string(version)});
            const auto begun = std::chrono::steady_clock::now();
            const auto result = co_await store.commit(std::move(c), millis{60'000});
            if (result != port::commit_result::committed) throw std::runtime_error("a commit was refused");
            if (feed != nullptr) feed->tell({s.id, s.routed.org, version + 1});
            const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begun;
            latency->add(took.count());
        }
    }
    asio::awaitable<void> all_calls(port::change_feed* feed, samples* latency) {
        auto ex = co_await asio::this_coro::executor;
        rt::task_group group(ex);
        for (std::size_t i = 0; i < k_calls; ++i)
            group.spawn(one_call(feed, latency));
        const bool done = co_await group.drain(std::chrono::seconds{120});
        if (!done) throw std::runtime_error("the commits did not end");
        co_await group.join();
    }
    asio::awaitable<void> round(telling* t, way w, figures* out) {
        std::unique_ptr<port::change_subscription> mine;
        if (t != nullptr) co_await t->ready();
        if (w == way::subscribed) {
            mine = t->feed->subscribe();
            (void)co_await mine->next();
            while (!t->channel->listening())
                co_await rt::sleep_for(millis{1});
        }
        const auto processor = processor_seconds();
        const auto begun = std::chrono::steady_clock::now();
        co_await all_calls(t != nullptr ? t->feed.get() : nullptr, &out->latency_ms);
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
        constexpr auto k_commits = static_cast<double>(k_calls * k_steps);
        out->per_second.push_back(k_commits / took.count());
        out->processor_us.push_back((processor_seconds() - processor) / k_commits * 1e6);
        if (t != nullptr) out->heard += t->metrics.total("changes_heard_total");
        mine.reset();
        if (t != nullptr) co_await t->stop();
    }
};

call::state model_of(z360::testing::rig& r) {
    call::state s;
    s.caller.to = call::e164{"+15550109999"};
    s.caller.role = call::leg_role::caller;
    s.routed.verdict = call::route_verdict::ring;
    s.routed.org = {r.org()};
    s.routed.user = {r.user()};
    s.routed.number = {std::stoll(r.sql("select phone_number_id from phone_numbers limit 1"))};
    s.began = time_point{millis{1'760'000'000'000}};
    s.rings.push_back({.began = s.began, .deadline = s.began + millis{30'000}});
    return s;
}

void measure(z360::testing::rig& r, const redis::url& where) {
    asio::io_context io{1};
    pg::database_settings settings;
    settings.url = secret(r.database_url());
    settings.connections = k_calls;
    pg::database commits(settings);
    settings.connections = 2; // as in the server: telling has connections of its own
    pg::database telling_db(settings);
    const auto store = pg::make_call_store(commits);
    bench_run runs{io, *store, model_of(r)};
    std::array<figures, k_ways.size()> all;
    for (unsigned n = 0; n < k_rounds; ++n) {
        for (std::size_t i = 0; i < k_ways.size(); ++i) {
            const auto at = (i + n) % k_ways.size(); // nobody is always first
            const auto w = k_ways[at];
            std::unique_ptr<telling> t;
            if (w != way::without) t = std::make_unique<telling>(io, telling_db, r.database_url(), where, w);
            std::exception_ptr error;
            asio::co_spawn(io, runs.round(t.get(), w, &all[at]), [&error](std::exception_ptr e) {
                error = e;
            });
            io.restart();
            io.run();
            if (error) std::rethrow_exception(error);
        }
    }
    const auto& base = all[0];
    for (std::size_t i = 0; i < k_ways.size(); ++i) {
        auto& f = all[i];
        const auto rate = middle(f.per_second);
        const auto cpu = middle(f.processor_us);
        std::printf(
            "%-26s %6.0f commits/s (%5.1f %%)  processor %5.0f us a commit (%+4.0f us)  p50 %5.2f ms  p99 "
            "%6.2f ms\n",
            name(k_ways[i]), rate, 100 * rate / middle(base.per_second), cpu, cpu - middle(base.processor_us),
            f.latency_ms.percentile(50), f.latency_ms.percentile(99)
        );
    }
    std::printf("heard here: %.0f of %zu told\n", all[2].heard, k_rounds * k_calls * k_steps);
}

} // namespace

int main() {
    (void)std::setvbuf(stdout, nullptr, _IOLBF, 0);
    const char* redis_url = std::getenv("Z360_TEST_REDIS_URL");
    if (!z360::testing::rig::available() || redis_url == nullptr) {
        std::puts("bench_feed needs Z360_TEST_DATABASE_URL and Z360_TEST_REDIS_URL; use scripts/bench");
        return 2;
    }
    const auto where = redis::parse_url(redis_url);
    if (!std::holds_alternative<redis::url>(where)) return 2;
    z360::testing::rig_options o;
    o.direct = true;
    o.start = false;
    z360::testing::rig r(std::move(o));
    measure(r, std::get<redis::url>(where));
    return 0;
}
