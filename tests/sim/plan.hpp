// SPDX-License-Identifier: LicenseRef-z360-proprietary
// One schedule: who does what, what breaks when. Everything comes from the seed.
#pragma once

#include "chance.hpp"
#include "sim/carrier.hpp"

#include <z360/base/time.hpp>
#include <z360/call/route.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace z360::testing {

/// What may go wrong; each level includes the ones before.
enum class trouble : std::uint8_t {
    none,     ///< everything answers, always after the same time
    webhooks, ///< webhooks are late, repeated, out of order, lost and sent again
    commands, ///< commands fail, stall, lose their answer
    nodes,    ///< nodes lose the store, lose Telnyx, die and come back; clocks differ
    odd,      ///< statements fail for no reason that anybody expects; clocks are set
    silence,  ///< as webhooks; besides, some are never delivered to anybody
};

struct interval {
    std::size_t node = 0;
    millis from{0};
    millis until{0};
};

/// A clock that is set: from `at` on it differs so much from the true time.
struct clock_step {
    std::size_t node = 0;
    millis at{0};
    millis skew{0};
};

/// One thing that goes wrong at one question to the store, whatever it is about.
enum class mishap : std::uint8_t {
    none,
    statement_error, ///< Postgres refuses the statement
    not_reached,     ///< nothing happens, and no answer comes
    answer_lost,     ///< it happens, and no answer comes
    death,           ///< the node dies as it asks
};
inline constexpr int k_mishap_count = 5;

/// The same at one request to the carrier, be it a command or a question.
enum class carrier_mishap : std::uint8_t {
    none,
    refused,      ///< no connection
    not_reached,  ///< nothing happens, and no answer comes in time
    answer_lost,  ///< it happens, and no answer comes in time
    thrown,       ///< the client throws before it has sent anything
    thrown_after, ///< the client throws instead of giving the answer
    death,        ///< the node dies as it asks
    death_after,  ///< the same, and the request has left
};
inline constexpr int k_carrier_mishap_count = 8;

/// A device wants the recording of its talk to pause, or to go on.
struct wish {
    bool pause = true;
    millis when{0};          ///< from the join on; or, so long before the caller leaves at the latest:
    bool at_the_end = false; ///< that is
    bool stranger = false;   ///< of a device that does not talk
    bool twice = false;      ///< the same request comes once more
};

/// In what the caller leaves, beside `caller_leaves`.
enum class farewell : std::uint8_t {
    none,
    greeting, ///< or whatever is said in its place
    message,  ///< or the tone before it
};

struct plan {
    std::uint64_t seed = 0;
    trouble level = trouble::none;
    std::size_t nodes = 1;
    call::route routed;
    sim::carrier_settings carrier;
    std::vector<sim::phone> phones; ///< one per target
    sim::phone mobile;              ///< of the person's number, where the route has one
    millis caller_leaves{0};        ///< at the latest
    millis trouble_ends{0};         ///< from then on nothing breaks any more
    int late_webhooks = 0;          ///< percent
    int repeated_webhooks = 0;
    int lost_webhooks = 0;
    int bad_commands = 0;
    int slow_store = 0;
    int statement_errors = 0;
    int silenced_webhooks = 0; ///< never delivered
    std::vector<interval> store_away;
    std::vector<interval> telnyx_away;
    std::vector<interval> dead;
    std::vector<millis> clock_skew; ///< per node
    std::vector<clock_step> clock_steps;
    std::size_t mishap_at = 0; ///< number of the question to the store, from 1; 0: none
    mishap what_happens = mishap::none;
    std::size_t request_at = 0; ///< number of the request to the carrier, from 1; 0: none
    carrier_mishap request_meets = carrier_mishap::none;
    millis retry_pause{500}; ///< between two attempts of a push
    int bad_pushes = 0;      ///< percent; counts where the route wakes by push
    bool reconciles = false; ///< the carrier is also asked by itself, not only by calls
    std::vector<wish> wishes;
    int lost_wishes = 0; ///< percent of their commands that are lost, or whose answer is
    std::vector<sim::command_fault> carrier_faults;
    std::vector<sim::webhook_fault> webhook_faults;
    std::map<std::string, int> untold; ///< type of event: percent that nobody is ever told of
    farewell leaves_in = farewell::none;
    millis leaves_after{0}; ///< the beginning of that
    /// Half as often as a server does unless told otherwise: most rounds find nothing, and cost half the
    /// time of a schedule.
    millis sweep_period{1'000};
};

[[nodiscard]] plan make_plan(std::uint64_t seed, trouble level);
/// The same call of a person who has a mobile number: they, or their voicemail, may answer there.
[[nodiscard]] plan make_mobile_plan(std::uint64_t seed, trouble level);
/// The same call to several people, whom a ring plan rings in waves.
[[nodiscard]] plan make_group_plan(std::uint64_t seed, trouble level);
/// The rest of an inbound call's life: closed hours, blocked callers, every kind of voicemail, and what is
/// recorded of a talk. Whom it rings is one person, one with a mobile number, or several.
[[nodiscard]] plan make_life_plan(std::uint64_t seed, trouble level);
/// Its route as a call is decided by it.
[[nodiscard]] call::route heeded(const plan& p);
/// The one number that it may ring; empty: none.
[[nodiscard]] std::string number_of(const call::route& r);
/// SIP username of device `n`, from 0.
[[nodiscard]] std::string sip_username(std::size_t n);

} // namespace z360::testing
