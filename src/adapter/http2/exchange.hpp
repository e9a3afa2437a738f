// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <z360/http/h2.hpp>
#include <z360/rt/sync.hpp>

#include <array>
#include <cstdint>
#include <list>
#include <memory>
#include <utility>

namespace z360::adapter::http2 {

namespace asio = boost::asio;
namespace h2 = z360::http::h2;
using moment = rt::clock::time_point;
using duration = rt::clock::duration;

class session;
struct exchange;
using exchange_ptr = std::shared_ptr<exchange>;

/// A request on its way from the line over a stream to its result. Shared by whoever waits for it and the
/// session, which needs the body until the stream is closed, also if nobody waits any more.
struct exchange {
    exchange(h2::request r, moment until) : req(std::move(r)), deadline(until) {}

    h2::request req;
    moment deadline;
    std::uint64_t order = 0; ///< in which it came
    unsigned requeued = 0;
    h2::result result;
    bool done = false;         ///< the result stands, or nobody wants it
    rt::event* wake = nullptr; ///< whoever waits; null: nobody
    session* on = nullptr;     ///< not null: it has a stream there
    std::int32_t stream = 0;
    bool in_line = false;
    std::list<exchange_ptr>::iterator place; ///< while in_line
};

/// Who waits for a stream: by class, and within a class in the order of coming. Bounded.
class waiting_line {
  public:
    explicit waiting_line(std::size_t most) : most_(most) {}

    /// False: full of what is as urgent or more. `displaced` had to go for it, if not null.
    [[nodiscard]] bool add(exchange_ptr x, exchange_ptr& displaced);
    /// Back to where it was before it was taken, whatever the bound: it has been in once.
    void put_back(exchange_ptr x);
    /// The next; null: nobody waits.
    [[nodiscard]] exchange_ptr take();
    void remove(exchange& x);
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] bool empty() const { return size_ == 0; }

    /// Everybody for whom `f` says so leaves; it is called with each, and may not touch the line.
    template <class F>
    std::list<exchange_ptr> remove_if(F f) {
        std::list<exchange_ptr> out;
        for (auto& of : classes_)
            for (auto it = of.begin(); it != of.end();) {
                auto next = std::next(it);
                if (f(**it)) {
                    (*it)->in_line = false;
                    out.splice(out.end(), of, it);
                    --size_;
                }
                it = next;
            }
        return out;
    }

  private:
    [[nodiscard]] std::list<exchange_ptr>& class_of(const exchange& x);

    std::size_t most_;
    std::size_t size_ = 0;
    std::uint64_t came_ = 0;
    std::array<std::list<exchange_ptr>, h2::k_classes> classes_;
};

} // namespace z360::adapter::http2
