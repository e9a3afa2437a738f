// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The rules of src/engine/{drive,save}.cpp.
#include "node.hpp"

#include "world.hpp"

#include <iterator>
#include <utility>

namespace z360::testing {
namespace {

constexpr int k_max_conflicts = 20;
constexpr millis k_save_retry{200};
constexpr millis k_commit_budget{400};
constexpr millis k_command_claim{5'000};
constexpr millis k_query_budget{500};
constexpr millis k_whole_commit{1'000}; // where the answer must be known
constexpr millis k_others_memory{600'000};
constexpr millis k_held{300}; // between two looks whether a passed deadline may act

} // namespace

bool node::idle() const {
    for (const auto& [id, b] : boxes_)
        if (b->driving || !b->queue.empty() || b->unsaved) return false;
    return running_.empty() && handling_.empty() && spool_.empty();
}

void node::start() {
    alive_ = true;
    sweep();
}

void node::kill() {
    alive_ = false;
    ++life_;
    boxes_.clear();
    sessions_.clear();
    handling_.clear();
    running_.clear();
    ignored_.clear();
    knows_route_ = false;
    others_until_ = {};
    put_off_ = 0;
}

time_point node::clock() const {
    return w_.time.now() + w_.what.clock_skew[index_];
}

std::function<void()> node::mine(std::function<void()> f) const {
    return [this, life = life_, f = std::move(f)] {
        if (life == life_) f();
    };
}

void node::post(call_id id, item i) {
    auto& b = boxes_[id];
    if (!b) {
        b = std::make_shared<mailbox>();
        b->id = id;
    }
    b->queue.push_back(std::move(i));
    b->touched = w_.time.now();
    if (b->wake) {
        w_.time.after(millis{0}, mine(std::exchange(b->wake, nullptr)));
        return;
    }
    if (b->driving) return;
    b->driving = true;
    w_.time.after(millis{0}, mine([this, b] { drive(b); }));
}

void node::drive(const box& b) {
    if (!b->queue.empty()) return step(b);
    if (b->verify) return compare(b);
    if (b->unsaved) return save_again(b);
    b->driving = false;
    arm(b);
}

void node::step(const box& b) {
    items batch(std::make_move_iterator(b->queue.begin()), std::make_move_iterator(b->queue.end()));
    b->queue.clear();
    bool begins = false;
    bool answered = false;
    for (const auto& i : batch) {
        begins = begins || std::holds_alternative<call::incoming>(i.what);
        answered = answered || std::holds_alternative<call::leg_answered>(i.what);
    }
    const bool saved = b->loaded && !b->unsaved;
    // Redis may know of an answer elsewhere; a coin stands in for it, for it is only a hint.
    const bool hint = answered && saved && w_.dice.percent(30);
    if (!b->loaded && !begins) {
        load(b, [this, b, batch = std::move(batch)](bool reachable) mutable {
            if (reachable) return judge_authority(b, std::move(batch), true);
            b->queue.insert(b->queue.begin(), batch.begin(), batch.end());
            wait(b, [this, b] { drive(b); });
        });
        return;
    }
    if (!saved || !(hint || shared())) return judge_authority(b, std::move(batch), false);
    // Whose copy is old reads before it decides.
    load(b, [this, b, batch = std::move(batch)](bool ok) mutable {
        judge_authority(b, std::move(batch), ok);
    });
}

bool node::shared() const {
    return w_.time.now() < others_until_;
}

bool node::overdue(const mailbox& b) const {
    if (!b.loaded) return false;
    const auto at = call::deadline(b.loaded->state);
    return at && clock() >= *at;
}

// I21: a passed deadline takes something away only on a copy that the store has just confirmed to be the
// newest, and when it is long gone only after the carrier was asked what has happened.
void node::judge_authority(const box& b, items batch, bool fresh) {
    if (b->unsaved) return commit(b, {.batch = std::move(batch), .may = call::authority::unproven});
    if (!overdue(*b)) return commit(b, {.batch = std::move(batch)});
    if (fresh) return commit(b, {.batch = std::move(batch), .fresh = true});
    load(b, [this, b, batch = std::move(batch)](bool ok) mutable {
        commit(b, {std::move(batch), ok ? call::authority::newest : call::authority::unproven, 0, ok});
    });
}

// What is about to be taken away by time: only from the newest stored copy, and after the carrier was asked.
void node::prove(const box& b, pass p) {
    p.proven = true;
    if (!p.fresh)
        return load(b, [this, b, p = std::move(p)](bool ok) mutable {
            p.fresh = ok;
            if (ok) return prove(b, std::move(p));
            p.may = call::authority::unproven;
            commit(b, std::move(p));
        });
    if (!b->loaded) return commit(b, std::move(p));
    const auto session = b->loaded->state.caller.call_session_id;
    ask_carrier(b->id, session, [this, b, p = std::move(p)](bool told, items on_record) mutable {
        if (!told) p.may = call::authority::unproven;
        on_record.insert(on_record.end(), b->queue.begin(), b->queue.end());
        b->queue.clear();
        on_record.insert(on_record.end(), p.batch.begin(), p.batch.end());
        p.batch = std::move(on_record);
        for (auto& i : p.batch)
            i.decided_at.reset();
        commit(b, std::move(p));
    });
}

void node::compare(const box& b) {
    b->verify = false;
    if (!b->loaded || b->unsaved) return drive(b);
    load(b, [this, b](bool ok) {
        if (ok) return drive(b);
        b->verify = true;
        wait(b, [this, b] { drive(b); });
    });
}

void node::wait(const box& b, std::function<void()> then) {
    auto once = std::make_shared<bool>(false);
    std::function<void()> go = [once, then = std::move(then)] {
        if (!std::exchange(*once, true)) then();
    };
    b->wake = go;
    w_.time.after(k_save_retry, mine([b, go] {
                      b->wake = nullptr;
                      go();
                  }));
}

void node::load(const box& b, std::function<void(bool)> then) {
    auto found = std::make_shared<std::optional<port::stored_call>>();
    w_.ask_store(
        *this, k_query_budget, [this, found, id = b->id] { *found = w_.db.load(id); },
        [this, b, found, then = std::move(then)](bool ok) {
            if (ok) {
                const auto mine = b->loaded ? b->loaded->version : 0;
                if (*found && mine > 0 && (*found)->version > mine)
                    others_until_ = w_.time.now() + k_others_memory;
                b->loaded = *found;
                if (b->loaded) sessions_.insert_or_assign(b->loaded->state.caller.call_session_id, b->id);
            }
            then(ok);
        }
    );
}

void node::commit(const box& b, pass p) {
    if (p.round >= k_max_conflicts) w_.fail("commit: too many conflicts in a row");
    items orphans;
    const char* broken = nullptr;
    for (auto& i : p.batch)
        if (!i.decided_at) i.decided_at = clock();
    auto f = engine::fold(b->loaded, p.batch, clock(), orphans, broken, p.may);
    if (broken != nullptr) return w_.fail(std::string("invariant broken: ") + broken);
    if (!orphans.empty()) {
        p.batch.erase(p.batch.begin(), p.batch.begin() + static_cast<std::ptrdiff_t>(orphans.size()));
        give_back(std::move(orphans));
        if (p.batch.empty()) return drive(b);
    }
    b->time_held = p.may == call::authority::unproven;
    if (getenv("TRACE")) {
        std::fprintf(
            stderr, "%lld node%zu decides from v%ld %s -> %s changed %d may %d:",
            static_cast<long long>(w_.time.now().time_since_epoch().count()), index_,
            b->loaded ? static_cast<long>(b->loaded->version) : -1L,
            b->loaded ? std::string(call::name(b->loaded->state.now_in)).c_str() : "-",
            std::string(call::name(f.commit.next.now_in)).c_str(), f.changed ? 1 : 0, static_cast<int>(p.may)
        );
        for (auto& i : p.batch)
            std::fprintf(stderr, " %zu%s", i.what.index(), i.inbox_id.substr(0, 6).c_str());
        for (auto& c : f.commit.new_commands)
            std::fprintf(stderr, " +%s", c.id.c_str());
        for (auto& c : f.commit.finished_commands)
            std::fprintf(stderr, " -%s:%s", c.command_id.c_str(), std::string(call::name(c.result)).c_str());
        std::fprintf(stderr, "\n");
    }
    if (!f.changed) {
        settled(p.batch);
        ask_for(*b, f);
        return drive(b);
    }
    // What only time takes away waits for the store's word: nobody acts on a copy that may be old.
    const bool takes = takes_by_time(*b, p, f);
    if (takes && !p.proven) return prove(b, std::move(p));
    auto whole = f.commit;
    if (b->unsaved) {
        whole = *b->unsaved;
        engine::merge(whole, f.commit);
    }
    const auto budget = takes ? k_whole_commit : k_commit_budget;
    auto then = [this, b, takes, p = std::move(p), whole, f = std::move(f)](saved result) mutable {
        if (getenv("TRACE"))
            std::fprintf(
                stderr, "%lld node%zu commit on v%ld: %d\n",
                static_cast<long long>(w_.time.now().time_since_epoch().count()), index_,
                static_cast<long>(whole.expected_version), static_cast<int>(result)
            );
        if (result == saved::conflict) return conflicted(b, std::move(p));
        if (result == saved::unavailable && takes) { // perhaps it took effect: the next look tells
            b->queue.insert(b->queue.begin(), p.batch.begin(), p.batch.end());
            b->loaded.reset();
            return wait(b, [this, b] { drive(b); });
        }
        committed(b, p, std::move(whole), std::move(f), result);
    };
    try_commit(whole, budget, std::move(then));
}

bool node::takes_by_time(const mailbox& b, const pass& p, const engine::folded& f) const {
    if (p.may != call::authority::newest || !b.loaded) return false;
    if (b.loaded->state.now_in == f.commit.next.now_in && !overdue(b)) return false;
    const char* broken = nullptr;
    items orphans;
    const auto without =
        engine::fold(b.loaded, p.batch, f.commit.at, orphans, broken, call::authority::unproven).commit;
    const auto ids = [](const port::call_commit& c) {
        std::vector<std::string> out;
        for (const auto& cmd : c.new_commands)
            out.push_back(cmd.id);
        return out;
    };
    return without.next != f.commit.next || ids(without) != ids(f.commit);
}

void node::conflicted(const box& b, pass p) {
    ++w_.figures.conflicts;
    others_until_ = w_.time.now() + k_others_memory;
    load(b, [this, b, p = std::move(p)](bool ok) mutable {
        if (!ok) return start_over(b, std::move(p.batch));
        p.batch.insert(p.batch.begin(), b->unsaved_items.begin(), b->unsaved_items.end());
        b->unsaved_items.clear();
        b->unsaved.reset();
        ++p.round;
        commit(b, std::move(p));
    });
}

// A commit was refused and what is stored cannot be read: this copy is old for certain.
void node::start_over(const box& b, items batch) {
    b->queue.insert(b->queue.begin(), batch.begin(), batch.end());
    b->queue.insert(b->queue.begin(), b->unsaved_items.begin(), b->unsaved_items.end());
    b->unsaved_items.clear();
    b->unsaved.reset();
    b->loaded.reset();
    wait(b, [this, b] { drive(b); });
}

void node::committed(const box& b, const pass& p, port::call_commit whole, engine::folded own, saved result) {
    b->loaded = port::stored_call{std::move(whole.next), whole.expected_version};
    whole.next = b->loaded->state;
    sessions_.insert_or_assign(whole.next.caller.call_session_id, b->id);
    if (result == saved::yes) {
        b->loaded->version += 1;
        settled(b->unsaved_items);
        settled(p.batch);
        b->unsaved_items.clear();
        b->unsaved.reset();
    } else {
        ++w_.figures.in_memory;
        b->unsaved = std::move(whole);
        b->unsaved_items.insert(b->unsaved_items.end(), p.batch.begin(), p.batch.end());
    }
    for (const auto& i : p.batch) {
        const auto* o = std::get_if<call::command_outcome>(&i.what);
        if (o != nullptr && o->result == call::outcome::superseded) b->launched.erase(o->command_id);
    }
    act(*b, own.commit);
    ask_for(*b, own);
    arm(b);
    drive(b);
}

void node::try_commit(port::call_commit what, millis budget, std::function<void(saved)> then) {
    auto result = std::make_shared<saved>(saved::unavailable);
    auto apply = [this, result, what = std::move(what)] {
        const auto r = w_.db.commit(what, k_command_claim, w_.time.now());
        *result = r == port::commit_result::committed ? saved::yes : saved::conflict;
    };
    w_.ask_store(*this, budget, std::move(apply), [result, then = std::move(then)](bool ok) {
        then(ok ? *result : saved::unavailable);
    });
}

void node::save_again(const box& b) {
    wait(b, [this, b] {
        if (!b->queue.empty()) return drive(b); // new items take the unsaved ones along
        try_commit(*b->unsaved, k_commit_budget, [this, b](saved result) {
            if (result == saved::conflict) return conflicted(b, {{}, call::authority::unproven});
            if (result == saved::yes) {
                b->loaded->version += 1;
                settled(b->unsaved_items);
                b->unsaved_items.clear();
                b->unsaved.reset();
            }
            drive(b);
        });
    });
}

void node::give_back(std::vector<item> items) {
    std::vector<std::string> ids;
    for (const auto& i : items) {
        if (i.inbox_id.empty()) continue;
        handling_.erase(i.inbox_id);
        ids.push_back(i.inbox_id);
    }
    if (ids.empty()) return;
    w_.ask_store(
        *this, k_query_budget, [this, ids] { w_.db.postpone(ids, millis{300}, w_.time.now()); }, [](bool) {}
    );
}

void node::settled(const std::vector<item>& items) {
    for (const auto& i : items)
        handling_.erase(i.inbox_id);
}

void node::act(mailbox& b, const port::call_commit& done) {
    for (const auto& cmd : done.new_commands)
        if (b.launched.insert(cmd.id).second) launch(b.id, cmd);
}

void node::arm(const box& b) {
    const auto round = ++b->timer_round;
    if (!b->loaded) return;
    const auto at = call::deadline(b->loaded->state);
    if (!at) return;
    const auto left = std::max(*at - clock(), b->time_held ? k_held : millis{0});
    w_.time.after(left + millis{1}, mine([this, b, round] {
                      const auto found = boxes_.find(b->id);
                      if (found == boxes_.end() || found->second != b || b->timer_round != round) return;
                      post(b->id, item{call::tick{}, {}});
                  }));
}

} // namespace z360::testing
