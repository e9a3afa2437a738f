// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The tokens by which providers know us: had when a push leaves, renewed in time, one at a time.
#pragma once

#include "adapter/crypto/apns_key.hpp"
#include "adapter/crypto/service_account.hpp"

#include <z360/base/secret.hpp>
#include <z360/http/client.hpp>
#include <z360/http/h2.hpp>
#include <z360/log.hpp>
#include <z360/port/clock.hpp>
#include <z360/port/metrics.hpp>
#include <z360/push/provider_token.hpp>
#include <z360/rt/retry.hpp>
#include <z360/rt/single_flight.hpp>
#include <z360/rt/sync.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace z360::adapter::push {

/// What goes into `authorization`.
struct bearer {
    secret token; ///< empty: there is none
    std::uint64_t generation = 0;
};

/// Whoever has the tokens of one service. One loop.
class provider_tokens {
  public:
    virtual ~provider_tokens() = default;
    /// Waits for one until then, if there is none.
    [[nodiscard]] virtual boost::asio::awaitable<bearer> get(rt::clock::time_point until) = 0;
    /// A request with that one has been answered on that connection.
    virtual void used(std::uint64_t generation, std::uint64_t connection) = 0;
    /// The service says that it is not good (any more): sees to it that the next request has a better one, or
    /// another connection.
    virtual void refused(std::uint64_t generation, std::uint64_t connection, http::h2::pool& pool) = 0;
    /// The key is another one: connections that have seen the old one get no new request.
    virtual void renewed(http::h2::pool& pool) = 0;
};

/// Signs APNs's provider tokens, one for all connections of the team.
class apns_signer {
  public:
    apns_signer(
        std::shared_ptr<const crypto::apns_key> key, const port::clock& clock, port::metrics& metrics
    );
    /// The one of the moment; a new one, if that is due.
    [[nodiscard]] bearer current();
    /// A new one whatever the old one's age.
    void mint();
    void use(std::shared_ptr<const crypto::apns_key> key);
    [[nodiscard]] const z360::push::apns_token& token() const { return token_; }
    [[nodiscard]] time_point now() const { return clock_.now(); }

  private:
    std::shared_ptr<const crypto::apns_key> key_;
    const port::clock& clock_;
    port::metrics& metrics_;
    z360::push::apns_token token_;
    log::sparse failures_;
};

/// Of one of APNs's two services. `signer` outlives it.
class apns_tokens final : public provider_tokens {
  public:
    explicit apns_tokens(apns_signer& signer) : signer_(signer) {}
    [[nodiscard]] boost::asio::awaitable<bearer> get(rt::clock::time_point until) override;
    void used(std::uint64_t generation, std::uint64_t connection) override;
    void refused(std::uint64_t generation, std::uint64_t connection, http::h2::pool& pool) override;
    void renewed(http::h2::pool& pool) override;

  private:
    struct given {
        std::uint64_t generation = 0;
        time_point since{};
    };
    apns_signer& signer_;
    std::map<std::uint64_t, given> by_connection_; ///< what each was given last
};

/// Fetches Google's access tokens. join() before destruction.
class fcm_tokens final : public provider_tokens {
  public:
    fcm_tokens(
        boost::asio::any_io_executor ex, std::shared_ptr<const crypto::service_account> account,
        http::client& http, const port::clock& clock, port::metrics& metrics, rt::chance_source chance
    );
    [[nodiscard]] boost::asio::awaitable<bearer> get(rt::clock::time_point until) override;
    void used(std::uint64_t, std::uint64_t) override {}
    void refused(std::uint64_t generation, std::uint64_t connection, http::h2::pool& pool) override;
    void renewed(http::h2::pool&) override {}
    void use(std::shared_ptr<const crypto::service_account> account);
    [[nodiscard]] const std::string& project_id() const { return account_->project_id(); }
    [[nodiscard]] boost::asio::awaitable<void> join();

  private:
    using flights = rt::flights<std::uint64_t, bool>;
    boost::asio::awaitable<void> fetch(flights::end landing);
    void note_failure(const std::string& why, bool ours);
    /// Tokens of one account are told from those of the account before.
    [[nodiscard]] std::uint64_t first_of_account() const { return accounts_ << 32U; }

    std::shared_ptr<const crypto::service_account> account_;
    http::client& http_;
    const port::clock& clock_;
    port::metrics& metrics_;
    rt::chance_source chance_;
    z360::push::access_token token_;
    bool stopping_ = false;
    std::uint64_t accounts_ = 0; ///< counts them: a flight for an old one says nothing of the new one
    log::sparse failures_;
    flights flights_;
    rt::task_group tasks_;
};

} // namespace z360::adapter::push
