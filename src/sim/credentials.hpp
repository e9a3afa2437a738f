// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Telephony credentials as the carrier keeps them: who may register and be dialed. Pure: ids, usernames and
// passwords follow from a seed, time is an argument.
#pragma once

#include <z360/base/time.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace z360::sim {

using json = nlohmann::json;

/// One credential, also after its deletion.
struct credential_record {
    std::uint64_t serial = 0; ///< order of creation
    std::string id;
    std::string name;
    std::string tag;
    std::string connection_id;
    std::string sip_username;
    std::string sip_password;
    time_point created_at{};
    time_point updated_at{};
    time_point expires_at{};
    std::optional<time_point> deleted_at;
    std::uint64_t made_by = 0;    ///< key into truth().commands; 0: by hand
    std::uint64_t deleted_by = 0; ///< the same; 0 with deleted_at: in the portal

    [[nodiscard]] bool exists() const { return !deleted_at; }
    [[nodiscard]] bool expired(time_point now) const { return expires_at <= now; }
    /// Usable: phones can register and be dialed with it.
    [[nodiscard]] bool live(time_point now) const { return exists() && !expired(now); }
};

/// One login token.
struct token_record {
    std::string id; ///< its jti
    std::string credential_id;
    std::string jwt;
    time_point minted_at{};
    time_point expires_at{};
    std::uint64_t made_by = 0; ///< key into truth().commands
};

class credential_book {
  public:
    explicit credential_book(std::string seed = {}) : seed_(std::move(seed)) {}

    // ---- questions
    /// Every credential there ever was, in order of creation.
    [[nodiscard]] const std::map<std::uint64_t, credential_record>& all() const { return all_; }
    [[nodiscard]] const std::deque<token_record>& tokens() const { return tokens_; }
    /// nullptr: there never was one of that id.
    [[nodiscard]] const credential_record* find(std::string_view id) const;
    [[nodiscard]] const credential_record* of_username(std::string_view username) const;
    /// Not deleted; expired ones are among them.
    [[nodiscard]] std::vector<const credential_record*> existing() const;
    [[nodiscard]] std::vector<const credential_record*> named(std::string_view name) const;
    [[nodiscard]] std::vector<const credential_record*> live(time_point now) const;
    [[nodiscard]] std::size_t with_tag(std::string_view tag) const;
    /// Whether a username can be reached. Unknown ones can, unless `only_known`.
    [[nodiscard]] bool dialable(std::string_view username, bool only_known, time_point now) const;
    /// Whether a phone gets in with these.
    [[nodiscard]] bool
    accepts_login(std::string_view username, std::string_view password, time_point now) const;
    [[nodiscard]] bool accepts_token(std::string_view jwt, time_point now) const;

    // ---- changes
    struct draft {
        std::string name;
        std::string tag;
        std::string connection_id;
        std::optional<time_point> expires_at; ///< default: 22 years from now
    };
    /// What add() would make, without keeping it.
    [[nodiscard]] credential_record imagine(draft d, time_point now) const;
    const credential_record& add(draft d, time_point now, std::uint64_t made_by);
    /// For changes; nullptr when it does not exist (any more).
    [[nodiscard]] credential_record* change(std::string_view id);
    /// False: it does not exist (any more).
    bool remove(std::string_view id, time_point now, std::uint64_t deleted_by);
    [[nodiscard]] token_record imagine_token(const credential_record& c, millis life, time_point now) const;
    const token_record& mint(const credential_record& c, millis life, time_point now, std::uint64_t made_by);

  private:
    std::string seed_;
    std::map<std::uint64_t, credential_record> all_;
    std::map<std::string, std::uint64_t, std::less<>> ids_;
    std::map<std::string, std::uint64_t, std::less<>> usernames_;
    std::deque<token_record> tokens_;
    std::map<std::string, std::size_t, std::less<>> token_index_;
};

/// The object of the REST API.
[[nodiscard]] json api_object(const credential_record& c, time_point now);
/// Everything, for the control API.
[[nodiscard]] json to_json(const credential_record& c);
[[nodiscard]] json to_json(const token_record& t);

} // namespace z360::sim
