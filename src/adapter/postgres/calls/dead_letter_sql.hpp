// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What the operators' commands and the API's routes share about dead letters. Private to
// src/adapter/postgres.
#pragma once

// A chance as of an event that has just come: its tries count anew.
#define Z360_AS_NEW                                                                                          \
    "set status = 'new', processed_at = null, attempts = 0, orphaned = false, claimed_until = "              \
    "clock_timestamp() "
