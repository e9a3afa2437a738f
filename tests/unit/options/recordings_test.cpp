// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Where copies of recordings go.
#include "support.hpp"

#include <gmock/gmock.h>

#include <cctype>

using namespace z360;
using namespace z360::app;
using namespace z360::app::test;
using testing::HasSubstr;
using testing::Not;

namespace {

environment with_bucket() {
    auto env = complete();
    env["Z360_RECORDINGS_FOLDER"] = "/var/lib/z360-voip/recordings";
    env["Z360_RECORDINGS_S3_BUCKET"] = "example-recordings";
    env["Z360_RECORDINGS_S3_ENDPOINT"] = "https://s3.example.com";
    env["Z360_RECORDINGS_S3_ACCESS_KEY_ID"] = "AKIAIOSFODNN7EXAMPLE";
    env["Z360_RECORDINGS_S3_SECRET_ACCESS_KEY"] = "planted-secret";
    return env;
}

} // namespace

TEST(recording_options, a_folder_is_enough_and_without_one_nothing_is_copied) {
    EXPECT_FALSE(accepted({}, complete()).settings.recordings.configured());
    auto env = complete();
    env["Z360_RECORDINGS_FOLDER"] = "/var/lib/z360-voip/recordings";
    EXPECT_TRUE(accepted({}, env).settings.recordings.configured());
}

TEST(recording_options, a_bucket_needs_all_of_its_settings_and_each_that_is_missing_has_a_line) {
    EXPECT_TRUE(accepted({}, with_bucket()).settings.recordings.configured());
    for (const std::string one :
         {"FOLDER", "S3_BUCKET", "S3_ENDPOINT", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"}) {
        auto env = with_bucket();
        env.erase("Z360_RECORDINGS_" + one);
        auto key = "recordings." + one;
        for (char& c : key)
            c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        EXPECT_THAT(refused({}, env), HasSubstr("config: " + key + ": (not set): needed")) << one;
    }
}

TEST(recording_options, values_that_cannot_be_right_are_refused_with_what_to_do) {
    const std::vector<std::array<std::string, 3>> wrong{
        {"S3_BUCKET", "No_Bucket", "3 to 63 small letters"},
        {"S3_ENDPOINT", "s3.example.com", "recordings.s3_endpoint"},
        {"S3_REGION", "eu central", "give e.g. eu-central-1"},
        {"S3_PREFIX", "/calls/", "without a slash at its ends"},
        {"S3_ACCESS_KEY_ID", "two words", "give the key alone"},
        {"KEEP_DAYS", "4000", "recordings.keep_days"},
        {"PARALLEL", "0", "recordings.parallel"},
        {"LINK_LIFE_MS", "10", "recordings.link_life_ms"},
    };
    for (const auto& [name, value, fix] : wrong) {
        auto env = with_bucket();
        env["Z360_RECORDINGS_" + name] = value;
        EXPECT_THAT(refused({}, env), HasSubstr(fix)) << name;
    }
    auto env = complete();
    env["Z360_RECORDINGS_REMOVE_ORIGINALS"] = "true";
    EXPECT_THAT(refused({}, env), HasSubstr("there is nothing that keeps copies"));
}

TEST(recording_options, sec_02_the_secret_of_the_bucket_is_shown_nowhere) {
    EXPECT_THAT(describe(accepted({}, with_bucket())), Not(HasSubstr("planted-secret")));
}
