// SPDX-License-Identifier: LicenseRef-z360-proprietary
// One blocking connection.
#pragma once

#include <z360/base/secret.hpp>
#include <z360/base/time.hpp>

#include <pqxx/pqxx>

#include <string>

namespace z360::adapter::postgres {

/// Connects within a second or throws pqxx::broken_connection. (libpq's own connect_timeout is at least two
/// seconds, and libpqxx 6 has no other.) Session settings go with the connect for the same reason: a
/// statement of its own would have no limit yet. libpqxx hands over one text: settings, newline, URL.
class bounded_connect : public pqxx::connectionpolicy {
  public:
    explicit bounded_connect(const std::string& settings_and_url) : connectionpolicy(settings_and_url) {}
    handle do_startconnect(handle orig) override;
};

/// A connection that never reconnects by itself: who owns it must know when its session is lost.
class session : public pqxx::basic_connection_base<bounded_connect> {
  public:
    /// Commits are durable in every session, whatever the database's default is. Zero: no time limit.
    explicit session(const secret& url, millis statement_timeout = millis::zero());

    /// The server has hung up (or said anything) while nobody was asking. Costs one system call.
    [[nodiscard]] bool stale() const;
};

} // namespace z360::adapter::postgres
