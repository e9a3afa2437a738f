// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What the web product may send to phones, told before it is put anywhere.
#pragma once

#include <z360/push/message.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace z360::wire {

/// Of the data and the link together, as JSON. With that much, and texts cut as short as they may be, a push
/// fits every provider, whatever the device and the organisation are called.
inline constexpr std::size_t k_business_data_limit = 2048;
[[nodiscard]] std::size_t business_data_size(const push::text& t);

/// A fault by its field: type, link, data. Texts of the push are not quoted, names of its data are.
struct business_fault {
    std::string_view field;
    std::string why;
};
/// Empty: it can be sent, if it is not too large.
[[nodiscard]] std::vector<business_fault> business_faults(const push::text& t);

} // namespace z360::wire
