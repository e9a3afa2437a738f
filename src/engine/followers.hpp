// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Effects of this node that wait for another one's success (call::effect::after). Private to src/engine.
#pragma once

#include <z360/base/ids.hpp>
#include <z360/base/time.hpp>
#include <z360/call/effect.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace z360::engine {

/// Everything here is in the outbox too, so any of it may be forgotten: then it starts when it is released,
/// or when a sweep finds that it is its turn. That keeps the number bounded. On the loop's thread.
class followers {
  public:
    struct one {
        call_id call;
        call::effect what; ///< with `after`
        std::optional<unsigned>
            made; ///< attempts known of another node that left it behind; nullopt: it is ours
    };
    explicit followers(std::size_t most = 10'000) : most_(most) {}

    /// Once, however often it is told; the newest telling counts.
    void keep(one f);
    /// Those that wait for this one; they are forgotten here.
    [[nodiscard]] std::vector<one> take(const std::string& predecessor);
    void forget(const std::string& effect_id);
    void forget_late(time_point now);
    [[nodiscard]] std::size_t size() const { return predecessor_of_.size(); }

  private:
    std::size_t most_;
    std::unordered_map<std::string, std::vector<one>> waiting_; ///< by the id of what they wait for
    std::unordered_map<std::string, std::string> predecessor_of_;
};

} // namespace z360::engine
