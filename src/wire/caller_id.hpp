// SPDX-License-Identifier: LicenseRef-z360-proprietary
// As which of an organisation's numbers a person is shown, when they do not say.
#pragma once

#include <string_view>

namespace z360::wire {

struct caller_id {
    std::string_view number; ///< "+…"
    bool mine = false;       ///< calls to it are for whoever calls
    bool usual = false;      ///< the organisation's default
};

/// How well a number fits a call to `to`: in the country that is called before others, the caller's own
/// before others, the default before others. The greatest is shown; of equals the first. `to` is "+…", whole
/// or only its beginning; anything else, such as an emergency number, is in no country.
[[nodiscard]] int caller_id_weight(const caller_id& n, std::string_view to);

} // namespace z360::wire
