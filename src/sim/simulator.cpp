// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "sim/simulator.hpp"

#include "sim/simulator_core.hpp"
#include "sim/webhook_form.hpp"

#include <boost/asio/post.hpp>

#include <stdexcept>
#include <utility>

namespace z360::sim {

class simulator::core::no_metrics final : public port::metrics {
  public:
    void count(std::string_view, port::labels, double) override {}
    void gauge(std::string_view, double, port::labels) override {}
    void observe(std::string_view, double, port::labels) override {}
    [[nodiscard]] std::string text() const override { return {}; }
};

simulator::core::core(simulator_settings settings)
    : settings_(std::move(settings)), signer_(settings_.key_seed), carrier_(settings_.carrier),
      wall_start_(std::chrono::floor<millis>(std::chrono::system_clock::now())), work_(io_.get_executor()),
      tasks_(io_.get_executor()), wake_(io_.get_executor()), metrics_(std::make_unique<no_metrics>()) {
    settings_.delivery.retry_other_4xx = settings_.carrier.unknown.retry_other_4xx;
    if (settings_.push) make_push_services();
}

simulator::core::~core() {
    stop();
}

// Wall-clock time that never jumps: the carrier's order of things must not depend on a clock being set.
time_point simulator::core::now() const {
    return wall_start_ + std::chrono::floor<millis>(std::chrono::steady_clock::now() - steady_start_);
}

void simulator::core::start() {
    http::server_settings s;
    s.address = settings_.address;
    s.port = settings_.port;
    s.reuse_port = false;
    client_ = http::make_client(io_.get_executor());
    server_ = http::make_server(io_.get_executor(), s, routes(), *metrics_);
    server_->start();
    port_ = server_->port();
    carrier_.set_recordings_base(root());
    if (push_) push_->start();
    tasks_.spawn(keep_time());
    thread_ = std::thread([this] { io_.run(); });
}

void simulator::core::stop() {
    if (!thread_.joinable()) return;
    boost::asio::post(io_, [this] {
        auto finished = [this](const std::exception_ptr&) { work_.reset(); };
        boost::asio::co_spawn(io_, shut_down(), std::move(finished));
    });
    thread_.join();
}

rt::awaitable<void> simulator::core::shut_down() {
    stopping_ = true;
    for (auto& [id, r] : requests_)
        r->ready.set();
    for (auto& w : waiters_)
        w.done.set_value(false);
    waiters_.clear();
    co_await server_->stop(millis{500});
    if (push_) co_await push_->stop();
    co_await tasks_.join();
    server_.reset();
    client_.reset();
}

void simulator::core::run(const std::function<void(carrier&, time_point)>& f) {
    if (!thread_.joinable()) { // not started yet, or stopped: nobody else touches the carrier
        f(carrier_, now());
        return;
    }
    std::promise<void> done;
    auto future = done.get_future();
    boost::asio::post(io_, [this, &f, &done] {
        try {
            f(carrier_, now());
            pump();
            done.set_value();
        } catch (...) {
            done.set_exception(std::current_exception());
        }
    });
    future.get();
}

bool simulator::core::wait_until(std::function<bool(const carrier&)> condition, millis limit) {
    std::promise<bool> done;
    auto future = done.get_future();
    std::list<waiter>::iterator place;
    run([this, &condition, &done, &place](carrier&, time_point) {
        place = waiters_.insert(waiters_.end(), waiter{std::move(condition), std::move(done)});
    });
    if (future.wait_for(limit) == std::future_status::ready) return future.get();
    run([&future, place, this](carrier&, time_point) {
        if (future.wait_for(millis{0}) == std::future_status::ready)
            return; // it came true at the last moment
        place->done.set_value(false);
        waiters_.erase(place);
    });
    return future.get();
}

void simulator::core::set_webhook_urls(webhook_urls app, webhook_urls credential) {
    run([this, &app, &credential](carrier&, time_point) {
        settings_.app = std::move(app);
        settings_.credential = std::move(credential);
    });
}

void simulator::core::pump() {
    const auto t = now();
    for (auto& w : carrier_.take_webhooks(t))
        tasks_.spawn(deliver(std::move(w)));
    for (auto& [id, r] : requests_) {
        if (r->answer) continue;
        r->answer = carrier_.take_reply(id, t);
        if (r->answer) r->ready.set();
    }
    for (auto it = waiters_.begin(); it != waiters_.end();) {
        if (it->condition(carrier_)) {
            it->done.set_value(true);
            it = waiters_.erase(it);
        } else {
            ++it;
        }
    }
    wake_.set(); // the next deadline may have moved
}

rt::awaitable<void> simulator::core::keep_time() {
    while (!stopping_) {
        const auto due = carrier_.next_due();
        const auto t = now();
        if (due && *due <= t) {
            pump();
            (void)co_await wake_.wait_for(millis{0}); // pump() asked for the look that is taken now anyway
            const auto rest = carrier_.next_due();
            // An answer that nobody fetches stays due; it must not keep the loop busy.
            if (rest && *rest <= t) co_await rt::sleep_for(millis{2});
            continue;
        }
        if (due) {
            (void)co_await wake_.wait_for(*due - t);
        } else {
            co_await wake_.wait();
        }
    }
}

http::client_request simulator::core::signed_request(
    const webhook& w, const std::string& url, unsigned attempt, const std::string& stamp
) const {
    const json meta{{"attempt", attempt}, {"delivered_to", url}};
    http::client_request req;
    req.method = "POST";
    req.url = url;
    req.body = body_in_form(w.form, w.data, meta);
    req.headers.add("Content-Type", "application/json");
    req.headers.add("User-Agent", "telnyx-webhooks");
    req.headers.add("telnyx-timestamp", stamp);
    req.headers.add("telnyx-signature-ed25519", signer_.sign(stamp, req.body));
    req.connect_timeout = settings_.delivery.timeout;
    req.timeout = settings_.delivery.timeout;
    return req;
}

rt::awaitable<void> simulator::core::deliver(webhook w) {
    const bool own =
        w.source == webhook_source::credential_connection && !settings_.credential.primary.empty();
    auto urls = own ? settings_.credential : settings_.app;
    if (!w.url.empty()) urls.primary = w.url;
    if (settings_.delivery.alternate && !urls.failover.empty() && ++deliveries_ % 2 == 0)
        std::swap(urls.primary, urls.failover);
    std::string stamp;
    unsigned failures = 0;
    int last_status = 0;
    while (const auto step = next_attempt(settings_.delivery, urls, w.retries, failures, last_status)) {
        if (step->wait > millis{0}) co_await rt::sleep_for(step->wait);
        delivery_attempt attempt;
        attempt.url = step->url;
        attempt.started = now();
        if (stamp.empty() || settings_.carrier.unknown.stamp_each_attempt)
            stamp = std::to_string(
                std::chrono::floor<std::chrono::seconds>(attempt.started).time_since_epoch().count()
            );
        http::client_response res;
        if (carrier_.delivery_fails(w.record, attempt.started)) {
            res.error = "unreachable by script";
        } else {
            auto req = signed_request(w, step->url, w.earlier + failures + 1, stamp);
            res = co_await client_->perform(std::move(req));
        }
        attempt.finished = now();
        attempt.status = last_status = res.status;
        attempt.error = res.error;
        const bool ok = attempt.ok();
        carrier_.record_attempt(w.record, std::move(attempt));
        if (ok) {
            carrier_.record_outcome(w.record, delivery_state::delivered);
            pump();
            co_return;
        }
        ++failures;
    }
    carrier_.record_outcome(w.record, delivery_state::failed);
    pump();
}

simulator::simulator(simulator_settings settings) : core_(std::make_unique<core>(std::move(settings))) {}
simulator::~simulator() = default;

void simulator::start() {
    core_->start();
}
void simulator::stop() {
    core_->stop();
}
std::uint16_t simulator::port() const {
    return core_->port();
}
std::string simulator::base_url() const {
    return "http://" + core_->address() + ":" + std::to_string(core_->port()) + "/v2";
}
std::string simulator::public_key() const {
    return core_->public_key();
}
void simulator::set_webhook_urls(webhook_urls app, webhook_urls credential) {
    core_->set_webhook_urls(std::move(app), std::move(credential));
}
bool simulator::wait_until(std::function<bool(const carrier&)> condition, millis limit) {
    return core_->wait_until(std::move(condition), limit);
}
void simulator::run(std::function<void(carrier&, time_point)> f) {
    core_->run(f);
}
std::string simulator::place_call(std::string from, std::string to, std::string session) {
    return with([&](carrier& c, time_point now) { return c.place_call(from, to, now, session); });
}
void simulator::caller_hangs_up(const std::string& call_control_id) {
    with([&](carrier& c, time_point now) { c.caller_hangs_up(call_control_id, now); });
}
void simulator::set_phone(std::string username, phone p) {
    with([&](carrier& c, time_point) { c.set_phone(username, p); });
}
void simulator::set_default_phone(phone p) {
    with([&](carrier& c, time_point) { c.set_default_phone(p); });
}
void simulator::black_out_webhooks(millis length) {
    webhook_fault f;
    f.unreachable = true;
    f.match.until = length;
    add_fault(std::move(f));
}
void simulator::lose_dials_to(const std::string& username) {
    command_fault f;
    f.verb = "dial";
    f.match.leg = username;
    f.lose_reply = true;
    f.silent_leg = true;
    add_fault(std::move(f));
}
void simulator::add_fault(webhook_fault f) {
    with([&](carrier& c, time_point now) { c.add_fault(f, now); });
}
void simulator::add_fault(command_fault f) {
    with([&](carrier& c, time_point now) { c.add_fault(f, now); });
}

} // namespace z360::sim
