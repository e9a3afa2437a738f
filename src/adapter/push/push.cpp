// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/push/push.hpp"

#include "adapter/push/access.hpp"
#include "adapter/push/delivery.hpp"
#include "adapter/push/early_addresses.hpp"
#include "adapter/push/key_watch.hpp"

#include <z360/log.hpp>
#include <z360/rt/blocking_pool.hpp>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>

#include <array>
#include <stdexcept>
#include <utility>

namespace z360::adapter::push {

namespace asio = boost::asio;
namespace h2 = http::h2;
using asio::awaitable;

namespace {

constexpr std::chrono::seconds k_keys_late{600};

// With a token alone APNs takes one stream until it has seen that the token is good: whatever it says of the
// device then.
bool shows_good_token(const h2::result& r) {
    return r.what == h2::outcome::replied && r.status > 0 && r.status < 500 && r.status != 401 &&
           r.status != 403 && r.status != 429;
}

class dispatcher final : public push_runner {
  public:
    dispatcher(asio::any_io_executor ex, settings s, ports p)
        : s_(std::move(s)), early_(ex, p.addresses),
          p_{early_, p.ledger, p.http, p.clock, p.metrics, std::move(p.ticket), std::move(p.chance)}, ex_(ex),
          workers_(1), loops_(std::move(ex), [this](std::string_view name, std::string_view) {
              p_.metrics.count("loop_failures_total", {{"loop", name}});
          }) {
        if (!p_.chance) p_.chance = rt::random_chance();
        parts_.chance = p_.chance;
        if (s_.apns) open_apns(*s_.apns);
        if (s_.fcm) open_fcm(*s_.fcm);
    }

    void start() override {
        if (watches_.empty()) return;
        rt::loop_settings l{
            .name = "push_keys", .period = s_.keys_every, .late_after = s_.keys_every + k_keys_late
        };
        loops_.run(std::move(l), [this] { return look_at_keys(); });
    }
    awaitable<void> stop(millis limit) override {
        co_await loops_.join();
        co_await early_.join();
        if (google_tokens_ != nullptr) co_await google_tokens_->join();
        for (auto& o : outlets_)
            co_await o->pool().stop(limit / static_cast<int>(outlets_.size()));
    }
    std::vector<loop_state> loops() const override { return loops_.states(); }

    // The ring waits for the commit, the push for the commit and then for its tokens: so they are looked up
    // now.
    void expect(const call::effect& what) override {
        const auto* n = std::get_if<call::push_notice>(&what.body);
        if (n == nullptr || n->what != z360::push::kind::incoming_call) return;
        early_.expect(errand_of(what, *n, s_.api_base).where);
    }

    awaitable<call::effect_outcome> run(call::effect what, port::still_wanted wanted) override {
        return carry_out(std::move(what), std::move(wanted), false);
    }
    awaitable<call::effect_outcome> take_over(call::effect what, port::still_wanted wanted) override {
        return carry_out(std::move(what), std::move(wanted), true);
    }

    awaitable<report> carry(port::queued_push what, port::still_wanted wanted) override {
        delivery d(parts_, errand_of(what), std::move(wanted));
        auto end = co_await d.run();
        co_return end;
    }

  private:
    awaitable<call::effect_outcome>
    carry_out(call::effect what, port::still_wanted wanted, bool left_behind) {
        if (!std::holds_alternative<call::push_notice>(what.body))
            co_return call::ended_as(what, call::outcome::refused);
        const auto notice = std::get<call::push_notice>(what.body);
        auto job = errand_of(what, notice, s_.api_base);
        job.left_behind = left_behind;
        if (p_.ticket && notice.what == z360::push::kind::incoming_call)
            job.compose = [this, notice](const port::push_address& a) {
                auto m = message_of(notice, a, s_.api_base);
                m.call.ticket = p_.ticket(notice);
                return m;
            };
        delivery d(parts_, std::move(job), std::move(wanted));
        auto end = co_await d.run();
        count_outcome(p_.metrics, notice.what, end);
        auto out = outcome_of(what, notice, left_behind, std::move(end));
        co_return call::effect_outcome(std::move(out));
    }

    outlet* add(const std::string& name, h2::pool_settings pool, std::unique_ptr<provider_tokens> tokens) {
        pool.kept_open = name == "apns_sandbox" ? 0 : 1;
        if (s_.adjust) s_.adjust(pool);
        outlets_.push_back(std::make_unique<outlet>(
            ex_, name, std::move(pool), s_.retry_percent, std::move(tokens), p_.metrics
        ));
        return outlets_.back().get();
    }

    outlet* add_apns(const std::string& name, const place& at, z360::push::environment env) {
        auto pool = pool_of(s_, name, at, wire::apns_host(env));
        pool.accepts = shows_good_token;
        pool.known_reasons = {
            "Shutdown",
            "IdleTimeout",
            "BadDeviceToken",
            "ExpiredProviderToken",
            "InternalServerError",
            "TooManyProviderTokenUpdates"
        };
        pool.on_goaway = [name](const h2::goaway& g) {
            const auto reason = wire::read_apns_goaway(g.debug);
            if (!reason.empty()) log::info("push_goaway", {{"provider", name}, {"reason", reason}});
        };
        return add(name, std::move(pool), std::make_unique<apns_tokens>(*signer_));
    }

    void open_apns(const apns_settings& a) {
        const auto mark = mark_of(a.key_file);
        signer_ = std::make_unique<apns_signer>(open_key(a), p_.clock, p_.metrics);
        parts_.apns = {a.bundle_ids, a.default_bundle_id};
        // One connection stands ready where calls are waited for; what the sandbox gets may wait for its own.
        parts_.production = add_apns("apns", a.production, z360::push::environment::production);
        parts_.sandbox = add_apns("apns_sandbox", a.sandbox, z360::push::environment::sandbox);
        auto read = [this, a]() -> std::function<void()> {
            return [this, key = open_key(a)] {
                signer_->use(key);
                parts_.production->renewed();
                parts_.sandbox->renewed();
            };
        };
        watch("apns", a.key_file, mark, std::move(read));
    }

    void open_fcm(const fcm_settings& f) {
        const auto mark = mark_of(f.service_account_file);
        auto tokens =
            std::make_unique<fcm_tokens>(ex_, open_account(f), p_.http, p_.clock, p_.metrics, p_.chance);
        google_tokens_ = tokens.get();
        parts_.fcm = {google_tokens_->project_id(), f.packages};
        parts_.google = add("fcm", pool_of(s_, "fcm", f.at, wire::k_fcm_host), std::move(tokens));
        auto read = [this, f]() -> std::function<void()> {
            return [this, account = open_account(f)] {
                google_tokens_->use(account);
                parts_.fcm.project_id = account->project_id();
                parts_.google->renewed();
            };
        };
        watch("fcm", f.service_account_file, mark, std::move(read));
    }

    void watch(std::string of, std::string file, file_mark mark, key_watch::reader read) {
        watches_.push_back(std::make_unique<key_watch>(
            std::move(of), std::move(file), mark, std::move(read), workers_, p_.metrics
        ));
    }
    // Not to be cancelled while a worker reads: a stop waits for it, which takes milliseconds.
    awaitable<void> look_at_keys() {
        co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
        for (auto& w : watches_)
            co_await w->look();
    }

    const settings s_;
    early_addresses early_;
    ports p_;
    asio::any_io_executor ex_;
    std::unique_ptr<apns_signer> signer_;
    fcm_tokens* google_tokens_ = nullptr; ///< its outlet's
    std::vector<std::unique_ptr<outlet>> outlets_;
    delivery_parts parts_{p_, s_, {}, {}, {}};
    rt::blocking_pool workers_; ///< reads key files
    std::vector<std::unique_ptr<key_watch>> watches_;
    rt::supervisor loops_;
};

} // namespace

void count_outcome(port::metrics& m, z360::push::kind what, const report& r) {
    m.count(
        "push_outcomes_total", {{"kind", z360::push::name(what)},
                                {"provider", r.by ? z360::push::name(*r.by) : std::string_view("none")},
                                {"outcome", call::name(r.result)}}
    );
}

std::unique_ptr<push_runner> make_push_runner(asio::any_io_executor ex, settings s, ports p) {
    return std::make_unique<dispatcher>(std::move(ex), std::move(s), std::move(p));
}

std::vector<std::string> key_problems(const settings& s) {
    std::vector<std::string> out;
    try {
        if (s.apns) (void)open_key(*s.apns);
    } catch (const std::exception& e) {
        out.emplace_back(e.what());
    }
    try {
        if (s.fcm) (void)open_account(*s.fcm);
    } catch (const std::exception& e) {
        out.emplace_back(e.what());
    }
    return out;
}

} // namespace z360::adapter::push
