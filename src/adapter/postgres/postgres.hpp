// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What the composition root needs of Postgres. No libpqxx header comes in with it.
#pragma once

#include <z360/base/secret.hpp>
#include <z360/base/time.hpp>
#include <z360/call/route.hpp>
#include <z360/port/agent_desk.hpp>
#include <z360/port/backlog.hpp>
#include <z360/port/books.hpp>
#include <z360/port/call_reader.hpp>
#include <z360/port/call_records.hpp>
#include <z360/port/call_store.hpp>
#include <z360/port/change_log.hpp>
#include <z360/port/client_reports.hpp>
#include <z360/port/credential_store.hpp>
#include <z360/port/dead_letters.hpp>
#include <z360/port/device_registry.hpp>
#include <z360/port/directory.hpp>
#include <z360/port/event_inbox.hpp>
#include <z360/port/metrics.hpp>
#include <z360/port/push_queue.hpp>
#include <z360/port/push_store.hpp>
#include <z360/port/reconcile_store.hpp>
#include <z360/port/recordings.hpp>
#include <z360/port/retention_store.hpp>
#include <z360/port/tenants.hpp>
#include <z360/port/token_store.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

namespace z360::adapter::crypto {
class vault;
}

namespace z360::adapter::postgres {

class pool;

/// Where the database is, and how patient one pool of connections is.
struct database_settings {
    std::string name = "calls"; ///< label `pool` of its figures; one for each pool of a process
    secret url;
    unsigned connections = 6;
    millis acquire_timeout{500};     ///< longest wait for a free connection
    millis statement_timeout{2'000}; ///< of the server; a silent server is given up at the sum of both
    std::size_t max_queue = 1'024;   ///< requests that may wait for a connection
};

struct database_health {
    bool up = false;
    unsigned connections = 0; ///< open now
    std::string error;        ///< why it is down
    unsigned losses = 0;      ///< connections lost since the start
};

/// What the server's clock said, and between which two moments. No waiting for a connection is in between.
struct clock_reading {
    std::chrono::steady_clock::time_point asked;
    std::chrono::steady_clock::time_point answered;
    std::chrono::sys_time<std::chrono::microseconds> server;
};

/// Postgres refused a statement for the sake of its values (a violated constraint, a trigger that raises), or
/// the statement is a bug of ours; trying again cures neither. Trouble of the server or of its schema is
/// port::unavailable instead. The text holds the statement's name and SQLSTATE, never the row.
class statement_error : public std::runtime_error {
  public:
    statement_error(const std::string& text, std::string state)
        : std::runtime_error(text), sqlstate(std::move(state)) {}
    std::string sqlstate;
};

/// Blocking connections on threads of their own. Create it on the loop's thread, destroy it there after every
/// coroutine that uses it has ended and before the io_context.
class database {
  public:
    /// Connects lazily; an unreachable server is no error here. `m` may be null and must outlive this.
    explicit database(database_settings s, port::metrics* m = nullptr);
    ~database();
    database(const database&) = delete;
    database& operator=(const database&) = delete;

    /// What the last use of the database showed; costs nothing.
    [[nodiscard]] database_health health() const;
    /// Asks the server for its time. Throws port::unavailable.
    [[nodiscard]] boost::asio::awaitable<clock_reading> ping();
    [[nodiscard]] pool& connections() { return *pool_; }

  private:
    std::unique_ptr<pool> pool_;
};

struct directory_settings {
    call::policy defaults;                       ///< for what an organisation has not set itself
    millis device_life{30LL * 24 * 3600 * 1000}; ///< a device silent for longer is not rung
    std::string
        connection_id; ///< numbers of this Telnyx connection only; empty: of any, if there is just one
    bool placing_enabled = true; ///< false: nobody calls out, but for emergency numbers
    int placed_at_once = 100;    ///< of an organisation that does not say otherwise
    int placed_per_minute = 20;  ///< of one person, likewise
};

[[nodiscard]] std::unique_ptr<port::event_inbox> make_event_inbox(database& db);
/// The hash, in hexadecimal digits, of what the agent that this leg leads to is sent. Called by any thread.
using reference_hash = std::function<std::string(const leg_id&)>;
/// Without `hash_of` no reference is stored: for whoever rings no agent.
[[nodiscard]] std::unique_ptr<port::call_store> make_call_store(database& db, reference_hash hash_of = {});
[[nodiscard]] std::unique_ptr<port::reconcile_store> make_reconcile_store(database& db);
[[nodiscard]] std::unique_ptr<port::retention_store> make_retention_store(database& db);
[[nodiscard]] std::unique_ptr<port::directory> make_directory(database& db, directory_settings s);
[[nodiscard]] std::unique_ptr<port::token_store> make_token_store(database& db);
/// `default_connection_id`: of numbers that come without one; empty: such numbers are refused.
[[nodiscard]] std::unique_ptr<port::tenants> make_tenants(database& db, std::string default_connection_id);
[[nodiscard]] std::unique_ptr<port::call_reader> make_call_reader(database& db);
[[nodiscard]] std::unique_ptr<port::call_records> make_call_records(database& db);
[[nodiscard]] std::unique_ptr<port::client_reports> make_client_reports(database& db);
[[nodiscard]] std::unique_ptr<port::recording_store> make_recording_store(database& db);
[[nodiscard]] std::unique_ptr<port::recording_reader> make_recording_reader(database& db);
[[nodiscard]] std::unique_ptr<port::backlog> make_backlog(database& db);
[[nodiscard]] std::unique_ptr<port::dead_letters> make_dead_letters(database& db);
/// `quiet`: a call is written down once nothing was told of it for so long.
[[nodiscard]] std::unique_ptr<port::book_store> make_book_store(database& db, millis quiet = millis{5'000});
[[nodiscard]] std::unique_ptr<port::book_reader> make_book_reader(database& db);
[[nodiscard]] std::unique_ptr<port::agent_desk> make_agent_desk(database& db);
[[nodiscard]] std::unique_ptr<port::change_log> make_change_log(database& db);
[[nodiscard]] std::unique_ptr<port::device_registry>
make_device_registry(database& db, std::shared_ptr<const crypto::vault> keys);
[[nodiscard]] std::unique_ptr<port::push_addresses>
make_push_addresses(database& db, std::shared_ptr<const crypto::vault> keys);
struct push_ledger_settings {
    std::size_t most_rows = 20'000; ///< of each kind that wait while Postgres is away; beyond: the oldest go
};
[[nodiscard]] std::unique_ptr<port::push_ledger> make_push_ledger(
    boost::asio::any_io_executor ex, database& db, port::metrics& metrics, push_ledger_settings s = {}
);
[[nodiscard]] std::unique_ptr<port::push_figures> make_push_figures(database& db);
[[nodiscard]] std::unique_ptr<port::push_queue> make_push_queue(database& db);
struct push_orders_settings {
    std::size_t most_waiting = 20'000; ///< messages of one organisation
};
[[nodiscard]] std::unique_ptr<port::push_orders> make_push_orders(database& db, push_orders_settings s = {});
[[nodiscard]] std::unique_ptr<port::audit_log> make_audit_log(database& db);
[[nodiscard]] std::unique_ptr<port::credential_store>
make_credential_store(database& db, std::shared_ptr<const crypto::vault> keys);

} // namespace z360::adapter::postgres
