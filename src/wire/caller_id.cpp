// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/caller_id.hpp"

#include "wire/countries.hpp"

namespace z360::wire {
namespace {

std::string_view code_of(std::string_view e164) {
    return e164.starts_with('+') ? calling_code_of(e164.substr(1)) : std::string_view{};
}

} // namespace

int caller_id_weight(const caller_id& n, std::string_view to) {
    const auto code = code_of(to);
    const bool at_home = !code.empty() && code_of(n.number) == code;
    return (at_home ? 4 : 0) + (n.mine ? 2 : 0) + (n.usual ? 1 : 0);
}

} // namespace z360::wire
