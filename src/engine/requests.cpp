// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Requests of people are events: the same inbox, the same mailbox, durable before they are acknowledged.
// Unlike webhooks they are never spooled: what cannot be decided now is refused, not carried out later.
#include "engine/engine_impl.hpp"
#include "wire/own_event.hpp"

#include <z360/call/view.hpp>
#include <z360/log.hpp>
#include <z360/port/errors.hpp>
#include <z360/rt/retry.hpp>

#include <algorithm>
#include <utility>

namespace z360::engine {
namespace {

constexpr millis k_first_look{50}; // at the store, for what another node decides
constexpr millis k_longest_look{400};

/// Lists somebody who waits, for as long as it lives.
template <class Map>
struct listing {
    listing(Map& all, call_id call, std::shared_ptr<waiting_request> who)
        : of(all), at(all.emplace(call, std::move(who))) {}
    listing(const listing&) = delete;
    listing& operator=(const listing&) = delete;
    ~listing() { of.erase(at); }
    Map& of;
    typename Map::iterator at;
};

} // namespace

boost::asio::awaitable<submission> engine_impl::submit(request r) {
    if (stopping_ || accepting_ >= s_.max_accepting) {
        p_.metrics.count("engine_shed_total");
        throw port::unavailable("overloaded or stopping");
    }
    const auto taken_in = steady::now();
    call::device_asks what{r.what, r.id, r.device, p_.clock.now() + s_.request_limit, {}};
    if (r.what == call::request_kind::ring) {
        auto found = co_await places(r.device, r.call);
        if (!found) co_return submission{submission::how::unknown};
        what.at = std::move(*found);
    }
    auto a = std::make_shared<arrival>();
    a->event.event_id = r.id;
    a->event.event_type = wire::request_type(r.what);
    a->event.route = port::webhook_route::own;
    a->event.call_session_id = r.call_session_id;
    a->event.received_at = p_.clock.now();
    a->event.body = wire::write_request(r.call, r.call_session_id, what);
    a->known = read(a->event.body, a->event.route, a->event.received_at);
    a->mark = in_work(handling_, r.id, offer{.session = r.call_session_id, .type = "own"});
    auto waiting = std::make_shared<waiting_request>(ex_, r.id);
    const listing listed(waiting_requests_, r.call, waiting);
    const auto kept = co_await keep_request(a->event);
    if (kept == port::append_result::conflict) co_return submission{submission::how::other};
    if (kept == port::append_result::stored && a->mark) work_.spawn(dispatch(std::move(a)));
    a.reset();
    const bool again = kept == port::append_result::duplicate;
    const auto until = taken_in + s_.request_limit + s_.request_grace;
    auto out = co_await verdict_on(std::move(waiting), r.call, again, until);
    if (again && out.went == submission::how::undecided) co_return co_await forgotten(std::move(r));
    co_return out;
}

void engine_impl::push_received(call_id call, device_id device, bool ready) {
    if (!stopping_) post(call, item{call::push_received{device, ready}, {}});
}

// Whom the call is for decides who may be rung; nullopt: there is no such call.
boost::asio::awaitable<std::optional<std::vector<call::target>>>
engine_impl::places(device_id device, call_id call) {
    try {
        const auto known = co_await p_.store.load(call);
        if (!known) co_return std::nullopt;
        const auto& to = known->state.routed;
        auto whose = call::people_of(to);
        co_return co_await p_.directory.reach(device, std::move(whose), to.org, p_.clock.now());
    } catch (const port::newer_form& e) {
        throw port::unavailable(e.what()); // a node of the newer program can
    }
}

// It was taken in before and has had its time. If its verdict may have given way to newer ones it is answered
// as of now; nothing is carried out.
boost::asio::awaitable<submission> engine_impl::forgotten(request r) {
    submission out;
    auto stored = co_await p_.store.load(r.call);
    if (!stored || !call::forgets_verdicts(stored->state)) co_return out;
    out.went = submission::how::judged;
    out.verdict = {r.id, r.what, call::judge(stored->state, r.what, r.device), p_.clock.now(), r.device};
    out.call = std::move(stored);
    co_return out;
}

// Durable, or nothing happens at all.
boost::asio::awaitable<port::append_result> engine_impl::keep_request(port::inbox_event event) {
    const one_more counting(accepting_);
    const auto id = event.event_id;
    std::vector<port::inbox_event> one;
    one.push_back(std::move(event));
    const auto results = co_await p_.inbox.append(std::move(one), s_.event_claim);
    switch (results.at(0)) {
    case port::append_result::stored:
    case port::append_result::stored_alone:
    case port::append_result::duplicate:
    case port::append_result::conflict: co_return results.at(0);
    case port::append_result::set_aside:
    case port::append_result::refused: break;
    }
    log::error("request_not_stored", {{"event_id", id}});
    throw port::unavailable("the inbox does not take the request");
}

// Of this node as soon as it is decided; of another node, or of the past, from what is stored. A request that
// came before is in nobody's queue here: that its call is gone, only the store can tell.
boost::asio::awaitable<submission> engine_impl::verdict_on(
    std::shared_ptr<waiting_request> waiting, call_id call, bool again, steady::time_point until
) {
    for (unsigned n = 1;; ++n) {
        if (!waiting->answer && !waiting->nobodys) {
            try {
                const auto stored = co_await p_.store.load(call);
                if (stored && !waiting->answer) waiting->look(*stored);
                waiting->nobodys = waiting->nobodys || (again && !stored && !in_memory(call));
            } catch (const port::unavailable&) {
                // decided here, perhaps
            } catch (const port::newer_form&) {
                // a node of the newer program decides
            }
        }
        if (waiting->answer) co_return submission{submission::how::judged, waiting->verdict, waiting->answer};
        if (waiting->nobodys) co_return submission{submission::how::unknown};
        const auto left = std::chrono::duration_cast<millis>(until - steady::now());
        if (left <= millis{0}) co_return submission{};
        (void)co_await waiting->done.wait_for(std::min(rt::growing(k_first_look, k_longest_look, n), left));
    }
}

void engine_impl::tell_waiting(const actor& a) {
    const auto [first, last] = waiting_requests_.equal_range(a.id);
    for (auto i = first; i != last; ++i)
        if (!i->second->answer) i->second->look(*a.box.loaded());
}

void engine_impl::no_call_for(call_id call, const std::string& request) {
    const auto [first, last] = waiting_requests_.equal_range(call);
    for (auto i = first; i != last; ++i)
        if (i->second->id == request) i->second->no_call();
}

void waiting_request::no_call() {
    nobodys = true;
    done.set();
}

void waiting_request::look(const port::stored_call& at) {
    const auto* v = call::verdict_of(at.state, id);
    if (v == nullptr) return;
    verdict = *v;
    answer = at;
    done.set();
}

} // namespace z360::engine
