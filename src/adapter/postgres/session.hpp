// SPDX-License-Identifier: LicenseRef-z360-proprietary
// One blocking connection.
#pragma once

#include "adapter/postgres/servers.hpp"

#include <z360/base/secret.hpp>
#include <z360/base/time.hpp>

#include <pqxx/pqxx>

#include <atomic>
#include <cstddef>
#include <string>

namespace z360::adapter::postgres {

/// Takes over a connection that `servers` has made, because libpqxx 6 can neither limit a connect nor choose
/// among hosts by itself.
class ready_connection : public pqxx::connectionpolicy {
  public:
    explicit ready_connection(const std::string& unused) : connectionpolicy(unused) {}
    handle do_startconnect(handle orig) override;
};

/// A connection that never reconnects by itself: who owns it must know when its session is lost.
class session : public pqxx::basic_connection_base<ready_connection> {
  public:
    /// Commits are durable in every session, whatever the database's default is. Zero: no time limit of
    /// statements. Blocks and throws as servers::connect does.
    explicit session(const secret& url, millis statement_timeout = millis::zero());
    session(servers& among, millis statement_timeout, const std::atomic<bool>* stop);

    /// The server has hung up (or said anything) while nobody was asking. Costs one system call.
    [[nodiscard]] bool stale() const;
    /// Sends an empty statement and waits for its answer, at most `limit`. After false it is of no further
    /// use.
    [[nodiscard]] bool answers(millis limit);
    /// Which of the URL's servers it is with.
    [[nodiscard]] std::size_t server() const { return server_; }

  private:
    explicit session(servers::connection made);
    session(pg_conn* raw, servers::connection& made);
    pg_conn* const raw_;
    const std::size_t server_;
};

} // namespace z360::adapter::postgres
