// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Addresses that are looked up while the decision that needs them is being stored.
#pragma once

#include <z360/base/time.hpp>
#include <z360/port/push_store.hpp>
#include <z360/rt/sync.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <tuple>

namespace z360::adapter::push {

/// On the loop's thread. Outlives nobody who waits: join() before it goes.
class early_addresses final : public port::push_addresses {
  public:
    early_addresses(boost::asio::any_io_executor ex, port::push_addresses& in);
    ~early_addresses() override;
    early_addresses(const early_addresses&) = delete;
    early_addresses& operator=(const early_addresses&) = delete;

    /// It will be asked for in a moment. At most 2,000 wait; beyond, and where nobody comes for it within 3
    /// s, it is as if this had not been said.
    void expect(question q);
    boost::asio::awaitable<std::optional<port::push_address>> find(question q) override;
    boost::asio::awaitable<void> join() { return tasks_.join(); }

  private:
    struct look_up;
    using key = std::tuple<device_id, org_id, device_id, std::string>;
    static key key_of(const question& q) { return {q.device, q.org, q.winner, q.caller}; }
    boost::asio::awaitable<void> ask(std::shared_ptr<look_up> into, question q);
    void forget_old();

    boost::asio::any_io_executor ex_;
    port::push_addresses& in_;
    std::map<key, std::shared_ptr<look_up>> early_;
    rt::task_group tasks_;
};

} // namespace z360::adapter::push
