// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include "adapter/http2/dial.hpp"
#include "adapter/http2/session.hpp"

#include <z360/rt/sync.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ssl/context.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace z360::adapter::http2 {

/// What all connections of a pool share. Outlives them.
struct connection_setup {
    asio::any_io_executor ex;
    route to;
    std::shared_ptr<asio::ssl::context> tls; ///< null: clear text
    duration connect_timeout{};
    duration tls_timeout{};
    session_settings session; ///< but for its id
};

class connection;

/// Who owns connections: gives them requests and hears of everything. Called on the loop, never from within
/// one of its own calls to a connection, except next() from within none at all.
class connection_owner {
  public:
    virtual ~connection_owner() = default;
    /// The next request of the line; null: none.
    virtual exchange_ptr next() = 0;
    virtual void settled(session::finished f) = 0;
    virtual void said_goaway(connection& c, const h2::goaway& g) = 0;
    /// The server's SETTINGS are here.
    virtual void opened(connection& c) = 0;
    /// Something has happened: there may be room, or no more.
    virtual void changed(connection& c) = 0;
};

/// One connection from its first look-up to its end.
class connection {
  public:
    connection(const connection_setup& setup, connection_owner& owner, std::uint64_t id);
    virtual ~connection() = default;
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;

    /// Its whole life; afterwards every exchange that it took is settled. Does not throw when cancelled.
    [[nodiscard]] virtual boost::asio::awaitable<void> run() = 0;
    /// There may be something to write.
    void kick() {
        kicked_ = true;
        kick_.set();
    }
    /// No new streams; ends with the last one.
    void drain();
    /// Ends it at once.
    void abort(h2::cause why);

    [[nodiscard]] session& talk() { return session_; }
    [[nodiscard]] const session& talk() const { return session_; }
    [[nodiscard]] std::uint64_t id() const { return id_; }
    /// The writer will look for requests by itself.
    [[nodiscard]] bool kicked() const { return kicked_; }
    /// The server's SETTINGS have come; from then on it counts as one that worked.
    [[nodiscard]] bool was_opened() const { return opened_; }
    [[nodiscard]] moment began() const { return began_; }
    /// What came of opening it, as a label; "ok" once it was opened.
    [[nodiscard]] std::string_view result() const { return opened_ ? "ok" : failed_.what; }
    /// Why it could not be opened, for the log.
    [[nodiscard]] const std::string& error() const { return failed_.error; }

  protected:
    virtual void close_socket() = 0;
    /// Hands on what the session has come to.
    void report();

    const connection_setup& setup_;
    connection_owner& owner_;
    const std::uint64_t id_;
    const moment began_;
    session session_;
    rt::event kick_;
    rt::event look_; ///< at the time, sooner than planned
    rt::task_group loops_;
    dialed failed_;
    h2::cause why_ = h2::cause::lost;
    bool opened_ = false;
    bool kicked_ = false;
    bool ended_ = false; ///< by us, in peace
};

[[nodiscard]] std::shared_ptr<connection>
make_connection(const connection_setup& setup, connection_owner& owner, std::uint64_t id);

} // namespace z360::adapter::http2
