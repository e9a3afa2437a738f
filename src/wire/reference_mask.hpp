// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The carrier repeats the headers of a dial in the leg's webhooks. What an agent's are worth is nobody's to
// read in what we keep of them.
#pragma once

#include <string>

namespace z360::wire {

/// The header that carries an agent's reference.
inline constexpr const char* k_reference_header = "X-Z360-Reference";

/// Where the body repeats that header, each run of 32 hexadecimal digits or more in its custom_headers
/// becomes one of "x". All other bodies stay as they came, byte for byte.
void mask_references(std::string& body);

} // namespace z360::wire
