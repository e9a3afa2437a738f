// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <stdexcept>
#include <string>

namespace z360::port {

/// An outside dependency cannot be used right now: unreachable, timed out, overloaded. The caller degrades
/// one feature and tries again later. The text is for the log and holds no secret.
class unavailable : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// A row was written by a newer program, in a form that this one cannot read. It is left alone, uncounted,
/// for a node that can (a rolling deploy runs both). Its text has `, this program reads up to ` in it or ends
/// in ` that this program does not know`: by these words, stored with an event that is put off, the node that
/// can read it finds it.
class newer_form : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

} // namespace z360::port
