// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Keepers over one database, one carrier and one vault, on one loop; hours pass at once.
#pragma once

#include "memory_contents.hpp"
#include "support/recording_metrics.hpp"
#include "support/told_time.hpp"

#include <z360/recording_keeper.hpp>

#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

namespace z360::testing {

using namespace std::chrono_literals;
using row = memory_recordings::row;
using purpose = call::recording_purpose;

struct world {
    told_time time; ///< first: everything waits by it
    boost::asio::io_context io{1};
    memory_recordings store;
    memory_carrier carrier;
    memory_vault vault;
    memory_orders orders;
    test::recording_metrics metrics;
    recording_keeper::settings settings;
    bool has_vault = true;
    bool has_orders = true;
    int news = 0; ///< how often somebody was told that an order waits
    std::vector<std::unique_ptr<recording_keeper::keeper>> nodes;

    recording_keeper::keeper& add_node() {
        recording_keeper::ports p{.store = store, .carrier = carrier, .metrics = metrics};
        if (has_vault) p.vault = &vault;
        if (has_orders) p.orders = &orders;
        p.order_placed = [this] { ++news; };
        nodes.push_back(recording_keeper::make_keeper(io.get_executor(), std::move(p), settings));
        nodes.back()->start();
        return *nodes.back();
    }
    awaitable<void> stop_all() {
        for (auto& n : nodes)
            co_await n->stop();
        nodes.clear();
    }

    /// One that is due, with its content at the carrier and an address that is good.
    row& add(std::uint64_t n, purpose of = purpose::talk, std::size_t size = 1'000) {
        const auto id = "r" + std::to_string(n);
        auto& r = store.add(n, id, of);
        r.what.carrier_url = carrier.add(id, content(n, size));
        r.what.format = "mp3";
        return r;
    }
    static std::string content(std::uint64_t n, std::size_t size = 1'000) {
        std::string out;
        while (out.size() < size)
            out += std::to_string(n) + "-" + std::to_string(out.size()) + ";";
        out.resize(size);
        return out;
    }
    [[nodiscard]] double failures(std::string_view at) const {
        return metrics.counted("recording_failures_total", {{"at", at}});
    }
    /// Rows and vault agree, and nothing is half done.
    [[nodiscard]] std::string disagreement() const {
        std::set<std::string> known;
        for (const auto& [id, r] : store.rows) {
            if (r.what.status != recording_status::kept) continue;
            known.insert(r.what.copy.key);
            const auto found = vault.kept.find(r.what.copy.key);
            if (found == vault.kept.end()) return "nothing is kept under " + r.what.copy.key;
            if (r.content.bytes != found->second.size() || r.content.sha256 != hash_like(found->second))
                return "size or hash of " + r.what.copy.key + " is another one";
        }
        for (const auto& [key, content] : vault.kept)
            if (!known.contains(key)) return "nobody knows " + key;
        if (vault.open_intakes != 0) return "an intake is open";
        return {};
    }
};

/// Waits for a condition; the limit only bounds a failing test.
inline awaitable<bool> until(std::function<bool()> condition, rt::clock::duration limit = 30s) {
    const auto end = rt::clock::now() + limit;
    while (!condition() && rt::clock::now() < end)
        co_await rt::sleep_for(10ms);
    co_return condition();
}

using script = awaitable<void> (*)(world&);

inline awaitable<void> play(script s, world* w) {
    co_await s(*w);
    co_await w->stop_all();
}

inline void run(script s) {
    world w;
    std::exception_ptr error;
    bool finished = false;
    boost::asio::co_spawn(w.io, play(s, &w), [&](std::exception_ptr e) {
        error = e;
        finished = true;
    });
    w.time.run(w.io, 100h);
    if (error) std::rethrow_exception(error);
    ASSERT_TRUE(finished) << "the script hangs";
    EXPECT_EQ(w.time.waiting(), 0U) << "something still waits after stop()";
    EXPECT_EQ(w.vault.open_intakes, 0);
}

} // namespace z360::testing
