// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Postgres is away, many people call, and nobody knows yet whom to ring: what becomes of the line of callers
// when Postgres is back.
#include "integration/flows/flow.hpp"
#include "integration/flows/watch.hpp"

#include <map>

using namespace z360;
using namespace z360::testing;

namespace {

class waiting_flow : public flow {
  protected:
    /// `n` callers come one after the other while Postgres is away; then it is back.
    void wait_and_come_back(int n) {
        r_->postgres().cut();
        for (int i = 0; i < n; ++i)
            sessions_.push_back(r_->session(r_->call("+1312556" + std::to_string(1'000 + i))));
        ASSERT_TRUE(eventually([&] { return r_->server().metric("callers_waiting") == n; }, 30s));
        EXPECT_EQ(dialed().size(), 0U);
        back_ = std::chrono::steady_clock::now();
        r_->postgres().resume();
    }
    millis since_back() const { return std::chrono::floor<millis>(std::chrono::steady_clock::now() - back_); }
    /// Which callers somebody was dialed for, in the order in which the carrier took the first of their
    /// dials.
    std::vector<std::size_t> dialed() {
        std::map<std::string, std::size_t> place;
        for (std::size_t i = 0; i < sessions_.size(); ++i)
            place.emplace(sessions_[i], i);
        return r_->carrier().with([&](sim::carrier& c, time_point) {
            std::vector<std::size_t> out;
            std::vector<bool> seen(sessions_.size());
            for (const auto& [id, x] : c.seen().commands) {
                const auto at = place.find(x.session);
                if (x.verb != "dial" || !x.accepted() || at == place.end() || seen[at->second]) continue;
                seen[at->second] = true;
                out.push_back(at->second);
            }
            return out;
        });
    }
    /// Places of the callers by the time at which we heard of them: the carrier delivers several at once.
    std::map<std::size_t, std::size_t> arrivals() {
        std::map<std::size_t, std::size_t> out;
        for (std::size_t i = 0; i < sessions_.size(); ++i)
            out[i] = std::stoul(r_->sql(
                "select count(*) from webhook_events where event_type = 'call.initiated' and received_at < "
                "(select "
                "min(received_at) from webhook_events where call_session_id = '" +
                sessions_[i] + "')"
            ));
        return out;
    }
    /// Sixteen are looked up at a time, and some arrive in the same millisecond: nobody passes more than
    /// that. But for who meets a commit that takes long: one in a hundred, and even they do not go to the end
    /// of the line.
    void expect_oldest_first() {
        constexpr std::size_t k_passed = 2 * 16;
        const auto arrived = arrivals();
        std::size_t newest = 0;
        std::size_t overtaken = 0;
        for (const auto caller : dialed()) {
            const auto place = arrived.at(caller);
            EXPECT_LE(newest, place + 4 * k_passed) << "a caller waited while later ones were served";
            if (newest > place + k_passed) ++overtaken;
            newest = std::max(newest, place);
        }
        EXPECT_LE(overtaken, sessions_.size() / 100);
    }
    std::ptrdiff_t refused_dials() {
        return r_->carrier().with([](sim::carrier& c, time_point) {
            return std::ranges::count_if(c.seen().commands, [](const auto& x) {
                return x.second.verb == "dial" && !x.second.accepted();
            });
        });
    }
    std::size_t in_phase(const std::string& phase) {
        return std::stoul(r_->sql("select count(*) from calls where phase = '" + phase + "'"));
    }
    rig* r_ = nullptr;
    std::vector<std::string> sessions_;
    std::chrono::steady_clock::time_point back_;
};

} // namespace

TEST_F(waiting_flow, i_03_a_thousand_waiting_callers_ring_when_postgres_is_back) {
    constexpr int k_callers = 1'000;
    rig_options o;
    o.devices = 1;
    o.environment["Z360_TELNYX_DIALS_PER_5S"] = "100000"; // this is about us, not about the carrier's limit
    o.carrier.dials_per_window = 100'000;
    o.environment["Z360_CALLS_RING_TIME_MS"] = "60000";
    r_ = &set_up(std::move(o));
    ASSERT_NO_FATAL_FAILURE(wait_and_come_back(k_callers));
    EXPECT_TRUE(eventually([&] { return dialed().size() == k_callers; }, 40s)) << dialed().size();
    RecordProperty("settled_ms", std::to_string(since_back().count())); // the goal is 10 s
    expect_oldest_first();
    EXPECT_TRUE(eventually([&] { return in_phase("ringing") == k_callers; }, 10s));
    EXPECT_EQ(r_->sql("select count(*) from webhook_events where status = 'dead'"), "0");
    EXPECT_EQ(r_->server().metric("callers_waiting"), 0);
}

TEST_F(waiting_flow, i_03_under_the_carriers_limit_the_oldest_ring_first_and_who_waited_too_long_may_speak) {
    constexpr int k_callers = 300; // ten seconds of the carrier's own limit, twice the ring
    rig_options o;
    o.devices = 1;
    o.environment["Z360_CALLS_RING_TIME_MS"] = "5000";
    r_ = &set_up(std::move(o));
    ASSERT_NO_FATAL_FAILURE(wait_and_come_back(k_callers));
    EXPECT_TRUE(eventually([&] { return in_phase("ringing") == 0 && in_phase("voicemail") > 0; }, 40s));
    const auto order = dialed();
    RecordProperty("rung", std::to_string(order.size()));
    EXPECT_GE(order.size(), 100U) << "the limit lets 150 through at once";
    EXPECT_LT(order.size(), static_cast<std::size_t>(k_callers)) << "the last ones waited a whole ring";
    expect_oldest_first();
    // Everybody is served: all rang or did not, and all may leave a message.
    EXPECT_TRUE(eventually([&] { return in_phase("voicemail") + in_phase("ended") == k_callers; }, 20s));
    for (const auto& s : sessions_)
        EXPECT_TRUE(r_->commanded("answer", s, 1, 10s)) << s;
    EXPECT_EQ(refused_dials(), 0) << "the budget is kept on our side";
}
