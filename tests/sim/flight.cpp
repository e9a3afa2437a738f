// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The rules of src/adapter/telnyx/{client,exchange}.cpp: wanted?, identical resend, retries, deadlines.
#include "node.hpp"
#include "world.hpp"

#include <algorithm>
#include <utility>

namespace z360::testing {

using adapter::telnyx::answer_class;
using call::outcome;
using call::verb;

namespace {

constexpr millis k_dial_window{55'000};
constexpr millis k_hedge{500};
constexpr millis k_attempt{3'000};
constexpr millis k_shortest_attempt{250};
constexpr millis k_command_claim{5'000};
constexpr millis k_query_budget{500};

int rank(answer_class c) {
    switch (c) {
    case answer_class::done: return 0;
    case answer_class::peer_gone: return 1;
    case answer_class::refused:
    case answer_class::insist: return 2;
    case answer_class::ambiguous: return 3;
    case answer_class::retry: return 4;
    }
    return 5;
}

} // namespace

bool node::too_late(const flight& f, millis after) const {
    const auto at = clock() + after;
    return at >= f.cmd.deadline || (f.cmd.what() == verb::dial && at - f.cmd.issued_at >= k_dial_window);
}

void node::launch(call_id id, const call::command& cmd, bool taken_over) {
    if (!running_.insert(cmd.id).second) return;
    std::string mark;
    if (const auto* dial = std::get_if<call::dial_body>(&cmd.body))
        mark = w_.codec.sign({dial->call, dial->leg, dial->org});
    auto built = wire::build_request(cmd, w_.wire_settings, mark);
    auto f = std::make_shared<flight>(
        flight{id, cmd, std::move(built.path), std::move(built.body), adapter::telnyx::retry_plan(cmd.what())}
    );
    f->taken_over = taken_over;
    attempt(f);
}

void node::attempt(const flight_ptr& f) {
    ++f->attempts;
    if (too_late(*f)) return finish(f, outcome::expired, f->last_code);
    still_wanted(f, [this, f](bool yes) {
        if (!yes) return finish(f, outcome::superseded, f->last_code);
        if (too_late(*f)) return finish(f, outcome::expired, f->last_code);
        send(f);
    });
}

void node::still_wanted(const flight_ptr& f, std::function<void(bool)> then) {
    // The newer of memory and store counts, as in src/engine/drive.cpp.
    auto stored = std::make_shared<std::optional<port::stored_call>>();
    const auto judge = [this, f, then, stored] {
        const auto it = boxes_.find(f->call);
        const bool here = it != boxes_.end() && it->second->loaded;
        const bool memory = here && (!*stored || it->second->loaded->version >= (*stored)->version);
        if (!memory && !*stored) return then(true);
        if (call::wanted(memory ? it->second->loaded->state : (*stored)->state, f->cmd)) return then(true);
        if (f->taken_over && !*stored)
            return then(f->cmd.what() != verb::dial && f->cmd.what() != verb::bridge);
        then(it != boxes_.end() && it->second->driving && f->cmd.what() != verb::dial);
    };
    if (f->attempts == 1 && !f->taken_over) return judge();
    w_.ask_store(
        *this, k_query_budget,
        [this, f, stored] {
            w_.db.extend_claim(f->cmd.id, k_command_claim, w_.time.now());
            *stored = w_.db.load(f->call);
        },
        [stored, judge](bool ok) {
            if (!ok) stored->reset();
            judge();
        }
    );
}

void node::send(const flight_ptr& f) {
    auto x = std::make_shared<exchange>();
    send_one(f, x, 0);
    w_.time.after(k_hedge, mine([this, f, x] {
                      if (x->over || x->answered() != 0) return;
                      if (f->cmd.what() != verb::dial) return send_one(f, x, 1);
                      // The carrier may not have got the first one: never ring phones for a call that is
                      // over.
                      still_wanted(f, [this, f, x](bool yes) {
                          if (yes && !x->over && x->answered() == 0) send_one(f, x, 1);
                      });
                  }));
}

void node::send_one(const flight_ptr& f, const exchange_ptr& x, std::size_t which) {
    ++x->sent;
    const auto limit = std::min(k_attempt, std::max(f->cmd.deadline - clock(), k_shortest_attempt));
    auto heard = [this, f, x, which, life = life_](const http::client_response& r) {
        if (life != life_ || x->over) return;
        x->answers[which] = adapter::telnyx::classify(f->cmd.what(), r, clock());
        hear(f, x);
    };
    w_.transmit(*this, f->cmd, f->path, f->body, limit, which > 0, std::move(heard));
}

void node::hear(const flight_ptr& f, const exchange_ptr& x) {
    const auto good = [](const auto& a) {
        return a && (a->what == answer_class::done || a->what == answer_class::peer_gone);
    };
    const bool conclusive = std::any_of(std::begin(x->answers), std::end(x->answers), good);
    if (conclusive || x->answered() == x->sent) return conclude(f, x);
    w_.time.after(k_hedge, mine([this, f, x] {
                      if (!x->over) conclude(f, x);
                  }));
}

void node::conclude(const flight_ptr& f, const exchange_ptr& x) {
    x->over = true;
    const adapter::telnyx::classified* best = nullptr;
    for (const auto& a : x->answers)
        if (a && (best == nullptr || rank(a->what) < rank(best->what))) best = &*a;
    const auto answer = *best;
    if (answer.what == answer_class::done)
        return finish(f, outcome::done, answer.code, answer.call_control_id);
    if (answer.what == answer_class::peer_gone) return finish(f, outcome::peer_gone, answer.code);
    if (answer.what == answer_class::refused) return finish(f, outcome::refused, answer.code);
    const auto pause = f->plan.next(answer, w_.dice.unit());
    if (!pause) return finish(f, outcome::refused, answer.code);
    if (too_late(*f, *pause)) return finish(f, outcome::expired, answer.code);
    f->last_code = answer.code;
    w_.time.after(*pause, mine([this, f] { attempt(f); }));
}

void node::finish(const flight_ptr& f, outcome result, std::string code, std::string control_id) {
    running_.erase(f->cmd.id);
    call::command_outcome out;
    out.command_id = f->cmd.id;
    out.what = f->cmd.what();
    out.who = call::leg_ref{f->cmd.call_control_id, f->cmd.leg};
    if (const auto* dial = std::get_if<call::dial_body>(&f->cmd.body)) {
        out.who.leg = dial->leg;
        if (result == outcome::done) out.who.call_control_id = std::move(control_id);
    }
    out.result = result;
    out.error_code = std::move(code);
    post(f->call, item{std::move(out), {}});
}

} // namespace z360::testing
