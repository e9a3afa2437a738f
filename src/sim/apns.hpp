// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A stateful model of Apple's push service as those who send to it see it. Pure: time is an argument, the
// same inputs give the same answers. It checks by rules of its own, taken from Apple's documents and from
// what is known of the real servers (docs of the rules: README.md), not from the code that builds the
// requests.
#pragma once

#include "sim/push_jwt.hpp"
#include "sim/push_types.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace z360::sim {

enum class apns_environment : std::uint8_t { production, sandbox };
[[nodiscard]] std::string_view name(apns_environment e);

/// A key of a developer team.
struct apns_team_key {
    std::string key_id;
    std::string team_id;
    std::string pem;                      ///< public, or private
    std::optional<apns_environment> only; ///< a key of one environment
};

/// One app on one device.
struct apns_device {
    enum class state : std::uint8_t { live, unregistered, expired };
    std::string topic; ///< as apns-topic names it: `<bundle>.voip` for a PushKit token
    state is = state::live;
    time_point dead_since{}; ///< what a 410 tells
};

struct apns_settings {
    std::set<std::string> bundle_ids; ///< of the team; empty: every one
    bool any_token = false;           ///< tokens that nobody registered are taken, with any topic
    millis token_life{3'600'000};
    millis clock_tolerance{60'000}; ///< so far a token may come from the future
    millis token_update_pause{20 * 60'000};
    unsigned first_streams = 1; ///< until a connection's first accepted request
    unsigned streams = 1000;
    unsigned most_refusals = 0; ///< 4xx but 410 that a connection survives in a row; 0: any number
};

/// What the service keeps of one connection.
struct apns_connection {
    apns_environment where = apns_environment::production;
    std::string team;
    std::string key;
    std::string token; ///< the provider token in use
    time_point token_since{};
    bool spent = false;   ///< too many tokens: refused until the pause is over
    bool trusted = false; ///< a request was accepted
    unsigned refusals = 0;
};

class apns_service {
  public:
    explicit apns_service(apns_settings settings = {}) : settings_(std::move(settings)) {}

    /// Throws std::invalid_argument: the ids are not ten letters and digits, or the key is not on P-256.
    void add_key(apns_team_key k);
    /// A device registers, or something happens to its registration. The token's case does not count.
    void put_device(apns_environment where, const std::string& token, apns_device d);
    [[nodiscard]] std::optional<apns_device> device(apns_environment where, const std::string& token) const;
    void forget_device(apns_environment where, const std::string& token);

    /// Judges one request and answers it.
    [[nodiscard]] push_answer take(const push_request& r, apns_connection& on, time_point now);
    /// An answer that refuses without looking, as a fault wants it.
    [[nodiscard]] static push_answer
    refusal(int status, std::string reason, const push_request& r, std::optional<time_point> dead_since = {});
    /// How many streams this connection may have at once.
    [[nodiscard]] unsigned streams(const apns_connection& on) const {
        return on.trusted ? settings_.streams : settings_.first_streams;
    }
    /// Whether it has had enough of this connection's errors.
    [[nodiscard]] bool fed_up(const apns_connection& on) const {
        return settings_.most_refusals > 0 && on.refusals >= settings_.most_refusals;
    }
    [[nodiscard]] const apns_settings& settings() const { return settings_; }

  private:
    /// Status and reason; reason empty: nothing wrong.
    struct verdict {
        int status = 200;
        std::string reason;
        std::optional<time_point> dead_since;
    };
    struct known_key {
        apns_team_key about;
        checking_key check;
    };
    [[nodiscard]] verdict
    judge(const push_request& r, apns_connection& on, std::vector<std::string>& notes, time_point now);
    [[nodiscard]] verdict judge_provider(const push_request& r, apns_connection& on, time_point now);
    [[nodiscard]] verdict judge_update(const std::string& token, apns_connection& on, time_point now) const;
    [[nodiscard]] verdict judge_topic(const push_request& r, std::vector<std::string>& notes) const;
    [[nodiscard]] verdict
    judge_device(const push_request& r, const std::string& token, apns_environment where) const;

    apns_settings settings_;
    std::vector<known_key> keys_;
    std::map<std::pair<apns_environment, std::string>, apns_device> devices_;
    std::uint64_t serial_ = 0;
};

/// The token in a path `/3/device/<token>`; nullopt: another path.
[[nodiscard]] std::optional<std::string> apns_token_in(std::string_view path);
/// Lower case, as tokens are compared.
[[nodiscard]] std::string lower_case(std::string_view text);

} // namespace z360::sim
