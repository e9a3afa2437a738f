// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include "edge/api/problem.hpp"

namespace z360::edge::api {

/// The states of calls and devices, which may follow which, and how the fifteen names of the clients map onto
/// them (STATE-01). Made of the call core's own names; a test compares the transitions with what the core
/// does.
[[nodiscard]] json state_model();

} // namespace z360::edge::api
