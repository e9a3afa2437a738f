// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <z360/port/metrics.hpp>

#include <cstddef>
#include <memory>

namespace z360::adapter::metrics {

/// Different label values a metric may have; further ones are counted together as "other".
constexpr std::size_t k_max_series = 200;

/// Metrics kept in memory for Prometheus to fetch as text. Thread-safe.
[[nodiscard]] std::unique_ptr<port::metrics> make_prometheus_metrics();

} // namespace z360::adapter::metrics
