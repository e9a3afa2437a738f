// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/telnyx/classify.hpp"
#include "fakes.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

using namespace z360;
using namespace z360::adapter::telnyx;
using namespace z360::test;
using call::verb;
using c = answer_class;

namespace {

const std::vector<verb> k_all{verb::dial,           verb::answer,        verb::bridge,
                              verb::hangup,         verb::reject,        verb::speak,
                              verb::playback_start, verb::playback_stop, verb::record_start};
const std::vector<verb> k_on_legs(k_all.begin() + 1, k_all.end());
const time_point k_now{std::chrono::seconds{1'800'000'000}}; // Fri, 15 Jan 2027 08:00:00 GMT

struct row {
    int status;
    const char* code; ///< empty: no body
    std::vector<verb> verbs;
    c expected;
};

play reply_of(const row& r) {
    return *r.code == '\0' ? answer(r.status, "") : error_code(r.status, r.code);
}

} // namespace

TEST(classify, every_verb_and_every_answer) {
    const std::vector<verb> need_answer{verb::bridge, verb::speak, verb::playback_start, verb::record_start};
    const std::vector<verb> must{verb::hangup, verb::reject};
    const std::vector<verb> may{verb::dial,           verb::answer,        verb::bridge,      verb::speak,
                                verb::playback_start, verb::playback_stop, verb::record_start};
    const std::vector<verb> not_bridge{verb::dial,           verb::answer,        verb::speak,
                                       verb::playback_start, verb::playback_stop, verb::record_start};
    const std::vector<row> table{
        {200, "", k_on_legs, c::done},
        {202, "", k_on_legs, c::done},
        {301, "", may, c::refused},
        {301, "", must, c::insist},
        {400, "", may, c::refused},
        {400, "", must, c::insist},
        {400, "90040", {verb::playback_start}, c::refused},
        {401, "10009", may, c::refused},
        {401, "10009", must, c::insist},
        {403, "10010", may, c::refused},
        {403, "10010", must, c::insist},
        {404, "10005", k_on_legs, c::peer_gone},
        {404, "10005", {verb::dial}, c::refused},
        {404, "", k_on_legs, c::peer_gone},
        {405, "", may, c::refused},
        {405, "", must, c::insist},
        {408, "", k_all, c::ambiguous},
        {409, "", k_all, c::ambiguous},
        {425, "", k_all, c::ambiguous},
        {422, "90018", k_on_legs, c::peer_gone},
        {422, "90018", {verb::dial}, c::refused},
        {422, "90015", k_on_legs, c::peer_gone},
        {422, "90015", {verb::dial}, c::refused},
        {422, "90034", need_answer, c::retry},
        {422, "90034", {verb::dial}, c::refused},
        {422, "90034", {verb::hangup}, c::insist},
        {422, "90020", {verb::record_start}, c::retry},
        {422, "90041", not_bridge, c::refused},
        {422, "90041", must, c::insist},
        {422, "90042", {verb::dial}, c::refused},
        {422, "90043", {verb::dial}, c::refused},
        {422, "90017", may, c::refused},
        {422, "90017", must, c::insist},
        {422, "90102", {verb::answer}, c::refused},
        {422, "10004", may, c::refused},
        {422, "10011", may, c::refused}, // here a media question; with 429 it is a rate limit
        {422, "10015", may, c::refused},
        {422, "10015", must, c::insist},
        {422, "", not_bridge, c::refused},
        {422, "", must, c::insist},
        {422, "", {verb::bridge}, c::retry}, // may pass: tried twice more
        {422, "90099", {verb::bridge}, c::retry},
        {429, "10011", k_all, c::retry},
        {429, "90103", {verb::dial}, c::retry},
        {429, "", k_all, c::retry},
        {500, "10007", k_all, c::ambiguous},
        {503, "", k_all, c::ambiguous},
        {500, "90018", k_all, c::ambiguous}, // the status decides
    };
    for (const auto& r : table)
        for (const auto v : r.verbs)
            EXPECT_EQ(name(classify(v, reply_of(r).reply, k_now).what), name(r.expected))
                << r.status << " " << r.code << " " << call::name(v);
}

TEST(classify, be_22_nothing_but_the_legs_end_ends_what_must_happen) {
    for (const auto v : {verb::hangup, verb::reject})
        for (int status = 300; status < 500; ++status)
            for (const char* code : {"", "10001", "10009", "10010", "10015", "90034", "90041"}) {
                const auto got = classify(v, reply_of({status, code, {}, c::done}).reply, k_now).what;
                EXPECT_NE(got, c::refused) << status << " " << code;
                EXPECT_EQ(got == c::peer_gone, status == 404) << status << " " << code;
            }
}

TEST(classify, a_request_that_never_left_is_a_plain_retry_and_a_lost_answer_is_ambiguous) {
    for (const auto v : k_all) {
        EXPECT_EQ(classify(v, unreachable().reply, k_now).what, c::retry);
        EXPECT_EQ(classify(v, unreachable().reply, k_now).code, "not_sent");
        EXPECT_EQ(classify(v, no_answer().reply, k_now).what, c::ambiguous);
        EXPECT_TRUE(classify(v, no_answer().reply, k_now).unhealthy);
    }
}

TEST(classify, a_dial_is_done_only_with_the_new_legs_id) {
    const auto good = classify(verb::dial, dialed("v3:new").reply, k_now);
    EXPECT_EQ(good.what, c::done);
    EXPECT_EQ(good.call_control_id, "v3:new");
    for (const char* body : {"", "{}", R"({"data":{}})", R"({"data":{"call_control_id":null}})", "<html>"})
        EXPECT_EQ(classify(verb::dial, answer(200, body).reply, k_now).what, c::ambiguous) << body;
}

TEST(classify, the_servers_pause_is_read_from_its_headers) {
    const auto pause = [](const char* header, const char* value, int status = 429) {
        return classify(verb::dial, with_header(error_code(status, "10011"), header, value).reply, k_now)
            .after;
    };
    EXPECT_EQ(pause("X-RateLimit-Reset", "2"), millis{2'000});
    EXPECT_EQ(pause("retry-after", "1.5"), millis{1'500});
    EXPECT_EQ(pause("retry-after-ms", "120"), millis{120});
    EXPECT_EQ(pause("retry-after", "1", 503), millis{1'000});
    EXPECT_EQ(pause("retry-after", "1e30"), millis{60'000}) << "no pause is trusted beyond a minute";
    EXPECT_EQ(pause("retry-after", "Fri, 15 Jan 2027 08:00:02 GMT"), millis{2'000});
    EXPECT_EQ(pause("x-ratelimit-reset", "1800000003"), millis{3'000});
    for (const char* nonsense : {"", "soon", "-1", "nan", "inf"})
        EXPECT_FALSE(pause("retry-after", nonsense)) << nonsense;
    const auto both =
        with_header(with_header(error_code(429, "10011"), "x-ratelimit-reset", "1"), "retry-after", "3");
    EXPECT_EQ(classify(verb::dial, both.reply, k_now).after, millis{3'000}) << "the longer one";
}

TEST(classify, only_rejected_keys_and_server_faults_are_marked) {
    EXPECT_TRUE(classify(verb::dial, error_code(401, "10009").reply, k_now).key_rejected);
    EXPECT_FALSE(classify(verb::dial, error_code(403, "10010").reply, k_now).key_rejected)
        << "that speaks of one request";
    EXPECT_FALSE(classify(verb::dial, error_code(422, "10015").reply, k_now).key_rejected);
    EXPECT_TRUE(classify(verb::dial, answer(503).reply, k_now).server_fault);
    EXPECT_TRUE(classify(verb::dial, answer(500).reply, k_now).unhealthy);
    EXPECT_FALSE(classify(verb::dial, error_code(429, "90103").reply, k_now).unhealthy)
        << "a full house is not a broken one";
    EXPECT_FALSE(classify(verb::dial, error_code(422, "90041").reply, k_now).unhealthy);
}

TEST(classify, be_22_only_401_speaks_of_the_key_whatever_the_code_says) {
    for (const auto v : k_all)
        for (int status = 300; status < 600; ++status)
            for (const char* code : {"", "10001", "10009", "10010", "10036", "20100", "90018", "90041"}) {
                const auto got = classify(v, reply_of({status, code, {}, c::done}).reply, k_now);
                EXPECT_EQ(got.key_rejected, status == 401) << status << " " << code;
                EXPECT_EQ(got.title, *code == '\0' ? "" : "scripted") << "Telnyx's words are kept";
            }
}

TEST(classify, an_error_without_a_code_is_named_by_its_status) {
    EXPECT_EQ(classify(verb::answer, answer(503, "oops").reply, k_now).code, "http_503");
    EXPECT_EQ(classify(verb::answer, error_code(422, "90034").reply, k_now).code, "90034");
}
