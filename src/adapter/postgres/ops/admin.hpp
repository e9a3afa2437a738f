// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Operations behind the flags of the server program: rows to begin with, and looking into what happened.
#pragma once

#include "adapter/postgres/ops/call_record.hpp"

#include <z360/base/ids.hpp>
#include <z360/base/secret.hpp>
#include <z360/base/time.hpp>
#include <z360/call/step.hpp>
#include <z360/port/call_records.hpp>
#include <z360/port/device_registry.hpp>
#include <z360/port/token_store.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace z360::adapter::postgres {

/// The rows do not allow what was asked; the text says which and why, for the person at the terminal.
class admin_error : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

struct number_row {
    org_id org;
    std::string connection_id;       ///< Telnyx connection that delivers the number's calls
    std::string number;              ///< any usual spelling
    std::string route_type = "user"; ///< user, agent, external, voicemail, reject
    user_id receiver;                ///< a member of `org`; needed for "user"
    std::string alias;
    std::string external;       ///< a number outside; of "external"
    bool external_asked = true; ///< who answers there is asked to press a key
};

/// A person as --create-user names them. Organisations and people that are only named must be there already.
struct user_wish {
    std::string login;
    std::string name; ///< empty: as it is; of a new person the login
    user_id id;       ///< the existing product's; none: found by the login, or made
    std::string org;  ///< id, slug or name
    std::string role; ///< empty: as it is; of a new member "member"
};
struct user_keys {
    user_id user;
    org_id org;
};

/// A number as --add-number names it.
struct number_wish {
    std::string org; ///< id, slug or name
    std::string connection_id;
    std::string number;
    std::string route_type;
    std::string receiver; ///< id or login; needed for "user"
    std::string external; ///< any usual spelling; needed for "external"
    bool external_asked = true;
    std::string alias;     ///< empty: as it is
    std::string recording; ///< as port::number's; empty: as it is
};

struct device_row {
    user_id user;
    std::string device_uid; ///< the app's own id of the device
    std::string name;
    std::string platform; ///< ios, android, web
    std::string telnyx_credential_id;
    std::string sip_username;
    std::optional<time_point> expires_at;
};

struct device_keys {
    device_id device;
    identity_id identity;
};

struct device_line {
    device_id id;
    std::string device_uid;
    std::string name;
    std::string platform;
    std::string status; ///< active, suspended, removed
    time_point last_seen{};
    std::string identity; ///< state of its newest identity that is not dead; empty: it has none
};

struct dead_letter {
    std::string event_id;
    std::string event_type;
    std::string call_session_id;
    time_point received_at{};
    std::uint32_t attempts = 0;
    std::string error;
};
/// What there is of an event in the inbox.
struct stored_event {
    dead_letter line; ///< `error`: of its last failure; empty: none
    std::string route;
    std::string status; ///< new, done, ignored, dead
    std::string call_control_id;
    std::optional<time_point> processed_at;
    std::string body; ///< as it came
};

/// One blocking connection. Every call repeats safely and is one transaction: all of it happens or nothing.
/// Throws admin_error or port::unavailable.
class admin {
  public:
    explicit admin(const secret& url);
    ~admin();
    admin(const admin&) = delete;
    admin& operator=(const admin&) = delete;

    /// Made, or found by its slug: then its name stays.
    org_id upsert_organization(const std::string& slug, const std::string& name);
    user_id upsert_user(const std::string& login, const std::string& name);
    void upsert_membership(org_id org, user_id user, const std::string& role);
    /// A number that another organisation holds on the same connection is refused, naming both (WEB-04).
    phone_number_id upsert_number(const number_row& n);
    /// An address that somebody has in another case is refused, naming them.
    user_keys create_user(const user_wish& w);
    /// As upsert_number().
    phone_number_id add_number(const number_wish& w);
    void upsert_contact(org_id org, const std::string& number, const std::string& name);
    /// Makes the given credential the device's active identity; a former one becomes `retiring`.
    device_keys upsert_device(const device_row& d);
    /// The device has shown life.
    void touch_device(device_id device, time_point at);

    /// By id, slug, or the only name that is spelled so or makes this slug.
    [[nodiscard]] std::optional<org_id> find_organization(const std::string& text);
    /// By id or login; in another case, where only one person's differs by that.
    [[nodiscard]] std::optional<user_id> find_user(const std::string& id_or_login);
    /// Removed ones too, the most recently seen first.
    [[nodiscard]] std::vector<device_line> devices_of(user_id owner);
    /// By the app's own id of the device, or ours. State only: the credential at Telnyx goes by the one path
    /// for all (AND-11, BE-05). `line` goes into the audit, with the device. nullopt: the person has no such
    /// device, or it is removed; nothing changed.
    std::optional<device_id> revoke_device(user_id owner, const std::string& device, port::audit_line line);
    /// As port::tenants removes them, together with the line of the audit. nullopt: not there; nothing
    /// changed.
    std::optional<std::vector<device_id>> remove_organization(org_id org, const port::audit_line& line);
    std::optional<std::vector<device_id>> remove_user(user_id user, const port::audit_line& line);
    std::optional<std::vector<device_id>>
    remove_member(org_id org, user_id user, const port::audit_line& line);
    /// Makes a token void and, with `issued`, everything that was made by its right, however far back:
    /// tokens, codes, devices with their tokens. One transaction; each goes into the audit. nullopt: nothing
    /// of it was in force. Else how many devices went.
    std::optional<std::size_t> revoke_token(token_id t, bool issued, port::audit_line line);
    /// A new token or code and its line in the audit, both or neither; the line gets the token's id.
    token_id add_token(const port::new_token& t, port::audit_line line);

    /// The newest ones that came at `since` or later.
    [[nodiscard]] std::vector<dead_letter> dead_letters(std::size_t limit, time_point since = {});
    /// Whatever became of it. nullopt: it never came, or retention has removed it.
    [[nodiscard]] std::optional<stored_event> event(const std::string& event_id);
    /// Offers a dead letter to the nodes again, as if it had just come. false: there is none of that id; what
    /// was processed is never offered again.
    bool revive(const std::string& event_id);
    /// The same of all that came at `since` or later, oldest first, at most `limit`. Returns how many.
    std::size_t revive_since(time_point since, std::size_t limit);
    /// All that is known about a call, by its id or its carrier session. A device that was silent for longer
    /// than `device_life` when it rang could not be rung.
    [[nodiscard]] std::optional<explained_call>
    explain(const std::string& call_or_session, millis device_life);
    /// All that is stored of a call and of its decisions, as of one moment. nullopt: there is no such call.
    /// Throws admin_error for one that a newer program has stored.
    [[nodiscard]] std::optional<call::history> history(const std::string& call_or_session);
    /// What a text names: a call by its id or carrier session, a phone number as people write it, a person by
    /// login, a device by the app's id, its name or our id. nullopt: nothing. Throws admin_error where it may
    /// be several.
    [[nodiscard]] std::optional<call_subject> find_subject(const std::string& text);
    /// A device alone, likewise.
    [[nodiscard]] std::optional<call_subject> find_device(const std::string& text);
    /// Newest first.
    [[nodiscard]] std::vector<call_line> calls(const call_filter& f);
    /// All there are.
    [[nodiscard]] std::vector<org_id> organizations();
    /// As port::call_records::page, of everybody.
    [[nodiscard]] std::vector<port::call_record>
    records(const port::record_span& span, const port::record_cursor& after, std::size_t limit);

    struct connection; ///< for the parts of this class

  private:
    std::unique_ptr<connection> db_;
};

} // namespace z360::adapter::postgres
