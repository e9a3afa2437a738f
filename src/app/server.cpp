// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "app/server.hpp"

#include "adapter/crypto/client_state.hpp"
#include "adapter/crypto/webhook_verifier.hpp"
#include "adapter/metrics/prometheus_metrics.hpp"
#include "adapter/postgres/migrate.hpp"
#include "adapter/postgres/postgres.hpp"
#include "adapter/postgres/rekey.hpp"
#include "adapter/telnyx/client.hpp"
#include "adapter/telnyx/records_client.hpp"
#include "app/anchored_clock.hpp"
#include "app/api_parts.hpp"
#include "app/options.hpp"
#include "app/parts_settings.hpp"
#include "app/redis_parts.hpp"
#include "app/spool_parts.hpp"
#include "edge/health_routes.hpp"
#include "edge/webhook_routes.hpp"

#include <z360/engine/engine.hpp>
#include <z360/engine/reconciler.hpp>
#include <z360/http/client.hpp>
#include <z360/http/server.hpp>
#include <z360/log.hpp>
#include <z360/port/errors.hpp>
#include <z360/rt/blocking_pool.hpp>
#include <z360/rt/sync.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <utility>

namespace z360::app {
namespace {

adapter::postgres::directory_settings directory_settings(const config& c) {
    adapter::postgres::directory_settings s;
    s.defaults = c.calls;
    s.device_life = c.device_life;
    s.connection_id = c.telnyx.connection_id;
    return s;
}

http::server_settings listener_settings(const config::http_t& c) {
    http::server_settings s;
    s.address = c.address;
    s.port = c.port;
    s.max_connections = c.max_connections;
    s.max_header_bytes = c.max_header_bytes;
    s.max_body_bytes = c.max_body_bytes;
    s.read_timeout = c.read_timeout;
    s.idle_timeout = c.idle_timeout;
    s.write_timeout = c.write_timeout;
    s.tls_certificate_file = c.tls_certificate_file;
    s.tls_key_file = c.tls_key_file;
    return s;
}

engine::settings engine_settings(const config& c) {
    engine::settings s;
    s.unknown_session_wait = c.unknown_session_wait;
    return s;
}

engine::mark_opener opener(std::shared_ptr<const adapter::crypto::client_state_codec> codec) {
    return [codec = std::move(codec)](std::string_view text) -> std::optional<engine::leg_mark> {
        const auto mark = codec->open(text);
        if (!mark) return std::nullopt;
        return engine::leg_mark{mark->call, mark->leg};
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
          database_(calls_database(c), metrics_.get()), store_(adapter::postgres::make_call_store(database_)),
          inbox_(adapter::postgres::make_event_inbox(database_)),
          directory_(adapter::postgres::make_directory(database_, directory_settings(c))),
          spool_(open_spool(c.spool)), redis_(ex_, c, *metrics_), http_client_(http::make_client(ex_)),
          telnyx_(adapter::telnyx::make_telnyx_api(
              ex_, adapter::telnyx::settings_from(c.telnyx), *http_client_, *codec_, redis_.budget(), clock_,
              *metrics_
          )),
          records_(adapter::telnyx::make_carrier_records(
              ex_, adapter::telnyx::records_settings_from(c.telnyx), *http_client_, clock_, *metrics_
          )),
          silence_(adapter::postgres::make_reconcile_store(database_)), reconciler_(reconciler()),
          api_(ex_, c, redis_, *http_client_, clock_, *metrics_),
          engine_(engine::make_engine(
              ex_,
              {*store_, *inbox_, spool_.get(), *directory_, *telnyx_, redis_.hint(), clock_, *metrics_,
               opener(codec_), api_.witness(), records_.get(), question()},
              engine_settings(c)
          )),
          listener_(http::make_server(ex_, listener_settings(c.http), routes(), *metrics_)),
          signals_(ex_, SIGTERM, SIGINT), tasks_(ex_), blocking_(1) {}

    int run() {
        listener_->start(); // throws with address, port and reason
        log::info(
            "listening", {{"address", config_.http.address},
                          {"port", listener_->port()},
                          {"tls", !config_.http.tls_certificate_file.empty()}}
        );
        engine_->start();
        if (reconciler_) reconciler_->start();
        redis_.start();
        api_.start();
        tasks_.spawn(watch_database());
        tasks_.spawn(watch_self());
        await_signal();
        io_.run();
        return exit_code_;
    }

  private:
    std::unique_ptr<engine::reconciler> reconciler() {
        if (!config_.reconcile.enabled) return nullptr;
        engine::reconcile_ports p{*records_, *silence_, *telnyx_, clock_, *metrics_, opener(codec_), {}};
        p.take_up = [this](std::vector<port::inbox_event> events) { engine_->take_up(std::move(events)); };
        return engine::make_reconciler(ex_, std::move(p), reconcile_settings(config_));
    }
    engine::carrier_question question() {
        if (!reconciler_) return {};
        return [this](std::string session) { return reconciler_->ask(std::move(session)); };
    }
    std::vector<http::route> routes() {
        auto all = edge::webhook_routes(verifier_, *engine_, clock_, *metrics_);
        for (auto& r : edge::health_routes([this] { return readiness(); }, *metrics_))
            all.push_back(std::move(r));
        for (auto& r : api_.routes())
            all.push_back(std::move(r));
        return all;
    }

    std::vector<edge::readiness> readiness() const {
        std::vector<edge::readiness> out;
        out.push_back({"accepting", !draining_, true, draining_ ? "shutting down" : ""});
        const auto db = database_.health();
        out.push_back({"database", db.up, true, db.error});
        out.push_back({"schema", schema_.empty(), true, schema_});
        if (redis_.configured())
            out.push_back(
                {"redis", redis_.up(), false, redis_.up() ? "" : "hints, shared limits and fan-out are local"}
            );
        if (reconciler_)
            for (const auto& l : reconciler_->loops())
                if (l.late) out.push_back({l.name, false, false, l.last_error});
        out.push_back(spool_readiness(spool_.get()));
        out.push_back(clock_.readiness());
        return out;
    }

    // Keeps the health figure fresh while nothing else uses the database, and says what to do about the
    // schema.
    boost::asio::awaitable<void> watch_database() {
        for (;;) {
            bool up = false;
            try {
                clock_.take(co_await database_.ping());
                up = true;
            } catch (const port::unavailable&) {
                // /readyz shows it; the pool has logged the change
            }
            if (up && !schema_.empty()) {
                std::string state = "unknown";
                try {
                    auto check = [url = config_.database.url] {
                        return adapter::postgres::pending_migrations(url);
                    };
                    const auto pending = co_await blocking_.run(std::move(check));
                    state = pending.empty() ? "" : "migrations missing; run z360-voipd --migrate";
                    const bool fits = !state.empty() || co_await keys_fit();
                    if (!fits) {
                        give_up();
                        co_return;
                    }
                } catch (const std::exception& e) {
                    state = e.what();
                }
                if (state != schema_) log::info("schema", {{"state", state.empty() ? "current" : state}});
                schema_ = state;
            }
            auto pause = millis{1'000};
            if (!schema_.empty()) pause = millis{200};
            co_await rt::sleep_for(pause);
        }
    }

    // With the keys of another system nobody could be told a password, and new secrets would be lost with
    // them.
    boost::asio::awaitable<bool> keys_fit() {
        auto check = [url = config_.database.url, file = config_.secrets.key_file] {
            return adapter::postgres::keys_fit(url, *adapter::crypto::vault::open(file));
        };
        const bool fits = co_await blocking_.run(std::move(check));
        co_return fits;
    }

    void give_up() {
        log::critical(
            "wrong_key_file",
            {{"secrets.key_file", config_.secrets.key_file},
             {"why", "none of its keys opens what this database holds"},
             {"fix", "name the key file of the other nodes, or the database that belongs to this one"}}
        );
        schema_ = "the key file is of another system";
        exit_code_ = k_failed;
        (void)std::raise(SIGTERM);
    }

    // How late the loop runs timers is the first thing to look at when everything is slow.
    boost::asio::awaitable<void> watch_self() {
        constexpr millis k_period{250};
        for (int round = 0;; ++round) {
            const auto before = std::chrono::steady_clock::now();
            co_await rt::sleep_for(k_period);
            const auto late = std::chrono::steady_clock::now() - before - k_period;
            metrics_->observe("loop_delay_seconds", std::chrono::duration<double>(late).count());
            if (round % 8 == 0) metrics_->gauge("process_resident_memory_bytes", resident_bytes());
            report_spool(spool_.get(), *metrics_);
            clock_.report(*metrics_);
        }
    }

    void await_signal() {
        signals_.async_wait([this](const boost::system::error_code& ec, int signal) {
            if (ec) return;
            log::info("stopping", {{"signal", signal}});
            draining_ = true;
            boost::asio::co_spawn(ex_, shut_down(), [](const std::exception_ptr& e) {
                if (e) log::error("shutdown_failed", {{"why", rt::what(e)}});
            });
            signals_.async_wait([](const boost::system::error_code& again, int) {
                if (!again) std::_Exit(k_failed);
            });
        });
    }

    boost::asio::awaitable<void> shut_down() {
        const auto limit = config_.shutdown_limit;
        co_await listener_->stop(limit / 4); // nothing new, what is being read is finished
        if (reconciler_) co_await reconciler_->stop(limit / 8);
        co_await engine_->stop(limit / 2); // decisions and commands under way
        co_await api_.stop(limit / 8);
        co_await tasks_.join();
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
    api_parts api_;
    std::unique_ptr<engine::engine> engine_;
    std::unique_ptr<http::server> listener_;
    boost::asio::signal_set signals_;
    rt::task_group tasks_;
    rt::blocking_pool blocking_;
    bool draining_ = false;
    std::string schema_ = "not checked yet"; ///< empty: current
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
