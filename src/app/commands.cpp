// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "app/commands.hpp"

#include "app/values.hpp"
#include "wire/e164.hpp"
#include "wire/party.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

namespace z360::app {
namespace {

constexpr std::size_t k_long = 4'000;
constexpr std::size_t k_most_beginnings = 300; // as port::outbound_rules says

template <std::string command_arguments::* Member, std::size_t Longest = k_longest_name>
std::string store(command_arguments& a, const std::string& v) {
    a.*Member = v;
    return check_text(v, Longest);
}
/// What an empty variable of a shell must not turn into "all of them".
template <std::string command_arguments::* Member>
std::string store_some(command_arguments& a, const std::string& v) {
    a.*Member = v;
    return v.empty() ? "empty; give one, or leave it out" : check_text(v, k_longest_name);
}
template <std::optional<std::string> command_arguments::* Member>
std::string store(command_arguments& a, const std::string& v) {
    a.*Member = v;
    return check_text(v, k_long, line_ends::kept);
}
template <std::string command_arguments::* Member, std::int64_t Lowest, std::int64_t Highest>
std::string store_number(command_arguments& a, const std::string& v) {
    a.*Member = v;
    std::int64_t n = 0;
    return read_number(v, Lowest, Highest, "", n);
}
template <std::optional<std::string> command_arguments::* Member, std::int64_t Lowest, std::int64_t Highest>
std::string store_number(command_arguments& a, const std::string& v) {
    a.*Member = v;
    std::int64_t n = 0;
    return v.empty() ? "" : read_number(v, Lowest, Highest, "", n);
}

template <std::size_t N>
std::string
one_of(const std::string& v, const std::array<std::string_view, N>& words, std::string_view what) {
    if (std::find(words.begin(), words.end(), v) != words.end()) return {};
    std::string out = "unknown " + std::string(what) + "; give ";
    for (std::size_t i = 0; i < N; ++i)
        out += (i == 0 ? "" : i + 1 == N ? " or " : ", ") + std::string(words[i]);
    return out;
}

std::string store_platform(command_arguments& a, const std::string& v) {
    a.platform = v;
    return one_of(v, std::array<std::string_view, 3>{"ios", "android", "web"}, "platform");
}
std::string store_role(command_arguments& a, const std::string& v) {
    a.role = v;
    return one_of(v, std::array<std::string_view, 3>{"owner", "admin", "member"}, "role");
}
std::string store_route(command_arguments& a, const std::string& v) {
    a.route = v;
    return one_of(
        v, std::array<std::string_view, 5>{"user", "agent", "external", "voicemail", "reject"}, "route"
    );
}
std::string store_recording(command_arguments& a, const std::string& v) {
    a.recording = v;
    return one_of(
        v, std::array<std::string_view, 4>{"organization", "off", "on", "mandatory"}, "policy of recording"
    );
}
std::string store_since(command_arguments& a, const std::string& v) {
    a.since = v;
    time_point ignored{};
    return read_since(v, std::chrono::floor<millis>(std::chrono::system_clock::now()), ignored);
}
template <std::string command_arguments::* Member>
std::string store_phone_number(command_arguments& a, const std::string& v) {
    const auto e164 = wire::to_e164(v);
    a.*Member = e164.value_or(v);
    return e164 ? "" : "not a phone number; write it internationally, e.g. +13125550100";
}
std::string store_caller(command_arguments& a, const std::string& v) {
    if (v != wire::k_withheld) return store_phone_number<&command_arguments::from>(a, v);
    a.from = v;
    return "";
}
std::string store_at(command_arguments& a, const std::string& v) {
    a.at = v;
    return parse_iso8601(v) ? "" : "not a time; write it like 2026-12-24T18:00:00Z";
}
std::string store_until(command_arguments& a, const std::string& v) {
    a.until = v;
    return parse_iso8601(v) ? "" : "not a time; write it like 2026-12-24T18:00:00Z";
}
std::string store_number_to_dial(command_arguments& a, const std::string& v) {
    if (wire::has_extension(v)) return "has an extension, which cannot be dialed; leave it out";
    return store_phone_number<&command_arguments::to>(a, v);
}
std::string store_mobile(command_arguments& a, const std::string& v) {
    const auto e164 = v.empty() ? std::optional(v) : wire::to_e164(v);
    a.mobile = e164;
    if (e164 && wire::has_extension(v)) return "has an extension, which cannot be dialed; leave it out";
    return e164 ? "" : "not a phone number; write it internationally, e.g. +13125550100";
}
template <std::optional<std::string> command_arguments::* Member>
std::string store_yes_or_no(command_arguments& a, const std::string& v) {
    a.*Member = v;
    bool ignored = false;
    return v.empty() ? "" : read_bool(v, ignored);
}
template <std::optional<std::string> command_arguments::* Member>
std::string store_on_or_off(command_arguments& a, const std::string& v) {
    a.*Member = v;
    return v.empty() || v == "on" || v == "off" ? "" : "neither on nor off; give one of the two";
}
template <std::optional<std::string> command_arguments::* Member>
std::string store_beginnings(command_arguments& a, const std::string& v) {
    a.*Member = v;
    const auto all = split_list(v);
    if (all.empty() && !v.empty())
        return "has nothing between its commas; give beginnings, or leave it empty";
    if (all.size() > k_most_beginnings) return "more than 300 beginnings; give fewer, shorter ones";
    if (std::all_of(all.begin(), all.end(), wire::is_beginning)) return "";
    return "has what begins no number; write + and 1 to 15 digits, with commas between, e.g. +49,+1312";
}
template <bool command_arguments::* Member>
std::string store_switch(command_arguments& a, const std::string& v) {
    a.*Member = true;
    return v.empty() ? "" : read_bool(v, a.*Member);
}

using args = command_arguments;
constexpr std::int64_t k_any_id = 9'000'000'000'000'000;

} // namespace

const std::vector<command_flag>& command_flags() {
    static const std::vector<command_flag> k_all{
        {"--org", "Organisation, by name or id.", store_some<&args::org>},
        {"--user", "User, by e-mail address or id.", store_some<&args::user>},
        {"--name", "Name for people.", store<&args::name>},
        {"--id", "Id that the existing product has for it.", store_number<&args::id, 1, k_any_id>},
        {"--role", "owner, admin or member.", store_role},
        {"--route", "user, agent, external, voicemail or reject.", store_route},
        {"--to", "The number outside that calls of --route external ring.", store_number_to_dial},
        {"--no-key", "Whoever answers at --to has the caller without pressing a key.",
         store_switch<&args::no_key>, true},
        {"--recording",
         "organization (what that says), off, on or mandatory; what the organisation demands no number "
         "loosens.",
         store_recording},
        {"--platform", "ios, android or web.", store_platform},
        {"--sip-username", "The device's own Telnyx credential (gencred…).", store<&args::sip_username>},
        {"--avatar-url", "Picture of a contact, https.", store<&args::avatar_url, k_long>},
        {"--scopes", "What a token may, separated by commas; see docs/operations.md.",
         store_some<&args::scopes>},
        {"--days", "Validity of a token, 1 to 3650; default 365.", store_number<&args::days, 1, 3'650>},
        {"--minutes", "Validity of a code, 1 to 10080; default 60.", store_number<&args::minutes, 1, 10'080>},
        {"--key", "Id of a key in a key file.", store_some<&args::key>},
        {"--since", "How far back: 30m, 2h, 3d or an RFC 3339 time; default 24h.", store_since},
        {"--number", "Phone number, the caller's or ours.", store_phone_number<&args::number>},
        {"--from", "The caller's phone number, or withheld.", store_caller},
        {"--at", "Another moment than now: an RFC 3339 time.", store_at},
        {"--until", "Calls that began before this RFC 3339 time; default now.", store_until},
        {"--device", "Device, by the app's id, its name or our id.", store_some<&args::device>},
        {"--timing", "How long each step took.", store_switch<&args::timing>, true},
        {"--export", "File to be made, for --replay-file.", store<&args::export_to, k_long>},
        {"--masked", "Without the telephone numbers and names of people.", store_switch<&args::masked>, true},
        {"--missed", "Only calls that nobody of ours talked in.", store_switch<&args::missed>, true},
        {"--strict", "Change nothing when a line is bad.", store_switch<&args::strict>, true},
        {"--adopt", "Credentials of other installations, or of none, are this one's from now on.",
         store_switch<&args::adopt>, true},
        {"--confirm-strangers", "Delete every credential under our names that no row knows.",
         store_switch<&args::confirm_strangers>, true},
        {"--dry", "Send nothing that anybody sees.", store_switch<&args::dry>, true},
        {"--issued", "Also end what the token made: tokens, codes and devices.", store_switch<&args::issued>,
         true},
        {"--ring-seconds",
         "5 to 60, of --outbound-rules 5 to 600; empty: the server's default, as with those below.",
         store_number<&args::ring_seconds, 5, 600>},
        {"--voicemail-max-seconds", "Longest message, 5 to 600.",
         store_number<&args::voicemail_max_seconds, 5, 600>},
        {"--voicemail-greeting", "Spoken before the tone.", store<&args::voicemail_greeting>},
        {"--hold-prompt", "Spoken to a caller who waits.", store<&args::hold_prompt>},
        {"--voice", "Telnyx voice that speaks both.", store<&args::voice>},
        {"--ringback-url", "Audio looped to a caller who waits.", store<&args::ringback_url>},
        {"--record-calls", "true or false.", store_yes_or_no<&args::record_calls>},
        {"--mobile-after-seconds", "How long devices ring before the mobile number does, 5 to 60.",
         store_number<&args::mobile_after_seconds, 5, 60>},
        {"--mobile-prompt", "Spoken to whoever answers the mobile number.", store<&args::mobile_prompt>},
        {"--blocked-message", "Told to blocked callers, who are hung up on then; empty: they are rejected.",
         store<&args::blocked_message>},
        {"--agent-uri", "Where calls for the organisation's agent go, sip:…; empty: it has none.",
         store<&args::agent_uri>},
        {"--block-anonymous", "true or false: callers who show no number are not taken.",
         store_yes_or_no<&args::block_anonymous>},
        {"--anonymous-message", "Told to those; empty: as --blocked-message.",
         store<&args::anonymous_message>},
        {"--voicemail", "true or false: whom nobody answers may leave a message.",
         store_yes_or_no<&args::voicemail>},
        {"--voicemail-greeting-url", "Audio played instead of the words.",
         store<&args::voicemail_greeting_url>},
        {"--voicemail-beep", "true or false: a tone before the message.",
         store_yes_or_no<&args::voicemail_beep>},
        {"--transcribe-messages", "true or false: Telnyx writes down what messages say, for a charge.",
         store_yes_or_no<&args::transcribe_messages>},
        {"--unavailable-message", "Told where there is no voicemail.", store<&args::unavailable_message>},
        {"--recording-mandatory", "true or false: no talk goes on unrecorded, and nobody pauses it.",
         store_yes_or_no<&args::recording_mandatory>},
        {"--ends-unrecorded", "true or false: such a talk is ended, if it cannot be recorded.",
         store_yes_or_no<&args::ends_unrecorded>},
        {"--unrecorded-message", "Told to the caller before that.", store<&args::unrecorded_message>},
        {"--recording-announcement", "Told to the caller when a recorded talk begins.",
         store<&args::recording_announcement>},
        {"--second-call", "What rings of who talks already: ring, others or none; empty: the default.",
         store<&args::second_call>},
        {"--recording-days", "How long recordings are kept, 1 to 3650.",
         store_number<&args::recording_days, 1, 3650>},
        {"--enabled", "on or off: people of the organisation may call out.", store_on_or_off<&args::enabled>},
        {"--allow", "Beginnings of the numbers that they may call, +49,+1; empty: any.",
         store_beginnings<&args::allow>},
        {"--forbid", "Beginnings of those that they may not; empty: none.", store_beginnings<&args::forbid>},
        {"--premium", "on or off: numbers that cost extra may be called, too.",
         store_on_or_off<&args::premium>},
        {"--at-once", "Most calls of its people at a time, 1 to 10000.",
         store_number<&args::at_once, 1, 10'000>},
        {"--per-minute", "Most calls that one of them begins in a minute, 1 to 600.",
         store_number<&args::per_minute, 1, 600>},
        {"--mobile", "Mobile number that rings when no device answers; empty: none.", store_mobile},
    };
    return k_all;
}

const std::vector<command_spec>& commands() {
    static const std::vector<command_spec> k_all{
        {"--check-config",
         command::check_config,
         "",
         "Check and print the effective configuration; secrets are not shown.",
         {},
         {}},
        {"--migrate", command::migrate, "", "Bring the database's schema up to date.", {}, {}},
        {"--check-certs",
         command::check_certs,
         "",
         "Check the TLS certificate and tell how many days are left.",
         {},
         {}},
        {"--explain",
         command::explain,
         "CALL",
         "Print what happened in a call and at each device, by id, number, e-mail or device; also --since, "
         "--timing.",
         {},
         {"--since", "--timing"}},
        {"--calls",
         command::calls,
         "",
         "List calls, newest first; also --user, --number or --device, --since, --missed.",
         {},
         {"--user", "--number", "--device", "--since", "--missed"}},
        {"--export-calls",
         command::export_calls,
         "FORMAT",
         "Write the calls of one --org, or of all, as csv or json lines, oldest first; also --since, "
         "--until.",
         {},
         {"--org", "--since", "--until"}},
        {"--replay",
         command::replay_call,
         "CALL",
         "Make a call's decisions again from what is stored and compare: exit code 0 same, 1 different, 2 "
         "not "
         "recorded; also --export, --masked.",
         {},
         {"--export", "--masked"}},
        {"--replay-file",
         command::replay_file,
         "FILE",
         "The same from a file of --export, without a database.",
         {},
         {}},
        {"--explain-route",
         command::explain_route,
         "E164",
         "Say where a call to one of our numbers would go, and why; also --from, --at.",
         {},
         {"--from", "--at"}},
        {"--dead-letters",
         command::dead_letters,
         "",
         "List webhooks that could not be processed; also --since.",
         {},
         {"--since"}},
        {"--dead-letter", command::dead_letter, "EVENT", "Show one, as it came.", {}, {}},
        {"--replay-dead-letters",
         command::replay_dead_letters,
         "EVENT",
         "Offer one to the servers again, or all of them (\"all\"); also --since.",
         {},
         {"--since"}},

        {"--generate-key",
         command::generate_key,
         "FILE",
         "Make a key file, or add a key to FILE that is read and not used yet; keys are not shown.",
         {},
         {}},
        {"--promote-key",
         command::promote_key,
         "FILE",
         "Put --key first in FILE, so that it is used: once every node has the file with that key.",
         {"--key"},
         {}},
        {"--rekey", command::rekey, "", "Encrypt what is stored under the first key of the key file.", {}, {}
        },
        {"--import",
         command::import_rows,
         "FILE",
         "Take over devices and credentials of the old system (JSON lines); also --strict.",
         {},
         {"--strict"}},

        {"--compare-credentials",
         command::compare_credentials,
         "",
         "Compare the credentials at Telnyx with the rows now; also --adopt or --confirm-strangers.",
         {},
         {"--adopt", "--confirm-strangers"}},

        {"--create-org",
         command::create_org,
         "NAME",
         "Create an organisation, or find it by its name; prints its id; also --id.",
         {},
         {"--id"}},
        {"--org-settings",
         command::org_settings,
         "ORG",
         "Show an organisation's settings, after changing those given.",
         {},
         {"--ring-seconds",
          "--voicemail-max-seconds",
          "--voicemail-greeting",
          "--hold-prompt",
          "--voice",
          "--ringback-url",
          "--record-calls",
          "--mobile-after-seconds",
          "--mobile-prompt",
          "--blocked-message",
          "--agent-uri",
          "--block-anonymous",
          "--anonymous-message",
          "--recording-days",
          "--voicemail",
          "--voicemail-greeting-url",
          "--voicemail-beep",
          "--unavailable-message",
          "--transcribe-messages",
          "--recording-mandatory",
          "--ends-unrecorded",
          "--unrecorded-message",
          "--recording-announcement",
          "--second-call"}},
        {"--outbound-rules",
         command::outbound_rules,
         "ORG",
         "Show by which rules an organisation's people call out, after changing those given.",
         {},
         {"--enabled", "--allow", "--forbid", "--premium", "--ring-seconds", "--at-once", "--per-minute"}},
        {"--remove-org",
         command::remove_org,
         "ORG",
         "Suspend an organisation; devices of people without another one end.",
         {},
         {}},
        {"--list-orgs", command::list_orgs, "", "List organisations.", {}, {}},
        {"--create-user",
         command::create_user,
         "EMAIL",
         "Create or update a user, as member of --org; also --name, --role, --id.",
         {"--org"},
         {"--name", "--role", "--id"}},
        {"--remove-user", command::remove_user, "USER", "Suspend a user; all of their devices end.", {}, {}},
        {"--add-member",
         command::add_member,
         "USER",
         "Make a user a member of --org, as --role, with --mobile and --second-call.",
         {"--org"},
         {"--role", "--mobile", "--second-call"}},
        {"--remove-member",
         command::remove_member,
         "USER",
         "End a membership; with the last one the user's devices end.",
         {"--org"},
         {}},
        {"--list-members", command::list_members, "", "List members of --org.", {"--org"}, {}},
        {"--add-number",
         command::add_number,
         "E164",
         "Give a phone number to --org; calls to it ring --user, or go by --route; also --name, --recording.",
         {"--org"},
         {"--user", "--route", "--to", "--no-key", "--name", "--recording"}},
        {"--remove-number", command::remove_number, "E164", "Take a phone number from --org.", {"--org"}, {}},
        {"--list-numbers", command::list_numbers, "", "List phone numbers of --org.", {"--org"}, {}},
        {"--add-contact",
         command::add_contact,
         "E164",
         "Name a caller (--name) for --org; also --avatar-url.",
         {"--org", "--name"},
         {"--avatar-url"}},
        {"--remove-contact", command::remove_contact, "E164", "Forget a caller's name.", {"--org"}, {}},
        {"--list-contacts", command::list_contacts, "", "List contacts of --org.", {"--org"}, {}},

        {"--add-device",
         command::add_device,
         "DEVICE-ID",
         "Register a device of --user with --platform, --sip-username; also --name.",
         {"--org", "--user", "--platform", "--sip-username"},
         {"--name"}},
        {"--enroll-device",
         command::enroll_device,
         "",
         "Print a code with which one device of --user may register, once; also --org, --minutes.",
         {"--user"},
         {"--org", "--minutes"}},
        {"--list-devices", command::list_devices, "", "List devices of --user.", {"--user"}, {}},
        {"--revoke-device",
         command::revoke_device,
         "DEVICE-ID",
         "End a device of --user: it rings no more, its tokens are void.",
         {"--user"},
         {}},
        {"--push-test",
         command::push_test,
         "DEVICE",
         "Send a test notification to a device, by the app's id, its name (also --user) or our id; also "
         "--dry.",
         {},
         {"--user", "--dry"}},
        {"--create-token",
         command::create_token,
         "KIND",
         "Print a new service or admin token, once; also --org, --name, --scopes, --days.",
         {},
         {"--org", "--name", "--scopes", "--days"}},
        {"--list-tokens",
         command::list_tokens,
         "",
         "List valid service and admin tokens and enrolment codes; also --org.",
         {},
         {"--org"}},
        {"--revoke-token",
         command::revoke_token,
         "ID",
         "Make a token void, at once on every node, and list what it made; --issued ends that too.",
         {},
         {"--issued"}},
    };
    return k_all;
}

std::vector<std::string> check_subject(const command_spec& chosen, command_arguments& a) {
    std::vector<std::string> out;
    const auto refuse = [&](const std::string& problem) {
        out.push_back(std::string(chosen.flag) + ": " + shown(a.subject) + ": " + problem);
    };
    const auto& s = a.subject;
    const auto is = [&](std::initializer_list<command> list) {
        return std::find(list.begin(), list.end(), chosen.what) != list.end();
    };
    std::int64_t n = 0;
    if (is({command::add_number, command::add_contact, command::remove_number, command::remove_contact,
            command::explain_route})) {
        const bool digits = s.size() >= 8 && s.size() <= 16 && s.front() == '+' && s[1] != '0' &&
                            s.find_first_not_of("0123456789", 1) == std::string::npos;
        if (!digits) refuse("not an E.164 number; write + and 7 to 15 digits, e.g. +13125550100");
        a.number = s;
    } else if (chosen.what == command::create_user) {
        if (!is_login(s)) refuse("not an e-mail address; write name@example.com");
    } else if (chosen.what == command::export_calls) {
        if (s != "csv" && s != "json") refuse("unknown format; give csv or json");
    } else if (chosen.what == command::create_token) {
        if (s != "service" && s != "admin") refuse("unknown kind; give service or admin");
    } else if (chosen.what == command::revoke_token) {
        const auto problem = read_number(s, 1, k_any_id, "", n);
        if (!problem.empty()) refuse(problem + "; see --list-tokens");
    } else if (!chosen.value.empty() && s.empty()) {
        refuse("empty; give " + std::string(chosen.value));
    }
    if (const auto problem =
            check_text(s, chosen.value == "FILE" || chosen.value == "CALL" ? k_long : k_longest_name);
        !problem.empty())
        refuse(problem);
    if (is({command::add_number, command::create_token}) && characters(a.name) > k_longest_label)
        out.push_back("--name: " + shown(a.name) + ": " + check_text(a.name, k_longest_label));
    if (a.adopt && a.confirm_strangers)
        out.emplace_back("--adopt: cannot be combined with --confirm-strangers; keep the one you mean");
    if (chosen.what == command::calls &&
        int(!a.user.empty()) + int(!a.number.empty()) + int(!a.device.empty()) > 1)
        out.emplace_back("--calls: takes one of --user, --number and --device; keep the one you mean");
    if (chosen.what == command::replay_call && a.masked && a.export_to.empty())
        out.emplace_back("--masked: is of the file that --export FILE makes; add that, or leave it out");
    // The flag's own check is --outbound-rules'.
    if (chosen.what == command::org_settings && a.ring_seconds &&
        read_number(*a.ring_seconds, 5, 600, "", n).empty())
        if (const auto problem = read_number(*a.ring_seconds, 5, 60, "", n); !problem.empty())
            out.push_back("--ring-seconds: " + shown(*a.ring_seconds) + ": " + problem);
    const bool rings = a.route.empty() || a.route == "user";
    if (chosen.what == command::add_number && rings && a.user.empty())
        out.emplace_back("--user: --add-number needs it; add --user …, or another --route");
    if (chosen.what == command::add_number && (a.route == "external") == a.to.empty())
        out.emplace_back("--to: goes with --route external, which needs it");
    return out;
}

} // namespace z360::app
