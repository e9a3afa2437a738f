// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The one list of a push's fields, for both providers: name and text. Private to src/wire.
#pragma once

#include "wire/push_request.hpp"

#include <z360/push/message.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace z360::wire {

using push_fields = std::vector<std::pair<std::string, std::string>>;

/// How much of what may be cut is left, and what the last cut took.
struct push_cut {
    std::string_view took;
    bool spare_avatars = true;
    bool avatar = true;
    std::size_t organisation = 128; ///< characters, as all here
    std::size_t name = 128;
    std::size_t body = 1000;
    std::size_t title = 200;
};
/// In the order in which things go when a push is too large: what is there twice, the picture, the ends of
/// long names and texts. Nothing else is ever left out.
[[nodiscard]] const std::array<push_cut, 7>& push_cuts();

/// Everything but what the provider itself wants. Every value is clean UTF-8; the ring ticket is among them.
[[nodiscard]] push_fields fields_of(const push::message& m, const push_cut& cut);

/// What a notification shows: of the message, else made from the call.
struct push_words {
    std::string title;
    std::string body;
};
[[nodiscard]] push_words words_of(const push::message& m, const push_cut& cut);

/// `none`, and empty text: it can be built. What holds for both providers.
struct push_refusal {
    push_fault fault = push_fault::none;
    std::string why;
};
[[nodiscard]] push_refusal check_push(const push::message& m, const push::target& to, time_point now);

struct push_sized {
    std::string body;
    std::size_t counted = 0; ///< as the provider counts
};
/// Ever smaller until it fits, or nothing is left to cut.
template <class Build>
[[nodiscard]] push_sized fit_push(Build build, std::size_t limit, std::vector<std::string_view>& trimmed) {
    push_sized out = build(push_cuts().front());
    for (std::size_t i = 1; i < push_cuts().size() && out.counted > limit; ++i) {
        const auto before = out.counted;
        out = build(push_cuts().at(i));
        if (out.counted < before) trimmed.push_back(push_cuts().at(i).took);
    }
    return out;
}

} // namespace z360::wire
