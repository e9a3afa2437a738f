// SPDX-License-Identifier: LicenseRef-z360-proprietary
// When a push is sent again, if at all. Pure: time and chance are handed in.
#pragma once

#include <z360/base/time.hpp>
#include <z360/push/kind.hpp>
#include <z360/push/verdict.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace z360::push {

/// Whether a request came to anything.
enum class transport : std::uint8_t {
    answered,
    not_processed, ///< certainly not: the stream was refused, or never left
    unknown,       ///< it was on its way when the connection broke
};

/// What has happened to one push to one token. Kept by whoever sends it; written by after() only.
struct progress {
    unsigned failed = 0;        ///< attempts that were the provider's trouble
    unsigned paced = 0;         ///< answers that said: not now
    unsigned unknown = 0;       ///< attempts of which nothing was heard
    unsigned not_processed = 0; ///< in a row
    changes tried;
};

/// What came of an attempt.
struct attempt {
    transport how = transport::answered;
    verdict what; ///< of `answered`
};

/// From when on a push is not sent (again).
struct limits {
    time_point last_try{}; ///< no further attempt later
    time_point deadline{}; ///< nor a first one
};
/// Of a push that was wanted at `began`. A phone that is woken for a call needs some seconds to answer it:
/// no attempt is made anew in the last five, or the last quarter of a short ring.
[[nodiscard]] limits limits_of(kind k, time_point began, time_point deadline);

enum class stop : std::uint8_t {
    none,     ///< go on
    accepted, ///< it is done
    dead_token,
    configuration,
    too_late,  ///< its time is up, or would be
    exhausted, ///< the ladder of its kind is at its end
};
[[nodiscard]] std::string_view name(stop s);

struct next_step {
    stop why = stop::none;
    millis pause{};         ///< until the next attempt; 0: at once
    changes first;          ///< to be made before it
    bool counted = false;   ///< the attempt is a retry, for which the budget is asked
    bool fall_back = false; ///< from now on try other ways too; the push itself may go on
};

/// What to do after an attempt. `chance` in [0, 1) spreads the pauses by a quarter to both sides; what is not
/// a number counts as 0. A pause that the provider asked for is kept, and spread upwards only.
[[nodiscard]] next_step
after(progress& p, kind k, provider at, const attempt& a, const limits& until, time_point now, double chance);

/// Bounds retries to a share of first attempts. One for each lane of a provider's credential. First attempts
/// are never asked about; they are counted.
class retry_budget {
  public:
    /// `percent` of the first attempts of the last ten seconds, and never less than `at_least`: a lone call
    /// has its retries.
    explicit retry_budget(unsigned percent = 10, unsigned at_least = 10)
        : percent_(percent), at_least_(at_least) {}

    /// Times are of any clock that only goes on, from any origin; one that goes back counts as the newest.
    void first_attempt(millis now);
    /// false: not now.
    [[nodiscard]] bool take(millis now);
    /// Retries that are left at that time.
    [[nodiscard]] unsigned left(millis now) const;

  private:
    struct second {
        std::int64_t number = -1;
        unsigned first = 0;
        unsigned retries = 0;
    };
    static constexpr std::size_t k_seconds = 10;
    second& at(millis now);

    unsigned percent_;
    unsigned at_least_;
    std::int64_t newest_ = 0;
    std::array<second, k_seconds> window_{};
};

} // namespace z360::push
