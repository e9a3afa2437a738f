// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What people read, as it is kept with a message. Private to src/adapter/postgres.
#pragma once

#include <z360/push/message.hpp>

#include <string>
#include <string_view>

namespace z360::adapter::postgres {

[[nodiscard]] std::string content_of(const push::text& t);
/// Whatever is not there is empty: another program may have written it.
[[nodiscard]] push::text text_of(std::string_view content);

} // namespace z360::adapter::postgres
