// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/rt/gate.hpp>

#include <algorithm>

namespace z360::rt {

gate::gate(boost::asio::any_io_executor ex, std::size_t slots)
    : gate(std::move(ex), std::max<std::size_t>(slots, 2), std::max<std::size_t>(slots / 4, 1)) {}

gate::gate(boost::asio::any_io_executor ex, std::size_t slots, std::size_t kept)
    : ex_(std::move(ex)), slots_(std::max(slots, kept + 1)), kept_(kept) {}

std::size_t gate::limit(urgency u) const {
    return u == urgency::freeing ? slots_ : slots_ - kept_;
}

boost::asio::awaitable<gate::slot> gate::enter(urgency u) {
    auto& queue = queues_[static_cast<std::size_t>(u)];
    if (queue.empty() && used_ < limit(u)) {
        ++used_;
        co_return slot(*this);
    }
    waiter self(ex_);
    queue.push_back(&self);
    std::exception_ptr cancelled;
    try {
        while (!self.granted)
            co_await self.wake.wait();
    } catch (...) {
        cancelled = std::current_exception();
    }
    if (!cancelled) co_return slot(*this);
    if (self.granted)
        give_back(); // granted and cancelled in the same turn of the loop
    else
        queue.remove(&self);
    std::rethrow_exception(cancelled);
}

std::size_t gate::waiting() const {
    std::size_t n = 0;
    for (const auto& q : queues_)
        n += q.size();
    return n;
}

void gate::give_back() {
    --used_;
    grant_next();
}

void gate::grant_next() {
    for (std::size_t i = 0; i < queues_.size(); ++i) {
        auto& queue = queues_[i];
        while (!queue.empty() && used_ < limit(static_cast<urgency>(i))) {
            waiter* first = queue.front();
            queue.pop_front();
            ++used_;
            first->granted = true;
            first->wake.set();
        }
    }
}

} // namespace z360::rt
