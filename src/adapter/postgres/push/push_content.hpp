// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What people read, as it is kept with a message, and ids. Private to src/adapter/postgres.
#pragma once

#include <z360/base/ids.hpp>
#include <z360/push/message.hpp>

#include <pqxx/pqxx>

#include <string>
#include <string_view>

namespace z360::adapter::postgres {

[[nodiscard]] std::string content_of(const push::text& t);
/// Whatever is not there is empty: another program may have written it.
[[nodiscard]] push::text text_of(std::string_view content);

[[nodiscard]] inline uuid uuid_of(const pqxx::field& f) {
    return uuid::parse(f.c_str()).value_or(uuid{});
}

} // namespace z360::adapter::postgres
