// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The times of retries, and the order in which reasons to stop are asked.
#include <z360/push/ladder.hpp>

#include <algorithm>
#include <array>
#include <span>

namespace z360::push {
namespace {

constexpr millis k_wake{5'000};        // from a push to an answer, for a phone that sleeps
constexpr millis k_requeue_pause{100}; // after the third refusal in a row
constexpr unsigned k_requeues_at_once = 3;

/// Pauses one after the other, then one that doubles.
struct ladder {
    std::span<const millis> steps;
    millis then{};    ///< 0: that was all
    millis longest{}; ///< up to which `then` doubles
    unsigned most = ~0U;

    [[nodiscard]] std::optional<millis> pause(unsigned failures) const {
        if (failures == 0 || failures > most) return std::nullopt;
        if (failures <= steps.size()) return steps[failures - 1];
        if (then == millis{}) return std::nullopt;
        auto out = then;
        for (auto n = failures - steps.size(); n > 1 && out < longest; --n)
            out *= 2;
        return std::min(out, longest);
    }
};

// A call: three soon; then, while other ways are tried, what is left of the ring (BE-14, BE-46).
constexpr std::array k_call_steps{millis{200}, millis{600}, millis{1'500}};
constexpr std::array k_ended_steps{millis{500}, millis{1'500}, millis{4'000}, millis{10'000}};
constexpr millis k_call_then{3'000};
constexpr millis k_minute{60'000};

ladder trouble_ladder(kind k, provider at) {
    switch (lane_of(k)) {
    case lane::call: return {k_call_steps, k_call_then, k_call_then};
    case lane::call_ended: return {k_ended_steps, {}, {}};
    case lane::message:
    case lane::sync: break;
    }
    // As the providers ask: Apple in quarters of an hour, Google in tens of seconds.
    if (at == provider::apns) return {{}, 15 * k_minute, 60 * k_minute, 3};
    return {{}, millis{10'000}, 60 * k_minute};
}

bool hurries(kind k) {
    const auto l = lane_of(k);
    return l == lane::call || l == lane::call_ended;
}

double share(double chance) {
    return !(chance > 0.0) ? 0.0 : std::min(chance, 1.0);
}

// From `least` to `most` hundredths of the pause.
millis spread(millis pause, double least, double most, double chance) {
    const double part = (least + (most - least) * share(chance)) / 100.0;
    return millis{static_cast<millis::rep>(static_cast<double>(pause.count()) * part)};
}

next_step stopped(stop why, bool fall_back = true) {
    next_step out;
    out.why = why;
    out.fall_back = fall_back;
    return out;
}

void note(changes& tried, const changes& now) {
    tried.fresh_token |= now.fresh_token;
    tried.other_environment |= now.other_environment;
    tried.smaller |= now.smaller;
    tried.new_connection |= now.new_connection;
    tried.other_connection |= now.other_connection;
}

struct step_of {
    progress& p;
    kind k;
    provider at;
    const limits& until;
    time_point now;
    double chance;

    next_step again(millis pause, const changes& first, bool counted) const {
        if (now + pause > until.last_try) return stopped(stop::too_late);
        note(p.tried, first);
        next_step out;
        out.pause = pause;
        out.first = first;
        out.counted = counted;
        return out;
    }

    next_step not_processed() const {
        ++p.not_processed;
        const auto pause = p.not_processed > k_requeues_at_once ? k_requeue_pause : millis{};
        const bool none_yet = p.failed + p.paced + p.unknown == 0;
        if (now + pause > (none_yet ? until.deadline : until.last_try)) return stopped(stop::too_late);
        next_step out; // as if it had not been tried
        out.pause = pause;
        return out;
    }

    next_step unknown() const {
        // One double event is harmless, a missing one is not; two would be a habit.
        if (++p.unknown > 1) return stopped(stop::exhausted);
        const auto pause = hurries(k) ? millis{} : spread(millis{10'000}, 75, 125, chance);
        return again(pause, {.other_connection = true}, true);
    }

    next_step trouble(const verdict& v) const {
        if (v.at_once && !v.retry_after) return again({}, v.first, false);
        const auto pause = trouble_ladder(k, at).pause(++p.failed);
        if (!pause) return stopped(stop::exhausted);
        auto out = again(kept(spread(*pause, 75, 125, chance), v), v.first, true);
        out.fall_back |= lane_of(k) == lane::call && p.failed > k_call_steps.size();
        return out;
    }

    next_step later(const verdict& v) const {
        ++p.paced;
        if (!hurries(k)) {
            const auto pause = ladder{{}, k_minute, 60 * k_minute}.pause(p.paced);
            return again(kept(spread(*pause, 75, 125, chance), v), v.first, true);
        }
        if (p.paced > 1) return stopped(stop::exhausted);
        if (v.for_all && !v.retry_after) return stopped(stop::exhausted); // others' share would be taken
        return again(kept(spread(millis{1'000}, 100, 200, chance), v), v.first, true);
    }

  private:
    // What the provider asks for counts instead of ours.
    millis kept(millis ours, const verdict& v) const {
        return v.retry_after ? spread(std::max(*v.retry_after, millis{}), 100, 110, chance) : ours;
    }
};

} // namespace

std::string_view name(stop s) {
    switch (s) {
    case stop::none: return "none";
    case stop::accepted: return "accepted";
    case stop::dead_token: return "dead_token";
    case stop::configuration: return "configuration";
    case stop::too_late: return "too_late";
    case stop::exhausted: return "exhausted";
    }
    return "?";
}

limits limits_of(kind k, time_point began, time_point deadline) {
    if (k != kind::incoming_call) return {deadline, deadline};
    const auto length = std::max(deadline - began, millis{});
    return {deadline - std::min(k_wake, length / 4), deadline};
}

next_step after(
    progress& p, kind k, provider at, const attempt& a, const limits& until, time_point now, double chance
) {
    const step_of step{p, k, at, until, now, chance};
    if (a.how == transport::not_processed) return step.not_processed();
    p.not_processed = 0;
    if (a.how == transport::unknown) return step.unknown();
    switch (a.what.what) {
    case judgement::done: return stopped(stop::accepted, false);
    case judgement::dead_token: return stopped(stop::dead_token);
    case judgement::configuration: return stopped(stop::configuration);
    case judgement::later: return step.later(a.what);
    case judgement::retry:
    case judgement::new_connection: return step.trouble(a.what);
    }
    return stopped(stop::exhausted);
}

retry_budget::second& retry_budget::at(millis now) {
    newest_ = std::max(newest_, std::chrono::duration_cast<std::chrono::seconds>(now).count());
    auto& slot = window_.at(static_cast<std::size_t>(newest_) % k_seconds);
    if (slot.number != newest_) slot = {newest_, 0, 0};
    return slot;
}

void retry_budget::first_attempt(millis now) {
    ++at(now).first;
}

unsigned retry_budget::left(millis now) const {
    const auto newest = std::max(newest_, std::chrono::duration_cast<std::chrono::seconds>(now).count());
    std::uint64_t first = 0;
    std::uint64_t retries = 0;
    for (const auto& s : window_) {
        if (s.number < 0 || s.number + static_cast<std::int64_t>(k_seconds) <= newest) continue;
        first += s.first;
        retries += s.retries;
    }
    const auto allowed = std::max<std::uint64_t>(first * percent_ / 100, at_least_);
    return allowed > retries ? static_cast<unsigned>(std::min<std::uint64_t>(allowed - retries, ~0U)) : 0;
}

bool retry_budget::take(millis now) {
    if (left(now) == 0) return false;
    ++at(now).retries;
    return true;
}

} // namespace z360::push
