// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The push runner between the engine's side, which a test plays, and providers that do as the test says.
#pragma once

#include "adapter/push/push.hpp"
#include "component/http/test_certificate.hpp"
#include "support/h2_server.hpp"
#include "support/key_maker.hpp"
#include "support/recording_metrics.hpp"

#include <z360/port/errors.hpp>
#include <z360/rt/sync.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace z360::test {

namespace asio = boost::asio;
namespace sut = z360::adapter::push;
namespace h2 = z360::http::h2;
using asio::awaitable;
using call::outcome;
using push::environment;
using push::kind;
using push::token_kind;
using namespace std::chrono_literals;

/// The machine's time of day, moved by what a test says.
class moved_clock final : public port::clock {
  public:
    [[nodiscard]] time_point now() const override {
        return std::chrono::floor<millis>(std::chrono::system_clock::now()) + by;
    }
    millis by{0};
};

class known_addresses final : public port::push_addresses {
  public:
    awaitable<std::optional<port::push_address>> find(question q) override {
        ++asked;
        if (away > 0) {
            --away;
            throw port::unavailable("switched off");
        }
        const auto found = of.find(q.device.value);
        if (found == of.end()) co_return std::nullopt;
        co_return found->second;
    }
    std::map<std::int64_t, port::push_address> of;
    int asked = 0;
    int away = 0; ///< so many questions fail
};

class listening_ledger final : public port::push_ledger {
  public:
    void receipt(port::push_receipt) override {}
    void note(port::push_attempt a) override { attempts.push_back(std::move(a)); }
    void token_dead(device_id device, push::token_kind k, std::string name, std::string reason, time_point)
        override {
        dead.push_back(
            std::to_string(device.value) + " " + std::string(push::name(k)) + " " + name + " " + reason
        );
    }
    void environment_learned(device_id device, push::token_kind k, std::string name, push::environment e)
        override {
        learned.push_back(
            std::to_string(device.value) + " " + std::string(push::name(k)) + " " + name + " " +
            std::string(push::name(e))
        );
    }
    void start() override {}
    awaitable<void> stop(millis) override { co_return; }
    [[nodiscard]] std::vector<loop_state> loops() const override { return {}; }
    std::vector<port::push_attempt> attempts;
    std::vector<std::string> dead, learned;
};

/// Google's token endpoint.
class token_endpoint final : public http::client {
  public:
    awaitable<http::client_response> perform(http::client_request r) override {
        ++asked;
        forms.push_back(r.body);
        co_await rt::sleep_for(delay);
        http::client_response out;
        out.status = status;
        out.body = status == 200 ? R"({"access_token":"ya29.number-)" + std::to_string(++given) +
                                       R"(","expires_in":)" + std::to_string(life) + "}"
                                 : R"({"error":"invalid_grant"})";
        if (status == 0) out.error = "refused";
        co_return out;
    }
    int asked = 0, given = 0, status = 200, life = 3599;
    millis delay{5};
    std::vector<std::string> forms;
};

/// One push, as the engine would start it.
struct started {
    call::push_outcome out;
    bool done = false;
    unsigned asked = 0;                                ///< whether it is wanted
    std::function<bool(unsigned attempt)> wanted = {}; ///< empty: always
};
using started_ptr = std::shared_ptr<started>;

inline awaitable<bool> answer_wanted(started_ptr of, unsigned attempt) {
    of->asked = std::max(of->asked, attempt);
    co_return !of->wanted || of->wanted(attempt);
}

inline awaitable<void> run_into(sut::push_runner& runner, call::effect e, started_ptr out, bool left_behind) {
    port::still_wanted ask = [out](unsigned attempt) { return answer_wanted(out, attempt); };
    auto work = left_behind ? runner.take_over(std::move(e), std::move(ask))
                            : runner.run(std::move(e), std::move(ask));
    auto end = co_await std::move(work);
    out->out = std::get<call::push_outcome>(end);
    out->done = true;
}

inline void write_key(const std::string& file, const std::string& text) {
    {
        std::ofstream to(file + ".new");
        to << text;
    }
    std::filesystem::permissions(
        file + ".new", std::filesystem::perms::owner_read | std::filesystem::perms::owner_write
    );
    std::filesystem::rename(file + ".new", file);
}

inline const testing::made_key& rsa_key() {
    static const auto k = testing::made_key::rsa();
    return k;
}
inline std::string account(const std::string& project) {
    return nlohmann::json{
        {"type", "service_account"},
        {"project_id", project},
        {"private_key_id", "0123456789abcdef"},
        {"private_key", rsa_key().pem()},
        {"client_email", "push@" + project + ".iam.gserviceaccount.com"},
        {"client_id", "1"},
        {"token_uri", "https://oauth2.googleapis.com/token"}
    }
        .dump();
}

inline constexpr const char* k_voip_token =
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
inline constexpr const char* k_alert_token =
    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
inline constexpr const char* k_fcm_token = "fcm-registration-token-of-a-pixel:APA91b";

struct bed {
    asio::io_context io{1};
    recording_metrics metrics;
    moved_clock clock;
    known_addresses addresses;
    listening_ledger ledger;
    token_endpoint google_tokens;
    temp_folder folder;
    h2_server apns{io.get_executor()};
    h2_server sandbox{io.get_executor()};
    h2_server fcm{io.get_executor()};
    testing::made_key key = testing::made_key::ec();
    sut::settings settings;
    std::unique_ptr<sut::push_runner> runner;
    rt::task_group tasks{io.get_executor()};
    int serial = 0;

    bed() {
        write_key(folder.file("key.p8"), key.pem());
        write_key(folder.file("account.json"), account("our-project"));
        sut::apns_settings a;
        a.key_file = folder.file("key.p8");
        a.key_id = "ABCDE12345";
        a.team_id = "TEAM123456";
        a.bundle_ids = {"com.example.phone"};
        a.production = {"127.0.0.1", apns.port()};
        a.sandbox = {"127.0.0.1", sandbox.port()};
        settings.apns = std::move(a);
        sut::fcm_settings f;
        f.service_account_file = folder.file("account.json");
        f.at = {"127.0.0.1", fcm.port()};
        settings.fcm = std::move(f);
        settings.tls = false;
        settings.keys_every = 20ms;
        settings.adjust = [](h2::pool_settings& p) {
            p.kept_open = 0;
            p.patience = 150ms;
            p.ping_timeout = 100ms;
            p.connect_timeout = 300ms;
            p.settings_timeout = 300ms;
            p.first_pause = 10ms;
            p.longest_pause = 100ms;
            p.connects_per_second = 10'000;
            p.connect_burst = 10'000;
        };
        for (auto* s : {&apns, &sandbox})
            s->on_request = [](h2_peer& p, const h2_seen& r) { accept(p, r); };
        fcm.on_request = [](h2_peer& p, const h2_seen& r) {
            p.respond(r.stream, 200, R"({"name":"projects/our-project/messages/0:1"})");
        };
        add(1, {{token_kind::voip, k_voip_token}, {token_kind::alert, k_alert_token}});
        add(2, {{token_kind::fcm_token, k_fcm_token}});
        add(3, {{token_kind::alert, k_alert_token}});
        add(4, {});
    }

    static void accept(h2_peer& p, const h2_seen& r) {
        p.respond(r.stream, 200, {}, {{"apns-id", r.get("apns-id")}});
    }
    static void refuse(h2_peer& p, const h2_seen& r, int status, const std::string& reason) {
        p.respond(r.stream, status, R"({"reason":")" + reason + "\"}");
    }

    void add(std::int64_t id, std::vector<std::pair<token_kind, std::string>> tokens) {
        port::push_address a;
        a.uid = "device-" + std::to_string(id);
        a.platform = "ios";
        a.eligible = true;
        a.org = {{7}, "Acme", "acme"};
        for (auto& [k, text] : tokens) {
            port::push_address_token t;
            t.to.device = {id};
            t.to.token_is = k;
            t.to.token = secret(text);
            t.to.env = environment::production;
            t.to.bundle_id = "com.example.phone";
            t.to.registered_at = clock.now() - 1h;
            t.name = "name-of-" + std::string(push::name(k));
            a.tokens.push_back(std::move(t));
        }
        addresses.of[id] = std::move(a);
    }

    call::effect effect(std::int64_t device, kind what = kind::incoming_call, millis ring = 30s) {
        call::push_notice n;
        n.call = call_id{derive_uuid("call " + std::to_string(serial))};
        n.org = {7};
        n.user = {9};
        n.device = {device};
        n.what = what;
        n.ring = 1;
        n.began = clock.now();
        n.ring_until = clock.now() + ring;
        if (what != kind::incoming_call) n.why = push::ended_reason::answered_elsewhere;
        if (what == kind::missed_call) n.why = push::ended_reason::caller_gone;
        n.session = "session";
        n.caller_number = "+15550100001";
        n.number = "+15550109999";
        call::effect e;
        e.id = "push-" + std::to_string(++serial);
        e.issued_at = clock.now();
        e.deadline = clock.now() + (what == kind::incoming_call ? ring : millis{60s});
        e.body = std::move(n);
        return e;
    }
    started_ptr start(call::effect e, std::function<bool(unsigned)> wanted = {}, bool left_behind = false) {
        auto s = std::make_shared<started>();
        s->wanted = std::move(wanted);
        tasks.spawn(run_into(*runner, std::move(e), s, left_behind));
        return s;
    }

    bool stopped = false; ///< by the script itself
    void run(awaitable<void> (*script)(bed&)) {
        runner = sut::make_push_runner(
            io.get_executor(), settings,
            sut::ports{addresses, ledger, google_tokens, clock, metrics, {}, [] { return 0.5; }}
        );
        std::exception_ptr error;
        bool finished = false;
        asio::co_spawn(io, whole(script), [&](std::exception_ptr e) {
            error = e;
            finished = true;
        });
        io.run_for(60s);
        ASSERT_TRUE(finished) << "the script hangs";
        if (error) std::rethrow_exception(error);
        ASSERT_TRUE(io.stopped()) << "work is left on the loop after stop()";
    }

  private:
    awaitable<void> whole(awaitable<void> (*script)(bed&)) {
        apns.start();
        sandbox.start();
        fcm.start();
        runner->start();
        std::exception_ptr error;
        try {
            co_await script(*this);
        } catch (...) {
            error = std::current_exception();
        }
        if (!stopped) {
            co_await tasks.join();
            co_await runner->stop(2s);
        }
        co_await apns.stop();
        co_await sandbox.stop();
        co_await fcm.stop();
        if (error) std::rethrow_exception(error);
    }
};

template <class F>
awaitable<bool> eventually(F condition) {
    const auto until = std::chrono::steady_clock::now() + 15s;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > until) co_return false;
        co_await rt::sleep_for(1ms);
    }
    co_return true;
}

#define WAIT_UNTIL(condition)                                                                                \
    do {                                                                                                     \
        const bool came = co_await eventually([&] { return (condition); });                                  \
        if (!came)                                                                                           \
            throw std::runtime_error(                                                                        \
                std::string("never: " #condition " at line ") + std::to_string(__LINE__)                     \
            );                                                                                               \
    } while (false)

} // namespace z360::test
