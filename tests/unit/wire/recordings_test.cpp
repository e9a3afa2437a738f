// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What the carrier tells of recordings and of audio that was to be played.
#include "wire/telnyx_recordings.hpp"
#include "wire/telnyx_webhook.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>
#include <variant>

using namespace z360;
using namespace z360::wire;
using nlohmann::json;

namespace {

constexpr const char* k_mp3 = "https://records.example.test/1.mp3?sig=x";
constexpr const char* k_wav = "https://records.example.test/1.wav?sig=x";

json recording() {
    return json{
        {"id", "r1"},
        {"record_type", "recording"},
        {"download_urls", {{"mp3", k_mp3}, {"wav", k_wav}}},
        {"recording_started_at", "2026-11-01T09:30:00.000Z"},
        {"recording_ended_at", "2026-11-01T09:32:00.5Z"},
    };
}
std::optional<telnyx_recording> parsed(const json& data) {
    return parse_recording(json{{"data", data}}.dump());
}
telnyx_recording without(const char* key) {
    auto data = recording();
    data.erase(key);
    return parsed(data).value();
}
telnyx_recording with(const char* key, json value) {
    auto data = recording();
    data[key] = std::move(value);
    return parsed(data).value();
}

/// The call's event of a webhook.
template <class Event>
Event told(const std::string& type, json payload) {
    payload["call_control_id"] = "v3:leg";
    const json hook{{"data", {{"event_type", type}, {"id", "e1"}, {"payload", payload}}}};
    const auto e = parse_envelope(hook.dump());
    EXPECT_TRUE(e.event) << payload;
    if (!e.event) return {};
    const auto mapped = to_call_event(*e.event, std::nullopt);
    EXPECT_TRUE(mapped && std::holds_alternative<Event>(*mapped)) << payload;
    return mapped && std::holds_alternative<Event>(*mapped) ? std::get<Event>(*mapped) : Event{};
}
call::recording_saved saved(json payload) {
    payload["recording_id"] = "r1";
    return told<call::recording_saved>("call.recording.saved", std::move(payload));
}

} // namespace

TEST(recordings, be_24_one_is_asked_about_and_removed_by_its_id) {
    EXPECT_EQ(recording_status("a/b c").method, "GET");
    EXPECT_EQ(recording_status("a/b c").path, "/recordings/a%2Fb%20c");
    EXPECT_EQ(recording_removal("r1").method, "DELETE");
    EXPECT_EQ(recording_removal("../r1").path, "/recordings/..%2Fr1");
}

TEST(recordings, be_24_every_field_is_read_and_mp3_goes_before_wav) {
    const auto r = parsed(recording());
    ASSERT_TRUE(r);
    EXPECT_EQ(r->id, "r1");
    EXPECT_EQ(r->url, k_mp3);
    EXPECT_EQ(r->format, "mp3");
    EXPECT_EQ(r->began_at, parse_iso8601("2026-11-01T09:30:00Z"));
    EXPECT_EQ(r->ended_at, parse_iso8601("2026-11-01T09:32:00.5Z"));
}

TEST(recordings, be_24_wav_does_where_it_is_all_there_is) {
    for (const json& urls :
         {json{{"wav", k_wav}}, json{{"mp3", nullptr}, {"wav", k_wav}}, json{{"mp3", ""}, {"wav", k_wav}},
          json{{"mp3", 7}, {"wav", k_wav}}, json{{"mp3", std::string(5'000, 'x')}, {"wav", k_wav}},
          json{{"mp3", std::string("https://x/\0y", 12)}, {"wav", k_wav}}}) {
        const auto r = with("download_urls", urls);
        EXPECT_EQ(r.url, k_wav) << urls;
        EXPECT_EQ(r.format, "wav") << urls;
    }
}

TEST(recordings, be_24_nulls_and_fields_of_another_type_are_missing_fields) {
    for (const json& odd :
         {json(), json(7), json(true), json::array(), json::object(), json("x"), json({{"mp3", nullptr}})}) {
        const auto r = with("download_urls", odd);
        EXPECT_EQ(r.id, "r1");
        EXPECT_EQ(r.url, "") << odd;
        EXPECT_EQ(r.format, "") << odd;
        EXPECT_FALSE(with("recording_started_at", odd).began_at) << odd;
        EXPECT_FALSE(with("recording_ended_at", odd).ended_at) << odd;
    }
    EXPECT_EQ(without("id").id, "");
    EXPECT_EQ(with("id", nullptr).id, "");
    EXPECT_EQ(without("download_urls").url, "");
    EXPECT_FALSE(without("recording_started_at").began_at);
    EXPECT_TRUE(parsed(json::object())) << "it is there, whatever is told of it";
}

TEST(recordings, be_24_bad_utf8_beside_it_hides_no_address) {
    auto data = recording();
    data["initiated_by"] = "NAME";
    const auto text = json{{"data", data}}.dump();
    for (const std::string name : {"J\xf6rg", "\xff\xfe", R"(\ud83d)", "a\nb"}) {
        auto odd = text;
        odd.replace(odd.find("NAME"), 4, name);
        ASSERT_FALSE(json::accept(odd));
        const auto r = parse_recording(odd);
        ASSERT_TRUE(r) << name;
        EXPECT_EQ(r->url, k_mp3) << name;
    }
}

TEST(recordings, what_is_no_answer_about_one_is_told_apart) {
    for (const char* body :
         {"", "<html>", "{}", "[]", "7", R"({"data":null})", R"({"data":[]})", R"({"data":"r1"})",
          R"({"errors":[{"code":"10005"}]})", R"({"data":{)"})
        EXPECT_FALSE(parse_recording(body)) << body;
    const std::string deep = std::string(200'000, '[') + std::string(200'000, ']');
    const auto r = parse_recording(R"({"data":{"id":"r1","x":)" + deep + "}}");
    EXPECT_TRUE(!r || r->id == "r1") << "hostile nesting is survived";
}

TEST(recording_saved, be_24_tells_format_begin_and_end) {
    const auto s = saved({
        {"recording_urls", {{"mp3", k_mp3}, {"wav", k_wav}}},
        {"recording_started_at", "2026-11-01T09:30:00.000Z"},
        {"recording_ended_at", "2026-11-01T09:32:00.000Z"},
    });
    EXPECT_EQ(s.url, k_mp3);
    EXPECT_EQ(s.format, "mp3");
    EXPECT_EQ(s.began_at, parse_iso8601("2026-11-01T09:30:00Z"));
    EXPECT_EQ(s.ended_at, parse_iso8601("2026-11-01T09:32:00Z"));
}

TEST(recording_saved, be_24_begin_and_end_have_two_spellings_and_one_goes_before) {
    const json older{{"start_time", "2026-11-01T09:30:00Z"}, {"end_time", "2026-11-01T09:32:00Z"}};
    auto both = older;
    both["recording_started_at"] = "2026-11-01T10:30:00Z";
    both["recording_ended_at"] = "2026-11-01T10:32:00Z";
    EXPECT_EQ(saved(older).began_at, parse_iso8601("2026-11-01T09:30:00Z"));
    EXPECT_EQ(saved(older).ended_at, parse_iso8601("2026-11-01T09:32:00Z"));
    EXPECT_EQ(saved(both).began_at, parse_iso8601("2026-11-01T10:30:00Z"));
    EXPECT_EQ(saved(both).ended_at, parse_iso8601("2026-11-01T10:32:00Z"));
    auto odd = older;
    odd["recording_started_at"] = nullptr;
    odd["end_time"] = "yesterday";
    EXPECT_EQ(saved(odd).began_at, parse_iso8601("2026-11-01T09:30:00Z"));
    EXPECT_FALSE(saved(odd).ended_at);
}

TEST(recording_saved, be_24_the_format_is_that_of_the_address) {
    EXPECT_EQ(saved({{"recording_urls", {{"wav", k_wav}}}}).format, "wav");
    EXPECT_EQ(
        saved({{"recording_urls", {{"mp3", nullptr}, {"wav", k_wav}}}, {"format", "mp3"}}).format, "wav"
    );
    const auto bare = saved({{"recording_urls", nullptr}});
    EXPECT_EQ(bare.url, "");
    EXPECT_EQ(bare.format, "");
    EXPECT_FALSE(bare.began_at || bare.ended_at);
    const auto open_to_all = saved({{"public_recording_urls", {{"mp3", k_mp3}}}});
    EXPECT_EQ(open_to_all.url, k_mp3);
    EXPECT_EQ(open_to_all.format, "") << "not said";
}

TEST(prompt_ended, be_26_audio_that_cannot_be_played_is_told_from_audio_that_was) {
    const auto failed = [](json payload) {
        return told<call::prompt_ended>("call.playback.ended", std::move(payload)).failed;
    };
    for (const auto* bad : {"file_not_found", "failed"})
        EXPECT_TRUE(failed({{"status", bad}})) << bad;
    for (const auto* good : {"completed", "call_hangup", "cancelled", "cancelled_amd", "unknown", ""})
        EXPECT_FALSE(failed({{"status", good}})) << good;
    EXPECT_FALSE(failed({{"status", nullptr}}));
    EXPECT_FALSE(failed(json::object()));
    EXPECT_FALSE(told<call::prompt_ended>("call.playback.ended", {{"status", "failed"}}).listener_left);
}

TEST(prompt_ended, i_09_an_end_is_told_apart_by_its_report_and_by_what_was_played) {
    const auto played =
        told<call::prompt_ended>("call.playback.ended", {{"media_url", "https://x.test/a.mp3"}});
    EXPECT_EQ(played.audio, "https://x.test/a.mp3");
    EXPECT_FALSE(played.report.empty());
    EXPECT_TRUE(told<call::prompt_ended>("call.playback.ended", {{"media_url", nullptr}}).audio.empty());
    EXPECT_TRUE(told<call::prompt_ended>("call.speak.ended", json::object()).audio.empty());
}
