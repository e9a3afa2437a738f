// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <z360/port/metrics.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace z360::test {

/// Metrics that a test can ask: what was counted, with which labels.
class recording_metrics final : public port::metrics {
  public:
    void count(std::string_view name, port::labels l, double n) override {
        const std::lock_guard lock(mutex_);
        counters_[key(name, l)] += n;
    }
    void gauge(std::string_view name, double value, port::labels l) override {
        if (fault) fault(name);
        const std::lock_guard lock(mutex_);
        gauges_[key(name, l)] = value;
    }
    void observe(std::string_view name, double seconds, port::labels l) override {
        const std::lock_guard lock(mutex_);
        observations_[key(name, l)].push_back(seconds);
    }
    [[nodiscard]] std::string text() const override {
        const std::lock_guard lock(mutex_);
        std::ostringstream out;
        for (const auto& [k, v] : counters_)
            out << k << ' ' << v << '\n';
        for (const auto& [k, v] : gauges_)
            out << k << ' ' << v << '\n';
        for (const auto& [k, v] : observations_)
            out << k << "_count " << v.size() << '\n';
        return out.str();
    }

    std::function<void(std::string_view gauge)> fault; ///< called first; may throw

    /// Counter with exactly these labels, in this order; 0 if it was never touched.
    [[nodiscard]] double counted(std::string_view name, port::labels l = {}) const {
        const std::lock_guard lock(mutex_);
        const auto it = counters_.find(key(name, l));
        return it == counters_.end() ? 0 : it->second;
    }
    /// Sum of a counter over all labels.
    [[nodiscard]] double total(std::string_view name) const {
        const std::lock_guard lock(mutex_);
        double sum = 0;
        for (const auto& [k, v] : counters_)
            if (k == name || k.starts_with(std::string(name) + "{")) sum += v;
        return sum;
    }
    [[nodiscard]] double
    gauge_value(std::string_view name, port::labels l = {}, double otherwise = -1) const {
        const std::lock_guard lock(mutex_);
        const auto it = gauges_.find(key(name, l));
        return it == gauges_.end() ? otherwise : it->second;
    }
    [[nodiscard]] std::vector<double> observed(std::string_view name, port::labels l = {}) const {
        const std::lock_guard lock(mutex_);
        const auto it = observations_.find(key(name, l));
        return it == observations_.end() ? std::vector<double>{} : it->second;
    }

  private:
    static std::string key(std::string_view name, port::labels l) {
        std::string out(name);
        if (l.size() == 0) return out;
        out += '{';
        for (const auto& [label, value] : l) {
            if (out.back() != '{') out += ',';
            out.append(label).append("=").append(value);
        }
        out += '}';
        return out;
    }

    mutable std::mutex mutex_;
    std::map<std::string, double> counters_;
    std::map<std::string, double> gauges_;
    std::map<std::string, std::vector<double>> observations_;
};

} // namespace z360::test
