// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Time as whoever waits sees it. In the program it is the machine's monotonic clock. A simulation puts a
// source of its own in its place, and then hours pass in milliseconds, always in the same way.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

namespace z360::rt {

/// Monotonic time. Its points are a type of their own, so that nobody compares them with the machine's.
struct clock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<clock>;
    static constexpr bool is_steady = true;
    [[nodiscard]] static time_point now() noexcept;
};

/// Where time comes from in a simulation. One thread.
class time_source {
  public:
    /// Somebody who waits for a moment. Neither copied nor moved while it waits.
    class waiter {
      public:
        virtual ~waiter() = default;
        /// The moment has come, or the wait was given up: called once, with what the wait came to. Must not
        /// wait itself, and may destroy the waiter.
        virtual void wake(boost::system::error_code ec) = 0;
        std::size_t place = 0; ///< the source's own
    };
    virtual ~time_source() = default;
    [[nodiscard]] virtual clock::time_point now() const noexcept = 0;
    /// Calls `w.wake({})` when `due` has come; the source does not own it.
    virtual void add(waiter& w, clock::time_point due) = 0;
    /// Forgets it, without a word.
    virtual void remove(waiter& w) = 0;
};

/// From now on time comes from `source`; null: from the machine again. Nothing may be waiting, and nobody may
/// keep a time point from before. Not thread-safe: before the first thread, or in a program that has one.
void use_time_source(time_source* source) noexcept;
[[nodiscard]] time_source* used_time_source() noexcept;

/// Waits for a moment of that time; otherwise as boost::asio::steady_timer. One wait at a time.
class timer {
  public:
    explicit timer(boost::asio::any_io_executor ex) : ex_(std::move(ex)), source_(used_time_source()) {
        if (source_ == nullptr) real_.emplace(ex_);
    }
    timer(boost::asio::any_io_executor ex, clock::duration delay) : timer(std::move(ex)) {
        expires_after(delay);
    }
    timer(const timer&) = delete;
    timer& operator=(const timer&) = delete;
    ~timer() { cancel(); }

    /// Both give up a wait under way, as cancel() does.
    void expires_after(clock::duration delay) { expires_at(clock::now() + delay); }
    void expires_at(clock::time_point due) {
        cancel();
        due_ = due;
        if (real_) real_->expires_at(std::chrono::steady_clock::time_point(due.time_since_epoch()));
    }
    /// The wait under way ends with operation_aborted.
    void cancel() {
        if (real_) real_->cancel();
        if (waiting_ != nullptr) waiting_->give_up();
    }

    /// Completes with void(error_code): success, or operation_aborted.
    template <class Token>
    auto async_wait(Token&& token) {
        return boost::asio::async_initiate<Token, void(boost::system::error_code)>(
            [this](auto handler) {
                if (real_)
                    real_->async_wait(std::move(handler));
                else
                    (new wait_op<decltype(handler)>(*this, std::move(handler)))->begin();
            },
            token
        );
    }

  private:
    struct waiting : time_source::waiter {
        virtual void give_up() = 0;
    };
    /// Lives until its handler is called, which is never from within begin, wake or give_up.
    template <class Handler>
    class wait_op final : public waiting {
      public:
        wait_op(timer& of, Handler h) : of_(&of), source_(*of.source_), ex_(of.ex_), handler_(std::move(h)) {}
        void begin() {
            auto slot = boost::asio::get_associated_cancellation_slot(handler_);
            if (slot.is_connected()) slot.assign([this](boost::asio::cancellation_type) { give_up(); });
            of_->waiting_ = this;
            source_.add(*this, of_->due_);
        }
        void wake(boost::system::error_code ec) override {
            of_->waiting_ = nullptr;
            of_ = nullptr;
            auto ex = boost::asio::get_associated_executor(handler_, ex_);
            boost::asio::post(ex, [self = std::unique_ptr<wait_op>(this), ec]() mutable {
                auto slot = boost::asio::get_associated_cancellation_slot(self->handler_);
                if (slot.is_connected()) slot.clear();
                auto handler = std::move(self->handler_);
                self.reset();
                std::move(handler)(ec);
            });
        }
        void give_up() override {
            if (of_ == nullptr) return; // the moment had come
            source_.remove(*this);
            wake(boost::asio::error::operation_aborted);
        }

      private:
        timer* of_; ///< null: woken, on its way
        time_source& source_;
        boost::asio::any_io_executor ex_;
        Handler handler_;
    };

    boost::asio::any_io_executor ex_;
    time_source* source_;
    std::optional<boost::asio::steady_timer> real_; ///< without a source
    clock::time_point due_{};
    waiting* waiting_ = nullptr;
};

} // namespace z360::rt
