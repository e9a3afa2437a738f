// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What the web product may send is told before it is queued, and then fits every phone.
#include "bed.hpp"
#include "wire/business_push.hpp"

#include <gtest/gtest.h>

using namespace z360;
using namespace z360::testing;

namespace {

std::string repeated(const char* what, int n) {
    std::string out;
    for (int i = 0; i < n; ++i)
        out += what;
    return out;
}

std::string fields_of(const push::text& t) {
    std::string out;
    for (const auto& f : wire::business_faults(t))
        out += std::string(f.field) + " ";
    return out;
}

/// The longest names that a device and an organisation may have.
push::message crowded() {
    auto m = business();
    m.org.name = repeated("\xF0\x9F\x98\x80", 128);
    m.org.slug = std::string(63, 's');
    m.device.uid = std::string(256, 'u');
    m.shown.title = repeated("\xF0\x9F\x98\x80", 200);
    m.shown.body = repeated("\"\n", 500);
    m.shown.collapse_key = std::string(64, 'k');
    m.shown.channel = std::string(64, 'c');
    m.shown.type = std::string(64, 't');
    return m;
}

} // namespace

TEST(business_push, be_28_what_is_within_the_limit_fits_both_providers_whatever_else_is_long) {
    for (const char* filling : {"x", "\"", "\xF0\x9F\x98\x80"}) {
        auto m = crowded();
        m.shown.link = "/inbox/" + std::string(200, 'l');
        m.shown.extras = {{"n", ""}};
        while (true) {
            auto more = m.shown;
            more.extras[0].second += filling;
            if (wire::business_data_size(more) > wire::k_business_data_limit) break;
            m.shown = std::move(more);
        }
        EXPECT_EQ(fields_of(m.shown), "");
        const auto apple = to_apns(m, target_of(push::token_kind::alert));
        const auto google = to_fcm(m, target_of(push::token_kind::fcm_token));
        ASSERT_TRUE(apple.request) << apple.why;
        ASSERT_TRUE(google.request) << google.why;
        EXPECT_LE(apple.request->body.reveal().size(), wire::k_apns_limit);
        EXPECT_EQ(body_of(apple).at("n"), m.shown.extras[0].second) << "data is never cut";
    }
}

TEST(business_push, be_28_faults_name_their_fields_and_no_text) {
    auto t = business().shown;
    EXPECT_EQ(fields_of(t), "");
    t.type = "call_ended";
    t.link = std::string(2'049, 'x');
    t.extras = {{"organization_id", "1"}};
    EXPECT_EQ(fields_of(t), "type link data ");
    t.type = "two words";
    t.extras = {{"google.x", "secret"}};
    for (const auto& f : wire::business_faults(t))
        EXPECT_EQ(f.why.find("secret"), std::string::npos);
    EXPECT_EQ(fields_of(t), "type link data ");
}

TEST(business_push, be_28_the_size_is_that_of_the_json) {
    push::text t;
    const auto empty = wire::business_data_size(t);
    t.link = "\"";
    EXPECT_EQ(wire::business_data_size(t), empty + 2);
    t.extras = {{"a", "b"}};
    EXPECT_EQ(wire::business_data_size(t), empty + 2 + std::string(R"("a":"b",)").size());
}
