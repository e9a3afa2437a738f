// SPDX-License-Identifier: LicenseRef-z360-proprietary
// I17: nothing is recorded against the rules, and "paused" means that nothing is stored, whatever comes in
// whatever order.
#include "run.hpp"

#include <z360/call/view.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>

using namespace z360;
using namespace z360::call;
using namespace z360::testing;

namespace {

/// The carrier's side: what is on its way takes effect at any time until its outcome is told, and a lost one
/// until 3.5 s after that.
struct on_its_way {
    command what;
    bool told = false;
    bool acted = false;
    time_point until{}; ///< of a lost one
};

class carrier_side {
  public:
    explicit carrier_side(bool records) : recorded_(records) {}
    void send(const command& c) { all_.push_back({c, false, false, {}}); }
    [[nodiscard]] bool stores() const { return recorded_ && !paused_; }
    void fails() {
        recorded_ = false;
        failed_ = true;
    }
    void act(on_its_way& w) {
        if (std::exchange(w.acted, true)) return;
        if (w.what.what() == verb::record_start) {
            recorded_ = true;
            paused_ = false;
        }
        if (w.what.what() == verb::record_pause) paused_ = true;
        if (w.what.what() == verb::record_resume) paused_ = false;
    }
    std::vector<on_its_way> all_;
    bool failed_ = false; ///< or it has refused to go on: what it stores is not known then

  private:
    bool recorded_;
    bool paused_ = false;
};

bool of_recording(verb v) {
    return v == verb::record_start || v == verb::record_pause || v == verb::record_resume;
}

struct tally {
    std::set<std::string> seen; ///< how it stood, by rule and word
    int ended_by_us = 0;
};

void one_talk(unsigned seed, tally& t) {
    std::mt19937 g(seed);
    const auto below = [&](unsigned n) { return static_cast<unsigned>(g() % n); };
    auto in = sample_incoming(2);
    const auto rule = static_cast<recording_policy>(below(3));
    in.routed.rules.record_calls = rule != recording_policy::off;
    in.routed.rules.recording_mandatory = rule == recording_policy::mandatory;
    in.routed.rules.ends_unrecorded = below(2) == 0;
    if (below(2) == 0) in.routed.rules.recording_announcement = "This call is recorded.";
    SCOPED_TRACE("seed " + std::to_string(seed));
    auto at = k_begin;
    state s = begin(in, at).next;
    carrier_side there(rule != recording_policy::off);
    std::string bridge;
    bool someone_left = false;
    const auto take = [&](const decision& d) {
        ASSERT_EQ(broken_invariant(d.next), nullptr) << broken_invariant(d.next);
        for (const auto& f : d.effects) {
            const auto c = command_of(f);
            if (!c) continue;
            if (const auto* b = std::get_if<bridge_body>(&c->body)) {
                EXPECT_EQ(b->record, rule != recording_policy::off);
                bridge = c->id;
            }
            if (!of_recording(c->what())) continue;
            EXPECT_NE(rule, recording_policy::off) << c->id;
            if (c->what() != verb::record_start) EXPECT_EQ(rule, recording_policy::on) << c->id;
            const bool open = std::any_of(there.all_.begin(), there.all_.end(), [&](const auto& w) {
                return w.what.what() != verb::record_start && (!w.told || (!w.acted && at < w.until));
            });
            if (c->what() != verb::record_start) EXPECT_FALSE(open) << c->id << " overtakes another";
            there.send(*c);
        }
        if (over(d.next) && !over(s) && !someone_left) {
            EXPECT_EQ(rule, recording_policy::mandatory) << "I21";
            EXPECT_TRUE(in.routed.rules.ends_unrecorded);
            ++t.ended_by_us;
        }
        s = d.next;
    };
    const leg_ref caller{"v3:caller", std::nullopt};
    const auto device = [&](std::size_t i) {
        return leg_ref{control_id(static_cast<int>(i) + 1), s.legs.at(i).id};
    };
    std::vector<event> way{leg_initiated{device(0)}, leg_answered{device(0)}, leg_answered{caller}};
    for (const auto& e : way)
        take(decide(s, e, at += millis{1}));
    command_outcome done{bridge, verb::bridge, device(0), outcome::done,
                         {},     {},           1,         below(2) == 0 ? "rec-0" : ""};
    std::vector<event> rest{done, leg_bridged{device(0)}, leg_bridged{caller}};
    std::shuffle(rest.begin(), rest.end(), g);
    for (const auto& e : rest)
        take(decide(s, e, at += millis{1}));
    ASSERT_EQ(phase_of(s), phase::active);
    for (unsigned n = 0; n < 40 && !over(s); ++n) {
        at += millis{below(4) == 0 ? below(4'000) : below(300)};
        for (auto& w : there.all_) // of itself, or never if it is lost
            if ((!w.told || at < w.until) && below(3) == 0) there.act(w);
        event e = tick{};
        switch (below(8)) {
        case 0:
        case 1:
        case 2: {
            device_asks q;
            q.what = below(2) == 0 ? request_kind::pause_recording : request_kind::resume_recording;
            q.id = "q" + std::to_string(n);
            q.device = s.legs.at(below(5) == 0 ? 1 : 0).device();
            q.until = at + millis{5'000};
            e = q;
            break;
        }
        case 3:
        case 4:
        case 5: {
            const auto open =
                std::find_if(there.all_.begin(), there.all_.end(), [](const auto& w) { return !w.told; });
            if (open == there.all_.end()) break;
            const auto how = below(5);
            const auto result = open->acted || how > 1 ? outcome::done
                                : how == 1             ? outcome::refused
                                                       : outcome::expired;
            const bool lost = how == 0;
            if (!lost && result == outcome::done) there.act(*open);
            if (result == outcome::refused && open->what.what() == verb::record_resume) there.failed_ = true;
            open->told = true;
            open->until = lost && !open->acted ? at + millis{3'500} : at;
            const auto id = open->what.what() == verb::record_start && below(2) == 0 ? "rec-1" : "";
            e = command_outcome{
                open->what.id,
                open->what.what(),
                {open->what.call_control_id, open->what.leg},
                lost ? outcome::expired : result,
                {},
                {},
                1,
                id
            };
            break;
        }
        case 6:
            if (below(4) != 0) break;
            there.fails();
            e = recording_failed{device(0), "x", at};
            break;
        default:
            if (below(6) == 0) e = carrier_told{s.asked, below(2) == 0};
            break;
        }
        take(decide(s, e, at));
        if (::testing::Test::HasFailure()) return;
        const auto word = recording_seen(s);
        t.seen.insert(std::string(name(rule)) + " " + std::string(name(word)));
        if (word == recording_view::paused) EXPECT_FALSE(there.stores()) << "it is said to be paused";
        if (rule == recording_policy::off) EXPECT_FALSE(there.stores());
    }
    // The carrier answers from now on: what is said to be recorded, is.
    for (unsigned n = 0; n < 12 && !over(s); ++n) {
        at += millis{4'000};
        for (std::size_t i = 0; i < there.all_.size(); ++i) {
            if (there.all_[i].told) continue;
            there.act(there.all_[i]);
            there.all_[i].told = true;
            const auto what = there.all_[i].what;
            take(decide(
                s,
                command_outcome{
                    what.id, what.what(), {what.call_control_id, what.leg}, outcome::done, {}, {}, 1, {}
                },
                at
            ));
        }
        take(decide(s, tick{}, at += millis{1}));
        if (::testing::Test::HasFailure()) return;
    }
    if (recording_seen(s) == recording_view::on && !there.failed_ && !over(s)) EXPECT_TRUE(there.stores());
    someone_left = true;
    take(decide(s, leg_hangup{caller, "normal_clearing"}, at += millis{1}));
    ASSERT_TRUE(over(s));
    EXPECT_EQ(recording_seen(s), recording_view::off);
    EXPECT_FALSE(deadline(s).has_value() && *deadline(s) > at + std::chrono::hours{24});
}

} // namespace

TEST(call_properties, i_17_paused_means_nothing_stored_and_nothing_is_recorded_against_the_rules) {
    tally t;
    for (unsigned seed = 0; seed < 20'000; ++seed) {
        one_talk(seed, t);
        if (::testing::Test::HasFailure()) return;
    }
    const std::set<std::string> all{
        "off off",       "on on", "on paused", "on unavailable", "mandatory on", "mandatory unavailable",
        "mandatory off",
    };
    EXPECT_EQ(t.seen, all);
    EXPECT_GT(t.ended_by_us, 100);
}
