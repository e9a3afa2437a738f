// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Both sides compared on demand: what a server does every quarter of an hour. Only the rows are changed here,
// the servers do the rest.
#include "adapter/crypto/vault.hpp"
#include "adapter/metrics/prometheus_metrics.hpp"
#include "adapter/telnyx/credentials_client.hpp"
#include "app/ops_support.hpp"
#include "app/parts_settings.hpp"

#include <z360/http/client.hpp>
#include <z360/rt/sync.hpp>
#include <z360/rt/time.hpp>

namespace z360::app {
namespace {

using comparison = credential_manager::manager::comparison;

/// A server that compares right now is mostly soon done: its turn is waited for. The lease of a killed one is
/// not; it runs out within a minute, as the message says.
boost::asio::awaitable<comparison>
compare_in_turn(credential_manager::manager& manager, credential_manager::manager::strangers rule) {
    constexpr std::chrono::seconds k_longest_wait{5};
    const auto until = rt::clock::now() + k_longest_wait;
    for (;;) {
        auto out = co_await manager.compare(rule);
        if (!out.busy || rt::clock::now() >= until) co_return out;
        co_await rt::sleep_for(millis{200});
    }
}

boost::asio::awaitable<comparison>
compare_once(credential_manager::manager& manager, credential_manager::manager::strangers rule) {
    constexpr millis k_stop{1'000};
    comparison out;
    std::exception_ptr error;
    try {
        out = co_await compare_in_turn(manager, rule);
    } catch (...) {
        error = std::current_exception();
    }
    co_await manager.stop(k_stop);
    if (error) std::rethrow_exception(error);
    co_return out;
}

comparison compare(const options& o) {
    const auto& c = o.settings;
    const auto keys = keys_of(o);
    const wall_clock clock;
    const auto metrics = adapter::metrics::make_prometheus_metrics(); // nobody asks for them
    boost::asio::io_context io{1};
    const boost::asio::any_io_executor ex = io.get_executor();
    adapter::postgres::database db(database_of(o));
    const auto store = adapter::postgres::make_credential_store(db, keys);
    const auto client = http::make_client(ex);
    const auto carrier = adapter::telnyx::make_telnyx_credentials(
        ex, adapter::telnyx::credentials_settings_from(c.telnyx, c.credentials), *client, clock, *metrics
    );
    const auto manager =
        credential_manager::make_manager(ex, *store, *carrier, clock, *metrics, credential_settings(c));
    using strangers = credential_manager::manager::strangers;
    const auto rule = o.arguments.confirm_strangers ? strangers::confirmed
                      : o.arguments.adopt           ? strangers::adopted
                                                    : strangers::usual;
    return run_to_end(io, compare_once(*manager, rule));
}

} // namespace

int compare_credentials(const options& o) {
    const auto r = compare(o);
    const nlohmann::json counts{
        {"complete", r.complete}, {"listed", r.listed},       {"known", r.known},
        {"missing", r.missing},   {"strangers", r.strangers}, {"retired", r.retired},
        {"foreign", r.foreign},   {"postponed", r.postponed}, {"installations", r.installations},
    };
    std::string people = r.complete ? "compared" : "not compared to the end";
    people += "\n  listed at Telnyx: " + std::to_string(r.listed) +
              "\n  known here: " + std::to_string(r.known) +
              "\n  missing at Telnyx: " + std::to_string(r.missing) + "; each is made anew" +
              "\n  strangers under our name: " + std::to_string(r.strangers) + "; " +
              std::to_string(r.retired) + " old enough to be deleted now";
    if (r.postponed > 0)
        people += "\n  left for the next comparisons: " + std::to_string(r.postponed) +
                  "; check that no rows were lost, then --confirm-strangers deletes all of them";
    if (r.foreign > 0) {
        people += "\n  of another installation, or of none: " + std::to_string(r.foreign) +
                  "; left alone. Check database.url; if it is right, --adopt takes them for this one's, "
                  "--confirm-strangers deletes them now";
        for (const auto& id : r.installations)
            people += "\n    installation " + id;
    }
    print(o, counts, people);
    if (r.complete) return k_ok;
    complain("incomplete: " + r.error);
    return r.unreachable ? k_unreachable : k_failed;
}

} // namespace z360::app
