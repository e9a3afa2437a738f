// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The rules of src/engine/drive.cpp.
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
    if (b->unsaved) return save_again(b);
    b->driving = false;
    arm(b);
}

void node::step(const box& b) {
    std::vector<item> batch(
        std::make_move_iterator(b->queue.begin()), std::make_move_iterator(b->queue.end())
    );
    b->queue.clear();
    bool begins = false;
    bool answered = false;
    for (const auto& i : batch) {
        begins = begins || std::holds_alternative<call::incoming>(i.what);
        answered = answered || std::holds_alternative<call::leg_answered>(i.what);
    }
    // Redis may know of an answer elsewhere; a coin stands in for it, for it is only a hint.
    const bool hint = answered && b->loaded && !b->unsaved && w_.dice.percent(30);
    if ((b->loaded && !hint) || begins) return commit(b, std::move(batch), 0);
    load(b, [this, b, hint, batch = std::move(batch)](bool reachable) mutable {
        if (reachable || hint) return commit(b, std::move(batch), 0);
        b->queue.insert(b->queue.begin(), batch.begin(), batch.end());
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
                b->loaded = *found;
                if (b->loaded) sessions_.insert_or_assign(b->loaded->state.caller.call_session_id, b->id);
            }
            then(ok);
        }
    );
}

void node::commit(const box& b, std::vector<item> batch, int round) {
    if (round >= k_max_conflicts) w_.fail("commit: too many conflicts in a row");
    std::vector<item> orphans;
    const char* broken = nullptr;
    for (auto& i : batch)
        if (!i.decided_at) i.decided_at = clock();
    auto f = engine::fold(b->loaded, batch, clock(), orphans, broken);
    if (broken != nullptr) return w_.fail(std::string("invariant broken: ") + broken);
    if (!orphans.empty()) {
        batch.erase(batch.begin(), batch.begin() + static_cast<std::ptrdiff_t>(orphans.size()));
        give_back(std::move(orphans));
        if (batch.empty()) return drive(b);
    }
    if (!f.changed) {
        settled(batch);
        return drive(b);
    }
    auto whole = f.commit;
    if (b->unsaved) {
        whole = *b->unsaved;
        engine::merge(whole, f.commit);
    }
    auto own = std::move(f.commit);
    try_commit(
        whole,
        [this, b, round, batch = std::move(batch), whole, own = std::move(own)](saved result) mutable {
            if (result == saved::conflict) return conflicted(b, std::move(batch), round);
            committed(b, batch, std::move(whole), own, result);
        }
    );
}

void node::conflicted(const box& b, std::vector<item> batch, int round) {
    ++w_.figures.conflicts;
    batch.insert(batch.begin(), b->unsaved_items.begin(), b->unsaved_items.end());
    b->unsaved_items.clear();
    b->unsaved.reset();
    load(b, [this, b, round, batch = std::move(batch)](bool ok) mutable {
        if (ok) return commit(b, std::move(batch), round + 1);
        b->loaded.reset();
        give_back(std::move(batch));
        drive(b);
    });
}

void node::committed(
    const box& b, const std::vector<item>& batch, port::call_commit whole, const port::call_commit& own,
    saved result
) {
    b->loaded = port::stored_call{std::move(whole.next), whole.expected_version};
    whole.next = b->loaded->state;
    sessions_.insert_or_assign(whole.next.caller.call_session_id, b->id);
    if (result == saved::yes) {
        b->loaded->version += 1;
        settled(b->unsaved_items);
        settled(batch);
        b->unsaved_items.clear();
        b->unsaved.reset();
    } else {
        ++w_.figures.in_memory;
        b->unsaved = std::move(whole);
        b->unsaved_items.insert(b->unsaved_items.end(), batch.begin(), batch.end());
    }
    act(*b, own);
    arm(b);
    drive(b);
}

void node::try_commit(port::call_commit what, std::function<void(saved)> then) {
    auto result = std::make_shared<saved>(saved::unavailable);
    auto apply = [this, result, what = std::move(what)] {
        const auto r = w_.db.commit(what, k_command_claim, w_.time.now());
        *result = r == port::commit_result::committed ? saved::yes : saved::conflict;
    };
    w_.ask_store(*this, k_commit_budget, std::move(apply), [result, then = std::move(then)](bool ok) {
        then(ok ? *result : saved::unavailable);
    });
}

void node::save_again(const box& b) {
    wait(b, [this, b] {
        if (!b->queue.empty()) return drive(b); // new items take the unsaved ones along
        try_commit(*b->unsaved, [this, b](saved result) {
            if (result == saved::yes) {
                b->loaded->version += 1;
                settled(b->unsaved_items);
                b->unsaved_items.clear();
                b->unsaved.reset();
            } else if (result == saved::conflict) {
                ++w_.figures.conflicts;
                auto items = std::move(b->unsaved_items);
                b->unsaved_items.clear();
                b->unsaved.reset();
                b->queue.insert(b->queue.end(), items.begin(), items.end());
                b->loaded.reset();
                return load(b, [this, b](bool) { drive(b); });
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
    w_.time.after(std::max(*at - clock(), millis{0}) + millis{1}, mine([this, b, round] {
                      const auto found = boxes_.find(b->id);
                      if (found == boxes_.end() || found->second != b || b->timer_round != round) return;
                      post(b->id, item{call::tick{}, {}});
                  }));
}

} // namespace z360::testing
