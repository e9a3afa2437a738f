// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>
#include <utility>

namespace z360 {

/// A value that must not appear in logs, metrics, errors or responses (I6). It has no stream operator, no
/// implicit conversion and no comparison that prints; the only way out is reveal(), which is easy to grep
/// for. The memory is overwritten on destruction.
class secret {
  public:
    secret() = default;
    explicit secret(std::string value) : value_(std::move(value)) {}
    secret(const secret&) = default;
    secret(secret&& other) noexcept : value_(std::move(other.value_)) { other.wipe(); }
    secret& operator=(const secret& other) {
        if (this != &other) {
            wipe();
            value_ = other.value_;
        }
        return *this;
    }
    secret& operator=(secret&& other) noexcept {
        if (this != &other) {
            wipe();
            value_ = std::move(other.value_);
            other.wipe();
        }
        return *this;
    }
    ~secret() { wipe(); }

    /// The value itself. Valid while this object lives. Only for the call that needs it.
    [[nodiscard]] std::string_view reveal() const { return value_; }
    [[nodiscard]] bool empty() const { return value_.empty(); }

    friend std::ostream& operator<<(std::ostream&, const secret&) = delete;

  private:
    void wipe() noexcept;
    std::string value_;
};

} // namespace z360
