// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The network between the nodes and the carrier: what is asked, and what may go wrong with it.
#include "world.hpp"

#include <algorithm>
#include <utility>

namespace z360::testing {
namespace {

using sim::json;

std::string decoded(const std::string& path) {
    std::string out;
    for (std::size_t i = 0; i < path.size(); ++i) {
        if (path[i] == '%' && i + 2 < path.size()) {
            out.push_back(static_cast<char>(std::stoi(path.substr(i + 1, 2), nullptr, 16)));
            i += 2;
        } else {
            out.push_back(path[i]);
        }
    }
    return out;
}

} // namespace

world::order world::order_of(const http::client_request& request) {
    order o;
    o.method = request.method;
    const std::string_view url(request.url);
    auto path = url.substr(std::string_view(network::k_base).size());
    if (const auto mark = path.find('?'); mark != std::string_view::npos) {
        o.query = path.substr(mark + 1);
        path = path.substr(0, mark);
    }
    o.path = decoded(std::string(path));
    o.body = request.body.empty() ? json() : json::parse(request.body);
    return o;
}

http::client_response world::execute(order& o) {
    http::client_response out;
    const auto number = tel.submit(o.method, o.path, o.query, std::move(o.body), time.now());
    const auto r = tel.take_reply(number, time.now());
    heed(tel.seen().commands.at(number));
    out.status = r->status;
    out.body = r->body.dump();
    return out;
}

http::client_response world::answer_to(order& o, fault f) {
    const auto refusal = [](int status, const char* code) {
        http::client_response r;
        r.status = status;
        r.body = sim::error_body(code, "Scripted fault.").dump();
        return r;
    };
    switch (f) {
    case fault::error: return refusal(503, "10007");
    case fault::busy: return refusal(429, "10011");
    case fault::hiccup: return refusal(422, "90099");
    case fault::error_after: (void)execute(o); return refusal(500, "10007");
    case fault::none:
    case fault::lost:
    case fault::reply_lost:
    case fault::slow:
    case fault::slow_reply:
    case fault::refused:
    case fault::thrown:
    case fault::thrown_after: return execute(o);
    }
    return {};
}

world::fault world::any_fault(const order& o) {
    const bool of_a_wish = o.path.ends_with("/record_pause") || o.path.ends_with("/record_resume");
    if (of_a_wish && what.lost_wishes > 0 && troubled() && dice.percent(what.lost_wishes))
        return dice.percent(50) ? fault::lost : fault::reply_lost;
    if (!troubled() || !dice.percent(what.bad_commands)) return fault::none;
    const bool question = o.method == "GET";
    const auto last = static_cast<std::int64_t>(question ? fault::error : fault::hiccup);
    const auto f = static_cast<fault>(dice.between(1, last));
    return f == fault::hiccup && !o.path.ends_with("/actions/bridge") ? fault::lost : f;
}

// What the plan has for this very request.
world::fault world::mishap_of(node& n, const http::client_request& request) {
    disturbed(request.timeout + k_reboot);
    switch (what.request_meets) {
    case carrier_mishap::none: break;
    case carrier_mishap::refused: return fault::refused;
    case carrier_mishap::not_reached: return fault::lost;
    case carrier_mishap::answer_lost: return fault::reply_lost;
    case carrier_mishap::thrown: return fault::thrown;
    case carrier_mishap::thrown_after: return fault::thrown_after;
    case carrier_mishap::death: reboot(n); return fault::lost;
    case carrier_mishap::death_after: reboot(n); return fault::reply_lost;
    }
    return fault::none;
}

world::exchange world::transmit(node& n, const http::client_request& request) {
    auto o = std::make_shared<order>(order_of(request));
    if (const auto id = o->body.find("command_id"); id != o->body.end()) {
        const bool first = first_sent.try_emplace(id->get<std::string>(), time.now()).second;
        if (first && o->path == "/calls") last_dial_sent = std::max(last_dial_sent, time.now());
    }
    exchange x;
    x.reply = std::make_shared<http::client_response>();
    const auto nothing = [&x](bool sent, millis when) {
        x.reply->error = sent ? "timeout" : "connection refused";
        x.reply->sent = sent;
        x.answer = when;
    };
    if (away(what.telnyx_away, n.index())) {
        disturbed(request.timeout);
        nothing(false, std::min(request.timeout, request.connect_timeout));
        return x;
    }
    auto there = latency();
    auto back = latency();
    const auto f = ++figures.requests == what.request_at ? mishap_of(n, request) : any_fault(*o);
    if (f == fault::slow) there += dice.span(300, 2'800);
    if (f == fault::slow_reply) back += dice.span(300, 2'800);
    if (f != fault::none) disturbed(std::max(request.timeout, there + back));
    const bool arrives = f != fault::lost && f != fault::refused && f != fault::thrown;
    const bool answered = arrives && f != fault::reply_lost && there + back <= request.timeout;
    if (answered)
        x.answer = there + back;
    else if (f == fault::refused)
        nothing(false, millis{4});
    else
        nothing(true, request.timeout);
    if (f == fault::thrown) nothing(true, millis{0}); // and is thrown by the node's client
    x.throws = f == fault::thrown || f == fault::thrown_after;
    if (arrives)
        time.after(there, [this, f, o, answered, reply = x.reply] {
            auto r = answer_to(*o, f);
            if (answered) *reply = std::move(r);
        });
    return x;
}

} // namespace z360::testing
