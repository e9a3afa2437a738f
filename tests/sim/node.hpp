// SPDX-License-Identifier: LicenseRef-z360-proprietary
// One node: what survives its deaths, and the process that runs on it at the moment.
#pragma once

#include "process.hpp"

#include <z360/port/event_inbox.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace z360::testing {

class world;

class node {
  public:
    node(world& w, std::size_t index) : w_(w), index_(index) {}
    node(const node&) = delete;
    node& operator=(const node&) = delete;

    [[nodiscard]] bool alive() const { return process_ != nullptr; }
    [[nodiscard]] std::size_t index() const { return index_; }
    [[nodiscard]] std::uint64_t life() const { return life_; }
    /// Nothing left to do but sweep.
    [[nodiscard]] bool idle() const { return process_ && process_->idle() && spool.empty(); }
    /// A call is in its memory.
    [[nodiscard]] bool remembers() const { return process_ && process_->remembers(); }
    void start();
    /// Memory is gone; what was sent is on its way; the spool is on disk.
    void kill();
    /// A webhook's body; `answer` hears whether it may be told 200, unless the node dies before.
    void accept(std::string body, std::function<void(bool)> answer);
    /// A request of a device; `answer` hears what came of it, nullopt: it was not taken, ask again. Not if
    /// the node dies before.
    void submit(engine::request r, request_answer answer);
    /// Frees what has died. True: nothing of a killed process is left.
    bool buried();

    std::vector<port::inbox_event> spool; ///< on disk

  private:
    world& w_;
    std::size_t index_;
    std::uint64_t life_ = 0;
    std::unique_ptr<process> process_;
    std::vector<std::unique_ptr<process>> dying_;
};

} // namespace z360::testing
