// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A stateful model of Google's token service: an assertion that a service account's key signed becomes an
// access token. Pure.
#pragma once

#include "sim/push_jwt.hpp"
#include "sim/push_types.hpp"

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace z360::sim {

struct google_account {
    std::string client_email;
    std::string project_id;
    std::string pem; ///< RSA key, public or private
};

struct google_settings {
    std::string seed = "z360-sim"; ///< access tokens follow from it
    /// What an assertion may name as its audience.
    std::set<std::string> audiences{"https://oauth2.googleapis.com/token"};
    millis longest_assertion{3'600'000};
    millis clock_tolerance{60'000};
    millis access_life{3'599'000};
};

class google_tokens {
  public:
    explicit google_tokens(google_settings settings = {}) : settings_(std::move(settings)) {}

    /// Throws std::invalid_argument when the key is none, or fields are missing. Again: it has this key now.
    void add_account(google_account a);
    /// From now on assertions for this address are right, too.
    void allow_audience(std::string url) { settings_.audiences.insert(std::move(url)); }
    /// From the file of a service account as Google hands it out.
    [[nodiscard]] static google_account account_from(const json& file);

    /// POST of a form with an assertion.
    [[nodiscard]] push_answer take(const push_request& r, time_point now);
    [[nodiscard]] static push_answer refusal(int status, std::string error, std::string_view why);

    /// Whose access token that is.
    struct bearer {
        enum class state : std::uint8_t { good, unknown, expired, out_of_scope };
        state is = state::unknown;
        std::string project_id;
    };
    [[nodiscard]] bearer whose(std::string_view access_token, time_point now) const;
    /// Every access token ends now, as after a key was withdrawn.
    void withdraw_all() { granted_.clear(); }
    [[nodiscard]] std::size_t granted() const { return serial_; }

  private:
    struct known_account {
        google_account about;
        checking_key check;
    };
    struct grant {
        std::string project_id;
        bool messaging = false;
        time_point ends{};
    };
    [[nodiscard]] std::string fault_of(const read_jwt& jwt, time_point now) const;

    google_settings settings_;
    std::vector<known_account> accounts_;
    std::map<std::string, grant, std::less<>> granted_;
    std::uint64_t serial_ = 0;
};

/// Fields of an application/x-www-form-urlencoded body; of a name that comes twice the first counts.
[[nodiscard]] std::map<std::string, std::string, std::less<>> form_fields(std::string_view body);

} // namespace z360::sim
