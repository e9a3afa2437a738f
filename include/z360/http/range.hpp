// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Parts of a long content, as players ask for them when somebody jumps ahead (RFC 9110, section 14).
#pragma once

#include <z360/http/message.hpp>

#include <cstdint>
#include <string_view>

namespace z360::http {

/// What is asked for, of a content of a known size.
struct content_part {
    enum class kind {
        whole,   ///< no part, or in a way that a server may pass over: `first` 0, `length` all
        part,    ///< lies within the content and is not empty
        outside, ///< none of it lies within the content: 416
    };
    kind what = kind::whole;
    std::uint64_t first = 0;
    std::uint64_t length = 0;

    friend bool operator==(const content_part&, const content_part&) = default;
};

/// Reads a Range header. Several ranges, other units and what is malformed count as none.
[[nodiscard]] content_part read_range(std::string_view range, std::uint64_t size);
/// What this request asks for. Only a GET asks for parts, and none with If-Range does: it names a version,
/// and we name none.
[[nodiscard]] content_part asked_part(const request& req, std::uint64_t size);
/// Says in status and headers that `r` holds this part, which is not outside.
void mark_part(response& r, const content_part& part, std::uint64_t size);
/// Says in status and headers that what was asked for is outside.
void mark_outside(response& r, std::uint64_t size);
/// The answer to who asks for what is outside.
[[nodiscard]] response range_refused(std::uint64_t size);

} // namespace z360::http
