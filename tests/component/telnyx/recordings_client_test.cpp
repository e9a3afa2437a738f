// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What is asked about recordings, and what the answers come to. How contents are fetched:
// recordings_fetch_test.cpp.
#include "adapter/telnyx/recordings_client.hpp"
#include "fakes.hpp"

#include <z360/port/errors.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace z360;
using namespace z360::test;
using nlohmann::json;

namespace {

constexpr const char* k_mp3 = "https://records.example.test/1.mp3?X-Amz-Signature=abc";
constexpr const char* k_wav = "https://records.example.test/1.wav?X-Amz-Signature=abc";

struct desk {
    boost::asio::io_context io{1};
    scripted_http http;
    counting_metrics metrics;
    adapter::telnyx::recordings_client_settings settings = defaults();
    std::unique_ptr<port::carrier_recordings> client_;

    static adapter::telnyx::recordings_client_settings defaults() {
        adapter::telnyx::recordings_client_settings s;
        s.base_url = "https://telnyx.example.test/v2/";
        s.api_key = secret{std::string("KEY-for-tests")};
        s.requests_per_second = 10'000; // no waiting unless the test is about it
        return s;
    }
    port::carrier_recordings& client() {
        if (!client_) client_ = adapter::telnyx::make_carrier_recordings(settings, http, metrics);
        return *client_;
    }
    /// What it throws; empty: nothing.
    std::string complaint(rt::awaitable<void> op) {
        std::string out;
        boost::asio::co_spawn(io, std::move(op), [&out](std::exception_ptr e) {
            try {
                if (e) std::rethrow_exception(e);
            } catch (const port::unavailable& x) {
                out = x.what();
            }
        });
        io.restart();
        io.run();
        return out;
    }
    rt::awaitable<void> find_into(std::string id) { found = co_await client().find(std::move(id)); }
    std::string find(std::string id = "r1") {
        found.reset();
        return complaint(find_into(std::move(id)));
    }
    std::string remove(std::string id = "r1") { return complaint(client().remove(std::move(id))); }
    [[nodiscard]] double counted(const std::string& what, const std::string& outcome) const {
        const auto it =
            metrics.values.find("telnyx_recording_requests_total what=" + what + " outcome=" + outcome);
        return it == metrics.values.end() ? 0 : it->second;
    }
    std::optional<port::carrier_recording> found;
};

play recording(const json& urls) {
    const json data{
        {"id", "r1"},
        {"status", "completed"},
        {"download_urls", urls},
        {"recording_started_at", "2026-11-01T09:30:00.000Z"},
        {"recording_ended_at", "2026-11-01T09:32:00.000Z"},
    };
    return answer(200, json{{"data", data}}.dump());
}
bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

} // namespace

TEST(recordings_client, be_24_a_recording_is_found_with_a_fresh_address) {
    desk d;
    d.http.script = {recording({{"mp3", k_mp3}, {"wav", k_wav}})};
    ASSERT_EQ(d.find("a/b?c"), "");
    ASSERT_TRUE(d.found);
    EXPECT_EQ(d.found->id, "r1");
    EXPECT_EQ(d.found->url, k_mp3);
    EXPECT_EQ(d.found->format, "mp3");
    EXPECT_EQ(d.found->began_at, parse_iso8601("2026-11-01T09:30:00Z"));
    EXPECT_EQ(d.found->ended_at, parse_iso8601("2026-11-01T09:32:00Z"));
    const auto& sent = d.http.seen.at(0);
    EXPECT_EQ(sent.method, "GET");
    EXPECT_EQ(sent.url, "https://telnyx.example.test/v2/recordings/a%2Fb%3Fc");
    EXPECT_EQ(sent.bearer.reveal(), "KEY-for-tests");
    EXPECT_EQ(sent.timeout, d.settings.attempt_timeout);
    EXPECT_EQ(d.counted("find", "done"), 1);
}

TEST(recordings_client, be_24_wav_does_where_there_is_no_mp3_and_nothing_is_no_address) {
    desk d;
    d.http.script = {
        recording({{"mp3", nullptr}, {"wav", k_wav}}), recording(json::object()), recording(nullptr)
    };
    ASSERT_EQ(d.find(), "");
    EXPECT_EQ(d.found->url, k_wav);
    EXPECT_EQ(d.found->format, "wav");
    for (int i = 0; i < 2; ++i) {
        ASSERT_EQ(d.find(), "");
        ASSERT_TRUE(d.found) << "it is there, though it cannot be fetched";
        EXPECT_EQ(d.found->url, "");
        EXPECT_EQ(d.found->format, "");
    }
}

TEST(recordings_client, be_24_only_a_404_in_telnyxs_own_words_says_that_there_is_none) {
    for (const int status : {404, 410}) {
        desk d;
        d.http.script = {error_code(status, "10005")};
        EXPECT_EQ(d.find(), "") << status;
        EXPECT_FALSE(d.found);
        EXPECT_EQ(d.counted("find", "unknown"), 1);
        for (const auto* body :
             {"", "{}", "<html>Not Found</html>", R"({"errors":[]})", R"({"error":"no"})"}) {
            d.http.script = {answer(status, body)};
            EXPECT_TRUE(has(d.find(), "HTTP " + std::to_string(status))) << body;
        }
        EXPECT_EQ(d.counted("find", "failed"), 5);
    }
}

TEST(recordings_client, be_24_what_is_no_usable_answer_is_unavailable) {
    for (const auto& p :
         {no_answer(), unreachable(), answer(500), answer(503, ""), answer(429), answer(401), answer(403),
          answer(422), answer(302), answer(204, ""), answer(200, "<html>"), answer(200, "{}"),
          answer(200, R"({"data":null})"), answer(200, R"({"data":[]})")}) {
        desk d;
        d.http.script = {p};
        EXPECT_NE(d.find(), "") << p.reply.status << p.reply.body;
        EXPECT_FALSE(d.found);
    }
    desk d;
    d.http.script = {error_code(500, "10007"), no_answer()};
    EXPECT_TRUE(has(d.find(), "HTTP 500 10007: scripted"));
    EXPECT_TRUE(has(d.find(), "timed out"));
}

TEST(recordings_client, be_24_no_id_is_no_question_about_all_of_them) {
    desk d;
    for (const char* id : {"", ".", ".."}) {
        EXPECT_EQ(d.find(id), "");
        EXPECT_FALSE(d.found);
        EXPECT_EQ(d.remove(id), "");
    }
    EXPECT_TRUE(d.http.seen.empty());
}

TEST(recordings_client, be_32_removing_is_done_also_when_there_is_none) {
    desk d;
    d.http.script = {
        answer(200, R"({"data":{"id":"r1"}})"), answer(204, ""), error_code(404, "10005"),
        error_code(410, "10005")
    };
    for (int i = 0; i < 4; ++i)
        EXPECT_EQ(d.remove("r/1"), "");
    EXPECT_EQ(d.http.seen.at(0).method, "DELETE");
    EXPECT_EQ(d.http.seen.at(0).url, "https://telnyx.example.test/v2/recordings/r%2F1");
    EXPECT_EQ(d.http.seen.at(0).bearer.reveal(), "KEY-for-tests");
    EXPECT_EQ(d.counted("remove", "done"), 2);
    EXPECT_EQ(d.counted("remove", "unknown"), 2);
}

TEST(recordings_client, be_32_a_removal_without_a_clear_answer_is_not_done) {
    for (const auto& p :
         {no_answer(), unreachable(), answer(404, ""), answer(404, "<html>"), answer(500), answer(503),
          answer(302), answer(403), error_code(422, "10015")}) {
        desk d;
        d.http.script = {p};
        EXPECT_NE(d.remove(), "") << p.reply.status;
        EXPECT_EQ(d.counted("remove", "failed"), 1);
    }
}

TEST(recordings_client, a_rejected_key_is_alarmed_and_asked_with_no_more_for_a_while) {
    desk d;
    log::configure({});
    testing::internal::CaptureStderr();
    d.http.script = {error_code(401, "10009")};
    EXPECT_TRUE(has(d.find(), "HTTP 401 10009"));
    const auto told = testing::internal::GetCapturedStderr();
    EXPECT_TRUE(has(told, "telnyx_key_rejected")) << told;
    EXPECT_FALSE(has(told, "KEY-for-tests"));
    EXPECT_TRUE(has(d.find(), "too many questions"));
    EXPECT_TRUE(has(d.remove(), "too many questions"));
    EXPECT_EQ(d.http.seen.size(), 1U) << "nothing is sent meanwhile";
    EXPECT_EQ(d.counted("find", "held"), 1);
    EXPECT_EQ(d.counted("remove", "held"), 1);
}

TEST(recordings_client, be_42_too_many_questions_make_a_pause) {
    desk d;
    d.settings.longest_wait = millis{0};
    d.http.script = {error_code(429, "10011")};
    EXPECT_TRUE(has(d.find(), "HTTP 429"));
    EXPECT_TRUE(has(d.find(), "too many questions"));
    EXPECT_EQ(d.http.seen.size(), 1U);
}

TEST(recordings_client, be_42_questions_keep_the_pace) {
    desk d;
    d.settings.requests_per_second = 20;
    d.http.otherwise = error_code(404, "10005");
    const auto began = std::chrono::steady_clock::now();
    for (int i = 0; i < 8; ++i)
        EXPECT_EQ(d.find(), "");
    EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::milliseconds{145})
        << "five at once, then one in 50 ms";
    d.settings.requests_per_second = 1;
    d.settings.longest_wait = millis{0};
    d.client_.reset();
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(d.find(), "");
    EXPECT_TRUE(has(d.find(), "too many questions")) << "its turn would come too late";
}

TEST(recordings_client, settings_come_from_the_configuration) {
    config::telnyx_t c;
    c.base_url = "http://127.0.0.1:4510";
    c.api_key = secret{std::string("k")};
    const auto s = adapter::telnyx::recordings_settings_from(c);
    EXPECT_EQ(s.base_url, c.base_url);
    EXPECT_EQ(s.api_key.reveal(), "k");
}
