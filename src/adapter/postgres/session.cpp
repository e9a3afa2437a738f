// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/session.hpp"

#include <libpq-fe.h>
#include <poll.h>

#include <chrono>
#include <utility>

namespace z360::adapter::postgres {
namespace {

// libpqxx 6 hands its policy a text and nothing else; what it is to take over waits here while it is
// constructed.
thread_local decltype(servers::connection::handle) t_made;

std::string pass_on(servers::connection& made) {
    t_made = std::move(made.handle);
    return {};
}

// false: it broke or said nothing.
bool wait_for_result(PGconn* c, std::chrono::steady_clock::time_point until) {
    while (PQisBusy(c) == 1) {
        const auto left = std::chrono::ceil<millis>(until - std::chrono::steady_clock::now());
        pollfd p{PQsocket(c), POLLIN, 0};
        if (left <= millis::zero() || ::poll(&p, 1, static_cast<int>(left.count())) <= 0) return false;
        if (PQconsumeInput(c) != 1) return false;
    }
    return true;
}

std::string session_settings(millis statement_timeout) {
    const auto ms = std::to_string(statement_timeout.count());
    // Every statement of ours looks rows up by key. Plans are made once per connection, possibly while the
    // tables are still empty, and must stay good as they grow: nested loops over indexes, never a scan of
    // everything. JIT would compile each of them, because the ban on scans counts as an enormous cost.
    // They go with the connect: a statement of its own would have no limit yet.
    const std::string plans = " -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"
                              " -c plan_cache_mode=force_generic_plan -c jit=off";
    return plans +
           " -c synchronous_commit=on -c timezone=UTC -c client_encoding=UTF8 -c statement_timeout=" + ms +
           " -c idle_in_transaction_session_timeout=" + ms;
}

} // namespace

ready_connection::handle ready_connection::do_startconnect(handle orig) {
    return orig ? orig : t_made.release();
}

session::session(const secret& url, millis statement_timeout)
    : session(servers(url).connect(session_settings(statement_timeout))) {}

session::session(servers& among, millis statement_timeout, const std::atomic<bool>* stop)
    : session(among.connect(session_settings(statement_timeout), stop)) {}

session::session(servers::connection made) : session(made.handle.get(), made) {}

session::session(pg_conn* raw, servers::connection& made)
    : pqxx::basic_connection_base<ready_connection>(pass_on(made)), raw_(raw), server_(made.server) {
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdeprecated-declarations" // the only way in libpqxx 6
    inhibit_reactivation(true);
#pragma clang diagnostic pop
    set_verbosity(terse); // DETAIL lines quote whole rows: names and phone numbers
}

bool session::stale() const {
    pollfd p{sock(), POLLIN, 0};
    return p.fd < 0 || ::poll(&p, 1, 0) != 0;
}

// By libpq itself, because libpqxx 6 waits for answers without end.
bool session::answers(millis limit) {
    const auto until = std::chrono::steady_clock::now() + limit;
    if (PQsendQuery(raw_, "") != 1) return false;
    for (;;) {
        if (!wait_for_result(raw_, until)) return false;
        PGresult* r = PQgetResult(raw_);
        if (r == nullptr) return PQstatus(raw_) == CONNECTION_OK;
        PQclear(r);
    }
}

} // namespace z360::adapter::postgres
