// SPDX-License-Identifier: LicenseRef-z360-proprietary
// From what the process was started with to a checked configuration and one command.
#pragma once

#include <z360/config.hpp>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace z360::app {

/// Exit codes of the program; documented in --help.
enum exit_code : int { k_ok = 0, k_failed = 1, k_usage = 2, k_unreachable = 3 };

enum class command {
    serve,
    check_config,
    migrate,
    check_certs,
    explain,
    calls,
    export_calls,
    dead_letters,
    dead_letter,
    replay_dead_letters,
    replay_call,
    replay_file,
    create_org,
    create_user,
    add_number,
    add_contact,
    add_device,
    add_member,
    org_settings,
    outbound_rules,
    remove_org,
    remove_user,
    remove_member,
    remove_number,
    remove_contact,
    list_orgs,
    list_members,
    list_numbers,
    list_contacts,
    generate_key,
    promote_key,
    rekey,
    import_rows,
    compare_credentials,
    create_token,
    list_tokens,
    revoke_token,
    enroll_device,
    list_devices,
    revoke_device,
    push_test,
    explain_route,
};

/// What follows a command. Which of them a command takes is in commands.cpp and --help. Those that are
/// numbers or one of some words have been checked.
struct command_arguments {
    std::string
        subject;      ///< the command's own value: call, name of the organisation, e-mail, number, device id
    std::string org;  ///< organisation's name or id
    std::string user; ///< user's e-mail or id
    std::string name; ///< of the user, contact or device
    std::string platform; ///< ios, android or web
    std::string sip_username;
    std::string number;    ///< E.164
    std::string id;        ///< the existing product's own id of an organisation or user
    std::string role;      ///< owner, admin or member
    std::string route;     ///< user, agent, external, voicemail or reject
    std::string to;        ///< E.164, of route external
    bool no_key = false;   ///< who answers there has the caller at once
    std::string recording; ///< of --add-number: organization, off, on or mandatory; empty: as it is
    std::string avatar_url;
    std::string scopes;    ///< comma separated
    std::string minutes;   ///< validity of a code
    std::string days;      ///< validity of a token
    std::string key;       ///< id of a key in a key file
    std::string since;     ///< as given; since_of() reads it
    std::string from;      ///< the caller's number, E.164, or withheld
    std::string at;        ///< RFC 3339
    std::string until;     ///< RFC 3339
    std::string device;    ///< the app's own id of a device, its name, or our id
    bool timing = false;   ///< of --explain: how long each step took
    bool missed = false;   ///< of --calls: only those that nobody of ours talked in
    std::string export_to; ///< of --replay: the file to be made
    bool masked = false;   ///< without the numbers and names of people
    bool strict = false;
    bool dry = false;               ///< of --push-test: nobody sees anything of it
    bool adopt = false;             ///< of --compare-credentials: strangers are this installation's
    bool confirm_strangers = false; ///< likewise: they may be deleted now
    bool issued = false;            ///< with a token, what it made
    /// Of --org-settings; unset: as it is, empty: the server's default.
    std::optional<std::string> ring_seconds, voicemail_max_seconds, voicemail_greeting, hold_prompt, voice,
        ringback_url, record_calls, mobile_after_seconds, mobile_prompt, blocked_message, agent_uri,
        block_anonymous, anonymous_message, recording_days, voicemail, voicemail_greeting_url, voicemail_beep,
        unavailable_message, transcribe_messages, recording_mandatory, ends_unrecorded, unrecorded_message,
        recording_announcement, second_call;
    /// Of --outbound-rules, with ring_seconds; unset: as it is, empty: as without rules. The first two are
    /// numbers' beginnings, separated by commas, the next two on or off.
    std::optional<std::string> allow, forbid, enabled, premium, at_once, per_minute;
    std::optional<std::string> mobile; ///< of --add-member; unset: as it is, empty: none
};

struct options {
    config settings;
    command what = command::serve;
    command_arguments arguments;
    bool json = false;
    std::string config_file;           ///< that was read; empty: none
    std::vector<std::string> warnings; ///< one line each, for the log
};

/// The process ends here: --help, --version, or something was wrong.
struct early_exit {
    int code = k_ok;
    std::string out; ///< for standard output
    std::string err; ///< for standard error
};

using environment = std::map<std::string, std::string>;

/// The Z360_ variables of this process.
[[nodiscard]] environment process_environment();

/// Where the file is looked for when --config is absent: the first that exists.
inline const std::vector<std::string> k_config_files{"config/z360.toml", "/etc/z360-voip/z360.toml"};

/// Flags over environment over file, everything checked, all problems reported together. For
/// --check-config too the configuration must be good enough to serve. `arguments` without the program's name.
[[nodiscard]] std::variant<options, early_exit> parse_options(
    const std::vector<std::string>& arguments, const environment& env,
    const std::vector<std::string>& config_files = k_config_files
);

/// The effective configuration: the file's syntax, or JSON. Secrets appear as "(set)" or "(not set)".
[[nodiscard]] std::string describe(const options& o);

} // namespace z360::app
