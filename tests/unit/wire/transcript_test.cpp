// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What a message says, as the carrier tells it.
#include "wire/transcript.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace z360::wire;
using nlohmann::json;

namespace {

json event(json payload) {
    return {{"data", {{"id", "e1"}, {"event_type", k_transcript_event}, {"payload", std::move(payload)}}}};
}
json full() {
    return {
        {"call_session_id", "session"}, {"call_control_id", "leg"},    {"recording_id", "rec"},
        {"status", "completed"},        {"transcription_text", "Hi!"},
    };
}

} // namespace

TEST(transcript, be_26_is_read_with_the_recording_and_the_call_that_it_is_of) {
    const auto t = parse_transcript(event(full()).dump());
    ASSERT_TRUE(t);
    EXPECT_EQ(t->recording_id, "rec");
    EXPECT_EQ(t->call_session_id, "session");
    EXPECT_EQ(t->call_control_id, "leg");
    EXPECT_EQ(t->text, "Hi!");
}

TEST(transcript, be_26_what_says_nothing_or_belongs_to_nothing_is_none) {
    for (const char* key : {"recording_id", "transcription_text"}) {
        for (const json& value : {json(nullptr), json(""), json(json::object()), json(" \n\t")}) {
            auto p = full();
            p[key] = value;
            if (value == " \n\t" && std::string(key) == "recording_id") continue;
            EXPECT_FALSE(parse_transcript(event(p).dump())) << key << value;
        }
    }
    auto p = full();
    p.erase("call_session_id");
    EXPECT_TRUE(parse_transcript(event(p).dump())) << "the leg says whose it is";
    p.erase("call_control_id");
    EXPECT_FALSE(parse_transcript(event(p).dump()));
    auto other = event(full());
    other["data"]["event_type"] = "call.recording.saved";
    EXPECT_FALSE(parse_transcript(other.dump()));
    for (const char* text : {"", "null", "[]", "{", "{\"data\":[]}"})
        EXPECT_FALSE(parse_transcript(text)) << text;
}

TEST(transcript, be_26_is_kept_bounded_and_without_what_misleads) {
    EXPECT_EQ(
        kept_transcript("  a\xFF"
                        "b\x1B[2J\n\xE2\x80\xAE"
                        "c\n"),
        "a\xEF\xBF\xBD"
        "b[2J\nc"
    );
    const std::string euro = "\xE2\x82\xAC";
    std::string lengthy;
    while (lengthy.size() < 2 * k_longest_transcript)
        lengthy += euro;
    const auto kept = kept_transcript("x" + lengthy);
    EXPECT_LE(kept.size(), k_longest_transcript);
    EXPECT_GT(kept.size(), k_longest_transcript - 3);
    EXPECT_EQ(kept.substr(kept.size() - 3), euro) << "cut between two characters";
    EXPECT_EQ(kept_transcript(std::string_view("\0\0", 2)), "");
}
