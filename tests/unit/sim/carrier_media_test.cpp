// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Speech, audio and recordings.
#include "world.hpp"

using namespace z360;
using namespace z360::sim;
using namespace z360::sim::testing;
using namespace std::chrono_literals;

namespace {

struct answered : world {
    using world::world;
    std::string id;
    void begin() {
        id = ring_in();
        command(id, "answer");
        pass(10ms);
        sent.clear();
    }
    reply speak(const std::string& text) {
        return command(id, "speak", json{{"payload", text}, {"voice", "AWS.Polly.Joanna-Neural"}});
    }
    reply play(json extra = json::object()) {
        json b{{"audio_url", "https://x.invalid/a.mp3"}};
        b.update(extra);
        return command(id, "playback_start", b);
    }
};

} // namespace

TEST(media, needs_an_answered_call) {
    world w;
    const auto id = w.ring_in();
    EXPECT_EQ(code(w.command(id, "speak", json{{"payload", "x"}, {"voice", "v"}})), "90034");
    EXPECT_EQ(code(w.command(id, "playback_start", json{{"audio_url", "https://x.invalid/a"}})), "90034");
    EXPECT_EQ(code(w.command(id, "record_start", json{{"format", "wav"}, {"channels", "single"}})), "90034");
    w.tel.caller_hangs_up(id, w.now);
    EXPECT_EQ(code(w.command(id, "speak", json{{"payload", "x"}, {"voice", "v"}})), "90018");
}

TEST(media, speech_ends_after_its_estimated_time) {
    answered w;
    w.begin();
    EXPECT_EQ(w.speak("0123456789").status, 200);
    w.pass(599ms);
    EXPECT_EQ(w.events_of(w.id), strings{"call.speak.started"});
    EXPECT_TRUE(w.tel.leg(w.id)->playing);
    w.pass(1ms);
    EXPECT_EQ(w.last(w.id, "call.speak.ended")["status"], "completed");
    EXPECT_FALSE(w.tel.leg(w.id)->playing);
}

// Which of the two a carrier does is unknown: whoever depends on one of them is found by the other.
TEST(media, an_end_bears_the_newest_mark_of_its_leg_or_that_of_its_own_command) {
    for (const bool newest : {true, false}) {
        carrier_settings s;
        s.unknown.prompt_ends_bear_newest_mark = newest;
        answered w{s};
        w.begin();
        const auto say = [&w](const char* mark) {
            return w.command(
                w.id, "speak", json{{"payload", "0123456789"}, {"voice", "v"}, {"client_state", mark}}
            );
        };
        EXPECT_EQ(say("Zmlyc3Q=").status, 200);
        EXPECT_EQ(say("c2Vjb25k").status, 200);
        w.pass(600ms);
        EXPECT_EQ(w.last(w.id, "call.speak.ended")["client_state"], newest ? "c2Vjb25k" : "Zmlyc3Q=");
        w.pass(600ms);
        EXPECT_EQ(w.last(w.id, "call.speak.ended")["client_state"], "c2Vjb25k");
    }
}

TEST(media, consecutive_sounds_queue) {
    answered w;
    w.begin();
    w.speak("0123456789");
    w.play();
    w.pass(600ms);
    EXPECT_EQ(
        w.events_of(w.id), (strings{"call.speak.started", "call.speak.ended", "call.playback.started"})
    );
    w.pass(3s);
    EXPECT_EQ(w.last(w.id, "call.playback.ended")["status"], "completed");
}

TEST(media, endless_audio_plays_until_stopped_and_the_rest_of_the_queue_never_starts) {
    answered w;
    w.begin();
    w.play(json{{"loop", "infinity"}});
    w.speak("never heard");
    w.pass(1h);
    EXPECT_EQ(w.events_of(w.id), strings{"call.playback.started"});
    EXPECT_EQ(w.command(w.id, "playback_stop", json{{"stop", "all"}}).status, 200);
    w.pass(1s);
    EXPECT_EQ(w.last(w.id, "call.playback.ended")["status"], "cancelled");
    EXPECT_EQ(w.events_of(w.id), (strings{"call.playback.started", "call.playback.ended"}));
}

TEST(media, stopping_only_the_current_sound_starts_the_next) {
    answered w;
    w.begin();
    w.play(json{{"loop", "infinity"}});
    w.speak("0123456789");
    EXPECT_EQ(w.command(w.id, "playback_stop", json{{"stop", "current"}}).status, 200);
    w.pass(599ms);
    EXPECT_TRUE(w.last(w.id, "call.speak.ended").is_null());
    w.pass(1ms);
    EXPECT_FALSE(w.last(w.id, "call.speak.ended").is_null());
}

TEST(media, be_26_missing_audio_ends_as_file_not_found) {
    carrier_settings s;
    s.missing_audio.insert("https://x.invalid/a.mp3");
    answered w(s);
    w.begin();
    EXPECT_EQ(w.play().status, 200);
    w.pass(0ms);
    EXPECT_EQ(w.last(w.id, "call.playback.ended")["status"], "file_not_found");
}

TEST(media, a_caller_who_leaves_cuts_the_greeting) {
    answered w;
    w.begin();
    w.speak("0123456789");
    w.pass(100ms);
    w.tel.caller_hangs_up(w.id, w.now);
    w.pass(10s);
    EXPECT_EQ(w.last(w.id, "call.speak.ended")["status"], "call_hangup");
    EXPECT_EQ(w.events_of(w.id), (strings{"call.speak.started", "call.speak.ended", "call.hangup"}));
}

TEST(media, be_24_a_recording_is_saved_after_the_hangup) {
    answered w;
    w.begin();
    const auto r = w.command(w.id, "record_start", json{{"format", "wav"}, {"channels", "single"}});
    EXPECT_TRUE(w.tel.leg(w.id)->recording);
    w.pass(3s);
    w.tel.caller_hangs_up(w.id, w.now);
    w.pass(499ms);
    EXPECT_EQ(w.events_of(w.id), strings{"call.hangup"});
    w.pass(1ms);
    const auto saved = w.last(w.id, "call.recording.saved");
    EXPECT_EQ(saved["recording_id"], r.body["data"]["recording_id"]);
    EXPECT_TRUE(saved["recording_urls"].contains("wav"));
    EXPECT_EQ(saved["channels"], "single");
}

TEST(media, a_recording_ends_at_its_maximum_or_when_stopped) {
    answered w;
    w.begin();
    w.command(w.id, "record_start", json{{"format", "mp3"}, {"channels", "dual"}, {"max_length", 5}});
    w.pass(5500ms);
    EXPECT_EQ(w.events_of(w.id), strings{"call.recording.saved"});
    w.command(w.id, "record_start", json{{"format", "mp3"}, {"channels", "dual"}});
    EXPECT_EQ(w.command(w.id, "record_stop").status, 200);
    w.pass(500ms);
    EXPECT_EQ(w.events_of(w.id).size(), 2U);
    EXPECT_FALSE(w.tel.leg(w.id)->recording);
}

TEST(media, record_on_the_bridge_command_records_the_talk) {
    world w;
    const auto r = w.two_answered();
    const auto bridged = w.command(
        r.first, "bridge",
        json{{"call_control_id", r.caller}, {"record", "record-from-answer"}, {"record_channels", "dual"}}
    );
    EXPECT_TRUE(bridged.body["data"].contains("recording_id"));
    w.pass(5s);
    w.tel.caller_hangs_up(r.caller, w.now);
    w.pass(1s);
    EXPECT_EQ(w.last(r.first, "call.recording.saved")["channels"], "dual");
}

// ---- faults and pauses of recordings

TEST(media, a_recording_is_paused_and_goes_on_and_nothing_is_stored_meanwhile) {
    answered w;
    w.begin();
    const auto id = w.command(w.id, "record_start", json{{"format", "mp3"}, {"channels", "dual"}})
                        .body["data"]["recording_id"];
    w.pass(1s);
    EXPECT_EQ(code(w.command(w.id, "record_pause", json{{"recording_id", "rec-other"}})), "10015");
    EXPECT_EQ(w.command(w.id, "record_pause", json{{"recording_id", id}}).status, 200);
    EXPECT_EQ(w.command(w.id, "record_pause").status, 200) << "twice is once";
    EXPECT_TRUE(w.tel.leg(w.id)->recording_paused);
    w.pass(3s);
    EXPECT_EQ(w.command(w.id, "record_resume").status, 200);
    EXPECT_FALSE(w.tel.leg(w.id)->recording_paused);
    w.pass(500ms);
    w.tel.caller_hangs_up(w.id, w.now);
    w.pass(1s);
    ASSERT_EQ(w.tel.seen().recordings.size(), 1U);
    EXPECT_EQ(w.tel.seen().recordings[0].length(), 1'500ms);
}

TEST(media, a_recording_that_fails_is_told_and_one_that_never_starts_is_not) {
    answered w;
    w.begin();
    EXPECT_EQ(code(w.command(w.id, "record_pause")), "10015") << "nothing is recorded";
    command_fault f;
    f.verb = "record_start";
    f.match.times = 1;
    f.recording_error = "Internal server error";
    w.tel.add_fault(f, w.now);
    const json b{{"format", "mp3"}, {"channels", "dual"}};
    EXPECT_EQ(w.command(w.id, "record_start", b).status, 200);
    w.pass(100ms);
    EXPECT_EQ(w.last(w.id, "call.recording.error")["reason"], "Internal server error");
    EXPECT_FALSE(w.tel.leg(w.id)->recording);
    f.recording_error.clear();
    f.unrecorded = true;
    w.tel.add_fault(f, w.now);
    w.sent.clear();
    const auto silent = w.command(w.id, "record_start", b);
    EXPECT_EQ(silent.status, 200);
    EXPECT_FALSE(silent.body["data"].contains("recording_id"));
    w.pass(1s);
    EXPECT_TRUE(w.events_of(w.id).empty());
    EXPECT_FALSE(w.tel.leg(w.id)->recording);
}
