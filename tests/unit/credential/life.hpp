// SPDX-License-Identifier: LicenseRef-z360-proprietary
// One device and its identities in virtual time: carries out the steps of credential::decide against a
// modelled carrier, and checks after each of them what must hold whatever happens.
#pragma once

#include <z360/base/overloaded.hpp>
#include <z360/credential/lifecycle.hpp>
#include <z360/rt/retry.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <ostream>
#include <string>
#include <variant>
#include <vector>

namespace z360::credential {

inline std::string text(const step& s) {
    const auto id = [](identity_id i) { return std::to_string(i.value); };
    return std::visit(
        overloaded{
            [](const add_identity&) { return std::string("add"); },
            [&](const provision& x) {
                return "provision " + id(x.who) + (x.look_up_first ? " looked up" : "");
            },
            [&](const retire& x) { return "retire " + id(x.who) + " " + std::string(name(x.why)); },
            [&](const erase& x) { return "erase " + id(x.who) + (x.look_up_first ? " looked up" : ""); },
            [&](const extend& x) { return "extend " + id(x.who); },
            [](const suspend&) { return std::string("suspend"); },
        },
        s
    );
}

inline std::vector<std::string> texts(const std::vector<step>& steps) {
    std::vector<std::string> out;
    for (const auto& s : steps)
        out.push_back(text(s));
    return out;
}

} // namespace z360::credential

namespace z360::testing {

using namespace std::chrono_literals;

constexpr time_point k_start = time_point{millis{1'800'000'000'000}};
constexpr millis k_day{86'400'000};

struct life {
    credential::policy rules;
    credential::device device{device_id{7}, true, false, k_start, {}};
    time_point now = k_start;
    std::map<std::int64_t, time_point> carrier; ///< identity → expires_at, of those that exist there
    std::function<bool(time_point)> carrier_works = [](time_point) { return true; };
    bool suspended = false;
    std::int64_t serial = 0;
    std::vector<std::string> log;

    credential::identity* in(credential::identity_state p) {
        for (auto& i : device.identities)
            if (i.now_in == p) return &i;
        return nullptr;
    }
    credential::identity& of(identity_id id) {
        return *std::find_if(device.identities.begin(), device.identities.end(), [&](const auto& i) {
            return i.id == id;
        });
    }
    std::size_t count(credential::identity_state p) const {
        return static_cast<std::size_t>(std::count_if(
            device.identities.begin(), device.identities.end(), [&](const auto& i) { return i.now_in == p; }
        ));
    }
    void move(credential::identity& i, credential::identity_state to) {
        EXPECT_NE(i.now_in, credential::identity_state::dead) << "dead is left";
        i.now_in = to;
    }
    void failed(credential::identity& i) {
        ++i.failures;
        i.retry_at =
            now + rt::spread(rt::growing(rules.retry_first, rules.retry_longest, i.failures), 0.5, 1, 0.5);
    }

    void apply(const credential::step& s) {
        using credential::identity_state;
        log.push_back(credential::text(s));
        std::visit(
            overloaded{
                [&](const credential::add_identity&) {
                    ASSERT_EQ(in(identity_state::pending), nullptr);
                    credential::identity i;
                    i.id = identity_id{++serial};
                    i.version = static_cast<int>(serial);
                    i.created_at = now;
                    device.identities.push_back(i);
                },
                [&](const credential::provision& x) { make(of(x.who)); },
                [&](const credential::retire& x) {
                    EXPECT_FALSE(device.busy) << "retired during a call";
                    move(of(x.who), identity_state::retiring);
                },
                [&](const credential::erase& x) {
                    auto& i = of(x.who);
                    if (!carrier_works(now)) return failed(i);
                    carrier.erase(x.who.value);
                    move(i, identity_state::dead);
                },
                [&](const credential::extend& x) {
                    auto& i = of(x.who);
                    if (!carrier_works(now)) return failed(i);
                    ASSERT_GT(carrier.at(x.who.value), now) << "an expired credential cannot be extended";
                    carrier[x.who.value] = x.until;
                    i.expires_at = x.until;
                },
                [&](const credential::suspend&) {
                    suspended = true;
                    device.entitled = false;
                    for (auto& i : device.identities)
                        if (i.now_in != identity_state::dead) i.now_in = identity_state::retiring;
                },
            },
            s
        );
        device.identities.erase(
            std::remove_if(
                device.identities.begin(), device.identities.end(),
                [](const auto& i) { return i.now_in == identity_state::dead; }
            ),
            device.identities.end()
        );
    }

    /// Carries out everything that is due now.
    void settle() {
        for (int round = 0; round < 20; ++round) {
            const auto steps = credential::decide(device, rules, now);
            EXPECT_EQ(credential::texts(steps), credential::texts(credential::decide(device, rules, now)));
            if (steps.empty()) return;
            for (const auto& s : steps)
                apply(s);
        }
        ADD_FAILURE() << "never settles: " << log.back();
    }
    /// Goes to `t`, stopping at every deadline on the way and calling `look` there.
    void run_until(time_point t, const std::function<void()>& look = [] {}) {
        settle();
        look();
        for (;;) {
            const auto next = credential::deadline(device, rules, now);
            if (!next || *next > t) break;
            now = *next;
            settle();
            look();
        }
        now = t;
    }
    /// The device uses its newest identity: it has been given it and has logged in with it.
    void contact() {
        device.last_seen = now;
        if (auto* a = in(credential::identity_state::active)) {
            if (!a->delivered_at) a->delivered_at = now;
            if (!a->proved_at) a->proved_at = now;
        }
    }

  private:
    void make(credential::identity& i) {
        using credential::identity_state;
        i.asked_at = now;
        if (!carrier_works(now)) return failed(i);
        carrier[i.id.value] = now + rules.life;
        if (auto* former = in(identity_state::active)) {
            ASSERT_EQ(in(identity_state::rotating), nullptr) << "two old identities";
            move(*former, identity_state::rotating);
            former->superseded_at = now;
        }
        move(i, identity_state::active);
        i.at_carrier = true;
        i.activated_at = now;
        i.expires_at = now + rules.life;
        i.failures = 0;
        i.retry_at.reset();
    }
};

} // namespace z360::testing
