// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A place in every port operation, before and after its effect, at which a test can stop the world: the
// process that asked is as good as killed, the effect has happened or not. Or the operation fails there.
#pragma once

#include <z360/rt/sync.hpp>

#include <functional>
#include <optional>

namespace z360::testing {

class gate {
  public:
    boost::asio::awaitable<void> point() {
        ++passed;
        if (throw_at && passed == *throw_at) {
            thrown = true;
            throw_it();
        }
        if (stop_at && passed >= *stop_at) {
            stopped = true;
            co_await rt::sleep_for(std::chrono::hours(24));
        }
    }
    /// The next process: everything works again.
    void open() {
        stop_at.reset();
        stopped = false;
        passed = 0;
    }

    int passed = 0;
    std::optional<int> stop_at;
    bool stopped = false;
    std::optional<int> throw_at;
    std::function<void()> throw_it;
    bool thrown = false;
};

} // namespace z360::testing
