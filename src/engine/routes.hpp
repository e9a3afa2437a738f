// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What the directory said last, for the time in which it says nothing. Private to src/engine.
#pragma once

#include <z360/call/route.hpp>
#include <z360/rt/time.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace z360::engine {

/// The value last put under each key, the most recently used of them, bounded.
template <class Key, class T>
class recent_map {
  public:
    using steady = rt::clock;
    explicit recent_map(std::size_t limit) : limit_(limit) {}

    void put(const Key& key, T value, steady::time_point now) {
        erase(key);
        order_.push_front({key, std::move(value), now});
        by_key_[key] = order_.begin();
        if (order_.size() <= limit_) return;
        by_key_.erase(order_.back().key);
        order_.pop_back();
    }
    /// Null: unknown, or put before `oldest`.
    [[nodiscard]] const T* find(const Key& key, steady::time_point oldest) {
        const auto found = by_key_.find(key);
        if (found == by_key_.end() || found->second->at < oldest) return nullptr;
        order_.splice(order_.begin(), order_, found->second);
        return &order_.front().value;
    }
    void erase(const Key& key) {
        const auto found = by_key_.find(key);
        if (found == by_key_.end()) return;
        order_.erase(found->second);
        by_key_.erase(found);
    }
    [[nodiscard]] std::size_t size() const { return order_.size(); }

  private:
    struct entry {
        Key key;
        T value;
        steady::time_point at;
    };
    std::size_t limit_;
    std::list<entry> order_; ///< the most recently used first
    std::unordered_map<Key, typename std::list<entry>::iterator> by_key_;
};

/// Routes by the number dialed, so that whoever calls it rings; names of callers apart, by organisation. A
/// number that is not ours is not remembered: it may be a minute later. Nor are hours and blocks, but for the
/// very caller that they were just told of: other nodes have heard the same, and copies of a call that ring
/// others than the stored one does are lost with all their legs.
class route_memory {
  public:
    using steady = rt::clock;
    explicit route_memory(std::size_t limit = 10'000) : routes_(limit), names_(limit), causes_(limit) {}

    void remember(const std::string& dialed, const std::string& caller, call::route r) {
        if (r.verdict == call::route_verdict::unknown_number) {
            routes_.erase(dialed);
            return;
        }
        const auto now = steady::now();
        names_.put(name_key(r.org, caller), std::move(r.caller_name), now);
        r.caller_name.clear();
        causes_.put(caller_key(dialed, caller), {r.cause, std::move(r.instead)}, now);
        // Another caller is not blocked, hours pass and talks end: who was wanted once is rather rung than
        // not.
        call::heed_nothing(r);
        r.instead.clear();
        routes_.put(dialed, std::move(r), now);
    }

    /// `away_since`: since when the directory has not answered. What was learned within an hour before that
    /// still holds: nothing of it can have been changed since.
    [[nodiscard]] std::optional<call::route>
    find(const std::string& dialed, const std::string& caller, steady::time_point away_since) {
        const auto oldest = away_since - k_life;
        const auto* known = routes_.find(dialed, oldest);
        if (known == nullptr) return std::nullopt;
        auto out = *known;
        if (const auto* name = names_.find(name_key(out.org, caller), oldest)) out.caller_name = *name;
        const auto* told = causes_.find(caller_key(dialed, caller), steady::now() - k_same_call);
        if (told != nullptr) std::tie(out.cause, out.instead) = *told;
        return out;
    }

  private:
    static constexpr std::chrono::hours k_life{1};
    static constexpr std::chrono::minutes k_same_call{1};
    static std::string caller_key(const std::string& dialed, const std::string& caller) {
        return dialed + "|" + caller;
    }
    static std::string name_key(org_id org, const std::string& caller) {
        return std::to_string(org.value) + "|" + caller;
    }
    recent_map<std::string, call::route> routes_;
    recent_map<std::string, std::string> names_;
    recent_map<std::string, std::pair<call::route_cause, std::string>> causes_; ///< and what is said instead
};

} // namespace z360::engine
