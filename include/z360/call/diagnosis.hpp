// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Why a device of the person who was called did not ring, from what is on record of it. Pure: whoever reads
// the record gathers the facts, and nothing here looks anything up.
#pragma once

#include <z360/base/ids.hpp>
#include <z360/base/time.hpp>
#include <z360/call/effect.hpp>
#include <z360/call/event.hpp>
#include <z360/call/state.hpp>
#include <z360/push/kind.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace z360::call {

/// What keeps a device from being rung, in the order in which it is told.
enum class obstacle : std::uint8_t {
    none,
    registered_later, ///< it was not there yet
    person_suspended,
    no_member, ///< its person does not belong to the organisation of the number
    removed,   ///< signed out, or taken away
    suspended,
    other_organisation, ///< it serves another organisation only
    given_up,           ///< this organisation has removed it for itself
    pushes_only,        ///< registered for notifications, not for calls
    native_app,         ///< a page inside an app, or one whose person's app on that phone takes the calls
    silent,             ///< no sign of life for calls.device_life_ms
    no_identity,        ///< it has never had a SIP identity
    identity_pending,   ///< its credential was being made
    identity_expired,
    identity_retired,
    changed_since, ///< by its rows of today it would ring: they have changed since the call
    busy,          ///< its person talked in another call, and the policy was not to ring it
    do_not_disturb,
};
inline constexpr int k_obstacle_count = 18;
[[nodiscard]] std::string_view name(obstacle o);

/// One leg to the device, with the times that the timeline has of it.
struct leg_facts {
    leg is;
    std::string sip_cause; ///< of call.hangup, e.g. "480"; empty: not told, or its webhook is kept no longer
    outcome dial_result = outcome::done; ///< of a dial that failed
    std::string dial_error;              ///< Telnyx's code, or ours
    std::optional<time_point> dialed_at, let_in_at, answered_at, ended_at, released_at;
};

/// One push for the device.
struct push_facts {
    push::kind what = push::kind::incoming_call;
    std::uint32_t round = 1;
    time_point asked_at{};
    std::optional<time_point> over_at; ///< nullopt: it is still being tried
    outcome result = outcome::done;    ///< when it is over
    std::optional<push::provider> by;  ///< nullopt: nobody was asked, or it is not known whom
    std::string code;                  ///< the provider's word, or ours
    unsigned attempts = 0;
};

/// What the phone says of a push: received, ready, ringing, answering or dismissed.
struct receipt_facts {
    std::string state;
    time_point at{};
};

/// Something that the device asked of the call.
struct request_facts {
    request_kind what = request_kind::ring;
    refusal why = refusal::none;
    time_point at{};
};

struct device_facts {
    device_id id;
    std::string uid;             ///< the app's own id
    std::string name;            ///< for people; may be empty
    std::string platform;        ///< ios, android or web
    bool rung = false;           ///< it was among those that ring when the call began, or has joined since
    std::vector<obstacle> today; ///< what keeps it from being rung by its rows of today; times as of the call
    time_point registered_at{};
    std::optional<time_point> removed_at;
    time_point last_seen{};
    bool has_push_token = false;         ///< by its row of today, and not known to be dead
    bool acknowledged = false;           ///< it has said that a push of this call came
    bool was_talking = false;            ///< it was in another call while this one rang
    kept_out left_out = kept_out::none;  ///< why the call itself left it out
    std::vector<leg_facts> legs;         ///< in the order in which they were dialed
    std::vector<push_facts> pushes;      ///< in the order in which they were wanted
    std::vector<receipt_facts> receipts; ///< in their order
    std::vector<request_facts> asks;     ///< in their order
};

/// What is the same for all devices of a call.
struct ring_facts {
    time_point began{};
    bool wakes_by_push = false;
    bool over = false;               ///< it does not ring any more
    std::optional<device_id> talked; ///< has, or had, the caller
};

/// What became of the ring at one device.
enum class ring_result : std::uint8_t {
    talked,         ///< it had the caller
    answered,       ///< it answered, and another one had the caller, or nobody
    declined,       ///< its person did not want the call
    rings,          ///< it rings, as far as the carrier tells
    rang,           ///< it rang, and nobody answered there
    withdrawn,      ///< it was removed or suspended while it rang
    busy,           ///< it said so: another call, or its person pressed "decline"
    no_sign,        ///< its leg stood, and nothing shows that the phone woke: no push taken, no word of it
    unreachable,    ///< registered, but it did not answer the carrier
    not_registered, ///< the carrier did not know where it is
    invite_failed,  ///< any other end that is no ringing
    dial_refused,   ///< Telnyx did not take the dial
    dial_unsent,    ///< the dial was not carried out in time, or not wanted any more
    left_out,       ///< it was not among those that ring
    not_its_turn,   ///< the ring was over before its turn in the plan
};
inline constexpr int k_ring_result_count = 15;
[[nodiscard]] std::string_view name(ring_result r);

/// Why a phone that was not registered, or gave no sign, did not wake up in time.
enum class sleep_cause : std::uint8_t {
    none,         ///< it did, or nothing had to wake it
    pushes_off,   ///< this server wakes nobody
    browser,      ///< rings while its page is open, and no longer
    no_token,     ///< it cannot be pushed
    not_pushed,   ///< no push was wanted for it
    push_pending, ///< the push is still being tried
    push_failed,  ///< nobody took it
    not_received, ///< a provider took it, the phone did not say that it came
    stayed_out,   ///< it came, and the phone did not ask to be rung
    not_let_in,   ///< it asked, and was refused
};
inline constexpr int k_sleep_cause_count = 10;
[[nodiscard]] std::string_view name(sleep_cause c);

/// The judgement about one device.
struct finding {
    ring_result result = ring_result::left_out;
    obstacle why_left_out = obstacle::none; ///< of `left_out`
    sleep_cause asleep = sleep_cause::none; ///< of `no_sign`, `not_registered` and `unreachable`
    std::optional<std::size_t> leg;         ///< index into the legs: the one that says most
    std::string detail;                     ///< the carrier's or provider's word; may be empty
    bool operator==(const finding&) const = default;
};
/// It made itself heard at the device, as far as carrier, push providers and the device tell.
[[nodiscard]] bool has_rung(ring_result r);

/// Total; any facts.
[[nodiscard]] finding judge_device(const device_facts& d, const ring_facts& r);

/// Something that happened at or for a device. `at` is nullopt where it is known that, but not when.
struct device_step {
    std::optional<time_point> at;
    std::string text;
    bool trouble = false;
    bool operator==(const device_step&) const = default;
};
/// In the order of time; what has no time follows what it is an effect of.
[[nodiscard]] std::vector<device_step> steps_of(const device_facts& d, const ring_facts& r);

/// What became of it, on one line and for people.
[[nodiscard]] std::string in_words(const finding& f, const device_facts& d);
/// What became of a number, the person's mobile one or another, or of an agent, by a leg to it. `has_call`:
/// it has, or had, the caller.
[[nodiscard]] std::string number_in_words(const leg_facts& l, bool has_call);
/// What can be done about it; empty: nothing is wrong.
[[nodiscard]] std::string advice(const finding& f, const device_facts& d);
/// A SIP status or a hang-up cause of the carrier, with what it means: "480, it did not answer the carrier".
[[nodiscard]] std::string cause_in_words(std::string_view sip, std::string_view cause);

} // namespace z360::call
