// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/push/early_addresses.hpp"

#include <exception>
#include <utility>

namespace z360::adapter::push {
namespace asio = boost::asio;
namespace {

constexpr std::size_t k_most = 2'000;
constexpr std::chrono::seconds k_fresh{3}; // a token that is registered anew meanwhile is the next push's

} // namespace

struct early_addresses::look_up {
    explicit look_up(const asio::any_io_executor& ex) : done(ex) {}
    rt::clock::time_point began = rt::clock::now();
    std::optional<port::push_address> found;
    std::exception_ptr error;
    rt::event done;
};

early_addresses::early_addresses(asio::any_io_executor ex, port::push_addresses& in)
    : ex_(ex), in_(in), tasks_(std::move(ex)) {}
early_addresses::~early_addresses() = default;

void early_addresses::expect(question q) {
    if (early_.size() >= k_most) forget_old();
    if (early_.size() >= k_most) return;
    auto& waiting = early_[key_of(q)];
    if (waiting && rt::clock::now() - waiting->began < k_fresh) return;
    waiting = std::make_shared<look_up>(ex_);
    tasks_.spawn(ask(waiting, std::move(q)));
}

void early_addresses::forget_old() {
    const auto now = rt::clock::now();
    std::erase_if(early_, [now](const auto& e) { return now - e.second->began >= k_fresh; });
}

asio::awaitable<void> early_addresses::ask(std::shared_ptr<look_up> into, question q) {
    try {
        into->found = co_await in_.find(std::move(q));
    } catch (...) {
        into->error = std::current_exception();
    }
    into->done.set();
}

asio::awaitable<std::optional<port::push_address>> early_addresses::find(question q) {
    auto node = early_.extract(key_of(q));
    if (node.empty() || rt::clock::now() - node.mapped()->began >= k_fresh)
        co_return co_await in_.find(std::move(q));
    const auto mine = node.mapped();
    co_await mine->done.wait();
    if (mine->error) std::rethrow_exception(mine->error);
    co_return std::move(mine->found);
}

} // namespace z360::adapter::push
