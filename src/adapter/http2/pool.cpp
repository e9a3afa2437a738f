// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/http2/pool.hpp"

#include "adapter/http2/tls.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace z360::adapter::http2 {
namespace {

using namespace std::chrono_literals;
using asio::awaitable;

constexpr duration k_look = 250ms;

std::string authority_of(const h2::pool_settings& s) {
    const bool usual = s.port == (s.tls ? 443 : 80);
    const auto whole = host_and_port(s.host, s.port);
    return usual ? whole.substr(0, whole.rfind(':')) : whole;
}

connection_setup setup_of(const asio::any_io_executor& ex, const h2::pool_settings& s) {
    if (s.host.empty()) throw std::runtime_error("the HTTP/2 pool " + s.name + " has no host");
    connection_setup out;
    out.ex = ex;
    out.to.host = s.host;
    out.to.port = s.port;
    if (!s.proxy.empty()) out.to.via = parse_proxy(s.proxy);
    if (s.tls) out.tls = client_context(s.ca_file);
    out.connect_timeout = s.connect_timeout;
    out.tls_timeout = s.tls_timeout;
    out.session.scheme = s.tls ? "https" : "http";
    out.session.authority = authority_of(s);
    out.session.max_streams = std::max<std::size_t>(s.max_streams, 1);
    out.session.max_body_bytes = s.max_body_bytes;
    out.session.max_header_bytes = s.max_header_bytes;
    out.session.max_lingering = s.max_lingering;
    out.session.patience = s.patience;
    out.session.ping_timeout = s.ping_timeout;
    out.session.idle_ping = s.idle_ping;
    out.session.settings_timeout = s.settings_timeout;
    out.session.drain_limit = s.drain_limit;
    out.session.accepts = s.accepts;
    return out;
}

} // namespace

pool::pool(asio::any_io_executor ex, h2::pool_settings settings, port::metrics& metrics)
    : ex_(std::move(ex)), settings_(std::move(settings)), metrics_(metrics), setup_(setup_of(ex_, settings_)),
      line_(std::max<std::size_t>(settings_.max_waiting, 1)),
      connects_(settings_.connects_per_second, settings_.connect_burst), chance_(rt::random_chance()),
      wake_(ex_), gone_(ex_), tasks_(ex_), loops_(ex_) {
    rt::loop_settings s;
    s.name = settings_.name + "_connections";
    s.period = k_look;
    s.late_after = 10s;
    s.wake = &wake_;
    s.next = [this] { return until_look(); };
    loops_.run(std::move(s), [this] { return look(); });
}

exchange_ptr pool::next() {
    return line_.take();
}

void pool::settled(session::finished f) {
    if (!again(*f.x, f.result)) {
        answer(*f.x, std::move(f.result));
        return;
    }
    ++f.x->requeued;
    metrics_.count("http2_requeued_total", {{"pool", settings_.name}, {"cause", h2::name(f.result.why)}});
    line_.put_back(std::move(f.x));
}

std::string_view pool::reason_of(const h2::goaway& g) const {
    for (const auto& word : settings_.known_reasons)
        if (g.debug.find('"' + word + '"') != std::string::npos) return word;
    return g.debug.empty() ? "none" : "other";
}

void pool::said_goaway(connection& c, const h2::goaway& g) {
    const auto reason = reason_of(g);
    metrics_.count("http2_goaways_total", {{"pool", settings_.name}, {"reason", reason}});
    log::info(
        "http2_goaway", {{"pool", settings_.name},
                         {"connection", c.id()},
                         {"code", g.code},
                         {"reason", reason},
                         {"streams", c.talk().streams()}}
    );
    if (settings_.on_goaway) settings_.on_goaway(g);
}

void pool::opened(connection& c) {
    metrics_.count("http2_connects_total", {{"pool", settings_.name}, {"result", "ok"}});
    const std::chrono::duration<double> took = rt::clock::now() - c.began();
    log::info(
        "http2_connected",
        {{"pool", settings_.name}, {"connection", c.id()}, {"host", settings_.host}, {"seconds", took.count()}
        }
    );
}

void pool::changed(connection& c) {
    if (c.talk().replies() > 0) failures_ = 0;
    if (!c.talk().failed()) pump(); // else ended() follows, which decides on a pause first
}

std::size_t pool::connecting() const {
    return static_cast<std::size_t>(std::count_if(
        connections_.begin(), connections_.end(),
        [](const auto& c) { return !c->was_opened() && !c->talk().draining(); }
    ));
}

std::size_t pool::usable() const {
    return static_cast<std::size_t>(std::count_if(
        connections_.begin(), connections_.end(),
        [](const auto& c) { return c->was_opened() && !c->talk().draining(); }
    ));
}

/// Wakes writers while there is somebody to send for, the one with the fewest streams first.
void pool::pump() {
    const auto now = rt::clock::now();
    std::size_t covered = 0; // by writers that are about to look
    for (const auto& c : connections_)
        if (c->was_opened() && c->kicked()) covered += c->talk().room(now);
    while (covered < line_.size()) {
        auto* next = least_busy(now);
        if (next == nullptr) break;
        covered += next->talk().room(now);
        next->kick();
    }
    open_more();
}

/// Of those that have room and whose writer sleeps.
connection* pool::least_busy(moment now) const {
    connection* out = nullptr;
    for (const auto& c : connections_) {
        if (!c->was_opened() || c->kicked() || c->talk().room(now) == 0) continue;
        if (out == nullptr || c->talk().streams() < out->talk().streams()) out = c.get();
    }
    return out;
}

bool pool::another_wanted() const {
    if (stopping_ || connecting() > 0 || usable() >= std::max<std::size_t>(settings_.max_connections, 1))
        return false;
    // Those that finish are as many at most: a server that says GOAWAY all the time gets no more from us.
    if (connections_.size() >= 2 * std::max<std::size_t>(settings_.max_connections, 1)) return false;
    if (usable() < settings_.kept_open) return true;
    if (line_.empty()) return false;
    return std::all_of(connections_.begin(), connections_.end(), [](const auto& c) {
        return c->talk().draining() || (c->talk().accepted() && c->talk().free() == 0);
    });
}

/// When the next connection may be opened.
moment pool::next_connect() const {
    const auto now = rt::clock::now();
    return std::max(pause_until_, now + connects_.wait(now));
}

void pool::open_more() {
    const auto now = rt::clock::now();
    if (!another_wanted()) return;
    if (now < pause_until_ || !connects_.take(now, duration::zero())) {
        const auto at = next_connect();
        if (at < look_at_) {
            look_at_ = at;
            wake_.set(); // look again sooner than planned
        }
        return;
    }
    auto c = make_connection(setup_, *this, ++ids_);
    connections_.push_back(c);
    tasks_.spawn(live(std::move(c)));
}

awaitable<void> pool::live(std::shared_ptr<connection> c) {
    std::exception_ptr broke;
    try {
        co_await c->run();
    } catch (...) {
        broke = std::current_exception();
    }
    ended(*c);
    if (broke) std::rethrow_exception(broke);
}

void pool::ended(connection& c) {
    if (!c.was_opened()) {
        metrics_.count("http2_connects_total", {{"pool", settings_.name}, {"result", c.result()}});
    } else {
        const auto why = c.talk().why_over();
        if (why == h2::cause::silent) metrics_.count("http2_pings_lost_total", {{"pool", settings_.name}});
        log::info(
            "http2_connection_ended", {{"pool", settings_.name},
                                       {"connection", c.id()},
                                       {"why", h2::name(why)},
                                       {"replies", c.talk().replies()}}
        );
    }
    const bool short_lived = rt::clock::now() - c.began() < settings_.longest_pause;
    if (c.talk().replies() == 0 && short_lived && !stopping_) came_to_nothing(c);
    const auto at = std::find_if(connections_.begin(), connections_.end(), [&c](const auto& other) {
        return other.get() == &c;
    });
    connections_.erase(at);
    give_up_hopeless();
    pump();
    wake_.set();
    gone_.set();
}

void pool::came_to_nothing(const connection& c) {
    const duration first = settings_.first_pause;
    const duration longest = settings_.longest_pause;
    const auto pause = rt::spread(rt::growing(first, longest, ++failures_), 0.75, 1.25, chance_());
    pause_until_ = rt::clock::now() + pause;
    const auto silent = failures_told_.due();
    if (!silent) return;
    log::warn(
        "http2_connection_came_to_nothing",
        {{"pool", settings_.name},
         {"host", settings_.host},
         {"result", c.result()},
         {"error", c.error()},
         {"in_a_row", failures_},
         {"again_in_seconds", std::chrono::duration<double>(pause).count()},
         {"more", *silent}}
    );
}

/// Who cannot live to see the next attempt learns it now, and may go another way.
void pool::give_up_hopeless() {
    if (usable() > 0 || connecting() > 0) return;
    const auto at = next_connect();
    for (const auto& x : line_.remove_if([at](const exchange& w) { return w.deadline <= at; }))
        answer(*x, h2::outcome::not_processed, h2::cause::connect_failed);
}

void pool::retire(std::uint64_t id) {
    for (const auto& c : connections_) {
        if (c->id() != id) continue;
        log::info("http2_connection_retired", {{"pool", settings_.name}, {"connection", id}});
        c->drain();
        break;
    }
    pump();
}

// --- time ---

awaitable<void> pool::look() {
    show();
    give_up_hopeless();
    for (const auto& c : connections_) // of which somebody has left
        if (c->was_opened() && c->talk().wants_output()) c->kick();
    pump();
    co_return;
}

duration pool::until_look() {
    const auto now = rt::clock::now();
    const auto pause = another_wanted() ? std::clamp<duration>(next_connect() - now, 1ms, k_look) : k_look;
    look_at_ = now + pause;
    return pause;
}

h2::pool::figures pool::now() const {
    figures out;
    out.waiting = line_.size();
    for (const auto& c : connections_) {
        if (c->was_opened())
            ++out.connections;
        else
            ++out.connecting;
        out.streams += c->talk().streams();
    }
    return out;
}

void pool::show() {
    const auto f = now();
    const std::string_view mine = settings_.name;
    metrics_.gauge("http2_connections", static_cast<double>(f.connections), {{"pool", mine}});
    metrics_.gauge("http2_streams", static_cast<double>(f.streams), {{"pool", mine}, {"state", "open"}});
    metrics_.gauge("http2_streams", static_cast<double>(f.waiting), {{"pool", mine}, {"state", "waiting"}});
    for (std::size_t what = 0; what < counts_.size(); ++what)
        for (std::size_t why = 0; why < k_causes; ++why) {
            const auto n = std::exchange(counts_[what][why], 0);
            if (n == 0) continue;
            const auto outcome = h2::name(static_cast<h2::outcome>(what));
            const auto cause = h2::name(static_cast<h2::cause>(why));
            metrics_.count(
                "http2_requests_total", {{"pool", mine}, {"outcome", outcome}, {"cause", cause}},
                static_cast<double>(n)
            );
        }
}

awaitable<void> pool::stop(millis limit) {
    stopping_ = true;
    for (const auto& x : line_.remove_if([](const exchange&) { return true; }))
        answer(*x, h2::outcome::not_processed, h2::cause::stopping);
    for (const auto& c : connections_)
        if (c->was_opened()) c->drain();
    const auto until = rt::clock::now() + limit;
    while (std::any_of(
               connections_.begin(), connections_.end(), [](const auto& c) { return c->was_opened(); }
           ) &&
           rt::clock::now() < until)
        (void)co_await gone_.wait_for(until - rt::clock::now());
    co_await tasks_.join();
    co_await loops_.join();
    connections_.clear();
    show();
}

} // namespace z360::adapter::http2

namespace z360::http::h2 {

std::unique_ptr<pool>
make_pool(boost::asio::any_io_executor ex, pool_settings settings, port::metrics& metrics) {
    return std::make_unique<adapter::http2::pool>(std::move(ex), std::move(settings), metrics);
}

} // namespace z360::http::h2
