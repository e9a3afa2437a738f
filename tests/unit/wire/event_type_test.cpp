// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Labels of figures: a fixed set, whoever sends what.
#include "wire/event_type.hpp"

#include <gtest/gtest.h>

#include <string>

using z360::wire::event_type_label;

TEST(event_type, be_40_the_label_of_a_known_type_is_the_type) {
    for (const std::string type :
         {"call.initiated", "call.answered", "call.hangup", "call.recording.saved", "call.cost"})
        EXPECT_EQ(event_type_label(type), type);
}

TEST(event_type, be_40_whatever_else_is_sent_has_one_label) {
    for (const std::string type :
         {"", "call.", "call.hangup ", "CALL.HANGUP", "call.hangup\"} 1", "message.received"})
        EXPECT_EQ(event_type_label(type), "other");
}

TEST(event_type, be_40_a_label_outlives_what_it_was_read_from) {
    std::string_view label;
    {
        const std::string sent = "call.recording.transcription.saved";
        label = event_type_label(sent);
        EXPECT_NE(label.data(), sent.data());
    }
    EXPECT_EQ(label, "call.recording.transcription.saved");
}
