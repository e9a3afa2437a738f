// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "app/server.hpp"

#include "adapter/crypto/agent_reference.hpp"
#include "adapter/crypto/client_state.hpp"
#include "adapter/crypto/ring_ticket.hpp"
#include "adapter/crypto/webhook_verifier.hpp"
#include "adapter/metrics/prometheus_metrics.hpp"
#include "adapter/postgres/ops/key_check.hpp"
#include "adapter/postgres/ops/migrate.hpp"
#include "adapter/postgres/postgres.hpp"
#include "adapter/telnyx/client.hpp"
#include "adapter/telnyx/records_client.hpp"
#include "app/anchored_clock.hpp"
#include "app/api_parts.hpp"
#include "app/book_parts.hpp"
#include "app/credential_parts.hpp"
#include "app/feed_parts.hpp"
#include "app/open_files.hpp"
#include "app/options.hpp"
#include "app/parts_settings.hpp"
#include "app/push_parts.hpp"
#include "app/recording_parts.hpp"
#include "app/redis_parts.hpp"
#include "app/spool_parts.hpp"
#include "edge/health_routes.hpp"
#include "edge/readiness.hpp"
#include "edge/webhook_routes.hpp"

#include <z360/engine/engine.hpp>
#include <z360/engine/reconciler.hpp>
#include <z360/engine/retention.hpp>
#include <z360/http/client.hpp>
#include <z360/http/server.hpp>
#include <z360/log.hpp>
#include <z360/port/errors.hpp>
#include <z360/rt/blocking_pool.hpp>
#include <z360/rt/supervisor.hpp>
#include <z360/rt/sync.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <utility>

namespace z360::app {
namespace {

constexpr millis k_watch_database{1'000};
constexpr millis k_watch_schema{200}; // while it is not usable
constexpr std::chrono::seconds k_schema_again{5};
constexpr std::chrono::seconds k_watch_late{30};
constexpr std::chrono::seconds k_watch_backlog{5};

http::server_settings listener_settings(const config::http_t& c) {
    http::server_settings s;
    s.address = c.address;
    s.port = c.port;
    s.max_connections = c.max_connections;
    s.max_connections_per_address = c.max_connections_per_address;
    s.reserved_connections = c.webhook_connections;
    s.no_address_limit = [proxies = edge::api::address_list(c.trusted_proxies)](std::string_view address) {
        return proxies.trusts(address);
    };
    s.max_header_bytes = c.max_header_bytes;
    s.max_body_bytes = c.max_body_bytes;
    s.read_timeout = c.read_timeout;
    s.idle_timeout = c.idle_timeout;
    s.write_timeout = c.write_timeout;
    s.tls_certificate_file = c.tls_certificate_file;
    s.tls_key_file = c.tls_key_file;
    return s;
}

// Figures and health, for whoever can reach it.
http::server_settings metrics_listener_settings(const config& c) {
    http::server_settings s;
    s.name = "metrics";
    s.address = c.metrics.address;
    s.port = c.metrics.port;
    s.max_connections = 64;
    return s;
}

engine::settings engine_settings(const config& c) {
    engine::settings s;
    s.unknown_session_wait = c.unknown_session_wait;
    s.default_countries = c.telnyx.default_countries;
    s.slow_event = c.logging.slow_event;
    return s;
}

adapter::crypto::agent_references references(const config& c) {
    return {c.telnyx.client_state_key, c.telnyx.api_key};
}

adapter::postgres::reference_hash hash_of(adapter::crypto::agent_references all) {
    return [all = std::move(all)](const leg_id& leg) {
        return adapter::crypto::hash_of_reference(all.of(leg).reveal());
    };
}

engine::mark_opener opener(std::shared_ptr<const adapter::crypto::client_state_codec> codec) {
    return [codec = std::move(codec)](std::string_view text) -> std::optional<engine::leg_mark> {
        const auto mark = codec->open(text);
        if (!mark) return std::nullopt;
        return engine::leg_mark{mark->call, mark->leg, mark->command};
    };
}

double resident_bytes() {
    std::ifstream in("/proc/self/statm");
    long total = 0;
    long resident = 0;
    in >> total >> resident;
    return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

// Members in start order; what stands further down may use what stands above it.
class process {
  public:
    explicit process(const config& c)
        : config_(c), ex_(io_.get_executor()), metrics_(adapter::metrics::make_prometheus_metrics()),
          verifier_(std::make_shared<const adapter::crypto::webhook_verifier>(c.telnyx.public_keys)),
          codec_(std::make_shared<const adapter::crypto::client_state_codec>(
              c.telnyx.client_state_key, c.telnyx.api_key
          )),
          tickets_(c.telnyx.client_state_key, c.telnyx.api_key), database_(calls_database(c), metrics_.get()),
          store_(adapter::postgres::make_call_store(database_, hash_of(references(c)))),
          inbox_(adapter::postgres::make_event_inbox(database_)),
          directory_(adapter::postgres::make_directory(database_, directory_settings(c))),
          spool_(open_spool(c.spool)), redis_(ex_, c, *metrics_), http_client_(http::make_client(ex_)),
          telnyx_(adapter::telnyx::make_telnyx_api(
              ex_, adapter::telnyx::settings_from(c.telnyx), *http_client_, *codec_, references(c),
              redis_.budget(), clock_, *metrics_
          )),
          records_(adapter::telnyx::make_carrier_records(
              ex_, adapter::telnyx::records_settings_from(c.telnyx), *http_client_, clock_, *metrics_
          )),
          silence_(adapter::postgres::make_reconcile_store(database_)), reconciler_(reconciler()),
          old_rows_database_(retention_database(c), metrics_.get()),
          old_rows_(adapter::postgres::make_retention_store(old_rows_database_)),
          retention_(engine::make_retention(ex_, *old_rows_, *metrics_, retention_settings(c))),
          keys_(adapter::crypto::vault::open(c.secrets.key_file)),
          later_database_(api_database(c), metrics_.get()),
          credentials_(ex_, c, later_database_, keys_, *http_client_, clock_, *metrics_),
          api_(ex_, c, later_database_, keys_, credentials_, redis_, *http_client_, clock_, *metrics_),
          feed_(ex_, c, redis_, later_database_, *metrics_),
          push_(ex_, c, database_, later_database_, keys_, tickets_, clock_, *metrics_),
          recordings_(ex_, c, later_database_, push_, *http_client_, clock_, *metrics_),
          backlog_(adapter::postgres::make_backlog(later_database_)), books_(ex_, later_database_, *metrics_),
          engine_(engine::make_engine(
              ex_,
              {*store_, *inbox_, spool_.get(), *directory_, *telnyx_, redis_.hint(), clock_, *metrics_,
               opener(codec_), credentials_.witness(), records_.get(), question(), &feed_.feed(),
               [this] { return database_.health().losses; }, push_.runners()},
              engine_settings(c)
          )),
          listener_(http::make_server(ex_, listener_settings(c.http), routes(), *metrics_)),
          figures_(metrics_listener()), signals_(ex_, SIGTERM, SIGINT),
          loops_(
              ex_,
              [this](std::string_view name, std::string_view) {
                  metrics_->count("loop_failures_total", {{"loop", name}});
              }
          ),
          blocking_(1) {}

    int run() {
        raise_open_files(files_needed(config_));
        if (figures_) figures_->start();
        listener_->start(); // throws with address, port and reason
        log::info(
            "listening", {{"address", config_.http.address},
                          {"port", listener_->port()},
                          {"tls", !config_.http.tls_certificate_file.empty()}}
        );
        engine_->start();
        if (reconciler_) reconciler_->start();
        redis_.start();
        credentials_.start();
        feed_.start();
        push_.start();
        recordings_.start();
        books_.start();
        retention_->start();
        watch();
        await_signal();
        io_.run();
        return exit_code_;
    }

  private:
    std::unique_ptr<engine::reconciler> reconciler() {
        if (!config_.reconcile.enabled) return nullptr;
        engine::reconcile_ports p{*records_, *silence_, *telnyx_,       *directory_,
                                  clock_,    *metrics_, opener(codec_), {}};
        p.take_up = [this](std::vector<port::inbox_event> events) { engine_->take_up(std::move(events)); };
        return engine::make_reconciler(ex_, std::move(p), reconcile_settings(config_));
    }
    engine::carrier_question question() {
        if (!reconciler_) return {};
        return [this](std::string session) { return reconciler_->ask(std::move(session)); };
    }
    std::vector<http::route> routes() {
        auto all = edge::webhook_routes(verifier_, *engine_, clock_, *metrics_);
        edge::health_access who{
            config_.metrics.token, edge::api::address_list(config_.http.trusted_proxies),
            config_.metrics.port == 0, false
        };
        for (auto& r : edge::health_routes([this] { return readiness(); }, *metrics_, std::move(who)))
            all.push_back(std::move(r));
        for (auto& r : api_.routes(*engine_, push_, recordings_, books_, tickets_))
            all.push_back(std::move(r));
        return all;
    }

    std::unique_ptr<http::server> metrics_listener() {
        if (config_.metrics.port == 0) return nullptr;
        edge::health_access who{config_.metrics.token, {}, true, true};
        auto routes = edge::health_routes([this] { return readiness(); }, *metrics_, std::move(who));
        return http::make_server(ex_, metrics_listener_settings(config_), std::move(routes), *metrics_);
    }

    std::vector<edge::readiness> readiness() const {
        std::vector<edge::readiness> out;
        out.push_back({"accepting", !draining_, true, draining_ ? "shutting down" : ""});
        const auto db = database_.health();
        out.push_back({"database", db.up, true, db.error});
        // A newer schema is a deployment under way: the old nodes work on until they are replaced.
        using kind = adapter::postgres::schema_state::kind;
        out.push_back({"schema", schema_.what == kind::current, schema_.what != kind::newer, schema_.detail});
        out.push_back(edge::commits_readiness(engine_->now()));
        out.push_back(edge::webhooks_readiness(engine_->now()));
        out.push_back(edge::loops_readiness("loops", needed_loops(), true));
        out.push_back(edge::loops_readiness("background_loops", other_loops(), false));
        if (redis_.configured())
            out.push_back(
                {"redis", redis_.up(), false, redis_.up() ? "" : "hints, shared limits and fan-out are local"}
            );
        out.push_back(spool_readiness(spool_.get()));
        out.push_back(clock_.readiness());
        return out;
    }

    /// Without these a node must get no traffic. The spool's is not one: it matters while Postgres is away,
    /// and a disk that is full then must not take a node out whose Postgres is there.
    std::vector<loop_state> needed_loops() const {
        auto all = engine_->loops();
        std::erase_if(all, is_spool);
        for (const auto& part : {loops_.states(), listener_->loops()})
            all.insert(all.end(), part.begin(), part.end());
        return all;
    }
    /// Without these calls go on.
    std::vector<loop_state> other_loops() const {
        auto all = credentials_.loops();
        const auto silence = reconciler_ ? reconciler_->loops() : std::vector<loop_state>{};
        const auto figures = figures_ ? figures_->loops() : std::vector<loop_state>{};
        for (const auto& part :
             {redis_.loops(), feed_.loops(), push_.loops(), recordings_.loops(), books_.loops(), silence,
              retention_->loops(), figures})
            all.insert(all.end(), part.begin(), part.end());
        std::ranges::copy_if(engine_->loops(), std::back_inserter(all), is_spool);
        return all;
    }

    std::vector<loop_state> all_loops() const {
        auto all = needed_loops();
        const auto others = other_loops();
        all.insert(all.end(), others.begin(), others.end());
        return all;
    }
    static bool is_spool(const loop_state& l) { return l.name == "spool"; }

    void watch() {
        rt::loop_settings database{
            .name = "database_watch",
            .late_after = k_watch_late,
            .longest_pause = k_watch_database,
            .next = [this] { return schema_.usable() ? k_watch_database : k_watch_schema; }
        };
        loops_.run(std::move(database), [this] { return watch_database(); });
        rt::loop_settings self{.name = "self_watch", .period = millis{0}, .late_after = k_watch_late};
        loops_.run(std::move(self), [this] { return watch_self(); });
        rt::loop_settings waiting{
            .name = "backlog_watch", .period = k_watch_backlog, .late_after = 4 * k_watch_backlog
        };
        loops_.run(std::move(waiting), [this] { return watch_backlog(); });
        for (const auto& l : all_loops())
            metrics_->count("loop_failures_total", {{"loop", l.name}}, 0); // an alarm sees the first one
    }

    // What no node does shows on all of them.
    boost::asio::awaitable<void> watch_backlog() {
        const auto waits = co_await backlog_->ages();
        const auto seconds = [](millis t) { return std::chrono::duration<double>(t).count(); };
        metrics_->gauge("events_waiting_oldest_seconds", seconds(waits.event));
        metrics_->gauge("calls_overdue_oldest_seconds", seconds(waits.call));
        metrics_->gauge("commands_waiting_oldest_seconds", seconds(waits.effect));
    }

    // Keeps the health figure fresh while nothing else uses the database, and says what to do about the
    // schema.
    boost::asio::awaitable<void> watch_database() {
        try {
            clock_.take(co_await database_.ping());
        } catch (const port::unavailable&) {
            co_return; // /readyz shows it; the pool has logged the change
        }
        const auto now = std::chrono::steady_clock::now();
        if (exit_code_ != k_ok || (schema_.usable() && now < schema_again_)) co_return;
        schema_again_ = now + k_schema_again;
        co_await watch_schema();
    }

    // Also while it is good: a newer program may migrate, a failover may bring an older schema back.
    boost::asio::awaitable<void> watch_schema() {
        auto found = schema_;
        try {
            found = co_await adapter::postgres::look_at_schema(database_);
            if (found.usable() && !keys_fit_) {
                const auto fault = co_await foreign_keys();
                if (!fault.empty()) {
                    give_up(fault);
                    co_return;
                }
                keys_fit_ = true;
            }
        } catch (const std::exception& e) {
            if (schema_.usable()) co_return; // what was seen last holds
            found = {adapter::postgres::schema_state::kind::missing, e.what()};
        }
        if (found.detail != schema_.detail || found.what != schema_.what)
            log::info("schema", {{"state", adapter::postgres::name(found.what)}, {"detail", found.detail}});
        schema_ = std::move(found);
    }

    // With the keys of another system nobody could be told a password, and new secrets would be lost with
    // them. Empty: they are this database's.
    boost::asio::awaitable<std::string> foreign_keys() {
        auto check = [url = config_.database.url, keys = keys_] {
            return adapter::postgres::foreign_keys(url, *keys);
        };
        auto fault = co_await blocking_.run(std::move(check));
        co_return fault;
    }

    void give_up(const std::string& why) {
        log::critical("wrong_key_file", {{"secrets.key_file", config_.secrets.key_file}, {"why", why}});
        schema_ = {adapter::postgres::schema_state::kind::diverged, "the key file is not this database's"};
        exit_code_ = k_failed;
        (void)std::raise(SIGTERM);
    }

    // How late the loop runs timers is the first thing to look at when everything is slow.
    boost::asio::awaitable<void> watch_self() {
        constexpr millis k_period{250};
        const auto before = std::chrono::steady_clock::now();
        co_await rt::sleep_for(k_period);
        const auto late = std::chrono::steady_clock::now() - before - k_period;
        metrics_->observe("loop_delay_seconds", std::chrono::duration<double>(late).count());
        report_spool(spool_.get(), *metrics_);
        clock_.report(*metrics_);
        if (watched_++ % 4 == 0) report();
    }

    void report() {
        metrics_->gauge("process_resident_memory_bytes", resident_bytes());
        for (const auto& l : all_loops())
            metrics_->gauge("loop_late", l.late ? 1 : 0, {{"loop", l.name}});
        const auto f = engine_->now();
        metrics_->gauge(
            "commits_unsaved_oldest_seconds", std::chrono::duration<double>(f.oldest_unsaved).count()
        );
        metrics_->gauge("events_oldest_seconds", std::chrono::duration<double>(f.oldest_event).count());
        metrics_->gauge("commits_slow", static_cast<double>(f.slow_commits));
        using kind = adapter::postgres::schema_state::kind;
        for (const auto k : {kind::current, kind::missing, kind::older, kind::newer, kind::diverged})
            metrics_->gauge(
                "schema_state", k == schema_.what ? 1 : 0, {{"state", adapter::postgres::name(k)}}
            );
    }

    // Nothing is read anew while it serves: a hang-up is a stop like any other, never the sudden end that it
    // is by default. Where it is ignored (nohup) it stays so.
    void heed_hangups() {
        struct sigaction now{};
        if (::sigaction(SIGHUP, nullptr, &now) == 0 && now.sa_handler != SIG_IGN) signals_.add(SIGHUP);
    }

    void await_signal() {
        heed_hangups();
        signals_.async_wait([this](const boost::system::error_code& ec, int signal) {
            if (ec) return;
            draining_ = true;
            listener_->drain();
            // A person at a terminal, and a process that must not serve, do not wait for a balancer.
            const bool at_once = signal == SIGINT || exit_code_ != k_ok;
            const auto delay = at_once ? millis{0} : config_.server.drain_delay;
            log::info("stopping", {{"signal", signal}, {"listener_closes_in_ms", delay.count()}});
            boost::asio::co_spawn(ex_, shut_down(delay), [](const std::exception_ptr& e) {
                if (e) log::error("shutdown_failed", {{"why", rt::what(e)}});
            });
            signals_.async_wait([](const boost::system::error_code& again, int) {
                if (!again) std::_Exit(k_failed);
            });
        });
    }

    // `delay`: balancers learn from /readyz that they must not come any more; until then who comes is served.
    boost::asio::awaitable<void> shut_down(millis delay) {
        co_await rt::sleep_for(delay);
        const auto limit = config_.shutdown_limit;
        co_await retention_->stop();
        co_await listener_->stop(limit / 4); // nothing new, what is being read is finished
        if (figures_) co_await figures_->stop(limit / 8);
        if (reconciler_) co_await reconciler_->stop(limit / 8);
        co_await engine_->stop(limit / 2); // decisions and commands under way
        co_await recordings_.stop();
        co_await books_.stop();
        co_await push_.stop(limit / 8);
        co_await feed_.stop();
        co_await credentials_.stop(limit / 8);
        co_await api_.stop();
        co_await loops_.join();
        co_await redis_.stop();
        signals_.cancel();
        log::info("stopped");
    }

    const config& config_;
    boost::asio::io_context io_{1};
    boost::asio::any_io_executor ex_;
    anchored_clock clock_;
    std::unique_ptr<port::metrics> metrics_;
    std::shared_ptr<const adapter::crypto::webhook_verifier> verifier_;
    std::shared_ptr<const adapter::crypto::client_state_codec> codec_;
    adapter::crypto::ring_ticket_codec tickets_;
    adapter::postgres::database database_;
    std::unique_ptr<port::call_store> store_;
    std::unique_ptr<port::event_inbox> inbox_;
    std::unique_ptr<port::directory> directory_;
    std::unique_ptr<port::spool> spool_;
    redis_parts redis_;
    std::unique_ptr<http::client> http_client_;
    std::unique_ptr<port::telnyx_api> telnyx_;
    std::unique_ptr<port::carrier_records> records_;
    std::unique_ptr<port::reconcile_store> silence_;
    std::unique_ptr<engine::reconciler> reconciler_; ///< null: switched off
    adapter::postgres::database old_rows_database_;
    std::unique_ptr<port::retention_store> old_rows_;
    std::unique_ptr<engine::retention> retention_;
    std::shared_ptr<const adapter::crypto::vault> keys_; ///< what the database is compared with
    adapter::postgres::database later_database_; ///< for what may wait: a stall there holds up no call
    credential_parts credentials_;
    api_parts api_;
    feed_parts feed_;
    push_parts push_;
    recording_parts recordings_;
    std::unique_ptr<port::backlog> backlog_;
    book_parts books_;
    std::unique_ptr<engine::engine> engine_;
    std::unique_ptr<http::server> listener_;
    std::unique_ptr<http::server> figures_; ///< null: /metrics is where everything is
    boost::asio::signal_set signals_;
    rt::supervisor loops_;
    rt::blocking_pool blocking_;
    bool draining_ = false;
    adapter::postgres::schema_state schema_{
        adapter::postgres::schema_state::kind::missing, "not checked yet"
    };
    std::chrono::steady_clock::time_point schema_again_{};
    bool keys_fit_ = false; ///< looked at once
    unsigned watched_ = 0;
    int exit_code_ = k_ok;
};

} // namespace

int serve(const config& c) {
    try {
        process p(c);
        return p.run();
    } catch (const std::exception& e) {
        log::critical("start_failed", {{"why", e.what()}});
        return k_failed;
    }
}

} // namespace z360::app
