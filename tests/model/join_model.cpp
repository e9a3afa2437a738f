// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "join_model.hpp"

#include <array>
#include <cstring>
#include <string_view>
#include <type_traits>
#include <unordered_set>
#include <vector>

namespace z360::model {
namespace {

enum leg : std::uint8_t { nobody, d1, d2, d3 };
enum class at_carrier : std::uint8_t { absent, waiting, joined, gone };
enum class reply : std::uint8_t { none, yes_on_its_way, no_on_its_way, yes, no };
enum class hangup : std::uint8_t { none, on_its_way, on_its_way_into_talk, done };
enum class wish : std::uint8_t { none, open, settled };

struct order {
    std::uint8_t sent = 0;
    std::uint8_t flying = 0;
    reply heard = reply::none;
};

// Bytes only, so that a state is compared and hashed as memory.
struct world {
    // at the carrier
    bool caller = true;
    bool parkable = false;
    std::array<at_carrier, 4> dev{
        at_carrier::gone, at_carrier::waiting, at_carrier::waiting, at_carrier::absent
    };
    std::array<bool, 4> once{}; ///< it has been joined
    // node A: it has the store
    leg winner = nobody;
    bool ring_over = false;         ///< a join of the first ring is or was a fact
    bool knows_second = false;      ///< that d2 has answered
    bool counts_on_parking = false; ///< the carrier has accepted to park the caller
    bool knows_caller_gone = false;
    wish move = wish::none;
    std::array<order, 4> bridge{};
    order park;
    leg parked_from = nobody; ///< whose join `park` is about
    std::array<bool, 4> knows_joined{};
    std::array<bool, 4> knows_gone{};
    std::array<hangup, 4> ends{};
    // node B: it has not, and knows of d1 and d2 only
    order blind;
    bool blind_knows = false;
    hangup blind_ends = hangup::none;
    // the world
    bool leg_was_lost = false;
    bool talk_was_lost = false; ///< it was joined, and the caller outlived it
    bool talk_was_moved = false;
    // what must not be
    bool displaced = false;
    bool cut = false;
    bool lost = false;

    [[nodiscard]] leg talks_with() const {
        for (const leg i : {d1, d2, d3})
            if (dev[i] == at_carrier::joined) return i;
        return nobody;
    }
    [[nodiscard]] bool believed(leg i) const { return i != nobody && knows_joined[i] && !knows_gone[i]; }
};
static_assert(std::is_trivially_copyable_v<world> && std::has_unique_object_representations_v<order>);

struct step {
    world to;
    const char* what;
    leg who;
};

class stepper {
  public:
    stepper(const join_rules& rules, const carrier_words& words, const join_world& may, const world& from)
        : rules_(rules), words_(words), may_(may), from_(from) {
        for (const leg i : {d1, d2, d3}) {
            requests_arrive(i);
            reports_arrive(i);
            hangups_arrive(i);
            lose(i);
        }
        parking_arrives();
        if (from_.caller && may_.caller_leaves) caller_goes(add("the caller hangs up", nobody));
        if (!from_.caller && !from_.knows_caller_gone)
            add("A hears that the caller is gone", nobody).knows_caller_gone = true;
        if (may_.blind) blind_node();
        claim();
        adopt();
        give_up();
        ask_to_move();
        later_join();
        park();
        for (const leg i : {d1, d2, d3})
            let_go(i);
    }
    [[nodiscard]] const std::vector<step>& next() const { return next_; }

  private:
    world& add(const char* what, leg who) { return next_.emplace_back(from_, what, who).to; }

    // ---- the carrier

    [[nodiscard]] in_path path_of(leg i) const { return i == d3 ? rules_.later : rules_.first; }

    static void caller_goes(world& w) {
        if (const leg peer = w.talks_with(); peer != nobody) w.dev[peer] = at_carrier::gone;
        w.caller = false;
    }

    // The leg is over; its peer is parked or hung up.
    static void leg_goes(world& w, leg i) {
        const bool talked = w.dev[i] == at_carrier::joined;
        w.dev[i] = at_carrier::gone;
        if (talked && !w.parkable) w.caller = false;
    }

    void join(world& w, leg i) const {
        w.dev[i] = at_carrier::joined;
        w.once[i] = true;
        w.parkable = path_of(i) == in_path::caller || (w.parkable && words_.parking_stays);
    }

    // True: 200.
    [[nodiscard]] bool carry_out(world& w, leg i) const {
        if (w.dev[i] == at_carrier::joined) return true;
        if (!w.caller || w.dev[i] != at_carrier::waiting) return false;
        const leg other = w.talks_with();
        if (other != nobody) {
            if (rules_.fence && path_of(i) == in_path::device) return words_.fence_says_ok;
            if (!words_.steals) return false;
            const bool asked_for = i == d3 && w.move == wish::open && w.winner == other;
            w.displaced = w.displaced || !asked_for;
            w.dev[other] = at_carrier::gone;
        }
        join(w, i);
        return true;
    }

    // One request of an order reaches the carrier, or never does; the reply is on its way, or lost.
    template <class Find, class Do>
    void arrives(
        const Find& find, const Do& carry, const char* well, const char* badly, const char* lost, leg who
    ) {
        --find(add(lost, who)).flying;
        world w = from_;
        --find(w).flying;
        const bool yes = carry(w);
        next_.emplace_back(w, yes ? well : badly, who);
        if (find(w).heard != reply::none) return;
        find(w).heard = yes ? reply::yes_on_its_way : reply::no_on_its_way;
        next_.emplace_back(w, yes ? well : badly, who);
    }

    template <class Find>
    void reply_arrives(const Find& find, leg who) {
        const reply r = find(from_).heard;
        if (r == reply::yes_on_its_way) find(add("its 200 is heard", who)).heard = reply::yes;
        if (r == reply::no_on_its_way) find(add("its refusal is heard", who)).heard = reply::no;
    }

    void requests_arrive(leg i) {
        const auto ours = [i](auto& w) -> auto& { return w.bridge[i]; };
        const auto theirs = [](auto& w) -> auto& { return w.blind; };
        const auto carry = [this, i](world& w) { return carry_out(w, i); };
        if (from_.bridge[i].flying > 0)
            arrives(
                ours, carry, "the carrier accepts A's bridge", "the carrier refuses A's bridge",
                "A's bridge is lost on its way", i
            );
        reply_arrives(ours, i);
        if (i != d2) return;
        if (from_.blind.flying > 0)
            arrives(
                theirs, carry, "the carrier accepts B's bridge", "the carrier refuses B's bridge",
                "B's bridge is lost on its way", i
            );
        reply_arrives(theirs, i);
    }

    void parking_arrives() {
        const leg i = from_.parked_from;
        const auto find = [](auto& w) -> auto& { return w.park; };
        const auto carry = [this, i](world& w) {
            if (!w.caller || w.dev[i] != at_carrier::joined || words_.twice == carrier_words::again::refused)
                return false;
            if (words_.twice == carrier_words::again::takes_parking) w.parkable = true;
            if (words_.twice == carrier_words::again::breaks) {
                w.cut = true;
                leg_goes(w, i);
            }
            return true;
        };
        if (from_.park.flying > 0)
            arrives(
                find, carry, "the carrier accepts to park the caller",
                "the carrier refuses to park the caller", "the parking is lost on its way", i
            );
        reply_arrives(find, i);
    }

    void reports_arrive(leg i) {
        if (from_.once[i] && !from_.knows_joined[i])
            add("A hears that it is joined", i).knows_joined[i] = true;
        if (from_.dev[i] == at_carrier::gone && !from_.knows_gone[i])
            add("A hears that it is gone", i).knows_gone[i] = true;
        if (i == d2 && may_.blind && from_.once[d2] && from_.blind.sent > 0 && !from_.blind_knows)
            add("B hears that it is joined", d2).blind_knows = true;
    }

    [[nodiscard]] static bool flies(hangup h) {
        return h == hangup::on_its_way || h == hangup::on_its_way_into_talk;
    }

    void hung_up(world& w, leg i, hangup h, bool asked_for) const {
        const bool talked = w.dev[i] == at_carrier::joined;
        // What was sent before the bridge took effect could not know better.
        w.cut = w.cut || (talked && h == hangup::on_its_way_into_talk);
        const bool had_caller = w.caller;
        if (w.dev[i] != at_carrier::gone) leg_goes(w, i);
        w.lost = w.lost || (had_caller && !w.caller && (asked_for || w.counts_on_parking));
    }

    void hangups_arrive(leg i) {
        if (flies(from_.ends[i])) {
            auto& w = add("A's hang-up arrives", i);
            w.ends[i] = hangup::done;
            hung_up(w, i, from_.ends[i], from_.move == wish::open && from_.winner == i);
        }
        if (i == d1 && flies(from_.blind_ends)) {
            auto& w = add("B's hang-up arrives", d1);
            w.blind_ends = hangup::done;
            hung_up(w, d1, from_.blind_ends, false);
        }
    }

    void lose(leg i) {
        const auto now = from_.dev[i];
        if (!may_.leg_lost || from_.leg_was_lost || (now != at_carrier::waiting && now != at_carrier::joined))
            return;
        auto& w = add("the leg is lost", i);
        const bool had_caller = w.caller;
        leg_goes(w, i);
        w.leg_was_lost = true;
        w.talk_was_lost = now == at_carrier::joined && w.caller;
        w.lost = w.lost || (had_caller && !w.caller && from_.counts_on_parking && from_.winner == i);
    }

    // ---- node B, without the store

    void blind_node() {
        const bool decides = rules_.blind_joins;
        const bool more = from_.blind.sent < may_.sendings && from_.blind.heard != reply::yes &&
                          from_.blind.heard != reply::no && !from_.blind_knows;
        if (decides && more) send(add("B sends a bridge", d2).blind);
        if (from_.blind_ends == hangup::none && blind_lets_go()) {
            const bool talks = from_.dev[d1] == at_carrier::joined;
            add("B sends a hang-up", d1).blind_ends =
                talks ? hangup::on_its_way_into_talk : hangup::on_its_way;
        }
        // It reaches the store again; who waits, waits for as long as the caller does.
        if (decides && !from_.knows_second && from_.blind.flying == 0 && from_.blind.sent > 0 &&
            (!more || from_.blind.sent == may_.sendings))
            add("B is back, A hears that it had answered", d2).knows_second = true;
    }

    [[nodiscard]] bool blind_lets_go() const {
        switch (rules_.lets_go) {
        case join_rules::release::by_claim: return from_.blind.sent > 0;
        case join_rules::release::by_reply: return from_.blind.heard == reply::yes || from_.blind_knows;
        case join_rules::release::by_fact: return from_.blind_knows;
        }
        return false;
    }

    // ---- node A, with the store

    static void send(order& o) {
        ++o.sent;
        ++o.flying;
    }

    [[nodiscard]] bool may_send(const order& o) const {
        return o.sent < may_.sendings && o.heard != reply::yes && o.heard != reply::no;
    }

    [[nodiscard]] bool can_be_joined(leg i) const {
        return !from_.knows_gone[i] && from_.ends[i] == hangup::none && from_.bridge[i].sent == 0;
    }

    // The first ring: the claim is the store's, one at a time, and the next waits until the last one is gone.
    void claim() {
        if (from_.knows_caller_gone) return;
        const leg i = from_.winner;
        if (i == nobody && !from_.ring_over) {
            if (can_be_joined(d1)) return void(add("A claims", d1).winner = d1);
            if (from_.knows_gone[d1] && from_.knows_second && can_be_joined(d2))
                add("A claims", d2).winner = d2;
        }
        if ((i == d1 || i == d2) && !from_.knows_joined[i] && !from_.knows_gone[i] &&
            may_send(from_.bridge[i]))
            send(add("A sends a bridge", i).bridge[i]);
    }

    // What the carrier reports beats what was claimed; of two reports the end of one tells which is newer.
    void adopt() {
        const leg i = from_.winner;
        if (i != nobody && from_.knows_gone[i]) {
            auto& w = add("A: this join is over", i);
            w.winner = nobody;
            w.ring_over = w.ring_over || w.knows_joined[i];
        }
        for (const leg j : {d1, d2, d3}) {
            if (!from_.believed(j) || from_.believed(i) || (i != nobody && from_.knows_gone[i])) continue;
            auto& w = add("A: this is the join", j);
            w.winner = j;
            w.counts_on_parking = path_of(j) == in_path::caller;
            w.ring_over = true;
            w.park = {};
            w.parked_from = nobody;
            if (j == d3) w.move = wish::settled;
        }
        if (i != nobody && i != d3 && from_.believed(i) && !from_.ring_over) {
            auto& w = add("A: the winner is joined", i);
            w.ring_over = true;
            w.counts_on_parking = path_of(i) == in_path::caller;
        }
    }

    void drop(leg i) {
        auto& w = add("A asks the carrier, which has no such join: given up, hang-up sent", i);
        w.ends[i] = from_.dev[i] == at_carrier::joined ? hangup::on_its_way_into_talk : hangup::on_its_way;
        if (i == d3) w.move = wish::settled;
        if (i != d3) w.winner = nobody;
    }

    // Asked and answered in one step: with nothing on its way the answer stays true.
    void give_up() {
        const leg i = from_.move == wish::open && from_.bridge[d3].sent > 0 ? d3 : from_.winner;
        if (i == nobody || from_.bridge[i].sent == 0 || from_.knows_joined[i] ||
            from_.ends[i] != hangup::none)
            return;
        if (from_.knows_gone[i]) {
            if (i == d3) add("A: the leg of the move is gone", i).move = wish::settled;
            return;
        }
        const order& o = from_.bridge[i];
        const bool quiet = o.flying == 0 && (o.sent == may_.sendings || !may_send(o));
        if (from_.dev[i] != at_carrier::joined && quiet) drop(i);
    }

    void ask_to_move() {
        if (!may_.move || from_.move != wish::none || from_.knows_caller_gone || !from_.ring_over) return;
        const leg i = from_.winner;
        if (i != nobody && !from_.believed(i)) return;
        const bool splits = rules_.then != join_rules::later_when::at_once;
        if (i != nobody && splits && !from_.counts_on_parking && !rules_.splits_unparked) return; // refused
        auto& w = add("a move is asked for, its leg answers", d3);
        w.dev[d3] = at_carrier::waiting;
        w.move = wish::open;
        w.talk_was_moved = i != nobody && from_.dev[i] == at_carrier::joined;
    }

    void later_join() {
        if (from_.move != wish::open || from_.knows_caller_gone) return;
        const leg i = from_.winner;
        const bool splits = rules_.then != join_rules::later_when::at_once;
        if (splits && (i == d1 || i == d2) && from_.believed(i) && from_.ends[i] == hangup::none)
            add("A ends the earlier join: hang-up sent", i).ends[i] = hangup::on_its_way;
        bool now = !splits || i == nobody;
        if (rules_.then == join_rules::later_when::hangup_sent) now = now || from_.ends[i] != hangup::none;
        if (now && !from_.knows_joined[d3] && !from_.knows_gone[d3] && may_send(from_.bridge[d3]))
            send(add("A sends a bridge", d3).bridge[d3]);
    }

    void park() {
        const leg i = from_.winner;
        if (rules_.parks == join_rules::parking::never || !from_.believed(i) || from_.move == wish::open)
            return;
        if (from_.knows_caller_gone || from_.counts_on_parking || !from_.ring_over) return;
        if (rules_.parks == join_rules::parking::when_losers_gone)
            for (const leg j : {d1, d2, d3})
                if (j != i && from_.dev[j] != at_carrier::absent && !from_.knows_gone[j]) return;
        if (from_.park.heard == reply::yes) add("A counts on parking", i).counts_on_parking = true;
        if (!may_send(from_.park)) return;
        auto& w = add("A bridges the two again, the caller in the path", i);
        send(w.park);
        w.parked_from = i;
    }

    [[nodiscard]] bool lets_go(leg i) const {
        if (from_.knows_caller_gone) return true;
        if (from_.knows_joined[i]) return false;
        const leg w = from_.move == wish::open && from_.bridge[d3].sent > 0 ? d3 : from_.winner;
        if (i == w || (i == d3 && from_.move == wish::open)) return false;
        if (from_.winner == nobody) return from_.ring_over && i != d3; // left over from a ring that is over
        if (rules_.lets_go == join_rules::release::by_claim) return true;
        if (i == from_.winner) return false;
        const bool accepted = from_.bridge[from_.winner].heard == reply::yes;
        return from_.believed(from_.winner) || (rules_.lets_go == join_rules::release::by_reply && accepted);
    }

    void let_go(leg i) {
        if (from_.dev[i] == at_carrier::absent || from_.knows_gone[i] || from_.ends[i] != hangup::none)
            return;
        const bool claimed_away = rules_.lets_go == join_rules::release::by_claim && i == from_.winner &&
                                  from_.move == wish::open && from_.bridge[d3].sent > 0;
        if (!lets_go(i) && !claimed_away) return;
        const bool into = from_.dev[i] == at_carrier::joined && from_.caller;
        add("A sends a hang-up", i).ends[i] = into ? hangup::on_its_way_into_talk : hangup::on_its_way;
    }

    const join_rules& rules_;
    const carrier_words& words_;
    const join_world& may_;
    const world from_;
    std::vector<step> next_;
};

// Every state once, in the order in which it was found, so that the first way to something is a shortest one.
class journal {
  public:
    journal() : seen_(1U << 16U, hash{this}, same{this}) {}
    bool add(const step& s, std::uint32_t from) {
        all_.push_back({s, from});
        if (seen_.insert(static_cast<std::uint32_t>(all_.size() - 1)).second) return true;
        all_.pop_back();
        return false;
    }
    [[nodiscard]] std::size_t size() const { return all_.size(); }
    [[nodiscard]] const world& at(std::size_t i) const { return all_[i].how.to; }
    [[nodiscard]] std::string way_to(std::uint32_t i) const {
        constexpr std::array k_names{"", "d1: ", "d2: ", "d3: "};
        std::string out;
        for (; i != 0; i = all_[i].from)
            out = std::string(k_names[all_[i].how.who]) + all_[i].how.what + "\n" + out;
        return out;
    }

  private:
    struct entry {
        step how;
        std::uint32_t from;
    };
    struct hash {
        const journal* in;
        std::size_t operator()(std::uint32_t i) const {
            const auto* bytes = reinterpret_cast<const char*>(&in->at(i));
            return std::hash<std::string_view>{}({bytes, sizeof(world)});
        }
    };
    struct same {
        const journal* in;
        bool operator()(std::uint32_t a, std::uint32_t b) const {
            return std::memcmp(&in->at(a), &in->at(b), sizeof(world)) == 0;
        }
    };
    std::vector<entry> all_;
    std::unordered_set<std::uint32_t, hash, same> seen_;
};

void judge(const world& w, bool last, const std::string& way, join_findings& out) {
    const auto first = [&way](bool found, std::string& where) {
        if (found && where.empty()) where = way;
    };
    first(w.displaced, out.displaced);
    first(w.cut, out.cut);
    first(w.lost, out.lost);
    const bool with_third = w.dev[d3] == at_carrier::joined && w.winner == d3;
    first(with_third && w.talk_was_moved && !w.leg_was_lost, out.moved);
    first(with_third && w.talk_was_lost, out.kept);
    if (!last) return;
    bool waits = false;
    for (const leg i : {d1, d2, d3})
        waits = waits || w.dev[i] == at_carrier::waiting || (!w.caller && w.dev[i] == at_carrier::joined);
    first(waits, out.ghost);
    first(w.winner != nobody && w.dev[w.winner] != at_carrier::joined, out.limbo);
}

} // namespace

std::string join_findings::fallen() const {
    std::string out;
    for (const auto& [text, name] :
         {std::pair{&displaced, " displaced"}, std::pair{&cut, " cut"}, std::pair{&lost, " lost"},
          std::pair{&ghost, " ghost"}, std::pair{&limbo, " limbo"}})
        if (!text->empty()) out += name;
    return out.empty() ? "-" : out.substr(1);
}

join_findings
explore(const join_rules& rules, const carrier_words& words, const join_world& what, bool to_first) {
    join_findings out;
    journal all;
    world begin;
    begin.parkable = what.parked;
    begin.knows_second = !what.blind;
    all.add({begin, "", nobody}, 0);
    for (std::uint32_t i = 0; i < all.size(); ++i) {
        const world w = all.at(i);
        const stepper s(rules, words, what, w);
        // A way is written down once per finding only: whatever has been found costs nothing more.
        join_findings probe = out;
        judge(w, s.next().empty(), "x", probe);
        if (probe.fallen() != out.fallen() || probe.moved != out.moved || probe.kept != out.kept)
            judge(w, s.next().empty(), all.way_to(i), out);
        if (to_first && !out.safe()) break;
        for (const step& n : s.next())
            all.add(n, i);
    }
    out.states = all.size();
    return out;
}

} // namespace z360::model
