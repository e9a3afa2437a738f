// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A stateful model of Firebase Cloud Messaging (HTTP v1) as those who send to it see it. Pure: time is an
// argument. It checks by rules of its own, taken from Google's documents, not from the code that builds the
// requests.
#pragma once

#include "sim/google_tokens.hpp"
#include "sim/push_types.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace z360::sim {

/// One app on one device.
struct fcm_device {
    std::string project_id;
    bool by_fid = false; ///< its token is a Firebase installation id
    std::string package; ///< empty: any
    bool unregistered = false;
};

struct fcm_settings {
    bool any_token = false; ///< tokens that nobody registered are taken
};

/// Details of an error of Google's.
struct fcm_error {
    int status = 400;
    std::string code; ///< of FcmError, e.g. UNREGISTERED; empty: FCM itself said nothing
    std::string word; ///< error.status, e.g. NOT_FOUND
    std::string message;
    std::string field; ///< of BadRequest
    std::string info;  ///< of ErrorInfo, e.g. ACCESS_TOKEN_EXPIRED
    std::string quota; ///< device, project, topic: whose was used up
    std::optional<unsigned> retry_after_s;
};
/// The usual error of a status, named by its FcmError code or by `error.status`; empty: what that status has.
[[nodiscard]] fcm_error usual_fcm_error(int status, std::string_view reason);

class fcm_service {
  public:
    explicit fcm_service(fcm_settings settings = {}) : settings_(settings) {}

    void put_device(const std::string& token, fcm_device d);
    [[nodiscard]] std::optional<fcm_device> device(const std::string& token) const;
    void forget_device(const std::string& token) { devices_.erase(token); }

    /// Judges one request and answers it. Whose access token it bears, `tokens` knows.
    [[nodiscard]] push_answer take(const push_request& r, const google_tokens& tokens, time_point now);
    /// An answer that refuses without looking, as a fault wants it.
    [[nodiscard]] static push_answer refusal(const fcm_error& e);

  private:
    [[nodiscard]] std::optional<fcm_error>
    judge_bearer(const push_request& r, const google_tokens& tokens, time_point now) const;
    [[nodiscard]] std::optional<fcm_error>
    judge_device(const json& message, const std::string& project) const;
    void note_collapse_keys(const json& message, std::vector<std::string>& notes);

    fcm_settings settings_;
    std::map<std::string, fcm_device> devices_;
    std::map<std::string, std::set<std::string>> collapse_keys_; ///< by token
    std::uint64_t serial_ = 0;
};

/// The project in a path `/v1/projects/<project>/messages:send`; nullopt: another path.
[[nodiscard]] std::optional<std::string> fcm_project_in(std::string_view path);

} // namespace z360::sim
