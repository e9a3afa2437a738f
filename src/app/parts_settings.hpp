// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Settings of the parts, from the configuration: the server and the commands use the same.
#pragma once

#include "adapter/postgres/postgres.hpp"

#include <z360/config.hpp>
#include <z360/credential_manager.hpp>
#include <z360/engine/reconciler.hpp>
#include <z360/engine/retention.hpp>
#include <z360/port/clock.hpp>

#include <chrono>

namespace z360::app {

class wall_clock final : public port::clock {
  public:
    [[nodiscard]] time_point now() const override {
        return std::chrono::floor<millis>(std::chrono::system_clock::now());
    }
};

/// Of calls and webhooks.
[[nodiscard]] adapter::postgres::database_settings calls_database(const config& c);
/// Of the API and the credential manager: a stall there never holds up a call.
[[nodiscard]] adapter::postgres::database_settings api_database(const config& c);
/// Of removing old rows: one connection, with time.
[[nodiscard]] adapter::postgres::database_settings retention_database(const config& c);
/// Who is rung, and by which rules where an organisation has none of its own.
[[nodiscard]] adapter::postgres::directory_settings directory_settings(const config& c);
[[nodiscard]] credential_manager::settings credential_settings(const config& c);
[[nodiscard]] engine::reconcile_settings reconcile_settings(const config& c);
[[nodiscard]] engine::retention_settings retention_settings(const config& c);

} // namespace z360::app
