// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "app/anchored_clock.hpp"

#include <z360/log.hpp>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <string>

namespace z360::app {
namespace {

using steady = std::chrono::steady_clock;
using micros = std::chrono::microseconds;

constexpr double k_off = 1.0;        // seconds; a machine that synchronises its clock stays far below
constexpr double k_dangerous = 60.0; // of the 300 s that a webhook's signature may be away from our time

std::chrono::sys_time<micros> system_time() {
    return std::chrono::floor<micros>(std::chrono::system_clock::now());
}

double seconds(micros d) {
    return std::chrono::duration<double>(d).count();
}

std::string text(double s) {
    char buffer[32];
    (void)std::snprintf(buffer, sizeof buffer, "%.1f s", std::abs(s));
    return buffer;
}

} // namespace

anchored_clock::anchored_clock() : anchor_(steady::now(), system_time()) {
    (void)steps_.look(steady::now(), system_time()); // a step is one from the start on
}

time_point anchored_clock::now() const {
    return anchor_.now(steady::now());
}

void anchored_clock::take(const adapter::postgres::clock_reading& r) {
    const bool first = !anchor_.anchored();
    const bool used = anchor_.sample(steady::now(), {r.asked, r.answered, r.server});
    if (!first || !used) return;
    const auto skew = anchor_.skew(steady::now(), system_time()).value_or(micros{0});
    log::info("clock_anchored", {{"system_clock_ahead_s", seconds(skew)}});
}

edge::readiness anchored_clock::readiness() const {
    const auto skew = anchor_.skew(steady::now(), system_time());
    if (!skew) return {"clock", false, false, "not yet compared with the database's"};
    const double ahead = seconds(*skew);
    if (std::abs(ahead) <= k_off) return {"clock", true, false, ""};
    std::string detail = "the system's clock is " + text(ahead) + (ahead > 0 ? " ahead of" : " behind") +
                         " the database's; calls go by the database's";
    if (std::abs(ahead) > k_dangerous)
        detail += "; one of them is wrong: at 300 s the signatures of webhooks are refused if it is the "
                  "database's; check time synchronisation on both";
    return {"clock", false, false, detail};
}

void anchored_clock::report(port::metrics& m) {
    const auto at = steady::now();
    const auto system = system_time();
    const auto step = steps_.look(at, system);
    m.count("clock_steps_total", {}, step ? 1 : 0); // stands there from zero on
    if (step) log::warn("clock_was_set", {{"by_ms", step->count()}, {"effect", "none on calls"}});
    if (const auto skew = anchor_.skew(at, system)) m.gauge("clock_skew_seconds", seconds(*skew));
    m.gauge("clock_correction_seconds", seconds(anchor_.correction(at)));
}

} // namespace z360::app
