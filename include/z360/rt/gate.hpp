// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <z360/rt/sync.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>

namespace z360::rt {

/// Who goes first when requests have to wait (I16).
enum class urgency : std::uint8_t {
    freeing, ///< ends what holds resources: goes before everybody, and into the slots that are kept for it
    soon,    ///< somebody waits for it
    normal,
    beginning ///< makes more work: goes last
};
inline constexpr std::size_t k_urgency_count = 4;

/// Bounds the requests in flight. Some slots are kept for what frees resources. One loop, no locks.
class gate {
  public:
    /// A quarter of the slots is kept.
    gate(boost::asio::any_io_executor ex, std::size_t slots);
    gate(boost::asio::any_io_executor ex, std::size_t slots, std::size_t kept);
    gate(const gate&) = delete;
    gate& operator=(const gate&) = delete;

    /// One slot, given back on destruction.
    class slot {
      public:
        explicit slot(gate& of) : of_(&of) {}
        slot(slot&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
        slot& operator=(slot&&) = delete;
        slot(const slot&) = delete;
        slot& operator=(const slot&) = delete;
        ~slot() {
            if (of_ != nullptr) of_->give_back();
        }

      private:
        gate* of_;
    };

    /// Waits for a slot. When cancelled throws operation_aborted and holds nothing.
    [[nodiscard]] boost::asio::awaitable<slot> enter(urgency u);
    [[nodiscard]] std::size_t in_flight() const { return used_; }
    [[nodiscard]] std::size_t waiting() const;

  private:
    struct waiter {
        explicit waiter(boost::asio::any_io_executor ex) : wake(std::move(ex)) {}
        rt::event wake;
        bool granted = false;
    };
    [[nodiscard]] std::size_t limit(urgency u) const;
    void give_back();
    void grant_next();

    boost::asio::any_io_executor ex_;
    std::size_t slots_;
    std::size_t kept_;
    std::size_t used_ = 0;
    std::array<std::list<waiter*>, k_urgency_count> queues_;
};

} // namespace z360::rt
