// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A note that something is under way, which no exception can leave standing. Private to
// src/credential_manager.
#pragma once

#include <functional>
#include <utility>

namespace z360::credential_manager {

/// Travels with the work, as a parameter of its coroutine: `over` runs when the work is gone, whether it
/// ended, threw, was cancelled or never began.
class under_way {
  public:
    under_way() = default;
    explicit under_way(std::function<void()> over) : over_(std::move(over)) {}
    under_way(under_way&& other) noexcept : over_(std::exchange(other.over_, nullptr)) {}
    under_way& operator=(under_way&& other) noexcept {
        std::swap(over_, other.over_);
        return *this;
    }
    under_way(const under_way&) = delete;
    under_way& operator=(const under_way&) = delete;
    ~under_way() {
        if (over_) over_();
    }

  private:
    std::function<void()> over_;
};

} // namespace z360::credential_manager
