// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Whose a leg is that bears our mark and belongs to no call. Private to src/engine.
#pragma once

#include <z360/base/time.hpp>
#include <z360/port/directory.hpp>

#include <boost/asio/awaitable.hpp>

#include <string>

namespace z360::engine {

/// Whether this database could have dialed it: it rings a device that is, or was, ours; or the mobile number
/// of the person whose number its session's caller called. The mark says who has the key, which another
/// installation may share, and the same mobile number may be known to both: only together with a number of
/// ours that was called does it prove anything. `to`: whom it rings, as the carrier writes it. `called`: what
/// the caller dialed, +E.164. Either empty: not told, and then nobody's to hang up. Throws unavailable.
[[nodiscard]] boost::asio::awaitable<bool>
is_ours(port::directory& directory, std::string to, std::string called, time_point now);

} // namespace z360::engine
