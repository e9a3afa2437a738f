// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "bridge_model.hpp"

#include <array>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace z360::model {
namespace {

enum class reply : std::uint8_t { none, yes, no };
enum class question : std::uint8_t { none, on_its_way, saw_bridge, saw_nothing };
enum class hangup : std::uint8_t { none, wanted, on_its_way, on_its_way_into_talk, done, known };

constexpr std::uint8_t k_nobody = 2;
constexpr std::uint8_t k_most_sendings = 2;

struct device {
    bool alive = true;
    // our side of the bridge
    std::uint8_t sent = 0; ///< bridge requests sent
    reply heard = reply::none;
    bool reported = false; ///< call.bridged has come
    bool dropped = false;
    // on the way and at the carrier
    std::uint8_t flying = 0; ///< requests that have not reached the carrier
    bool acted = false;      ///< the carrier joined it once; a repeated command id does nothing more
    reply answer = reply::none;
    bool report = false; ///< call.bridged is on its way
    hangup ends = hangup::none;
    auto operator<=>(const device&) const = default;
};

struct world {
    std::array<device, 2> legs;
    std::uint8_t winner = 0;
    std::uint8_t joined = k_nobody; ///< at the carrier
    bool confirmed = false;
    bool asked_quiet = false; ///< the question was asked when nothing was on its way
    question asked = question::none;
    bool displaced = false;
    bool cut = false;
    auto operator<=>(const world&) const = default;

    [[nodiscard]] const device& w() const { return legs[winner]; }
    device& w() { return legs[winner]; }
    [[nodiscard]] bool waiting() const { return winner < 2 && !confirmed && !w().dropped; }
};

class stepper {
  public:
    stepper(const giving_up& rules, const world& from) : rules_(rules), from_(from) {
        for (std::uint8_t i = 0; i < 2; ++i) {
            carrier_gets_bridge(i);
            news_arrive(i);
            hang_up(i);
        }
        if (from_.waiting()) {
            send();
            confirm();
            give_up();
        }
        take_back();
        next_winner();
    }
    [[nodiscard]] const std::vector<world>& next() const { return next_; }

  private:
    world& add() { return next_.emplace_back(from_); }

    void send() {
        if (from_.w().sent >= k_most_sendings || from_.w().heard != reply::none) return;
        auto& d = add().w();
        ++d.sent;
        ++d.flying;
    }

    void carrier_gets_bridge(std::uint8_t i) {
        const auto& d = from_.legs[i];
        if (d.flying == 0) return;
        --add().legs[i].flying; // lost on its way
        world w = from_;
        auto& to = w.legs[i];
        --to.flying;
        const bool taken = w.joined != k_nobody && w.joined != i;
        bool well = to.acted;
        if (!to.acted && to.alive && !(taken && rules_.fence)) {
            w.displaced = w.displaced || taken;
            w.joined = i;
            to.acted = to.report = well = true;
        }
        next_.push_back(w); // its answer is lost
        to.answer = well ? reply::yes : reply::no;
        next_.push_back(w);
    }

    void news_arrive(std::uint8_t i) {
        const auto& d = from_.legs[i];
        if (d.answer != reply::none && d.heard == reply::none) add().legs[i].heard = d.answer;
        if (d.report && !d.reported) add().legs[i].reported = true;
    }

    void confirm() {
        if (from_.w().reported) add().confirmed = true;
    }

    void drop(world& w) const {
        w.w().dropped = true;
        w.w().ends = hangup::wanted;
        w.asked = question::none;
    }

    void give_up() {
        const auto& d = from_.w();
        if (d.sent == 0 || d.reported) return;
        if (rules_.by == giving_up::by_kind::time) return drop(add());
        if (from_.asked == question::none) {
            auto& w = add();
            w.asked = question::on_its_way;
            w.asked_quiet = d.flying == 0 && (d.heard != reply::none || d.sent == k_most_sendings);
        }
        if (from_.asked == question::on_its_way) {
            if (from_.joined == from_.winner) add().asked = question::saw_bridge;
            if (from_.joined != from_.winner || rules_.record_lags) add().asked = question::saw_nothing;
            add().asked = question::none; // no answer
        }
        if (from_.asked == question::saw_bridge) { // the record is the report
            auto& w = add();
            w.w().reported = true;
            w.asked = question::none;
        }
        if (from_.asked != question::saw_nothing) return;
        const bool counts = from_.asked_quiet || rules_.by == giving_up::by_kind::any_answer;
        if (counts)
            drop(add());
        else
            add().asked = question::none;
    }

    // A dropped winner is reported joined, and its hang-up has not been sent.
    void take_back() {
        if (rules_.by == giving_up::by_kind::time) return;
        for (std::uint8_t i = 0; i < 2; ++i) {
            const auto& d = from_.legs[i];
            if (!d.dropped || !d.reported || d.ends != hangup::wanted || from_.confirmed) continue;
            auto& w = add();
            w.legs[i].dropped = false;
            w.legs[i].ends = hangup::none;
            w.winner = i;
            w.confirmed = true;
        }
    }

    void hang_up(std::uint8_t i) {
        const auto& d = from_.legs[i];
        if (d.ends == hangup::wanted)
            add().legs[i].ends = from_.joined == i ? hangup::on_its_way_into_talk : hangup::on_its_way;
        if (d.ends == hangup::on_its_way || d.ends == hangup::on_its_way_into_talk) {
            auto& w = add();
            w.legs[i].ends = hangup::done;
            w.legs[i].alive = false;
            if (w.joined == i) {
                w.joined = k_nobody;
                // What was sent before the bridge took effect could not know better.
                w.cut = w.cut || d.ends == hangup::on_its_way_into_talk;
            }
        }
        if (d.ends == hangup::done) add().legs[i].ends = hangup::known;
    }

    void next_winner() {
        if (from_.winner != 0 || !from_.legs[0].dropped) return;
        if (rules_.waits_for_hangup && from_.legs[0].ends != hangup::known) return;
        auto& w = add();
        w.winner = 1;
        w.asked = question::none;
    }

    const giving_up& rules_;
    const world& from_;
    std::vector<world> next_;
};

std::string text(const world& w) {
    constexpr std::array k_hangup{
        "", " hang-up wanted", " hang-up sent", " hang-up sent into a talk", " hung up", " known to be gone"
    };
    std::string out = std::string("winner ") + "ab-"[w.winner] + ", caller with " + "ab-"[w.joined] +
                      (w.confirmed ? ", confirmed" : "") + (w.asked != question::none ? ", asked" : "");
    for (std::size_t i = 0; i < 2; ++i) {
        const auto& d = w.legs[i];
        out += std::string(i == 0 ? " | a: " : " | b: ") + std::to_string(d.sent) + " sent, " +
               std::to_string(d.flying) + " on their way" + (d.heard == reply::yes ? ", accepted" : "") +
               (d.heard == reply::no ? ", refused" : "") + (d.reported ? ", reported" : "") +
               (d.dropped ? ", dropped" : "") + k_hangup[static_cast<std::size_t>(d.ends)];
    }
    return out;
}

using parents = std::map<world, std::optional<world>>;

std::string way_to(const parents& seen, const world& end) {
    std::string out;
    for (std::optional<world> w = end; w; w = seen.at(*w))
        out = text(*w) + "\n" + out;
    return out;
}

} // namespace

bridge_findings explore(const giving_up& rules) {
    bridge_findings out;
    parents seen{{world{}, std::nullopt}};
    std::deque<world> queue{world{}};
    while (!queue.empty()) {
        const world w = queue.front();
        queue.pop_front();
        const auto first = [&](bool found, std::string& where) {
            if (found && where.empty()) where = way_to(seen, w);
        };
        const stepper s(rules, w);
        first(w.displaced, out.displaced);
        first(w.cut, out.cut);
        first(w.joined == 1 && w.confirmed && !w.legs[0].acted, out.second);
        const bool somebody = w.legs[0].alive || w.legs[1].alive;
        first(s.next().empty() && w.joined == k_nobody && somebody, out.limbo);
        for (const world& n : s.next())
            if (seen.emplace(n, w).second) queue.push_back(n);
    }
    out.states = seen.size();
    return out;
}

} // namespace z360::model
