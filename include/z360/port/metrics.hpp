// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace z360::port {

/// Label name and value. Values are of a small fixed set: never ids, numbers or names of people.
using label = std::pair<std::string_view, std::string_view>;
using labels = std::initializer_list<label>;

/// Where figures go. Metrics come into being at first use. Thread-safe, cheap, never throws.
class metrics {
  public:
    virtual ~metrics() = default;
    /// Adds to a counter; `name` ends in `_total`.
    virtual void count(std::string_view name, labels l = {}, double n = 1) = 0;
    virtual void gauge(std::string_view name, double value, labels l = {}) = 0;
    /// Puts a duration into a histogram, or a mean opinion score; `name` ends in `_seconds` or in `_mos`.
    virtual void observe(std::string_view name, double value, labels l = {}) = 0;
    /// All of it in the Prometheus text format.
    [[nodiscard]] virtual std::string text() const = 0;
};

} // namespace z360::port
