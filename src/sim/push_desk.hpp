// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The push services together: what comes in, goes through the faults, is judged and written down. Pure.
#pragma once

#include "sim/apns.hpp"
#include "sim/fault.hpp"
#include "sim/fcm.hpp"
#include "sim/google_tokens.hpp"
#include "sim/push_fault.hpp"

#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace z360::sim {

class key_reader;

/// One request that a push service got, and what came of it.
struct push_record {
    std::uint64_t serial = 0;
    time_point at{};
    std::string provider;    ///< apns, fcm, google_token
    std::string environment; ///< of APNs
    std::string token;       ///< whole; shown shortened
    std::string kind;        ///< `type` of the payload
    std::string id;
    std::string topic;
    std::string push_type;
    std::string priority; ///< apns-priority, or android.priority
    std::string lives;    ///< apns-expiration, or android.ttl
    std::string collapse; ///< apns-collapse-id, or android.collapse_key
    int status = 0;       ///< 0: nothing was answered
    std::string reason;
    std::string fault; ///< what a script made of it, e.g. "drop"
    bool delivered = false;
    std::uint64_t connection = 0;
    std::vector<std::string> notes;
    json body; ///< the payload, the message; of google_token nothing
};
/// Tokens of devices shortened: six characters and a hash.
[[nodiscard]] json to_json(const push_record& r);

struct push_desk_settings {
    apns_settings apns;
    fcm_settings fcm;
    google_settings google;
    std::size_t most_records = 10'000;
};

class push_desk {
  public:
    explicit push_desk(push_desk_settings settings = {});
    push_desk(const push_desk&) = delete;
    push_desk& operator=(const push_desk&) = delete;

    [[nodiscard]] apns_service& apns() { return apns_; }
    [[nodiscard]] fcm_service& fcm() { return fcm_; }
    [[nodiscard]] google_tokens& google() { return google_; }

    /// One request at an APNs server.
    [[nodiscard]] push_exchange take_apns(const push_request& r, apns_connection& on, time_point now);
    /// One request at Google's: of FCM, or at POST /token of the token service.
    [[nodiscard]] push_exchange take_google(const push_request& r, time_point now);

    void add_fault(push_fault f, time_point now) { faults_.push_back({std::move(f), now}); }
    void clear_faults() { faults_.clear(); }

    /// Registers a token, or makes its registration end; what is not said of a known one stays. `about`, of
    /// apns: topic, environment (production unless said), state (live, unregistered, expired), dead_since_ms
    /// (since 1970; default now). Of fcm: project_id, fid, package, state (live, unregistered). Throws
    /// std::invalid_argument.
    void put_token(const std::string& provider, const std::string& token, const json& about, time_point now);

    /// The newest requests, oldest first.
    [[nodiscard]] const std::deque<push_record>& records() const { return records_; }
    void forget_records() { records_.clear(); }
    /// Called for each push that a phone has got.
    void on_delivery(std::function<void(const push_record&, time_point)> f) { deliver_ = std::move(f); }

  private:
    [[nodiscard]] const push_fault* fault_for(const push_record& r, time_point now);
    /// Applies the fault; `judge` is asked when the request is processed.
    [[nodiscard]] push_exchange
    run(push_record r, const std::function<push_answer()>& judge,
        const std::function<push_answer(const push_fault&)>& refuse, time_point now);
    void write_down(push_record r, time_point now);
    void put_apns_token(key_reader& r, const std::string& token, time_point now);
    void put_fcm_token(key_reader& r, const std::string& token);

    apns_service apns_;
    fcm_service fcm_;
    google_tokens google_;
    std::vector<armed<push_fault>> faults_;
    std::deque<push_record> records_;
    std::size_t most_records_;
    std::uint64_t serial_ = 0;
    std::function<void(const push_record&, time_point)> deliver_;
};

} // namespace z360::sim
