// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Bodies that a client has compressed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace z360::http {

/// How taking back a compression went.
enum class inflation : std::uint8_t {
    whole,
    broken,    ///< no gzip, cut short, damaged, or with something behind it
    too_large, ///< it would be more than was allowed
};
struct inflated {
    inflation how = inflation::broken;
    std::string bytes; ///< of a whole one
};

/// One member of gzip (RFC 1952), its checksum included. Gives at most `most` bytes, and at most a hundred
/// times what was sent where that is more than 64 KiB: who sends little cannot have much made of it. Takes
/// memory for what it gives, and some 50 KB. Pure.
[[nodiscard]] inflated gunzip(std::string_view sent, std::size_t most);

} // namespace z360::http
