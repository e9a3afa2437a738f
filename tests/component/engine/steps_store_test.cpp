// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What must not run ahead of the store does not, however the decision comes to be stored (I17).
#include "engine/mailbox.hpp"
#include "support/scenario.hpp"

#include <z360/call/view.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

using namespace z360;
using namespace z360::engine;
using z360::testing::sample_incoming;

namespace {

const time_point k_start{millis{1'800'000'000'000}};

/// A talk that is recorded, its recording paused, all of it stored.
struct paused_talk {
    paused_talk() : first(sample_incoming(1)), box(first.id) {
        around.now = k_start;
        around.ticks = rt::clock::time_point(k_start.time_since_epoch());
        hears(first);
        device = {"v3:d1", box.loaded()->state.legs.at(0).id};
        const call::leg_ref caller{first.call_control_id, std::nullopt};
        hears(call::leg_answered{device});
        hears(call::leg_answered{caller});
        hears(call::leg_bridged{device});
        hears(call::leg_bridged{caller});
        asks(call::request_kind::pause_recording);
        EXPECT_TRUE(started(call::verb::record_pause));
        call::command_outcome done;
        done.command_id = device.leg->text() + "-recording-turn-1";
        done.what = call::verb::record_pause;
        done.who = device;
        hears(done);
        EXPECT_EQ(call::recording_seen(box.loaded()->state), call::recording_view::paused);
    }
    void hears(call::event what) {
        box.arrive(item{std::move(what), "e" + std::to_string(++serial)});
        run();
    }
    void asks(call::request_kind what) {
        call::device_asks e;
        e.what = what;
        e.id = "r" + std::to_string(++serial);
        e.device = box.loaded()->state.legs.at(0).device();
        e.until = around.now + millis{60'000};
        hears(e);
    }
    /// Until nothing is left to do but to wait for the store.
    void run() {
        for (int steps = 0; steps < 50; ++steps) {
            auto what = box.next(around);
            if (std::holds_alternative<todo::rest>(what)) return;
            if (const auto* p = std::get_if<todo::pause>(&what)) {
                around.now += std::chrono::ceil<millis>(p->at_most);
                around.ticks += p->at_most;
                if (away) return;
            }
            if (std::holds_alternative<todo::hint>(what)) box.hinted(false);
            if (std::holds_alternative<todo::ask>(what)) box.told(true);
            if (std::holds_alternative<todo::read>(what)) (void)box.read(row);
            if (auto* w = std::get_if<todo::write>(&what)) write(std::move(w->what));
            if (auto* act = std::get_if<todo::act>(&what))
                std::move(act->effects.begin(), act->effects.end(), std::back_inserter(effects));
        }
        ADD_FAILURE() << "never comes to rest";
    }
    void write(port::call_commit what) {
        if (away) return box.written(written_as::unavailable);
        if (row && row->version != what.expected_version) return box.written(written_as::conflict);
        row = port::stored_call{what.next, version_after(what)};
        box.written(written_as::stored);
    }
    [[nodiscard]] std::ptrdiff_t started(call::verb v) const {
        return std::count_if(effects.begin(), effects.end(), [v](const call::effect& e) {
            const auto* c = std::get_if<call::carrier_command>(&e.body);
            return c != nullptr && c->what() == v;
        });
    }

    call::incoming first;
    mailbox box;
    surroundings around;
    call::leg_ref device;
    std::optional<port::stored_call> row;
    std::vector<call::effect> effects;
    bool away = false;
    int serial = 0;
};

} // namespace

TEST(mailbox_steps, i_17_a_recording_goes_on_once_nobody_is_shown_any_more_that_it_is_paused) {
    paused_talk t;
    t.away = true;
    t.asks(call::request_kind::resume_recording);
    EXPECT_TRUE(t.box.unsaved());
    EXPECT_NE(call::recording_seen(t.box.loaded()->state), call::recording_view::paused);
    EXPECT_EQ(t.started(call::verb::record_resume), 0) << "what is stored says that it is paused";
    t.away = false;
    t.run();
    EXPECT_FALSE(t.box.unsaved());
    EXPECT_EQ(t.started(call::verb::record_resume), 1);
}

TEST(mailbox_steps, i_17_what_waits_for_the_store_is_started_with_whatever_is_decided_next) {
    paused_talk t;
    t.away = true;
    t.asks(call::request_kind::resume_recording);
    t.away = false;
    t.hears(call::leg_hold{t.device, true, t.around.now});
    EXPECT_FALSE(t.box.unsaved());
    EXPECT_EQ(t.started(call::verb::record_resume), 1);
    t.run();
    EXPECT_EQ(t.started(call::verb::record_resume), 1);
}

// A node that dies having paused it would leave it so, and shown as recorded (BE-24).
TEST(mailbox_steps, i_17_be_24_a_pause_is_not_sent_ahead_of_the_store) {
    paused_talk t;
    t.asks(call::request_kind::resume_recording);
    call::command_outcome done;
    done.command_id = t.device.leg->text() + "-recording-turn-2";
    done.what = call::verb::record_resume;
    done.who = t.device;
    t.hears(done);
    t.away = true;
    t.asks(call::request_kind::pause_recording);
    EXPECT_EQ(t.started(call::verb::record_pause), 1);
    t.away = false;
    t.run();
    EXPECT_EQ(t.started(call::verb::record_pause), 2);
}
