// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/session.hpp"

#include <libpq-fe.h>
#include <poll.h>

#include <chrono>
#include <memory>

namespace z360::adapter::postgres {
namespace {

using steady = std::chrono::steady_clock;
constexpr millis k_connect_limit{1'000};

std::string first_line(const char* text) {
    std::string_view t = text ? text : "";
    t = t.substr(0, t.find('\n'));
    return std::string(t.empty() ? "no reason given" : t);
}

// Waits for the socket; false when the limit is over.
bool wait_socket(PGconn* c, short what, steady::time_point until) {
    const auto left = std::chrono::ceil<millis>(until - steady::now());
    if (left <= millis::zero()) return false;
    pollfd p{PQsocket(c), what, 0};
    return ::poll(&p, 1, static_cast<int>(left.count())) != 0; // an error shows in the next PQconnectPoll
}

std::string session_settings(millis statement_timeout) {
    const auto ms = std::to_string(statement_timeout.count());
    // Every statement of ours looks rows up by key. Plans are made once per connection, possibly while the
    // tables are still empty, and must stay good as they grow: nested loops over indexes, never a scan of
    // everything. JIT would compile each of them, because the ban on scans counts as an enormous cost.
    const std::string plans = " -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"
                              " -c plan_cache_mode=force_generic_plan -c jit=off";
    return plans +
           " -c synchronous_commit=on -c timezone=UTC -c client_encoding=UTF8 -c statement_timeout=" + ms +
           " -c idle_in_transaction_session_timeout=" + ms;
}

} // namespace

bounded_connect::handle bounded_connect::do_startconnect(handle orig) {
    if (orig) return orig;
    // What stands before dbname is a default that the URL may override. Keepalive and user timeout find a
    // peer that vanished from the network; a stopped process is found by the pool's deadline.
    static constexpr const char* k_words[] = {"application_name", "keepalives_idle",  "keepalives_interval",
                                              "keepalives_count", "tcp_user_timeout", "gssencmode",
                                              "dbname",           "options",          nullptr};
    const auto split = options().find('\n');
    const auto settings = options().substr(0, split);
    const char* values[] = {
        "z360-voip",      "10",   "2", "3", "2000", "disable", options().c_str() + split + 1,
        settings.c_str(), nullptr
    };
    std::unique_ptr<PGconn, decltype(&PQfinish)> owned(PQconnectStartParams(k_words, values, 1), &PQfinish);
    PGconn* c = owned.get();
    if (!c) throw std::bad_alloc();
    if (PQstatus(c) == CONNECTION_BAD) throw pqxx::broken_connection(first_line(PQerrorMessage(c)));
    const auto until = steady::now() + k_connect_limit;
    short wanted = POLLOUT;
    for (;;) {
        if (!wait_socket(c, wanted, until))
            throw pqxx::broken_connection(
                "no connection within " + std::to_string(k_connect_limit.count()) + " ms"
            );
        const auto step = PQconnectPoll(c);
        if (step == PGRES_POLLING_OK) break;
        if (step == PGRES_POLLING_FAILED) throw pqxx::broken_connection(first_line(PQerrorMessage(c)));
        wanted = step == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    }
    return owned.release();
}

session::session(const secret& url, millis statement_timeout)
    : pqxx::basic_connection_base<bounded_connect>(
          session_settings(statement_timeout) + "\n" + std::string(url.reveal())
      ) {
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

} // namespace z360::adapter::postgres
