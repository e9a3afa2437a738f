// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <string_view>

namespace z360::wire {

/// A webhook's type as the label of a figure: the type itself where it is one of the carrier's that a call
/// of ours brings about, else "other". Of a fixed set, whatever is sent, and valid for ever.
[[nodiscard]] std::string_view event_type_label(std::string_view event_type);

} // namespace z360::wire
