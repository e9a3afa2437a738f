// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Exhaustive check of "several joins one after another". A caller, two devices that answered (one known to
// the node with the store, one to a node that cannot reach it and decides in memory) and a third leg that the
// caller is moved or transferred to, or that takes the place of a device that was lost. Every interleaving of
// requests, replies, reports, hang-ups and decisions is explored: each request may be sent again and be lost
// or late, each reply may be lost, reports come whenever they like, one leg may be lost. Nobody else hangs
// up: whatever ends a talk, but for that one leg, is our doing. There is no time in the model.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace z360::model {

/// The leg in the path of a bridge command: it may be parked when the other is gone. The fence looks at the
/// other.
enum class in_path : std::uint8_t { device, caller };

/// How the nodes behave. The defaults are the rules that were chosen.
struct join_rules {
    enum class parking : std::uint8_t {
        never,            ///< the caller is not told to outlive the device
        when_joined,      ///< when the join is a fact, the pair is bridged again with the caller in the path
        when_losers_gone, ///< the same, when every other leg of the ring is known to be gone
    };
    enum class later_when : std::uint8_t {
        at_once,     ///< while the earlier join lasts: the carrier replaces it
        hangup_sent, ///< when the earlier device's hang-up was sent
        over,        ///< when the carrier has told that the earlier join is over
    };
    enum class release : std::uint8_t {
        by_claim, ///< the other legs go when a leg was chosen
        by_reply, ///< when the bridge was accepted
        by_fact,  ///< when the join was reported
    };

    in_path first = in_path::device;
    in_path later = in_path::device;
    bool fence = true; ///< each bridge command asks the carrier to refuse when the leg in the body is bridged
    parking parks = parking::when_losers_gone;
    later_when then = later_when::over;
    release lets_go = release::by_fact;
    bool blind_joins = true; ///< a node without the store joins its device; else it waits
    bool splits_unparked =
        false; ///< the earlier join is ended for a move although the caller may not outlive it
};

/// What the carrier's documents leave open.
struct carrier_words {
    enum class again : std::uint8_t {
        takes_parking,  ///< a second bridge of the same two changes only who is parked
        without_effect, ///< it is accepted, and nothing changes
        refused,
        breaks, ///< it ends the talk
    };
    bool steals = true; ///< a bridge takes a bridged leg away from its peer; else it is refused
    again twice = again::takes_parking;
    bool parking_stays = true;  ///< a leg that was in the path once stays parkable in later bridges
    bool fence_says_ok = false; ///< the fence does not refuse: 200, and nobody is joined
};

/// What may happen.
struct join_world {
    bool blind = true;    ///< the second device is known to a node without the store only
    bool parked = false;  ///< the caller is parked already: the ring is a later one
    bool leg_lost = true; ///< one device leg is lost
    bool caller_leaves = false;
    bool move = true;          ///< somebody asks for a third leg
    std::uint8_t sendings = 1; ///< of each bridge command; a second one multiplies the states
};

/// Each text is the shortest way there, a step a line; empty: impossible.
struct join_findings {
    std::size_t states = 0;
    std::string displaced; ///< I1: a talk was replaced by another, and nobody had asked for it
    std::string cut;       ///< I21: a command of ours that was sent into a talk ended it
    std::string lost;      ///< the caller is gone although he was to be parked, or by the move itself
    std::string ghost;     ///< nothing left to do, and a leg waits for ever
    std::string limbo;     ///< nothing left to do, and we believe in a join that is none
    // What the rules are for:
    std::string moved; ///< the caller was moved from a talk to the third leg
    std::string kept;  ///< the device was lost, the caller is parked and then with the third leg

    [[nodiscard]] bool safe() const {
        return displaced.empty() && cut.empty() && lost.empty() && ghost.empty() && limbo.empty();
    }
    [[nodiscard]] std::string fallen() const; ///< the names of what is violated; "-" if nothing is
};

/// `to_first`: stops where the first invariant falls; all that can fall is known only without it.
[[nodiscard]] join_findings
explore(const join_rules& rules, const carrier_words& words, const join_world& what, bool to_first = false);

} // namespace z360::model
