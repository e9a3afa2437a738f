// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The spool of this process, and what is told of it.
#pragma once

#include "edge/health_routes.hpp"

#include <z360/config.hpp>
#include <z360/port/metrics.hpp>
#include <z360/port/spool.hpp>

#include <memory>

namespace z360::app {

/// Null without a directory; else a spool, usable or not yet.
[[nodiscard]] std::unique_ptr<port::spool> open_spool(const config::spool_t& c);
[[nodiscard]] edge::readiness spool_readiness(const port::spool* s);
void report_spool(const port::spool* s, port::metrics& m);

} // namespace z360::app
