// SPDX-License-Identifier: LicenseRef-z360-proprietary
// One life of a node: the engine, the Telnyx client, the records client and the reconciler as they run in
// production, over a store, a carrier and a clock that the world plays.
#pragma once

#include "adapter/telnyx/client.hpp"
#include "adapter/telnyx/records_client.hpp"
#include "ports.hpp"

#include <z360/engine/engine.hpp>
#include <z360/engine/reconciler.hpp>
#include <z360/engine/request.hpp>
#include <z360/rt/sync.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace z360::testing {

class node;
class world;

using request_answer = std::function<void(std::optional<engine::submission>)>;

class process {
  public:
    process(world& w, node& n);
    process(const process&) = delete;
    process& operator=(const process&) = delete;

    void start();
    void accept(std::string body, std::function<void(bool)> answer);
    void submit(engine::request r, request_answer answer);
    [[nodiscard]] bool idle() const;
    [[nodiscard]] bool remembers() const { return engine_->now().calls_in_memory > 0; }
    /// Like kill -9: from now on nothing that it does has any effect. What it was in the middle of is
    /// cancelled; that takes no time.
    void kill();
    /// Killed, and nothing of it is left running: it may be destroyed.
    [[nodiscard]] bool gone() const { return gone_; }

  private:
    boost::asio::awaitable<void> end();
    boost::asio::awaitable<void> take(std::string body, std::function<void(bool)> answer);
    boost::asio::awaitable<void> ask(engine::request r, request_answer answer);

    link link_;
    skewed_clock clock_;
    watching_metrics metrics_;
    network http_;
    push_way pushes_;
    unlimited_dials budget_;
    coin_hint hint_;
    fixed_route directory_;
    calls_port calls_;
    inbox_port inbox_;
    silence_port silence_;
    spool_port spool_;
    std::unique_ptr<port::telnyx_api> telnyx_;
    std::unique_ptr<port::carrier_records> records_;
    std::unique_ptr<engine::reconciler> reconciler_;
    std::unique_ptr<engine::engine> engine_;
    rt::task_group sockets_; ///< webhooks and requests being taken
    bool gone_ = false;
};

} // namespace z360::testing
