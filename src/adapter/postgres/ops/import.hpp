// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Taking over the devices and credentials of the system before.
#pragma once

#include "adapter/crypto/vault.hpp"

#include <z360/base/secret.hpp>
#include <z360/base/time.hpp>

#include <cstddef>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

namespace z360::adapter::postgres {

struct import_options {
    /// One bad line and nothing is changed. Otherwise bad lines are left out and the rest is taken.
    bool strict = false;
    time_point now{};
    /// Shortest life of a credential that is taken over: the old system's expiry was never told to Telnyx, so
    /// it is still good there, and a device is not cut off on the day of the move but gets a new identity in
    /// time.
    millis grace{72LL * 3'600'000};
    millis deletion_pause{200
    }; ///< between the deletions at Telnyx of two credentials that are not taken over
};

/// Why a line was left out.
struct import_problem {
    std::size_t line = 0; ///< from 1
    std::string field;    ///< empty: the line as a whole
    std::string reason;   ///< holds no value of a secret field
};

/// What of a good line is not taken, or ends.
struct import_note {
    std::size_t line = 0; ///< from 1
    std::string what;     ///< holds no value of a secret field
};

struct import_report {
    std::size_t lines = 0;
    std::size_t devices = 0;                  ///< added
    std::size_t registrations = 0;            ///< added
    std::size_t identities = 0;               ///< taken over as a device's own
    std::size_t pending = 0;                  ///< devices whose identity is made anew (CRED-03)
    std::size_t duplicates = 0;               ///< rows merged into another's device (CRED-05)
    std::size_t retired = 0;                  ///< devices' credentials to be deleted at Telnyx
    std::size_t organization_credentials = 0; ///< the same of an organisation's (BE-06)
    std::size_t unchanged = 0;                ///< rows that an import has taken before
    std::size_t bad_lines = 0;
    bool applied = true;                  ///< false: strict, and there are problems
    std::vector<import_problem> problems; ///< in the order of lines, at most 10 000
    std::size_t drops = 0;                ///< how many there are of the next
    std::vector<import_note> dropped;     ///< in the order of lines, at most 10 000
};

/// Called after each batch: lines read so far.
using import_progress = std::function<void(std::size_t)>;

/// Reads JSON lines of the tables user_device_tokens and user_telnyx_telephony_credentials. There is one
/// device per (user, device id). Its identity is the usable credential with the newest proof of life
/// (last_active_at, then updated_at, then id); the others, and every credential of an organisation, are
/// recorded to be deleted at Telnyx once every device is taken, but none that a device has, by id or SIP
/// username, or that a line names which was left out. Memory is bounded whatever the file's size; secrets are
/// encrypted before they touch the database. A device is one transaction: an import that was cut short is
/// repeated. A row is taken once, however often it is imported. Blocks. Throws port::unavailable.
import_report import_old_rows(
    std::istream& in, const secret& url, const crypto::vault& keys, const import_options& options,
    const import_progress& progress = {}
);

} // namespace z360::adapter::postgres
