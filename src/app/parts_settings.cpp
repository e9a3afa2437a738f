// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "app/parts_settings.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>

namespace z360::app {
namespace {

std::string this_node() {
    std::array<char, 256> host{};
    if (::gethostname(host.data(), host.size() - 1) != 0) return std::to_string(::getpid());
    return std::string(host.data()) + ":" + std::to_string(::getpid());
}

} // namespace

adapter::postgres::database_settings calls_database(const config& c) {
    adapter::postgres::database_settings s;
    s.url = c.database.url;
    s.connections = c.database.connections;
    s.acquire_timeout = c.database.acquire_timeout;
    s.statement_timeout = c.database.statement_timeout;
    return s;
}

adapter::postgres::database_settings api_database(const config& c) {
    auto s = calls_database(c);
    s.name = "api";
    s.connections = c.database.api_connections;
    return s;
}

adapter::postgres::directory_settings directory_settings(const config& c) {
    adapter::postgres::directory_settings s;
    s.defaults = c.calls;
    s.defaults.wake_by_push = c.push.configured();
    s.device_life = c.device_life;
    s.connection_id = c.telnyx.connection_id;
    s.placing_enabled = c.outbound.enabled;
    s.placed_at_once = static_cast<int>(c.outbound.at_once);
    s.placed_per_minute = static_cast<int>(c.outbound.per_minute);
    return s;
}

adapter::postgres::database_settings retention_database(const config& c) {
    auto s = calls_database(c);
    s.name = "retention";
    s.connections = 1;
    s.statement_timeout = std::max(s.statement_timeout, millis{10'000});
    return s;
}

credential_manager::settings credential_settings(const config& c) {
    credential_manager::settings s;
    s.rules.life = c.credentials.life;
    s.rules.rotate_percent = c.credentials.rotate_percent;
    s.rules.overlap = c.credentials.overlap;
    s.rules.silent_after = c.device_life;
    s.environment = c.server.environment;
    s.connection_id = c.telnyx.credential_connection_id;
    s.node = this_node();
    s.compare_every = c.credentials.compare_every;
    s.stray_age = c.credentials.stray_age;
    s.requests_per_second = c.credentials.requests_per_second;
    return s;
}

engine::reconcile_settings reconcile_settings(const config& c) {
    engine::reconcile_settings s;
    s.node = this_node();
    s.connection_id = c.telnyx.connection_id;
    s.credential_connection_id = c.telnyx.credential_connection_id;
    s.deliveries_every = c.reconcile.deliveries_every;
    // The list is of one connection; without its id there is none to ask for.
    s.sweep_every = c.telnyx.connection_id.empty() ? millis{0} : c.reconcile.sweep_every;
    s.times.silence = c.reconcile.silence;
    s.questions_per_second = c.reconcile.questions_per_second;
    return s;
}

engine::retention_settings retention_settings(const config& c) {
    constexpr millis k_day{86'400'000};
    engine::retention_settings s;
    s.node = this_node();
    s.raw_events = k_day * c.retention.raw_events_days;
    s.dead_letters = k_day * c.retention.dead_letters_days;
    s.calls = k_day * c.retention.calls_days;
    s.push_attempts = k_day * c.retention.push_attempts_days;
    return s;
}

} // namespace z360::app
