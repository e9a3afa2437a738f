// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <z360/base/time.hpp>

#include <cstddef>
#include <optional>
#include <string>

namespace z360::http {

/// What a PEM file with a certificate chain says (SYS-01).
struct certificate_status {
    std::string error;     ///< empty: the file could be read; else what is wrong and where
    std::string subject;   ///< of the first certificate, e.g. "CN=voip.example.com"
    time_point not_before; ///< the latest beginning in the chain: before it clients refuse it
    time_point not_after;  ///< the earliest end in the chain: from then on clients refuse it
    std::size_t certificates = 0;

    [[nodiscard]] bool ok() const { return error.empty(); }
    /// Negative once expired.
    [[nodiscard]] double days_left(time_point now) const;
    /// Empty: clients take it now. Else since when they do not, or from when on they will.
    [[nodiscard]] std::string fault_at(time_point now) const;
};

/// Reads a PEM chain file. Never throws; looks at no private key.
[[nodiscard]] certificate_status read_certificate(const std::string& path);

/// What a server that starts with these files says: they cannot be read, or do not belong together. Empty:
/// nothing.
[[nodiscard]] std::string identity_fault(const std::string& certificate_file, const std::string& key_file);

/// The alarm that this many days call for: the smallest of 30, 14, 7 and 1 that is not less than
/// `days_left`; nullopt when there is more time than that.
[[nodiscard]] std::optional<int> certificate_alarm(double days_left);

} // namespace z360::http
