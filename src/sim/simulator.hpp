// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The carrier on a real network: REST in, signed webhooks out, on a thread of its own. All public functions
// may be called from any thread but the simulator's own.
#pragma once

#include "sim/carrier.hpp"
#include "sim/delivery.hpp"
#include "sim/push_settings.hpp"

#include <z360/base/secret.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace z360::sim {

struct simulator_settings {
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;        ///< 0: any free port
    secret api_key;                ///< expected as bearer; empty: none is asked for
    std::string key_seed = "z360"; ///< the signing key pair is derived from it
    webhook_urls app;              ///< of the call control application
    webhook_urls credential;       ///< of the credential connection; empty: as `app`
    delivery_policy delivery;
    carrier_settings carrier;
    millis lost_reply_hold{10'000};             ///< a lost reply leaves the connection silent so long
    std::optional<push_services_settings> push; ///< none: no push services
};

class simulator {
  public:
    explicit simulator(simulator_settings settings);
    /// Stops.
    ~simulator();
    simulator(const simulator&) = delete;
    simulator& operator=(const simulator&) = delete;

    /// Listens and starts the thread; throws std::runtime_error when it cannot listen.
    void start();
    /// Ends everything in progress; idempotent. No other thread may be inside `with` or `wait_until`.
    /// Afterwards the truth can still be asked for.
    void stop();

    [[nodiscard]] std::uint16_t port() const;
    /// What the server's `telnyx.base_url` is set to.
    [[nodiscard]] std::string base_url() const;
    /// What the server's `telnyx.public_keys` is set to.
    [[nodiscard]] std::string public_key() const;
    /// For servers that start after the simulator.
    void set_webhook_urls(webhook_urls app, webhook_urls credential = {});

    /// Runs `f(carrier&, now)` on the simulator's thread and returns its result; exceptions come back too.
    template <class F>
    auto with(F f) -> std::invoke_result_t<F&, carrier&, time_point> {
        using result = std::invoke_result_t<F&, carrier&, time_point>;
        if constexpr (std::is_void_v<result>) {
            run([&f](carrier& c, time_point now) { f(c, now); });
        } else {
            std::optional<result> out;
            run([&f, &out](carrier& c, time_point now) { out.emplace(f(c, now)); });
            return std::move(*out);
        }
    }
    /// Waits until `condition` holds; it is asked after every change. False: `limit` passed first.
    bool wait_until(std::function<bool(const carrier&)> condition, millis limit);

    // The most frequent uses of `with`.
    std::string place_call(std::string from, std::string to, std::string session = {});
    void caller_hangs_up(const std::string& call_control_id);
    void set_phone(std::string username, phone p);
    void set_default_phone(phone p);
    void add_fault(webhook_fault f);
    void add_fault(command_fault f);
    /// From now on, so long, no webhook reaches anybody. The carrier goes on trying; what it gives up in the
    /// meantime is a failed delivery.
    void black_out_webhooks(millis length);
    /// Dials to this SIP username ring the phone, but the answer and every webhook of the leg are lost; its
    /// identical resend is not answered either. Only the records know of the leg.
    void lose_dials_to(const std::string& username);

    // ---- telephony credentials
    /// All that are not deleted; expired ones are among them.
    [[nodiscard]] std::vector<credential_record> credentials();
    [[nodiscard]] std::vector<credential_record> live_credentials();
    std::string seed_credential(
        std::string name, std::string tag, std::string connection,
        std::optional<time_point> expires_at = std::nullopt
    );
    bool lose_credential(const std::string& id);
    bool expire_credential(const std::string& id);

    // ---- the older web product: whose session cookie is this?
    [[nodiscard]] std::string introspection_url() const;
    /// `about`: user_id, organization_id and whatever else is to be told.
    void put_session(const std::string& value, json about);
    bool end_session(const std::string& value);
    [[nodiscard]] std::size_t session_questions(const std::string& value);
    /// Every question is answered with this status until it is 0 again.
    void break_introspection(int status);

    // ---- Sign in with Apple; see apple.hpp for the members
    [[nodiscard]] std::string apple_keys_url() const;
    std::string rotate_apple_key();
    [[nodiscard]] std::string apple_token(const json& about);
    [[nodiscard]] json apple_notification(const json& about);

    // ---- push services; only with settings.push
    [[nodiscard]] std::uint16_t apns_port(apns_environment where = apns_environment::production) const;
    [[nodiscard]] std::uint16_t fcm_port() const; ///< of Google's token service, too
    /// PEM of the authority that signed their certificate; empty: it was given, or there is no TLS.
    [[nodiscard]] std::string push_ca() const;
    /// Only within `with`; nullptr: there are none.
    [[nodiscard]] push_desk* pushes();
    /// Runs `f(push_desk&, now)` on the simulator's thread, like `with`.
    template <class F>
    auto with_push(F f) {
        return with([&f, this](carrier&, time_point now) { return f(desk(), now); });
    }
    /// Waits until `condition` holds; it is asked after every push. False: `limit` passed first.
    bool wait_for_push(std::function<bool(const push_desk&)> condition, millis limit);

  private:
    [[nodiscard]] push_desk& desk();
    void run(std::function<void(carrier&, time_point)> f);
    class core;
    std::unique_ptr<core> core_;
};

} // namespace z360::sim
