// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "app/feed_parts.hpp"

namespace z360::app {

feed_parts::feed_parts(
    const boost::asio::any_io_executor& ex, const config& c, redis_parts& redis,
    adapter::postgres::database& db, port::metrics& m
)
    : channel_(redis.channel(ex, "changes", m)),
      notifications_(adapter::postgres::make_notifications(
          ex, db, {.url = c.database.url, .name = "z360_changes", .sign_of_life = millis{5'000}}, m
      )),
      log_(adapter::postgres::make_change_log(db)),
      feed_(engine::make_change_feed(ex, {channel_.get(), *notifications_, *log_, m})) {}

void feed_parts::start() {
    if (channel_) channel_->start();
    notifications_->start();
    feed_->start();
}

boost::asio::awaitable<void> feed_parts::stop() {
    co_await feed_->stop();
    co_await notifications_->stop();
    if (channel_) co_await channel_->stop();
}

std::vector<loop_state> feed_parts::loops() const {
    auto all = feed_->loops();
    for (const auto& part :
         {notifications_->loops(), channel_ ? channel_->loops() : std::vector<loop_state>{}})
        all.insert(all.end(), part.begin(), part.end());
    return all;
}

} // namespace z360::app
