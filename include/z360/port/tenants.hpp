// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Organisations, people, numbers, contacts and settings, as the existing product synchronises them: every
// write is an idempotent upsert under the caller's own ids.
#pragma once

#include <z360/base/ids.hpp>
#include <z360/base/time.hpp>
#include <z360/call/availability.hpp>
#include <z360/call/hours.hpp>
#include <z360/call/plan.hpp>
#include <z360/port/scope.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace z360::port {

/// A tenant.
struct organisation {
    org_id id;
    std::string name;
    std::string slug;              ///< empty on a write: made from the name, with the id behind it if taken
    std::string status = "active"; ///< active or suspended
};
/// Somebody who may belong to several organisations.
struct person {
    user_id id;
    std::string login; ///< e-mail address
    std::string name;
    std::string status = "active";
    std::vector<std::pair<org_id, std::string>> memberships; ///< with role; read only
};
/// Without it a person is a stranger to the organisation.
struct membership {
    org_id org;
    user_id user;
    std::string role = "member"; ///< owner, admin, member; empty on a write: as it was, of a new one member
    std::string login, name;     ///< read only
    /// Dialed when no device of theirs takes a call of this organisation. On a write nullopt: as it was,
    /// empty: none; when read nullopt: none.
    std::optional<std::string> mobile = {};
    /// The plan by which their calls ring, in place of their own devices at once. On a write nullopt: as it
    /// was, empty: none; when read nullopt: none.
    std::optional<std::string> ring_plan = {};
    /// What rings while they talk already: ring, others, none. On a write nullopt: as it was, empty: as the
    /// organisation has it; when read nullopt: that.
    std::optional<std::string> second_call = {};
};
/// A phone number and whom its calls ring.
struct number {
    std::string e164;
    org_id org;
    std::string connection_id;       ///< empty on a write: the configured one
    std::string route_type = "user"; ///< user, plan, agent, external, voicemail, reject
    user_id receiver;
    std::string ring_plan;      ///< of route_type plan
    std::string external;       ///< of route_type external: the number outside that its calls ring
    bool external_asked = true; ///< who answers there has the caller only once they have pressed a key
    std::string alias;
    std::string status = "active";
    bool default_caller_id = false;
    /// off, on, mandatory; "organization": what its organisation says. Of all connections that the number is
    /// on. On a write nullopt: as it was.
    std::optional<std::string> recording = {};
};
/// What an organisation calls a caller.
struct contact {
    std::string e164;
    org_id org;
    std::string name;
    std::string avatar_url; ///< https
};
/// Unset: the server's default.
struct org_settings {
    std::optional<int> ring_seconds;       ///< 5 … 60
    std::optional<int> voicemail_max_secs; ///< 5 … 600
    std::optional<std::string> voicemail_greeting, hold_prompt, voice, ringback_url;
    std::optional<bool> record_calls;
    std::optional<int> mobile_after_secs; ///< 5 … 60
    std::optional<std::string> mobile_prompt;
    std::optional<std::string> blocked_message; ///< told to a blocked caller; unset: they are rejected
    std::optional<int> recording_days;          ///< that recordings are kept, 1 … 3650
    std::optional<bool> voicemail;              ///< false: whom nobody answers is told something, no more
    std::optional<std::string> voicemail_greeting_url; ///< audio in place of the words
    std::optional<bool> voicemail_beep;
    std::optional<std::string> unavailable_message; ///< told where there is no voicemail
    std::optional<bool> transcribe_messages;        ///< the carrier writes down what messages say
    std::optional<bool> recording_mandatory;        ///< not with record_calls = false
    std::optional<bool> ends_unrecorded; ///< where it is mandatory: a talk that cannot be recorded is ended
    std::optional<std::string> unrecorded_message;     ///< said before that
    std::optional<std::string> recording_announcement; ///< said to the caller once the talk begins
    std::optional<std::string> second_call; ///< what rings of who talks already: ring, others (default), none
    std::optional<std::string> agent_uri;   ///< where calls for its agent go, "sip:…"; unset: it has none
    std::optional<bool> block_anonymous;    ///< callers who show no number are turned away …
    std::optional<std::string> anonymous_message; ///< … and told this; unset: as those who are blocked
};
/// Whose voicemail says something else than the organisation's.
struct box_owner {
    org_id org;
    std::string e164; ///< a number's
    user_id user;     ///< or, with an empty number, a member's
};
/// What it says. Unset: as the organisation's; a number's goes before its person's.
struct voicemail_box {
    std::optional<bool> voicemail;
    std::optional<int> max_secs;                       ///< 5 … 600
    std::optional<std::string> greeting, greeting_url; ///< given words without audio are said, not played
    std::optional<std::string> closed_greeting;        ///< out of hours
    std::optional<std::string> unavailable_message, voice;
    std::optional<bool> beep;
};
/// When an organisation takes calls; without one: always.
struct opening {
    org_id org;
    std::string time_zone; ///< by its name in the time zone database, "America/Chicago"
    call::opening_hours hours;
    std::optional<std::string> closed_greeting; ///< voicemail's while it is closed; unset: the usual one
    bool closed_to_agent = false; ///< while it is closed the organisation's agent is rung, if it has one
};
/// By which rules an organisation's people call out; without any nothing is forbidden but what costs extra,
/// and only the server's limits hold. Emergency calls are placed whatever they say.
struct outbound_rules {
    static constexpr std::size_t k_most = 300; ///< beginnings in each list

    org_id org;
    bool enabled = true; ///< false: nobody calls out
    /// Beginnings of the numbers that may be called, "+49"; unset: any. Not empty.
    std::optional<std::vector<std::string>> allowed;
    std::vector<std::string> forbidden; ///< of these none, allowed or not
    bool premium = false;               ///< also numbers that cost the caller extra
    std::optional<int> ring_seconds;    ///< until whom they call has answered, 5 … 600
    std::optional<int> at_once;         ///< such calls of the organisation, 1 … 10000
    std::optional<int> per_minute;      ///< that one person begins, 1 … 600
};
/// A number as which a person may be shown when they call.
struct caller_id {
    phone_number_id id;
    org_id org;
    std::string e164;
    std::string alias;  ///< for people; may be empty
    bool usual = false; ///< the organisation's default
    bool mine = false;  ///< its calls are for the person
};
/// A group, or people who are rung one after the other.
struct ring_plan {
    std::string key; ///< lower case letters, digits, - and _; unique in the organisation
    org_id org;
    std::string name; ///< for people; may be empty
    call::plan_rules rules;
    user_id mailbox; ///< whose messages are those that callers leave; none: the organisation's alone
};
/// A caller whom an organisation does not take.
struct blocked_caller {
    std::string e164;
    org_id org;
    std::string note; ///< for people
};

/// Why a write was refused. The text names the field and the fix, for the person who sent it.
struct refusal {
    enum class why : std::uint8_t { not_found, conflict, invalid } reason = why::invalid;
    std::string field;
    std::string text;
};
/// What became of a write.
template <class T>
struct outcome_of {
    std::optional<T> value;
    std::optional<refusal> refused;
    bool created = false;
    std::vector<device_id> stopped; ///< devices that went out of use with it
};

/// Under the scope's row-level security; what the scope does not see does not exist. Every function may throw
/// unavailable. Removing a person, or a membership that was their last, retires all of their devices in the
/// same transaction (B28); suspending does the same.
class tenants {
  public:
    virtual ~tenants() = default;

    virtual boost::asio::awaitable<outcome_of<organisation>> put(tenant_scope who, organisation o) = 0;
    virtual boost::asio::awaitable<outcome_of<person>> put(tenant_scope who, person p) = 0;
    virtual boost::asio::awaitable<outcome_of<membership>> put(tenant_scope who, membership m) = 0;
    /// A number that another organisation holds is refused with why::conflict, naming neither (WEB-04).
    virtual boost::asio::awaitable<outcome_of<number>> put(tenant_scope who, number n) = 0;
    virtual boost::asio::awaitable<outcome_of<contact>> put(tenant_scope who, contact c) = 0;
    virtual boost::asio::awaitable<outcome_of<org_settings>>
    put(tenant_scope who, org_id org, org_settings s) = 0;
    /// A time zone that the database does not know is refused.
    virtual boost::asio::awaitable<outcome_of<opening>> put(tenant_scope who, opening o) = 0;
    virtual boost::asio::awaitable<outcome_of<blocked_caller>> put(tenant_scope who, blocked_caller b) = 0;
    /// Replaces what was said before. Refused: what its members do not allow, by their names.
    virtual boost::asio::awaitable<outcome_of<outbound_rules>> put(tenant_scope who, outbound_rules r) = 0;

    /// Refused: it names nobody, somebody twice, a stranger, or never ends. Calls that have begun keep the
    /// plan that they began with, but do not ring any more who has left it.
    virtual boost::asio::awaitable<outcome_of<ring_plan>> put(tenant_scope who, ring_plan p) = 0;
    virtual boost::asio::awaitable<std::optional<ring_plan>>
    plan_of(tenant_scope who, org_id o, std::string key) = 0;
    virtual boost::asio::awaitable<std::vector<ring_plan>>
    plans(tenant_scope who, org_id o, std::string after, std::size_t limit) = 0;
    /// No value: there was none. Refused with why::conflict while a number or a member is routed by it.
    virtual boost::asio::awaitable<outcome_of<bool>>
    remove_plan(tenant_scope who, org_id o, std::string key) = 0;

    /// Replaces what was said before.
    virtual boost::asio::awaitable<outcome_of<voicemail_box>>
    put_box(tenant_scope who, box_owner of, voicemail_box b) = 0;
    /// nullopt: it says nothing of its own, or there is none that the scope sees.
    virtual boost::asio::awaitable<std::optional<voicemail_box>> box_of(tenant_scope who, box_owner of) = 0;
    /// false: there was nothing.
    virtual boost::asio::awaitable<bool> remove_box(tenant_scope who, box_owner of) = 0;

    virtual boost::asio::awaitable<std::optional<organisation>>
    organisation_of(tenant_scope who, org_id o) = 0;
    virtual boost::asio::awaitable<std::optional<person>> person_of(tenant_scope who, user_id u) = 0;
    virtual boost::asio::awaitable<std::optional<org_settings>> settings_of(tenant_scope who, org_id o) = 0;
    virtual boost::asio::awaitable<std::vector<organisation>>
    organisations(tenant_scope who, org_id after, std::size_t limit) = 0;
    /// By id. An organisation's token sees its members, with their membership of it.
    virtual boost::asio::awaitable<std::vector<person>>
    people(tenant_scope who, user_id after, std::size_t limit) = 0;
    virtual boost::asio::awaitable<std::vector<membership>>
    members(tenant_scope who, org_id o, user_id after, std::size_t limit) = 0;
    virtual boost::asio::awaitable<std::vector<number>>
    numbers(tenant_scope who, org_id o, std::string after, std::size_t limit) = 0;
    virtual boost::asio::awaitable<std::vector<contact>>
    contacts(tenant_scope who, org_id o, std::string after, std::size_t limit) = 0;
    /// nullopt: always open, or no organisation that the scope sees.
    virtual boost::asio::awaitable<std::optional<opening>> opening_of(tenant_scope who, org_id o) = 0;
    /// nullopt: it has none, or no organisation that the scope sees.
    virtual boost::asio::awaitable<std::optional<outbound_rules>> outbound_of(tenant_scope who, org_id o) = 0;
    /// As what the person may be shown: active numbers of their organisations, of `only` alone if that is
    /// given, each once; by organisation, in each the default first, then the oldest. At most 200 of each and
    /// 2000 in all. `device`: from which they ask; organisations that took it away from themselves are left
    /// out.
    virtual boost::asio::awaitable<std::vector<caller_id>>
    caller_ids(tenant_scope who, user_id person, device_id device, org_id only) = 0;
    virtual boost::asio::awaitable<std::vector<blocked_caller>>
    blocked_callers(tenant_scope who, org_id o, std::string after, std::size_t limit) = 0;

    /// Suspends: rows with history stay. Returns the devices that went out of use; nullopt: not there.
    virtual boost::asio::awaitable<std::optional<std::vector<device_id>>>
    remove_organisation(tenant_scope who, org_id o, time_point now) = 0;
    virtual boost::asio::awaitable<std::optional<std::vector<device_id>>>
    remove_person(tenant_scope who, user_id u, time_point now) = 0;
    virtual boost::asio::awaitable<std::optional<std::vector<device_id>>>
    remove_membership(tenant_scope who, org_id o, user_id u, time_point now) = 0;
    virtual boost::asio::awaitable<bool> remove_number(tenant_scope who, org_id o, std::string e164) = 0;
    virtual boost::asio::awaitable<bool> remove_contact(tenant_scope who, org_id o, std::string e164) = 0;
    /// From then on it takes calls at all times. false: it did.
    virtual boost::asio::awaitable<bool> remove_opening(tenant_scope who, org_id o) = 0;
    /// From then on only the server's own rules hold. false: they did.
    virtual boost::asio::awaitable<bool> remove_outbound(tenant_scope who, org_id o) = 0;
    virtual boost::asio::awaitable<bool>
    remove_blocked_caller(tenant_scope who, org_id o, std::string e164) = 0;

    /// Sign in with Apple. nullopt: nobody is linked to the subject.
    virtual boost::asio::awaitable<std::optional<user_id>> apple_user(std::string subject) = 0;
    /// false: the subject belongs to somebody else.
    virtual boost::asio::awaitable<bool>
    link_apple(user_id u, std::string subject, std::string email, time_point now) = 0;
    /// Consent revoked or account deleted: the link and the person's devices and tokens that came by it. A
    /// notice from before the link says nothing about it: Apple repeats notices, and anybody may replay one.
    virtual boost::asio::awaitable<std::vector<device_id>>
    unlink_apple(std::string subject, time_point issued_at, time_point now) = 0;
};

} // namespace z360::port
