// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Who has which place, who makes room, and whose time is over.
#include "http_server/connection.hpp"
#include "http_server/response_text.hpp"

#include <boost/asio/ip/network_v6.hpp>

#include <ctime>

namespace z360::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr millis k_first_request{500}; ///< so long after a connection was made, a stop waits for its request

} // namespace

const std::string& server_state::date() {
    const std::int64_t now = std::time(nullptr);
    if (now != date_second_) {
        date_second_ = now;
        date_ = http_date(now);
    }
    return date_;
}

bool server_state::crowded(const std::string& source) const {
    if (source.empty() || settings.max_connections_per_address == 0) return false;
    const auto it = by_source.find(source);
    return it != by_source.end() && it->second >= settings.max_connections_per_address;
}

bool server_state::has_place(const std::string& source) const {
    return served < settings.max_connections && !crowded(source);
}

bool server_state::make_room() {
    connection* longest = nullptr;
    for (auto* c : open)
        if (c->may_make_room() && (longest == nullptr || c->waits_since() < longest->waits_since()))
            longest = c;
    if (longest != nullptr) longest->evict();
    return longest != nullptr;
}

void server_state::report() const {
    const auto taken = static_cast<double>(served + reserved);
    if (settings.name == server_settings{}.name)
        metrics.gauge("http_connections", taken);
    else
        metrics.gauge("http_connections", taken, {{"listener", settings.name}});
}

connection::connection(server_state& state, purpose why, std::string source)
    : state_(state), purpose_(why), crowded_(state.crowded(source)), source_(std::move(source)),
      place_(state.open.insert(state.open.end(), this)) {
    take_place();
}

connection::~connection() {
    state_.open.erase(place_);
    leave_place();
}

void connection::take_place() {
    switch (purpose_) {
    case purpose::turn_away: ++state_.turned_away; return;
    case purpose::reserved: ++state_.reserved; break;
    case purpose::serve:
        ++state_.served;
        if (!source_.empty()) ++state_.by_source[source_];
        break;
    }
    state_.report();
}

void connection::leave_place() {
    switch (purpose_) {
    case purpose::turn_away: --state_.turned_away; return;
    case purpose::reserved: --state_.reserved; break;
    case purpose::serve:
        --state_.served;
        if (const auto it = state_.by_source.find(source_); it != state_.by_source.end() && --it->second == 0)
            state_.by_source.erase(it);
        break;
    }
    state_.report();
}

bool connection::find_place() {
    if (!state_.has_place(source_)) return false;
    leave_place();
    purpose_ = purpose::serve;
    take_place();
    return true;
}

bool connection::may_make_room() const {
    const bool waits = phase_ == phase::opening || phase_ == phase::idle || phase_ == phase::reading;
    return purpose_ == purpose::reserved && waits && !evicted_;
}

void connection::evict() {
    evicted_ = true;
    state_.metrics.count("http_rejected_total", {{"reason", "made_room"}});
    deadline_ = clock::time_point::min(); // again on every tick, as with any deadline
    cancel_io();
}

void connection::enter(phase p) {
    enter(p, millis::max());
}

void connection::enter(phase p, millis limit) {
    const auto now = clock::now();
    if (p == phase::idle && served_one_) waits_since_ = now;
    phase_ = p;
    timed_out_ = evicted_;
    deadline_ = evicted_ || limit == millis::max() ? clock::time_point::max() : now + limit;
    if (evicted_) deadline_ = clock::time_point::min();
}

void connection::expire(clock::time_point now) {
    const bool waits = phase_ == phase::opening || phase_ == phase::idle;
    const bool too_long = waits && !asks_reserved_ && state_.short_of_places() &&
                          now - waits_since_ >= state_.settings.short_idle_timeout;
    if (now < deadline_ && !too_long) return;
    // Again on every tick: a cancel between two steps of a TLS operation would otherwise be lost.
    timed_out_ = true;
    cancel_io();
}

void connection::close_if_idle() {
    if (idle()) cancel_io();
}

bool connection::idle() const {
    return phase_ == phase::idle && (served_one_ || clock::now() - accepted_at_ >= k_first_request);
}

std::string address_of(const tcp::socket& socket) {
    error_code ec;
    const auto peer = socket.remote_endpoint(ec);
    return ec ? std::string() : peer.address().to_string();
}

std::string source_of(const std::string& address) {
    error_code ec;
    const auto a = asio::ip::make_address(address, ec);
    if (ec || a.is_v4()) return address;
    const auto v6 = a.to_v6();
    if (v6.is_v4_mapped()) return asio::ip::make_address_v4(asio::ip::v4_mapped, v6).to_string();
    return asio::ip::network_v6(asio::ip::address_v6(v6.to_bytes()), 64).canonical().to_string();
}

} // namespace z360::http
