// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "app/push_parts.hpp"

#include <z360/log.hpp>

#include <cstdlib>
#include <string_view>
#include <utility>

namespace z360::app {
namespace {

constexpr std::size_t k_token_connections = 4;

// As libcurl, which carries everything else that goes out, finds its own.
secret proxy_of(const config& c) {
    if (!c.push.proxy.empty()) return c.push.proxy;
    for (const char* none : {"no_proxy", "NO_PROXY"})
        if (const char* v = std::getenv(none); v != nullptr && std::string_view(v) == "*") return {};
    for (const char* name : {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"})
        if (const char* v = std::getenv(name); v != nullptr && *v != '\0') return secret(v);
    return {};
}

adapter::push::place place_of(const std::string& host, std::uint16_t port) {
    adapter::push::place out;
    out.host = host;
    out.port = port;
    return out;
}

constexpr millis k_after_the_ring{60'000};

// Good for a minute after the ring, so that who comes late learns what became of it.
adapter::push::ring_ticket ticket_by(const adapter::crypto::ring_ticket_codec& tickets) {
    return [&tickets](const call::push_notice& n) {
        adapter::crypto::ring_ticket t;
        t.call = n.call;
        t.ring = n.ring;
        t.device = n.device;
        t.user = n.user;
        t.org = n.org;
        t.until = n.ring_until + k_after_the_ring;
        return tickets.sign(t);
    };
}

} // namespace

adapter::push::settings push_settings(const config& c) {
    const auto& p = c.push;
    adapter::push::settings s;
    if (!p.apns_key_file.empty()) {
        adapter::push::apns_settings a;
        a.key_file = p.apns_key_file;
        a.key_id = p.apns_key_id;
        a.team_id = p.apns_team_id;
        a.bundle_ids = p.apns_bundle_ids;
        a.default_bundle_id = p.apns_default_bundle_id;
        a.production = place_of(p.apns_host, p.apns_port);
        a.sandbox = place_of(p.apns_sandbox_host, p.apns_sandbox_port);
        s.apns = std::move(a);
    }
    if (!p.fcm_service_account_file.empty()) {
        adapter::push::fcm_settings f;
        f.service_account_file = p.fcm_service_account_file;
        f.packages = p.fcm_packages;
        f.at = place_of(p.fcm_host, p.fcm_port);
        f.any_token_host = p.any_token_host;
        s.fcm = std::move(f);
    }
    s.ca_file = p.ca_file;
    s.proxy = proxy_of(c);
    s.retry_percent = p.retry_percent;
    s.api_base = c.server.public_url;
    return s;
}

adapter::push::sender_settings sender_settings(const config& c) {
    adapter::push::sender_settings s;
    s.silent_after = c.device_life;
    s.warn_after = c.device_life / 6 * 5;
    return s;
}

push_parts::push_parts(
    const boost::asio::any_io_executor& ex, const config& c, adapter::postgres::database& calls,
    adapter::postgres::database& later, std::shared_ptr<const adapter::crypto::vault> keys,
    const adapter::crypto::ring_ticket_codec& tickets, const port::clock& clock, port::metrics& metrics
)
    : ledger_(adapter::postgres::make_push_ledger(ex, later, metrics)),
      figures_(adapter::postgres::make_push_figures(later)) {
    if (!c.push.configured()) return;
    http_ = http::make_client(ex, k_token_connections, c.push.ca_file);
    addresses_ = adapter::postgres::make_push_addresses(calls, std::move(keys));
    runner_ = adapter::push::make_push_runner(
        ex, push_settings(c),
        adapter::push::ports{*addresses_, *ledger_, *http_, clock, metrics, ticket_by(tickets)}
    );
    metrics.count("push_orders_refused_total", {}, 0);
    queue_ = adapter::postgres::make_push_queue(later);
    orders_ = adapter::postgres::make_push_orders(later);
    sender_ = adapter::push::make_message_sender(
        ex, sender_settings(c), adapter::push::sender_ports{*queue_, *runner_, clock, metrics}
    );
}

std::vector<port::effect_runner*> push_parts::runners() const {
    if (!runner_) return {};
    return {runner_.get()};
}

void push_parts::start() {
    ledger_->start();
    if (!runner_) {
        log::warn(
            "push_not_configured", {{"effect", "phones that sleep are not woken for a call"},
                                    {"fix", "set push.apns_key_file and push.fcm_service_account_file"}}
        );
        return;
    }
    runner_->start();
    sender_->start();
}

boost::asio::awaitable<void> push_parts::stop(millis limit) {
    if (sender_) co_await sender_->stop(limit / 3);
    if (runner_) co_await runner_->stop(limit / 3);
    co_await ledger_->stop(limit / 3);
}

std::vector<loop_state> push_parts::loops() const {
    auto all = ledger_->loops();
    if (!runner_) return all;
    for (auto& part : {runner_->loops(), sender_->loops()})
        all.insert(all.end(), part.begin(), part.end());
    return all;
}

} // namespace z360::app
