// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A decided item as it is remembered. Private to src/engine.
#pragma once

#include "engine/fold.hpp"

#include <memory>
#include <type_traits>
#include <variant>

namespace z360::engine {

/// Every live call keeps a dozen of them for a minute, half of them what is told of a leg: the larger kinds
/// of event lie elsewhere, or all would be as large as the largest.
class remembered {
  public:
    explicit remembered(const item& i)
        : what_(packed(i.what)), inbox_id_(i.inbox_id), since_(i.since), decided_at_(i.decided_at),
          judged_(i.judged), heeded_(i.heeded), followed_(i.followed) {}

    [[nodiscard]] item again() const {
        item out;
        out.what = std::visit([](const auto& e) { return call::event(unpacked(e)); }, what_);
        out.inbox_id = inbox_id_;
        out.since = since_;
        out.decided_at = decided_at_;
        out.judged = judged_;
        out.heeded = heeded_;
        out.followed = followed_;
        return out;
    }
    [[nodiscard]] rt::clock::time_point since() const { return since_; }

  private:
    static constexpr std::size_t k_large = 64; ///< bytes
    template <class E>
    using kept = std::conditional_t<(sizeof(E) > k_large), std::shared_ptr<const E>, E>;
    template <class V>
    struct small;
    template <class... E>
    struct small<std::variant<E...>> {
        using type = std::variant<kept<E>...>;
    };
    using what = small<call::event>::type;

    static what packed(const call::event& from) {
        return std::visit(
            [](const auto& e) {
                using kind = std::decay_t<decltype(e)>;
                if constexpr (sizeof(kind) > k_large)
                    return what(std::make_shared<const kind>(e));
                else
                    return what(e);
            },
            from
        );
    }
    template <class E>
    static const E& unpacked(const E& e) {
        return e;
    }
    template <class E>
    static const E& unpacked(const std::shared_ptr<const E>& e) {
        return *e;
    }

    what what_;
    std::string inbox_id_;
    rt::clock::time_point since_;
    std::optional<time_point> decided_at_;
    std::optional<call::refusal> judged_;
    bool heeded_;
    bool followed_;
};

} // namespace z360::engine
