// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Three nodes behind a balancer, a primary and a standby: base of every flow of the cluster.
#pragma once

#include "integration/cluster/judge.hpp"
#include "integration/cluster/postgres_pair.hpp"
#include "integration/flows/aftermath.hpp"
#include "support/rig.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace z360::testing {

/// Server 0 of the rig's databases is the primary at first, server 1 the standby; the nodes know both. At the
/// end of each flow nothing wrong was sent and no talk was cut, whatever happened.
class cluster_flow : public ::testing::Test {
  protected:
    static constexpr std::size_t k_nodes = 3;

    void SetUp() override {
        if (!rig::available() || !postgres_pair::available())
            GTEST_SKIP(
            ) << "Z360_TEST_CLUSTER_DIR, Z360_TEST_DATABASE_URL or Z360_TEST_REDIS_URL is not set; "
                 "scripts/test sets them";
        pair_ = std::make_unique<postgres_pair>();
    }
    void TearDown() override {
        if (rig_) {
            EXPECT_EQ(rig_->complaints(), "");
            EXPECT_EQ(cut_talks(*rig_), "");
            if (HasFailure()) tell_what_happened();
        }
        if (pair_) // the nodes stop, and their database is dropped, with servers that answer
            for (const auto p : {place::first, place::second})
                pair_->thaw(p);
        rig_.reset();
        pair_.reset();
    }
    rig& set_up(rig_options o = {}) {
        o.nodes = static_cast<int>(k_nodes);
        o.balanced = true;
        o.databases = {pair_->url(pair_->primary()), pair_->url(pair_->standby())};
        rig_ = std::make_unique<rig>(std::move(o));
        return *rig_;
    }
    [[nodiscard]] postgres_pair& pair() { return *pair_; }

    /// The standby takes over; the rig's own questions go to it.
    void fail_over(rig& r) {
        pair_->promote();
        r.ask_database(1);
    }
    [[nodiscard]] static bool all_ready(rig& r, millis limit) {
        return eventually(
            [&] {
                for (std::size_t n = 0; n < k_nodes; ++n)
                    if (!r.server(n).ready(millis{1})) return false;
                return true;
            },
            limit
        );
    }
    /// Somebody calls by way of each node, so that each of them has looked the number up.
    static void teach_routes(rig& r, const std::string& from = "+13125550142") {
        for (std::size_t n = 0; n < k_nodes; ++n) {
            r.point_webhooks(n, n);
            const auto p = arrive(r, from);
            ASSERT_TRUE(r.ringing(p.session, 1));
            r.carrier().caller_hangs_up(p.caller);
            ASSERT_TRUE(r.quiet(p.session));
            ASSERT_TRUE(r.phase(p.session, "ended"));
        }
        r.point_webhooks_at_front();
    }
    /// Calls that ring now, or have just been answered.
    static std::vector<party> ring(rig& r, int calls, const std::string& from = "+13125550142") {
        std::vector<party> all;
        for (int i = 0; i < calls; ++i)
            all.push_back(arrive(r, from));
        for (const auto& p : all)
            EXPECT_TRUE(
                r.carrier().wait_until([&](const sim::carrier& c) { return has_rung(c, p.session); }, 10s)
            ) << p.session;
        return all;
    }
    /// Rings, or has rung: of several calls a quick phone may have answered one already.
    static bool has_rung(const sim::carrier& c, const std::string& session) {
        const auto legs = c.legs(session);
        return std::any_of(legs.begin(), legs.end(), [](const auto& l) {
            return l.ringing_since.has_value();
        });
    }
    /// The phone is answered as soon as it rings: of two phones one may ring a little later.
    static bool picks_up(rig& r, const std::string& session, int device) {
        return eventually([&] { return answer(r, session, device); });
    }
    /// Rows say what is true of people who talk.
    static void expect_active(rig& r, const std::vector<party>& all, millis limit = 10s) {
        for (const auto& p : all)
            EXPECT_TRUE(r.phase(p.session, "active", limit)) << p.session;
    }

  private:
    // Of calls whose caller was not joined, was parted, or is still there.
    void tell_what_happened() {
        for (const auto& session : unlucky(*rig_))
            std::cout << history(*rig_, session) << '\n';
    }

    std::unique_ptr<postgres_pair> pair_;
    std::unique_ptr<rig> rig_;
};

inline std::vector<party> operator+(std::vector<party> a, const std::vector<party>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

} // namespace z360::testing
