// SPDX-License-Identifier: LicenseRef-z360-proprietary
// How long Telnyx asks to be left alone. Pure.
#pragma once

#include <z360/base/time.hpp>
#include <z360/http/message.hpp>

#include <optional>
#include <string_view>

namespace z360::adapter::telnyx {

/// The longest pause that the server asks for with x-ratelimit-reset, retry-after or retry-after-ms, at most
/// a minute; nullopt: none. Seconds may have fractions; numbers that only make sense as a Unix time, and
/// dates (HTTP's and RFC 3339's), are taken as the end of the pause, by the reply's own Date where there is
/// one (our clock need not agree with the server's), else by `now`. What lies in the past is a pause of 0.
[[nodiscard]] std::optional<millis> asked_pause(const http::headers& headers, time_point now);

/// One of the three forms of RFC 9110 §5.6.7: `Wed, 21 Oct 2026 07:28:00 GMT`, `Wednesday, 21-Oct-26 07:28:00
/// GMT`, `Wed Oct 21 07:28:00 2026`; also with UTC or +0000 for GMT, and without the weekday, as proxies
/// write.
[[nodiscard]] std::optional<time_point> parse_http_date(std::string_view text);

} // namespace z360::adapter::telnyx
