// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A device registers and waits for its identity. All requests of one device in this process wait for the same
// run; between nodes the claim decides who makes it, and the others watch the rows.
#include "credential_manager/manager_impl.hpp"

#include <z360/log.hpp>
#include <z360/port/errors.hpp>

#include <utility>

namespace z360::credential_manager {
namespace {

identity_status status_of(const port::claimed_device& d, time_point now) {
    identity_status out;
    for (std::size_t n = 0; n < d.device.identities.size() && n < d.names.size(); ++n) {
        const auto& i = d.device.identities[n];
        const bool valid = !i.expires_at || *i.expires_at > now;
        const bool ready = d.device.entitled && i.now_in == credential::identity_state::active && valid;
        if (!ready && (out.ready || i.now_in != credential::identity_state::pending)) continue;
        out.ready = ready;
        out.identity = i.id;
        out.sip_username = ready ? d.names[n].sip_username : std::string();
        out.version = i.version;
        out.expires_at = i.expires_at;
        if (ready) break;
    }
    return out;
}

} // namespace

boost::asio::awaitable<identity_status> manager_impl::ensure(device_id d, millis budget) {
    const auto began = steady::now();
    const auto until = began + budget;
    const auto seen = co_await store_.read(d);
    if (!seen) co_return identity_status{};
    auto status = status_of(*seen, clock_.now());
    if (status.ready || !seen->device.entitled) co_return status;

    bool created = false;
    auto f = identity_flights_.join(d.value, until, created);
    if (created) {
        auto end = std::make_unique<identity_flights::landing>(identity_flights_, d.value, f);
        if (stopping_) co_return status;
        work_.spawn(fly(std::move(end), d, f));
    }
    const bool landed = co_await identity_flights::wait(f, until);
    if (landed && f->error) std::rethrow_exception(f->error);
    if (landed && f->result) status = *f->result;
    metrics_.observe(
        "credential_ensure_seconds", std::chrono::duration<double>(steady::now() - began).count(),
        {{"result", status.ready ? "ready" : "pending"}}
    );
    co_return status;
}

boost::asio::awaitable<void>
manager_impl::fly(identity_flights::end end, device_id d, identity_flights::pointer f) {
    const auto at_the_end = std::move(end);
    try {
        f->result = co_await make(d, f);
    } catch (...) {
        if (stopping_) throw;
        trouble("ensure", std::current_exception());
        f->error = as_unavailable(std::current_exception());
        again_later(d); // whoever asked may not ask again
    }
}

boost::asio::awaitable<identity_status> manager_impl::make(device_id d, identity_flights::pointer f) {
    for (;;) {
        auto h = co_await claim(d, nullptr);
        if (h) {
            std::exception_ptr thrown;
            try {
                (void)co_await settle(*h, scope::making);
            } catch (...) {
                thrown = std::current_exception();
            }
            if (thrown && stopping_) std::rethrow_exception(thrown);
            // Also after a failure: somebody waits, and will not wait until the claim has run out.
            if (ours(*h)) co_await let_go(d);
            if (thrown) std::rethrow_exception(thrown);
            // What is left (deleting an old one, trying again) is the workers' business.
            if (!credential::decide(h->what.device, s_.rules, clock_.now()).empty()) look_at(d);
            co_return status_of(h->what, clock_.now());
        }
        co_await poll_pause();
        const auto seen = co_await store_.read(d);
        if (!seen) co_return identity_status{};
        auto status = status_of(*seen, clock_.now());
        if (status.ready || !seen->device.entitled || steady::now() >= f->until) co_return status;
    }
}

boost::asio::awaitable<void> manager_impl::poll_pause() {
    const auto spread = static_cast<int>(chance() * 50.0);
    co_await rt::sleep_for(millis{50} + millis{spread});
}

} // namespace z360::credential_manager
