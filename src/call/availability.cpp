// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/call/availability.hpp>

namespace z360::call {

std::string_view name(second_call p) {
    switch (p) {
    case second_call::ring: return "ring";
    case second_call::others: return "others";
    case second_call::none: return "none";
    }
    return "?";
}

std::optional<second_call> second_call_named(std::string_view word) {
    for (const auto p : {second_call::ring, second_call::others, second_call::none})
        if (name(p) == word) return p;
    return std::nullopt;
}

std::string_view name(kept_out w) {
    switch (w) {
    case kept_out::none: return "none";
    case kept_out::do_not_disturb: return "do_not_disturb";
    case kept_out::busy: return "busy";
    }
    return "?";
}

kept_out keeps_out(const occupation& person, bool device_do_not_disturb, bool device_talks) {
    if (person.do_not_disturb || device_do_not_disturb) return kept_out::do_not_disturb;
    switch (person.policy) {
    case second_call::ring: return kept_out::none;
    case second_call::others: return device_talks ? kept_out::busy : kept_out::none;
    case second_call::none: return person.talks || device_talks ? kept_out::busy : kept_out::none;
    }
    return kept_out::none;
}

kept_out keeps_out_mobile(const occupation& person) {
    if (person.do_not_disturb) return kept_out::do_not_disturb;
    return person.talks && person.policy != second_call::ring ? kept_out::busy : kept_out::none;
}

} // namespace z360::call
