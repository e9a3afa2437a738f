// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What all judges of a finished call go by: the legs, what the schedule excuses, what was found.
#pragma once

#include "world.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace z360::testing {

// Bounds of reliability.md §3 where only the network is in the way, and after the last fault where there are
// any: claims of events (2 s) and commands (5 s), a sweep, the longest pause between two attempts.
inline constexpr millis k_calm_bound{600};
inline constexpr millis k_troubled_bound{12'000};
// Where nobody is told: a talk is asked about after 45 s of silence, once more if that gets no answer.
inline constexpr millis k_silent_bound{100'000};
inline constexpr millis k_rings_number{15'000}; // at least, whenever it is dialed
// Of a greeting that is audio nobody says how long it is, of a message nobody says that it is over.
inline constexpr millis k_lost_end{65'000};

/// Commands are carried out, and answered.
[[nodiscard]] inline bool commands_work(const plan& p) {
    return (p.level <= trouble::webhooks || p.level == trouble::silence) &&
           p.request_meets == carrier_mishap::none && p.what_happens == mishap::none;
}

struct bench {
    explicit bench(const world& w) : w_(w), seen_(w.tel.seen()) {
        for (auto& l : w.tel.legs()) {
            if (l.call_control_id == w.caller) caller_ = l;
            if (l.kind != sim::leg_kind::caller) devices_.push_back(l);
        }
    }
    void say(std::string what) { found_.push_back(std::move(what)); }
    [[nodiscard]] std::string ms(time_point t) const { return std::to_string((t - w_.start).count()); }
    [[nodiscard]] bool calm() const { return w_.what.level == trouble::none; }
    [[nodiscard]] bool silent() const { return w_.what.level == trouble::silence; }
    [[nodiscard]] bool commands_work() const { return z360::testing::commands_work(w_.what); }
    [[nodiscard]] millis bound() const {
        if (silent()) return k_silent_bound;
        return calm() ? k_calm_bound : k_troubled_bound;
    }
    /// What is to be waited for beside that where an end is never told.
    [[nodiscard]] millis lost_end() const { return w_.what.untold.empty() ? millis{0} : k_lost_end; }
    /// From when on nothing excuses a delay any more.
    [[nodiscard]] time_point excused(time_point t) const {
        return w_.disturbed_until ? std::max(t, *w_.disturbed_until) : t;
    }
    [[nodiscard]] bool rings_a_number() const { return !number_of(w_.what.routed).empty(); }
    // With a mobile number the ring goes on until that has rung long enough, and whoever answers it last has
    // had time to press.
    [[nodiscard]] millis longest_ring() const {
        const auto ring = w_.what.routed.rules.ring_time;
        return !rings_a_number() ? ring : ring + k_rings_number + millis{20'000};
    }
    [[nodiscard]] std::optional<time_point> first_bridge() const {
        std::optional<time_point> t;
        for (const auto& b : seen_.bridges)
            if (!t || b.began < *t) t = b.began;
        return t;
    }

    const world& w_;
    const sim::truth& seen_;
    sim::leg_view caller_;
    std::vector<sim::leg_view> devices_;
    std::vector<std::string> found_;
};

} // namespace z360::testing
