// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A load generator for HTTP/1.1 keep-alive connections, and small statistics. One thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace z360::bench {

using steady = std::chrono::steady_clock;

/// Durations of one kind; percentiles by nearest rank.
class samples {
  public:
    void add(double ms) { values_.push_back(ms); }
    [[nodiscard]] std::size_t count() const { return values_.size(); }
    [[nodiscard]] double percentile(double p) {
        if (values_.empty()) return 0;
        std::sort(values_.begin(), values_.end());
        const auto rank = static_cast<std::size_t>(p / 100.0 * static_cast<double>(values_.size()) + 0.5);
        return values_[std::min(std::max<std::size_t>(rank, 1), values_.size()) - 1];
    }

  private:
    std::vector<double> values_;
};

struct load_result {
    double seconds = 0;
    std::uint64_t ok = 0;     ///< answered 200
    std::uint64_t failed = 0; ///< any other answer, or none
    samples latency_ms;       ///< from the moment a request was due to its answer
    std::vector<double> each; ///< the same of each request by its place; below 0: no 200
    [[nodiscard]] double per_second() const { return seconds > 0 ? static_cast<double>(ok) / seconds : 0; }
};

/// Sends `requests` (whole HTTP requests) to 127.0.0.1:`port` over `connections` connections. `per_second` 0:
/// as fast as the answers come; else at that pace, and latency counts from the due time, so that a stall is
/// not hidden by the requests that were not sent during it.
[[nodiscard]] load_result run_load(
    std::uint16_t port, const std::vector<std::string>& requests, unsigned connections, double per_second
);

} // namespace z360::bench
