// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/push/probe.hpp"

#include "adapter/push/access.hpp"
#include "adapter/push/notice.hpp"
#include "wire/apns.hpp"
#include "wire/fcm.hpp"

#include <z360/push/verdict.hpp>
#include <z360/rt/sync.hpp>

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <exception>
#include <memory>
#include <optional>
#include <utility>

namespace z360::adapter::push {

namespace asio = boost::asio;
namespace h2 = http::h2;
using asio::awaitable;
using port::push_address_token;
using z360::push::environment;
using z360::push::judgement;
using z360::push::provider;
using z360::push::token_kind;
using end = probe_step::end;

namespace {

constexpr millis k_connect_limit{12'000};
constexpr millis k_answer_limit{10'000};
constexpr millis k_stop_limit{1'000};
constexpr millis k_shown_for{300'000};
constexpr const char* k_way = "check name resolution, push.proxy and firewall: port 443 must be open to it";
constexpr const char* k_allow =
    "allow notifications on the phone and open the app: it registers a token then";
constexpr const char* k_browser = "nothing: a browser rings while its page is open";
constexpr const char* k_open_app = "open the app on the phone: it registers anew";
constexpr const char* k_wait = "try again in some minutes; see the provider's status page";
constexpr const char* k_clock = "the token was made this moment: check this machine's clock";

// By the word of a connection that did not come about.
std::string fix_of_connect(std::string_view result) {
    if (result == "resolve_failed") return "its name is not known here: check name resolution and push.proxy";
    if (result.starts_with("tls_"))
        return "its certificate is not trusted here, or something on the way answers in its place: check "
               "this "
               "machine's CA certificates and clock, push.ca_file and push.proxy";
    if (result == "no_http2")
        return "something on the way opens the connection: push needs HTTP/2 to the service itself, or a "
               "push.proxy that lets it through";
    if (result == "proxy_failed") return "push.proxy, else https_proxy, must allow CONNECT to it, port 443";
    return k_way;
}

/// Hears how the first connection went: the pool tells people by figures alone.
class first_connect final : public port::metrics {
  public:
    explicit first_connect(const asio::any_io_executor& ex) : known_(ex) {}
    void count(std::string_view name, port::labels l, double) override {
        if (name != "http2_connects_total" || !result_.empty()) return;
        for (const auto& [label, value] : l)
            if (label == "result") result_ = value;
        known_.set();
    }
    void gauge(std::string_view, double, port::labels) override {}
    void observe(std::string_view, double, port::labels) override {}
    [[nodiscard]] std::string text() const override { return {}; }

    awaitable<std::string> result() {
        (void)co_await known_.wait_for(k_connect_limit);
        co_return result_.empty() ? std::string("timeout") : result_;
    }

  private:
    rt::event known_;
    std::string result_;
};

/// One service, with connections of its own.
struct service {
    service(const asio::any_io_executor& ex, h2::pool_settings s)
        : host(s.host), heard(ex), pool(h2::make_pool(ex, std::move(s), heard)) {}
    std::string host;
    first_connect heard;
    std::unique_ptr<h2::pool> pool; // after what it tells
};

struct answered {
    int status = 0;
    z360::push::answer what;
    z360::push::verdict verdict;
    std::string word; ///< status and the provider's word, or why there is no answer
};

z360::push::message test_message(const port::push_address& to, time_point now) {
    z360::push::message m;
    m.what = z360::push::kind::business;
    m.org = to.org;
    m.at = now;
    m.deadline = now + k_shown_for;
    m.device.uid = to.uid;
    m.device.credential_version = to.credential_version;
    m.shown.type = "push_test";
    m.shown.title = "Test";
    m.shown.body = "This phone can be told by push. There is nothing to do.";
    m.shown.collapse_key = "push_test";
    m.occasion = "push_test " + std::to_string(now.time_since_epoch().count());
    return m;
}

std::string label_of(token_kind k) {
    switch (k) {
    case token_kind::voip: return "PushKit token";
    case token_kind::alert: return "alert token";
    case token_kind::fcm_token: return "FCM token";
    case token_kind::fcm_fid: return "Firebase installation";
    }
    return "token";
}

auto living(provider of) {
    return
        [of](const push_address_token& t) { return !t.dead && z360::push::provider_of(t.to.token_is) == of; };
}

class prober {
  public:
    prober(asio::any_io_executor ex, const settings& s, probe_ports p, port::push_address device, bool dry)
        : ex_(std::move(ex)), s_(s), p_(p), device_(std::move(device)), dry_(dry),
          message_(test_message(device_, p_.clock.now())) {}

    awaitable<void> run() {
        const bool apple = std::any_of(device_.tokens.begin(), device_.tokens.end(), living(provider::apns));
        const bool google = std::any_of(device_.tokens.begin(), device_.tokens.end(), living(provider::fcm));
        if (apple) co_await look_at_apns();
        if (google) co_await look_at_fcm();
        for (const auto& t : device_.tokens)
            co_await look_at(t);
        if (apple || google) co_return;
        if (device_.platform == "web")
            note("tokens", end::failed, "a browser has none: no push reaches it", k_browser);
        else if (device_.tokens.empty())
            note("tokens", end::failed, "it has none: pushes cannot reach this device", k_allow);
        else
            note("tokens", end::failed, "none that lives: pushes cannot reach this device", k_open_app);
    }
    awaitable<void> stop() {
        for (auto* one : {&production_, &sandbox_, &google_})
            if (*one) co_await (*one)->pool->stop(k_stop_limit);
    }
    std::vector<probe_step> take() { return std::move(steps_); }

  private:
    void note(std::string what, end came, std::string said, std::string fix = {}) {
        steps_.push_back({std::move(what), came, std::move(said), std::move(fix)});
    }

    // ---- services

    awaitable<void> look_at_apns() {
        if (!s_.apns) {
            note("APNs", end::failed, "not configured", "set push.apns_key_file and the settings beside it");
            co_return;
        }
        try {
            const auto key = open_key(*s_.apns);
            bearer_of_apns_ = key->mint(p_.clock.now());
            note(
                "APNs key", end::good,
                "read; key " + key->who().key_id + " of team " + key->who().team_id + " signs provider tokens"
            );
        } catch (const std::exception& e) {
            note("APNs key", end::failed, e.what());
            co_return;
        }
        for (const auto e : {environment::production, environment::sandbox})
            if (std::any_of(device_.tokens.begin(), device_.tokens.end(), [&](const auto& t) {
                    return living(provider::apns)(t) &&
                           (t.to.env == environment::sandbox) == (e == environment::sandbox);
                }))
                (void)co_await connected(e);
    }

    awaitable<void> look_at_fcm() {
        if (!s_.fcm) {
            note("FCM", end::failed, "not configured", "set push.fcm_service_account_file");
            co_return;
        }
        std::shared_ptr<const crypto::service_account> account;
        http::client_request r;
        try {
            account = open_account(*s_.fcm);
            r.body =
                std::string(wire::token_form(account->assertion(p_.clock.now(), wire::k_fcm_scope)).reveal());
            note(
                "FCM account", end::good, "read; " + account->client_email() + " of " + account->project_id()
            );
        } catch (const std::exception& e) {
            note("FCM account", end::failed, e.what());
            co_return;
        }
        project_ = account->project_id();
        r.method = "POST";
        r.url = account->token_uri();
        r.headers.add("Content-Type", "application/x-www-form-urlencoded");
        r.timeout = k_answer_limit;
        auto reply = co_await p_.http.perform(std::move(r));
        auto grant = wire::read_token_grant(reply.status, reply.body);
        std::fill(reply.body.begin(), reply.body.end(), '\0');
        if (reply.status == 0)
            note("Google's access token", end::failed, reply.error, k_way);
        else if (grant.token.empty())
            note(
                "Google's access token", end::failed, std::to_string(reply.status) + " " + grant.error,
                "check the account and its key in Google's console, and this machine's clock"
            );
        else
            note("Google's access token", end::good, "given");
        bearer_of_fcm_ = std::move(grant.token);
        if (!bearer_of_fcm_.empty())
            (void)co_await reached(google_, "FCM", s_.fcm->at, std::string(wire::k_fcm_host));
    }

    awaitable<bool> connected(environment e) {
        if (e == environment::sandbox)
            co_return co_await reached(
                sandbox_, "APNs sandbox", s_.apns->sandbox, std::string(wire::apns_host(e))
            );
        co_return co_await reached(production_, "APNs", s_.apns->production, std::string(wire::apns_host(e)));
    }

    // Once for each service.
    awaitable<bool>
    reached(std::unique_ptr<service>& at, std::string label, const place& where, std::string host) {
        if (at) co_return at->pool->now().connections > 0;
        auto pool = pool_of(s_, "push_test", where, host);
        pool.kept_open = 1;
        pool.max_connections = 1;
        if (s_.adjust) s_.adjust(pool);
        pool.kept_open = 1; // whatever tests want of the server's
        std::string fault;
        try {
            at = std::make_unique<service>(ex_, std::move(pool));
        } catch (const std::exception& e) {
            fault = e.what();
        }
        if (!fault.empty()) {
            note(std::move(label), end::failed, std::move(fault), "correct push.ca_file and push.proxy");
            co_return false;
        }
        const auto result = co_await at->heard.result();
        const bool good = result == "ok";
        note(
            std::move(label), good ? end::good : end::failed,
            at->host +
                (good ? ": connected; certificate and HTTP/2 settings taken" : ": not connected: " + result),
            good ? std::string() : fix_of_connect(result)
        );
        co_return good;
    }

    // ---- tokens

    awaitable<void> look_at(const push_address_token& t) {
        const auto label = label_of(t.to.token_is);
        if (t.dead) {
            note(label, end::skipped, "not sent to: its provider said that it is dead", k_open_app);
        } else if (t.to.token_is == token_kind::voip) {
            note(label, end::skipped, "not sent to: whatever comes by PushKit must ring");
        } else if (z360::push::provider_of(t.to.token_is) == provider::fcm) {
            co_await send_by_fcm(t);
        } else if (bearer_of_apns_.empty()) {
            note(label, end::skipped, "not sent to: see APNs above");
        } else if (dry_) {
            note(
                label, end::skipped,
                "not sent to: APNs cannot look at a push without delivering it; whether it takes key, topic "
                "and token is seen without --dry"
            );
        } else {
            co_await send_alert(t);
        }
    }

    awaitable<void> send_by_fcm(push_address_token t) {
        if (!google_ || google_->pool->now().connections == 0) {
            note(label_of(t.to.token_is), end::skipped, "not sent to: see FCM above");
            co_return;
        }
        const auto a = co_await ask_fcm(t);
        report(t, a);
    }

    awaitable<void> send_alert(push_address_token t) {
        bool there = co_await connected(t.to.env);
        if (!there) {
            note(label_of(t.to.token_is), end::skipped, "not sent to: see APNs above");
            co_return;
        }
        auto a = co_await ask_apns(t);
        if (a.verdict.first.other_environment) {
            note(label_of(t.to.token_is), end::skipped, a.word + ": the other environment may know it");
            t.to.env = z360::push::other(t.to.env);
            tried_.other_environment = true;
            there = co_await connected(t.to.env);
            if (!there) co_return;
            a = co_await ask_apns(t);
        }
        report(t, a);
    }

    awaitable<answered> ask_apns(push_address_token t) {
        const wire::apns_apps apps{s_.apns->bundle_ids, s_.apns->default_bundle_id};
        auto built = wire::build_apns(message_, t.to, apps, p_.clock.now());
        auto& at = t.to.env == environment::sandbox ? *sandbox_ : *production_;
        co_return co_await put(at, std::move(built), bearer_of_apns_, std::move(t));
    }
    awaitable<answered> ask_fcm(push_address_token t) {
        const wire::fcm_apps apps{project_, s_.fcm->packages, dry_};
        auto built = wire::build_fcm(message_, t.to, apps, p_.clock.now());
        co_return co_await put(*google_, std::move(built), bearer_of_fcm_, std::move(t));
    }

    awaitable<answered> put(service& at, wire::push_built built, secret bearer, push_address_token t) {
        answered out;
        if (!built.request) {
            out.verdict.what =
                built.fault == wire::push_fault::bad_token ? judgement::dead_token : judgement::configuration;
            out.word = built.why;
            co_return out;
        }
        auto request = request_of(*built.request, bearer);
        request.timeout = k_answer_limit;
        const auto raw = co_await at.pool->perform(std::move(request));
        out.status = raw.status;
        if (raw.what != h2::outcome::replied) {
            out.word = "no answer: " + std::string(h2::name(raw.why));
            co_return out;
        }
        const bool apns = z360::push::provider_of(t.to.token_is) == provider::apns;
        const auto retry_after = raw.headers.get("retry-after");
        const auto now = p_.clock.now();
        out.what = apns
                       ? wire::read_apns({raw.status, raw.body, retry_after, raw.headers.get("apns-id")}, now)
                       : wire::read_fcm({raw.status, raw.body, retry_after}, now);
        out.verdict = z360::push::judge(
            z360::push::provider_of(t.to.token_is), out.what,
            {t.to.registered_at, t.to.env_proven, tried_, now}
        );
        const bool good = out.verdict.what == judgement::done;
        out.word = std::to_string(raw.status) + " " + (good ? out.what.id : out.what.reason);
        co_return out;
    }

    void report(const push_address_token& t, const answered& a) {
        const auto label = label_of(t.to.token_is);
        if (a.verdict.what == judgement::done) {
            const bool moved = tried_.other_environment && provider_of(t) == provider::apns;
            note(
                label, end::good,
                (dry_ ? "valid, and not delivered: " : "accepted: ") + a.word +
                    (moved ? "; it is one of " + std::string(z360::push::name(t.to.env)) : "")
            );
            return;
        }
        note(label, end::failed, a.word, fix_of(t, a));
    }

    static std::string fix_of(const push_address_token& t, const answered& a) {
        if (a.status == 0 && a.verdict.what == judgement::retry) return k_way;
        switch (a.verdict.what) {
        case judgement::done: return {};
        case judgement::dead_token: return k_open_app;
        case judgement::configuration: return std::string(fix_for(provider_of(t), a.word));
        case judgement::retry:
        case judgement::later:
        case judgement::new_connection: break;
        }
        return a.verdict.first.fresh_token ? k_clock : k_wait;
    }
    static provider provider_of(const push_address_token& t) {
        return z360::push::provider_of(t.to.token_is);
    }

    asio::any_io_executor ex_;
    const settings& s_;
    probe_ports p_;
    const port::push_address device_;
    const bool dry_;
    const z360::push::message message_;
    z360::push::changes tried_;
    secret bearer_of_apns_, bearer_of_fcm_; ///< empty: there is none
    std::string project_;
    std::unique_ptr<service> production_, sandbox_, google_; ///< null: not asked
    std::vector<probe_step> steps_;
};

} // namespace

std::string_view name(probe_step::end e) {
    switch (e) {
    case end::good: return "good";
    case end::failed: return "failed";
    case end::skipped: return "skipped";
    }
    return "?";
}

awaitable<std::vector<probe_step>> probe(settings s, probe_ports p, port::push_address device, bool dry) {
    auto ex = co_await asio::this_coro::executor;
    prober look(ex, s, p, std::move(device), dry);
    std::exception_ptr error;
    try {
        co_await look.run();
    } catch (...) {
        error = std::current_exception();
    }
    co_await look.stop();
    if (error) std::rethrow_exception(error);
    co_return look.take();
}

} // namespace z360::adapter::push
