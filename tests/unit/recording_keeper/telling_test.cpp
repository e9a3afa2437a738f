// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What somebody reads of a message that was left for them.
#include "due.hpp"
#include "wire/business_push.hpp"

#include <gtest/gtest.h>

#include <map>

using namespace z360;
using namespace z360::recording_keeper;

namespace {

std::map<std::string, std::string> extras_of(const port::due_recording& r) {
    const auto all = telling(r).extras;
    return {all.begin(), all.end()};
}
std::string body_of(std::string caller, std::string name = {}) {
    auto r = due();
    r.caller = std::move(caller);
    r.caller_name = std::move(name);
    return telling(r).body;
}
/// Why no provider would get it.
std::string faults_of(const port::due_recording& r) {
    const auto t = telling(r);
    std::string out;
    for (const auto& f : wire::business_faults(t))
        out += std::string(f.field) + ": " + f.why + "\n";
    if (wire::business_data_size(t) > wire::k_business_data_limit) out += "too large";
    return out;
}

} // namespace

TEST(voicemail_news, be_26_says_from_whom_by_name_else_by_number) {
    EXPECT_EQ(telling(due()).title, "New voicemail");
    EXPECT_EQ(telling(due()).type, "voicemail");
    EXPECT_TRUE(telling(due()).urgent);
    EXPECT_EQ(body_of("+14155550123"), "From +14155550123");
    EXPECT_EQ(body_of("+14155550123", "J\xc3\xb6rg M\xc3\xbcller"), "From J\xc3\xb6rg M\xc3\xbcller");
    EXPECT_EQ(body_of("", "Front door"), "From Front door");
    EXPECT_EQ(body_of("+14155550123", " \t"), "From +14155550123");
    for (const auto* hidden : {"", "withheld"})
        EXPECT_EQ(body_of(hidden), "From a caller without a number");
}

TEST(voicemail_news, be_26_carries_what_the_app_needs_to_show_the_message) {
    EXPECT_EQ(
        extras_of(due()), (std::map<std::string, std::string>{
                              {"voicemail_id", due().id.text()},
                              {"voicemail_call", due().call.text()},
                              {"voicemail_from", "+14155550123"},
                              {"voicemail_ms", "12345"},
                          })
    );
    auto r = due();
    r.length = millis{-1};
    r.caller = "withheld";
    EXPECT_FALSE(extras_of(r).contains("voicemail_ms"));
    EXPECT_FALSE(extras_of(r).contains("voicemail_from"));
}

TEST(voicemail_news, be_26_two_messages_do_not_replace_each_other_on_the_phone) {
    auto other = due();
    other.id = uuid{0x1111, 0x2223};
    EXPECT_NE(telling(due()).collapse_key, telling(other).collapse_key);
    EXPECT_LE(telling(due()).collapse_key.size(), 64U) << "as long as providers take";
}

TEST(voicemail_news, be_26_every_provider_takes_it_whatever_the_caller_is_called) {
    EXPECT_EQ(faults_of(due()), "");
    for (const auto& name :
         {std::string(), std::string(100'000, 'x'), std::string("\xff\xfe\x00odd\n\x1b[31m", 13),
          std::string("\"}],\"aps\":{")}) {
        for (const auto& caller : {std::string(), std::string("+14155550123"), std::string(5'000, '1')}) {
            auto r = due();
            r.caller_name = name;
            r.caller = caller;
            EXPECT_EQ(faults_of(r), "") << name.size() << " " << caller.size();
        }
    }
}
