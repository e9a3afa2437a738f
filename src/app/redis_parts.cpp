// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "app/redis_parts.hpp"

#include <stdexcept>
#include <utility>
#include <variant>

namespace z360::app {
namespace {

// The carrier counts when a dial arrives: one that was slow on its way and a later one that was not may meet
// in its window.
constexpr millis k_on_the_way{250};

} // namespace

redis_parts::redis_parts(const boost::asio::any_io_executor& ex, const config& c, port::metrics& m) {
    using namespace adapter::redis;
    dial_settings dials;
    dials.limit = c.telnyx.dials_per_5s;
    dials.window += k_on_the_way;
    if (c.redis.url.empty()) {
        hint_ = make_null_ring_hint();
        budget_ = make_local_dial_budget(dials);
        limiter_ = make_local_rate_limiter();
        return;
    }
    auto where = parse_url(c.redis.url.reveal());
    if (const auto* why = std::get_if<std::string>(&where)) throw std::runtime_error("redis.url: " + *why);
    session_settings s;
    s.where = std::get<url>(std::move(where));
    s.budget = c.redis.budget;
    settings_ = std::move(s);
    prefix_ = c.redis.key_prefix;
    session_ = std::make_unique<session>(ex, settings_, m);
    hint_ = make_ring_hint(*session_, c.redis.key_prefix);
    budget_ = make_dial_budget(*session_, c.redis.key_prefix, dials);
    limiter_ = make_rate_limiter(*session_, c.redis.key_prefix, m);
}

std::unique_ptr<adapter::redis::channel>
redis_parts::channel(const boost::asio::any_io_executor& ex, const std::string& name, port::metrics& m) {
    if (!session_) return nullptr;
    adapter::redis::channel_settings c;
    c.connect = settings_;
    c.name = prefix_ + name;
    return adapter::redis::make_channel(ex, *session_, std::move(c), m);
}

void redis_parts::start() {
    if (session_) session_->start();
}

std::vector<loop_state> redis_parts::loops() const {
    return session_ ? session_->loops() : std::vector<loop_state>{};
}

boost::asio::awaitable<void> redis_parts::stop() {
    if (session_) co_await session_->stop();
}

} // namespace z360::app
