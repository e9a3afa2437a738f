// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The servers that a connection URL names (postgresql://a,b/db), and how one of them is reached.
#pragma once

#include <z360/base/secret.hpp>
#include <z360/base/time.hpp>

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>

struct pg_conn; // libpq's

namespace z360::adapter::postgres {

struct close_connection {
    void operator()(pg_conn* c) const;
};

/// Each server is tried alone and within a limit of its own, so that one that takes connections and says
/// nothing does not cost the others their turn (libpq's shortest limit is two seconds and is for all
/// addresses of a host together). The limit is a second, or the URL's `connect_timeout` up to ten. Of several
/// servers one that can be written to is wanted, unless `target_session_attrs` says otherwise. Safe from any
/// thread.
class servers {
  public:
    explicit servers(secret url) : url_(std::move(url)) {}

    struct connection {
        std::unique_ptr<pg_conn, close_connection> handle;
        std::size_t server = 0; ///< its place in the URL
    };

    /// In the order of the URL, beginning with the server that worked last; each address of a name counts as
    /// one. Blocks for 15 s at most (and for as long as the resolver of names does), and for 50 ms after
    /// `stop`, which may be null, became true. Throws pqxx::broken_connection, also for a URL that cannot be
    /// read. `options` are the session's settings; they replace those of the URL.
    [[nodiscard]] connection connect(const std::string& options, const std::atomic<bool>* stop = nullptr);

    /// `server` takes connections but is of no use: the next attempt begins with the one after it.
    void pass_over(std::size_t server);

  private:
    const secret url_;
    std::atomic<std::size_t> first_{0};
};

} // namespace z360::adapter::postgres
