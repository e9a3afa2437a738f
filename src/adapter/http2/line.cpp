// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/http2/exchange.hpp"

#include <algorithm>
#include <iterator>

namespace z360::adapter::http2 {
namespace {

std::size_t index_of(const exchange& x) {
    return std::min<std::size_t>(x.req.priority, h2::k_classes - 1);
}

} // namespace

std::list<exchange_ptr>& waiting_line::class_of(const exchange& x) {
    return classes_[index_of(x)];
}

bool waiting_line::add(exchange_ptr x, exchange_ptr& displaced) {
    const auto mine = index_of(*x);
    if (size_ >= most_) {
        auto last = classes_.size() - 1;
        while (last > mine && classes_[last].empty())
            --last;
        if (last == mine) return false;
        displaced = classes_[last].back();
        remove(*displaced);
    }
    x->order = ++came_;
    auto& of = classes_[mine];
    x->place = of.insert(of.end(), x);
    x->in_line = true;
    ++size_;
    return true;
}

void waiting_line::put_back(exchange_ptr x) {
    auto& of = class_of(*x);
    auto at = of.begin();
    while (at != of.end() && (*at)->order < x->order)
        ++at;
    x->place = of.insert(at, x);
    x->in_line = true;
    ++size_;
}

exchange_ptr waiting_line::take() {
    for (auto& of : classes_) {
        if (of.empty()) continue;
        auto x = std::move(of.front());
        of.pop_front();
        x->in_line = false;
        --size_;
        return x;
    }
    return nullptr;
}

void waiting_line::remove(exchange& x) {
    if (!x.in_line) return;
    x.in_line = false;
    --size_;
    class_of(x).erase(x.place); // may destroy x
}

} // namespace z360::adapter::http2
