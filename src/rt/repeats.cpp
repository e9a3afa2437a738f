// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/rt/repeats.hpp>

#include <algorithm>
#include <utility>

namespace z360::rt {

using steady = rt::clock;

repeats::repeats(boost::asio::any_io_executor ex, unsigned per_second)
    : ex_(std::move(ex)),
      interval_(std::chrono::duration_cast<duration>(std::chrono::seconds{1}) / std::max(per_second, 1U)) {}

repeats::place::place(repeats& in, cause why) : in_(in), wake_(in.ex_), why_(why) {
    in_.queue_.push_back(this);
}

repeats::place::~place() {
    in_.leave(*this);
}

boost::asio::awaitable<bool> repeats::place::turn(duration at_most) {
    const auto until = steady::now() + at_most;
    while (queued_) {
        const auto now = steady::now();
        const bool first = in_.queue_.front() == this;
        if (first && now >= in_.next_) {
            in_.next_ = now + in_.interval_;
            in_.leave(*this);
            break;
        }
        if (now >= until) co_return false;
        const auto look_again = first ? std::min(in_.next_, until) : until;
        (void)co_await wake_.wait_for(look_again - now);
    }
    co_return true;
}

void repeats::leave(place& p) {
    if (!p.queued_) return;
    p.queued_ = false;
    const bool first = queue_.front() == &p;
    queue_.remove(&p);
    if (first && !queue_.empty()) queue_.front()->wake_.set();
}

void repeats::outage_over() {
    std::erase_if(queue_, [](place* p) {
        if (p->why_ != cause::outage) return false;
        p->queued_ = false;
        p->wake_.set();
        return true;
    });
    if (!queue_.empty()) queue_.front()->wake_.set();
}

} // namespace z360::rt
