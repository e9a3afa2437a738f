// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "arbitration_model.hpp"

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace z360::model {
namespace {

using leg = std::int8_t; // 0 or 1; node i saw leg i answer
constexpr leg k_nobody = -1;

constexpr leg other(leg l) {
    return static_cast<leg>(1 - l);
}

enum class step : std::uint8_t {
    hint,        // about to ask Redis
    claim,       // about to ask Postgres
    bridge,      // about to bridge `target`
    confirmed,   // the bridge of `target` is a fact; losers come next
    winner_gone, // the carrier says that `target` has ended
    turned_away, // somebody else is the winner
    finished,
    dead,
};

struct node {
    step at = step::hint;
    leg target = k_nobody;
    bool reply_lost = false; // the one lost reply has happened
    auto operator<=>(const node&) const = default;
};

struct device {
    bool alive = true;
    bool dropped = false; // by itself
    bool hung_up = false; // by us
    auto operator<=>(const device&) const = default;
};

struct world {
    leg redis_key = k_nobody;
    bool redis_forgot = false;
    leg claimed = k_nobody; // the row in Postgres
    std::uint8_t epoch = 0;
    leg bridged = k_nobody; // the caller's leg at the carrier
    bool bridged_twice = false;
    std::array<node, 2> nodes;
    std::array<device, 2> devices;
    auto operator<=>(const world&) const = default;

    node& at(leg i) { return nodes[static_cast<std::size_t>(i)]; }
    device& dev(leg i) { return devices[static_cast<std::size_t>(i)]; }
    [[nodiscard]] const node& at(leg i) const { return nodes[static_cast<std::size_t>(i)]; }
    [[nodiscard]] const device& dev(leg i) const { return devices[static_cast<std::size_t>(i)]; }
    [[nodiscard]] bool any_dropped() const { return devices[0].dropped || devices[1].dropped; }
    [[nodiscard]] bool any_alive() const { return devices[0].alive || devices[1].alive; }
    [[nodiscard]] bool any_dead() const { return nodes[0].at == step::dead || nodes[1].at == step::dead; }
};

// Collects the successors of one world; `from` is never changed.
class stepper {
  public:
    stepper(const protocol& rules, const reach_pair& reachable, const world& from)
        : rules_(rules), reach_(reachable), from_(from) {
        environment();
        environment_moves_ = next_.size();
        for (const leg i : {leg{0}, leg{1}})
            node_step(i);
    }
    [[nodiscard]] const std::vector<world>& next() const { return next_; }
    [[nodiscard]] bool nodes_can_move() const { return next_.size() > environment_moves_; }

  private:
    void add(world w) { next_.push_back(w); }
    void add(leg i, step s, leg target = k_nobody) { add(from_, i, s, target); }
    void add(world w, leg i, step s, leg target = k_nobody) {
        w.at(i).at = s;
        w.at(i).target = target;
        add(w);
    }
    [[nodiscard]] const reach& sees(leg i) const { return reach_[static_cast<std::size_t>(i)]; }

    void environment() {
        if (!from_.redis_forgot && from_.redis_key != k_nobody) {
            world w = from_;
            w.redis_key = k_nobody;
            w.redis_forgot = true;
            add(w);
        }
        for (const leg i : {leg{0}, leg{1}}) {
            if (!from_.any_dropped() && from_.dev(i).alive && from_.bridged != i) {
                world w = from_;
                w.dev(i).alive = false;
                w.dev(i).dropped = true;
                add(w);
            }
            const step s = from_.at(i).at;
            if (s != step::dead && s != step::finished) add(i, step::dead);
        }
    }

    void node_step(leg i) {
        switch (from_.at(i).at) {
        case step::hint: ask_redis(i); break;
        case step::claim: ask_postgres(i); break;
        case step::bridge: bridge(i, from_.at(i).target); break;
        case step::confirmed: hang_up_loser(i, other(from_.at(i).target)); break;
        case step::winner_gone: next_winner(i, from_.at(i).target); break;
        case step::turned_away: take_over(i); break;
        case step::finished:
        case step::dead: break;
        }
    }

    void ask_redis(leg i) {
        const bool decides = rules_.arbiter == protocol::arbiter_kind::redis_else_postgres;
        if (!sees(i).redis) return add(i, step::claim);
        world w = from_;
        if (w.redis_key == k_nobody) w.redis_key = i;
        if (!decides) return add(w, i, step::claim);
        if (w.redis_key != i) return add(i, step::turned_away);
        add(w, i, step::bridge, i);
        if (from_.redis_key == k_nobody && !w.at(i).reply_lost) {
            w.at(i).reply_lost = true; // the key is set, the node believes that Redis failed
            add(w, i, step::claim);
        }
    }

    void ask_postgres(leg i) {
        if (!sees(i).postgres) return without_postgres(i);
        if (from_.claimed == i) return add(i, step::bridge, i);
        if (from_.claimed != k_nobody) return add(i, step::turned_away);
        world w = from_;
        w.claimed = i;
        w.epoch = 1;
        add(w, i, step::bridge, i);
        if (!w.at(i).reply_lost) {
            w.at(i).reply_lost = true;
            add(w, i, step::claim); // asks again
        }
    }

    void without_postgres(leg i) {
        switch (rules_.blind) {
        case protocol::blind_kind::wait: break;
        case protocol::blind_kind::trust_fence: add(i, step::bridge, i); break;
        case protocol::blind_kind::trust_redis: {
            if (!sees(i).redis) break;
            if (from_.redis_key == other(i)) return add(i, step::turned_away);
            world w = from_;
            w.redis_key = i;
            add(w, i, step::bridge, i);
            break;
        }
        }
    }

    void bridge(leg i, leg winner) {
        const leg loser = other(winner);
        if (rules_.cancel == protocol::cancel_kind::before_bridge && from_.dev(loser).alive &&
            from_.bridged != loser) {
            world w = from_;
            w.dev(loser).alive = false;
            w.dev(loser).hung_up = true;
            return add(w);
        }
        if (!from_.dev(winner).alive) return add(i, step::winner_gone, winner);
        if (from_.bridged == winner) return add(i, step::confirmed, winner);
        world w = from_;
        if (w.bridged == loser) {
            if (rules_.fence) return add(i, step::finished);
            w.bridged_twice = true;
        }
        w.bridged = winner;
        add(w, i, step::confirmed, winner);
    }

    void hang_up_loser(leg i, leg loser) {
        world w = from_;
        if (w.bridged != loser) {
            if (w.dev(loser).alive) w.dev(loser).hung_up = true;
            w.dev(loser).alive = false;
        }
        add(w, i, step::finished);
    }

    // The carrier has proved that the winner is gone: the only reason for the epoch to move.
    void next_winner(leg i, leg gone) {
        const leg candidate = other(gone);
        if (!from_.dev(candidate).alive || from_.bridged != k_nobody) return;
        if (sees(i).postgres) {
            if (rules_.takeover == protocol::takeover_kind::none || from_.claimed != gone) return;
            world w = from_;
            w.claimed = candidate;
            ++w.epoch;
            return add(w, i, step::bridge, candidate);
        }
        if (rules_.blind == protocol::blind_kind::trust_fence) add(i, step::bridge, candidate);
    }

    void take_over(leg i) {
        if (from_.claimed == k_nobody || !sees(i).postgres || from_.bridged != k_nobody) return;
        if (rules_.takeover == protocol::takeover_kind::help) return add(i, step::bridge, from_.claimed);
        if (rules_.takeover != protocol::takeover_kind::steal) return;
        if (from_.claimed == i || from_.epoch >= 3) return;
        world w = from_;
        w.claimed = i;
        ++w.epoch;
        add(w, i, step::bridge, i);
    }

    const protocol& rules_;
    const reach_pair& reach_;
    const world& from_;
    std::vector<world> next_;
    std::size_t environment_moves_ = 0;
};

std::string text(const world& w) {
    constexpr std::array k_names{"hint",        "claim",       "bridge",   "confirmed",
                                 "winner_gone", "turned_away", "finished", "dead"};
    const auto who = [](leg l) { return l == k_nobody ? std::string("-") : std::string(l == 0 ? "a" : "b"); };
    std::string out = "redis=" + who(w.redis_key) + " postgres=" + who(w.claimed) + "/" +
                      std::to_string(w.epoch) + " caller=" + who(w.bridged);
    for (const leg i : {leg{0}, leg{1}}) {
        out += i == 0 ? " | a: " : " | b: ";
        out += w.dev(i).alive ? "leg alive, " : w.dev(i).hung_up ? "leg hung up, " : "leg gone, ";
        out += k_names[static_cast<std::size_t>(w.at(i).at)];
        if (w.at(i).target != k_nobody) out += "(" + who(w.at(i).target) + ")";
    }
    return out;
}

using parents = std::map<world, std::optional<world>>;

std::string way_to(const parents& seen, const world& end) {
    std::vector<std::string> lines;
    for (std::optional<world> w = end; w; w = seen.at(*w))
        lines.push_back(text(*w));
    std::string out;
    for (auto line = lines.rbegin(); line != lines.rend(); ++line)
        out += *line + "\n";
    return out;
}

void judge(
    const world& w, bool nodes_can_move, const reach_pair& reachable, const parents& seen, findings& out
) {
    const auto first = [&](std::string& where) {
        if (where.empty()) where = way_to(seen, w);
    };
    if (w.bridged_twice) first(out.two_bridged);
    if (w.bridged != k_nobody || w.any_dropped()) return;
    if (!w.any_alive()) {
        if (w.devices[0].hung_up || w.devices[1].hung_up) first(out.both_killed);
        return;
    }
    if (nodes_can_move) return;
    if (!w.any_dead()) return first(out.stuck);
    for (const leg i : {leg{0}, leg{1}})
        if (w.at(i).at != step::dead && reachable[static_cast<std::size_t>(i)].postgres)
            first(out.stuck_after_crash);
}

} // namespace

findings explore(const protocol& rules, const reach_pair& reachable) {
    findings out;
    parents seen{{world{}, std::nullopt}};
    std::deque<world> queue{world{}};
    while (!queue.empty()) {
        const world w = queue.front();
        queue.pop_front();
        const stepper s(rules, reachable, w);
        judge(w, s.nodes_can_move(), reachable, seen, out);
        for (const world& n : s.next())
            if (seen.emplace(n, w).second) queue.push_back(n);
    }
    out.states = seen.size();
    return out;
}

std::vector<reach_pair> all_reachabilities() {
    std::vector<reach_pair> out;
    for (unsigned bits = 0; bits < 16; ++bits)
        out.push_back({reach{(bits & 1) != 0, (bits & 2) != 0}, reach{(bits & 4) != 0, (bits & 8) != 0}});
    return out;
}

} // namespace z360::model
