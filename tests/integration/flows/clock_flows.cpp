// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Clocks that are wrong and clocks that are set: no ring, no limit and no claim takes notice (I19).
#include "integration/flows/aftermath.hpp"
#include "integration/flows/flow.hpp"
#include "integration/flows/watch.hpp"

#include <stdlib.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace z360;
using namespace z360::testing;
using sim::phone;

namespace {

constexpr auto k_ring = 6s;
constexpr auto k_tolerance = 1s;

/// What the clock of a process that was started with environment() is ahead of the others.
class shifted_clock {
  public:
    explicit shifted_clock(millis by = millis{0}) {
        std::string name = (std::filesystem::temp_directory_path() / "z360-clock-XXXXXX").string();
        const int fd = ::mkstemp(name.data());
        if (fd < 0) throw std::runtime_error("no temporary file for a clock");
        ::close(fd);
        file_ = name;
        set(by);
    }
    ~shifted_clock() { std::filesystem::remove(file_); }
    shifted_clock(const shifted_clock&) = delete;
    shifted_clock& operator=(const shifted_clock&) = delete;

    void set(millis by) const {
        const std::int64_t ms = by.count();
        std::fstream out(file_, std::ios::binary | std::ios::in | std::ios::out);
        out.write(reinterpret_cast<const char*>(&ms), sizeof ms); // NOLINT
    }
    [[nodiscard]] std::map<std::string, std::string> environment() const {
#ifdef Z360_CLOCK_SHIFT
        return {{"LD_PRELOAD", Z360_CLOCK_SHIFT}, {"CLOCK_SHIFT_FILE", file_}};
#else
        return {};
#endif
    }

  private:
    std::string file_;
};

class clock_flow : public flow {
  protected:
    void SetUp() override {
#ifndef Z360_CLOCK_SHIFT
        GTEST_SKIP() << "a sanitizer and a clock of its own do not go together in one process";
#endif
        flow::SetUp();
    }
    static rig_options options() {
        rig_options o;
        o.carrier.speak_per_char = millis{5};
        o.environment["Z360_CALLS_RING_TIME_MS"] = std::to_string(millis{k_ring}.count());
        return o;
    }
    // One node whose clock the test can set.
    rig& set_up_one(const shifted_clock& clock) {
        auto o = options();
        o.environment.merge(clock.environment());
        return set_up(std::move(o));
    }
    // From the first phone that was called to the moment at which the caller got the voicemail.
    static millis ring_of(rig& r, const std::string& caller) {
        return leg(r, caller).answered_at.value() - commands(r, "dial", r.session(caller)).at(0).at;
    }
    static void expect_full_ring(rig& r, const std::string& caller) {
        const auto session = r.session(caller);
        ASSERT_TRUE(r.phase(session, "voicemail", k_ring + 5s));
        ASSERT_TRUE(eventually([&] { return leg(r, caller).answered_at.has_value(); }));
        const auto took = ring_of(r, caller);
        EXPECT_GE(took, k_ring - k_tolerance);
        EXPECT_LE(took, k_ring + k_tolerance);
        r.carrier().caller_hangs_up(caller);
        EXPECT_TRUE(r.quiet(session));
        EXPECT_EQ(aftermath(r, session), "");
    }
    static bool steps_seen(rig& r, int n) {
        return eventually([&] { return r.server().metric("clock_steps_total") >= n; });
    }
};

} // namespace

TEST_F(clock_flow, i_19_a_node_35_s_ahead_ends_nobody_s_ring_early) {
    const shifted_clock ahead(35s);
    auto o = options();
    o.start = false;
    o.delivery.alternate = true; // every other webhook to the node whose clock is wrong
    auto& r = set_up(std::move(o));
    auto& wrong = r.add_node(ahead.environment());
    r.point_webhooks(0, 1);
    for (std::size_t n = 0; n < r.servers(); ++n) {
        r.server(n).start();
        ASSERT_TRUE(r.server(n).ready());
    }
    r.phone(1, phone::ignores());
    r.phone(2, phone::ignores());
    std::vector<std::string> callers;
    for (int i = 0; i < 4; ++i)
        callers.push_back(r.call());
    for (const auto& caller : callers)
        ASSERT_TRUE(r.ringing(r.session(caller), 2));
    for (const auto& caller : callers)
        EXPECT_TRUE(r.phase(r.session(caller), "voicemail", k_ring + 5s));
    for (const auto& caller : callers)
        expect_full_ring(r, caller);
    EXPECT_TRUE(eventually([&] { return std::abs(wrong.metric("clock_skew_seconds") - 35) < 1; }));
    EXPECT_LT(std::abs(r.server(0).metric("clock_skew_seconds")), 1);
    int status = 0;
    const auto told = nlohmann::json::parse(wrong.get("/readyz", &status)).at("checks").at("clock");
    EXPECT_EQ(status, 200); // calls do not depend on it
    EXPECT_EQ(told.at("ok"), false);
    EXPECT_EQ(told.at("needed"), false);
    EXPECT_NE(told.at("detail").get<std::string>().find("ahead of the database"), std::string::npos) << told;
    EXPECT_EQ(nlohmann::json::parse(r.server(0).get("/readyz")).at("checks").at("clock").at("ok"), true);
}

TEST_F(clock_flow, i_19_a_clock_set_forward_ends_no_ring_and_one_set_back_prolongs_none) {
    const shifted_clock clock;
    auto& r = set_up_one(clock);
    r.phone(1, phone::ignores());
    r.phone(2, phone::ignores());
    int steps = 0;
    for (const millis to : {millis{40s}, millis{40s} - millis{120s}}) {
        SCOPED_TRACE(to.count());
        const auto caller = r.call();
        ASSERT_TRUE(r.ringing(r.session(caller), 2));
        clock.set(to);
        ASSERT_TRUE(steps_seen(r, ++steps));
        expect_full_ring(r, caller);
    }
    EXPECT_TRUE(eventually([&] { return std::abs(r.server().metric("clock_skew_seconds") + 80) < 1; }));
    const auto told = nlohmann::json::parse(r.server().get("/readyz")).at("checks").at("clock");
    EXPECT_NE(told.at("detail").get<std::string>().find("signatures"), std::string::npos) << told;
}

TEST_F(clock_flow, i_19_the_limit_of_a_bridge_holds_when_the_clock_is_set_back) {
    const shifted_clock clock;
    auto& r = set_up_one(clock);
    auto half = fault_of("bridge", {}, 1);
    half.one_sided = "caller"; // judged at the limit
    r.carrier().add_fault(half);
    r.phone(1, phone::answers(100ms));
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.joined(caller));
    clock.set(-120s);
    EXPECT_TRUE(r.phase(session, "active", 3s + 2s));
    ASSERT_TRUE(steps_seen(r, 1));
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
    EXPECT_EQ(aftermath(r, session), "");
}
