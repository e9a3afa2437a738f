// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <string>
#include <string_view>

namespace z360::adapter::postgres {

/// "Demo Company, Ltd." is organisation demo-company-ltd: 1 … 63 of a-z, 0-9 and '-', whatever the name.
[[nodiscard]] std::string slug_of(std::string_view name);
[[nodiscard]] bool is_slug(std::string_view text);

} // namespace z360::adapter::postgres
