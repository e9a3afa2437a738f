// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/push/provider_tokens.hpp"

#include "wire/fcm.hpp"

#include <algorithm>
#include <utility>

namespace z360::adapter::push {

namespace asio = boost::asio;
using asio::awaitable;
using z360::push::apns_token;

namespace {

constexpr std::size_t k_most_connections = 64; // remembered; a pool has a handful
constexpr millis k_fetch_timeout{10'000};
constexpr millis k_longest_look{1'000}; // at a pause between two fetches

} // namespace

// ---- APNs

apns_signer::apns_signer(
    std::shared_ptr<const crypto::apns_key> key, const port::clock& clock, port::metrics& metrics
)
    : key_(std::move(key)), clock_(clock), metrics_(metrics) {
    for (const char* how : {"done", "failed"})
        metrics_.count("push_provider_tokens_total", {{"provider", "apns"}, {"outcome", how}}, 0);
}

bearer apns_signer::current() {
    if (token_.due(clock_.now())) mint();
    const auto* t = token_.current(clock_.now());
    return t != nullptr ? bearer{*t, token_.generation()} : bearer{};
}

// Some hundred microseconds, once in fifty minutes: nothing suspends, so it is one for all who ask at once.
void apns_signer::mint() {
    const char* how = "done";
    try {
        token_.minted(key_->mint(clock_.now()), clock_.now());
    } catch (const std::exception& e) {
        how = "failed";
        if (const auto silent = failures_.due())
            log::error(
                "push_provider_token_failed", {{"provider", "apns"}, {"why", e.what()}, {"more", *silent}}
            );
    }
    metrics_.count("push_provider_tokens_total", {{"provider", "apns"}, {"outcome", how}});
}

void apns_signer::use(std::shared_ptr<const crypto::apns_key> key) {
    key_ = std::move(key);
    mint(); // generations go on: what was sent with the old key is known to be older
}

awaitable<bearer> apns_tokens::get(rt::clock::time_point) {
    co_return signer_.current();
}

void apns_tokens::used(std::uint64_t generation, std::uint64_t connection) {
    if (connection == 0) return;
    auto& g = by_connection_[connection];
    if (generation > g.generation) g = {generation, signer_.now()};
    if (by_connection_.size() > k_most_connections) by_connection_.erase(by_connection_.begin());
}

void apns_tokens::refused(std::uint64_t generation, std::uint64_t connection, http::h2::pool& pool) {
    const auto known = by_connection_.find(connection);
    const auto since = known == by_connection_.end() ? signer_.now() : known->second.since;
    switch (signer_.token().expired(generation, since, signer_.now())) {
    case apns_token::remedy::resend: return;
    case apns_token::remedy::mint: signer_.mint(); return;
    case apns_token::remedy::mint_and_reconnect: signer_.mint(); break;
    case apns_token::remedy::reconnect: break;
    }
    pool.retire(connection);
}

void apns_tokens::renewed(http::h2::pool& pool) {
    for (const auto& [connection, what] : by_connection_)
        pool.retire(connection);
    by_connection_.clear();
}

// ---- FCM

fcm_tokens::fcm_tokens(
    asio::any_io_executor ex, std::shared_ptr<const crypto::service_account> account, http::client& http,
    const port::clock& clock, port::metrics& metrics, rt::chance_source chance
)
    : account_(std::move(account)), http_(http), clock_(clock), metrics_(metrics), chance_(std::move(chance)),
      tasks_(std::move(ex)) {
    for (const char* how : {"done", "failed"})
        metrics_.count("push_provider_tokens_total", {{"provider", "fcm"}, {"outcome", how}}, 0);
}

awaitable<bearer> fcm_tokens::get(rt::clock::time_point until) {
    for (;;) {
        const auto now = clock_.now();
        flights::pointer under_way;
        if (token_.due(now) || flights_.under_way(accounts_)) {
            bool created = false;
            under_way = flights_.join(accounts_, until, created);
            if (created)
                tasks_.spawn(fetch(std::make_unique<flights::landing>(flights_, accounts_, under_way)));
        }
        if (const auto* t = token_.current(now))
            co_return bearer{*t, first_of_account() + token_.generation()};
        if (stopping_ || rt::clock::now() >= until) co_return bearer{};
        if (under_way) {
            (void)co_await flights::wait(under_way, until);
            continue;
        }
        const auto due = token_.due_at(now);
        const auto pause = due ? std::clamp(*due - now, millis{1}, k_longest_look) : millis{1};
        co_await rt::sleep_for(std::min<rt::clock::duration>(pause, until - rt::clock::now()));
    }
}

void fcm_tokens::refused(std::uint64_t generation, std::uint64_t, http::h2::pool&) {
    if (generation > first_of_account()) token_.refused(generation - first_of_account(), clock_.now());
}

awaitable<void> fcm_tokens::join() {
    stopping_ = true;
    co_await tasks_.join();
}

void fcm_tokens::use(std::shared_ptr<const crypto::service_account> account) {
    account_ = std::move(account);
    ++accounts_;
    token_ = {};
}

void fcm_tokens::note_failure(const std::string& why, bool ours) {
    token_.failed(clock_.now());
    metrics_.count("push_provider_tokens_total", {{"provider", "fcm"}, {"outcome", "failed"}});
    if (ours) metrics_.count("push_config_faults_total", {{"provider", "fcm"}});
    if (const auto silent = failures_.due())
        log::error(
            "push_access_token_failed",
            {{"account", account_->client_email()},
             {"why", why},
             {"fix", ours ? "check push.fcm_service_account_file and the account's rights in Google's console"
                          : "the last token is used while it is valid"},
             {"more", *silent}}
        );
}

awaitable<void> fcm_tokens::fetch(flights::end landing) {
    const auto account = account_;
    const auto number = accounts_;
    http::client_request r;
    r.method = "POST";
    r.url = account->token_uri();
    r.headers.add("Content-Type", "application/x-www-form-urlencoded");
    r.timeout = k_fetch_timeout;
    std::string fault;
    try {
        const auto form = wire::token_form(account->assertion(clock_.now(), wire::k_fcm_scope));
        r.body = std::string(form.reveal());
    } catch (const std::exception& e) {
        fault = e.what();
    }
    if (!fault.empty()) {
        note_failure(fault, true);
        co_return;
    }
    auto reply = co_await http_.perform(std::move(r));
    if (number != accounts_) co_return; // the key was changed meanwhile
    if (reply.status == 0) {
        note_failure(reply.error, false);
        co_return;
    }
    auto grant = wire::read_token_grant(reply.status, reply.body);
    std::fill(reply.body.begin(), reply.body.end(), '\0');
    if (grant.token.empty()) {
        note_failure(grant.error, reply.status >= 400 && reply.status < 500 && reply.status != 429);
        co_return;
    }
    if (!token_.fetched(std::move(grant.token), grant.life, clock_.now(), chance_())) {
        note_failure("a token without a life", false);
        co_return;
    }
    metrics_.count("push_provider_tokens_total", {{"provider", "fcm"}, {"outcome", "done"}});
}

} // namespace z360::adapter::push
