// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What stands in front of several nodes: passes each request to the next node whose /readyz says 200, and its
// answer back. It never tries a second node: who sends webhooks does that. Own threads; every method may be
// called from any.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace z360::testing {

class balancer {
  public:
    /// Listens on 127.0.0.1, a port of the kernel's choice, for the nodes at these ports.
    explicit balancer(std::vector<std::uint16_t> nodes);
    ~balancer();
    balancer(const balancer&) = delete;
    balancer& operator=(const balancer&) = delete;

    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] std::string url(const std::string& path) const;
    /// Whether node `n` gets requests. When none is ready, all do: some answer may be better than none.
    [[nodiscard]] bool in_rotation(std::size_t n) const;
    /// Requests that found a node's port closed, or whose connection a node ended without an answer.
    [[nodiscard]] unsigned refused() const { return refused_; }

  private:
    struct target {
        std::uint16_t port = 0;
        bool ready = true;
    };
    struct conversation {
        int client = -1;
        std::atomic<bool> over{false};
        std::thread thread;
    };

    void accept_clients();
    void check_nodes();
    void converse(conversation& c);
    [[nodiscard]] std::uint16_t next();
    [[nodiscard]] std::string exchange(const std::string& request);

    std::uint16_t port_ = 0;
    int listener_ = -1;
    std::atomic<bool> stopping_{false};
    std::atomic<unsigned> refused_{0};
    mutable std::mutex mutex_;
    std::vector<target> targets_;           ///< under the mutex
    std::size_t turn_ = 0;                  ///< under the mutex
    std::list<conversation> conversations_; ///< of the accepting thread, after its end of the destructor
    std::thread acceptor_;
    std::thread checker_;
};

} // namespace z360::testing
