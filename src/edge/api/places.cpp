// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "edge/api/places.hpp"

#include <boost/asio/this_coro.hpp>

#include <utility>

namespace z360::edge::api {

boost::asio::awaitable<places::ticket> places::enter(std::string subject) {
    {
        auto& q = queues_[subject];
        if (q.inside < terms_.at_once) {
            ++q.inside;
            co_return ticket(*this, std::move(subject));
        }
        if (q.line.size() >= terms_.waiting) co_return ticket{};
    }
    auto ex = co_await boost::asio::this_coro::executor;
    const auto me = std::make_shared<waiter>(ex);
    queues_[subject].line.push_back(me);
    // Whoever gives up leaves the line; whoever was called meanwhile hands the place on.
    struct at_the_end {
        places& of;
        const std::string& subject;
        const std::shared_ptr<waiter>& me;
        bool taken = false;
        at_the_end(places& p, const std::string& s, const std::shared_ptr<waiter>& w)
            : of(p), subject(s), me(w) {}
        at_the_end(const at_the_end&) = delete;
        at_the_end& operator=(const at_the_end&) = delete;
        ~at_the_end() {
            if (taken) return;
            if (me->has_place)
                of.leave(subject);
            else if (const auto q = of.queues_.find(subject); q != of.queues_.end())
                q->second.line.remove(me);
        }
    };
    at_the_end end(*this, subject, me);
    (void)co_await me->called.wait_for(terms_.limit);
    if (!me->has_place) co_return ticket{};
    end.taken = true;
    co_return ticket(*this, subject);
}

void places::leave(const std::string& subject) {
    const auto found = queues_.find(subject);
    if (found == queues_.end()) return;
    auto& q = found->second;
    if (!q.line.empty()) { // the place goes on to the next one
        const auto next = std::move(q.line.front());
        q.line.pop_front();
        next->has_place = true;
        next->called.set();
        return;
    }
    if (--q.inside == 0) queues_.erase(found);
}

} // namespace z360::edge::api
