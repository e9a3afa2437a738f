// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What apps report of calls.
#include "bed.hpp"
#include "support/gzip.hpp"

using namespace z360;
using namespace z360::test;
using z360::testing::gzipped;

namespace {

class api_reports : public bed {
  protected:
    void SetUp() override {
        phone = device(k_ada, "phone-1");
        id = ring(k_ada, k_acme, {row(k_ada, "phone-1").id}).state.id.text();
    }
    [[nodiscard]] std::int64_t now() const { return clock.at.time_since_epoch().count(); }
    [[nodiscard]] json sample(std::int64_t ago, double mos = 4.2) const {
        return {
            {"ts", now() - ago}, {"mos", mos}, {"jitter_ms", 12}, {"rtt_ms", "80"}, {"loss_percent", 0.5}
        };
    }
    [[nodiscard]] json event(const char* name, std::int64_t ago) const {
        return {{"name", name}, {"ts", now() - ago}};
    }
    answer quality(const json& body, const with& who) {
        return send("POST", "/api/voip/call-quality", who, body);
    }
    answer events(const json& body, const with& who) {
        return send("POST", "/api/voip/client-events", who, body);
    }
    answer failed(const with& who, const json& body = json::object(), std::string of = {}) {
        return send("POST", "/api/voip/calls/" + (of.empty() ? id : of) + "/media-failed", who, body);
    }
    with phone;
    std::string id;
};

} // namespace

TEST_F(api_reports, state_05_samples_are_taken_once_with_what_they_share) {
    const json body{
        {"call_uuid", id},
        {"sent_at", now()},
        {"network_type", "wifi"},
        {"codec", "audio/opus"},
        {"samples", {sample(10'000), sample(5'000)}}
    };
    const auto r = quality(body, phone);
    ASSERT_EQ(r.status, 200) << r.text;
    EXPECT_EQ(r.data(), (json{{"stored", 2}, {"known", 0}, {"refused", json::array()}}));
    ASSERT_EQ(reports.samples.size(), 2U);
    const auto& s = reports.samples.begin()->second;
    EXPECT_EQ(s.network, "wifi");
    EXPECT_EQ(s.codec, "audio/opus");
    EXPECT_EQ(s.rtt_ms, 80);
    EXPECT_EQ(quality(body, phone).data()["known"], 2);
    EXPECT_EQ(reports.samples.size(), 2U);
    EXPECT_EQ(metrics.counted("client_samples_total"), 2);
}

TEST_F(api_reports, state_05_a_call_of_somebody_else_does_not_exist) {
    const auto other = device(k_mallory, "mallorys");
    const json samples{{"call_uuid", id}, {"samples", {sample(0)}}};
    for (const auto& r :
         {quality(samples, other), events({{"call_uuid", id}, {"events", {event("ring_shown", 0)}}}, other),
          failed(other), failed(phone, json::object(), "no-such-call")}) {
        EXPECT_EQ(r.status, 404) << r.text;
        EXPECT_EQ(r.code(), "call_unknown");
    }
    EXPECT_TRUE(reports.samples.empty());
    EXPECT_TRUE(reports.events.empty());
    // Only samples that are too old: it is asked all the same whose call it is.
    const json old{{"call_uuid", id}, {"samples", {sample(8LL * 86'400'000)}}};
    EXPECT_EQ(quality(old, other).status, 404);
    EXPECT_EQ(quality(old, phone).data()["refused"][0]["code"], "too_old");
}

TEST_F(api_reports, state_05_every_figure_has_its_bounds_and_each_fault_its_place) {
    const auto refused = [&](const json& with, const char* field) {
        auto one = sample(0);
        one.update(with);
        const auto r = quality({{"call_uuid", id}, {"samples", {sample(1'000), one}}}, phone);
        EXPECT_EQ(r.status, 422) << with.dump();
        EXPECT_TRUE(r.body["errors"].contains("samples.1." + std::string(field))) << r.text;
    };
    refused({{"mos", 5.1}}, "mos");
    refused({{"mos", "NaN"}}, "mos");
    refused({{"mos", true}}, "mos");
    refused({{"jitter_ms", -1}}, "jitter_ms");
    refused({{"rtt_ms", 60'001}}, "rtt_ms");
    refused({{"loss_percent", 100.5}}, "loss_percent");
    refused({{"ts", nullptr}}, "ts");
    refused({{"ts", "soon"}}, "ts");
    refused({{"codec", "opus leg=1"}}, "codec");
    refused({{"network_type", std::string(33, 'x')}}, "network_type");
    refused(
        {{"mos", nullptr}, {"jitter_ms", nullptr}, {"rtt_ms", nullptr}, {"loss_percent", nullptr}}, "mos"
    );
    EXPECT_EQ(quality({{"call_uuid", id}, {"samples", json::array()}}, phone).status, 422);
    EXPECT_EQ(quality({{"call_uuid", id}, {"samples", json::array({1})}}, phone).status, 422);
    EXPECT_EQ(quality({{"call_uuid", id}, {"samples", json(121, sample(0))}}, phone).status, 422);
    EXPECT_EQ(quality({{"samples", {sample(0)}}}, phone).status, 422);
    EXPECT_TRUE(reports.samples.empty());
}

TEST_F(api_reports, ios_03_times_are_put_on_our_clock_by_what_the_app_says_that_it_is) {
    constexpr std::int64_t k_wrong = 3'600'000 + 123; // the phone's clock is so much ahead
    json late = event("ring_shown", 0);
    late["ts"] = now() - 1'800'000 + k_wrong;
    const json body{{"call_uuid", id}, {"sent_at", now() + k_wrong}, {"events", {late}}};
    ASSERT_EQ(events(body, phone).data()["stored"], 1);
    const auto& e = reports.events.begin()->second;
    EXPECT_EQ(e.at, clock.at - millis{1'800'000});
    EXPECT_EQ(e.client_at - e.at, millis{k_wrong});
}

TEST_F(api_reports, ios_03_a_batch_of_200_an_hour_late_is_taken_and_taken_again_once) {
    json all = json::array();
    for (int i = 0; i < 200; ++i) {
        auto e = event("log", 3'600'000);
        e["id"] = "event-" + std::to_string(i);
        e["detail"] = {{"n", i}};
        all.push_back(e);
    }
    const json body{{"call_uuid", id}, {"sent_at", now()}, {"events", all}};
    EXPECT_EQ(events(body, phone).data()["stored"], 200);
    EXPECT_EQ(events(body, phone).data()["known"], 200);
    EXPECT_EQ(reports.events.size(), 200U);
}

TEST_F(api_reports, ios_03_what_cannot_be_placed_is_left_out_by_name_and_the_rest_is_taken) {
    auto foreign = event("answered", 0);
    foreign["call_uuid"] = "nobodys";
    const json body{
        {"call_uuid", id},
        {"sent_at", now()},
        {"events",
         {event("a", 8LL * 86'400'000), event("ring_shown", 6LL * 86'400'000), event("b", -120'000), foreign,
          event("answered", 0)}}
    };
    const auto r = events(body, phone);
    ASSERT_EQ(r.status, 200) << r.text;
    EXPECT_EQ(r.data()["stored"], 2);
    std::map<int, std::string> why;
    for (const auto& x : r.data()["refused"])
        why[x["index"]] = x["code"];
    EXPECT_EQ(why, (std::map<int, std::string>{{0, "too_old"}, {2, "in_future"}, {3, "call_unknown"}}));
    EXPECT_EQ(metrics.counted("client_events_total", {{"name", "ring_shown"}}), 1);
}

TEST_F(api_reports, ios_03_what_is_no_event_is_refused_and_nothing_is_kept) {
    const auto refused = [&](const json& with, const char* field) {
        auto one = event("ring_shown", 0);
        one.update(with);
        const auto r = events({{"call_uuid", id}, {"events", {event("fine", 0), one}}}, phone);
        EXPECT_EQ(r.status, 422) << with.dump();
        EXPECT_TRUE(r.body["errors"].contains("events.1." + std::string(field))) << r.text;
    };
    for (const char* name : {"", "Ring", "ring shown", "9", "ring=1"})
        refused({{"name", name}}, "name");
    refused({{"name", std::string(49, 'a')}}, "name");
    refused({{"detail", {{"deep", {{"er", 1}}}}}}, "detail");
    refused({{"detail", {{"long", std::string(1'100, 'x')}}}}, "detail");
    refused({{"detail", {{"zero", std::string("\0", 1)}}}}, "detail");
    refused({{"detail", "text"}}, "detail");
    refused({{"ts", -1}}, "ts");
    refused({{"id", std::string(101, 'x')}}, "id");
    EXPECT_EQ(events({{"events", {event("ring_shown", 0)}}}, phone).status, 422) << "of which call?";
    EXPECT_EQ(events({{"call_uuid", id}, {"events", json(201, event("x", 0))}}, phone).status, 422);
    EXPECT_TRUE(reports.events.empty());
}

TEST_F(api_reports, ios_03_a_body_beyond_all_bounds_is_refused) {
    const auto padded = json{{"call_uuid", id}, {"pad", std::string(256 * 1024, 'x')}}.dump();
    for (const char* path : {"/api/voip/client-events", "/api/voip/call-quality"}) {
        const auto r = send("POST", path, phone, padded);
        EXPECT_EQ(r.status, 413) << r.text;
        EXPECT_EQ(r.code(), "body_too_large");
    }
}

TEST_F(api_reports, ios_03_events_may_come_compressed) {
    const json body{{"call_uuid", id}, {"events", {event("ring_shown", 900), event("answered", 100)}}};
    const auto gzip = [this](std::string name) {
        return plus(phone, {{"Content-Encoding", std::move(name)}});
    };
    const auto r = send("POST", "/api/voip/client-events", gzip("gzip"), gzipped(body.dump()));
    ASSERT_EQ(r.status, 200) << r.text;
    EXPECT_EQ(r.data()["stored"], 2);
    const auto again = send("POST", "/api/voip/client-events", gzip("X-GZIP"), gzipped(body.dump()));
    EXPECT_EQ(again.data()["known"], 2) << again.text;
    EXPECT_EQ(send("POST", "/api/voip/client-events", gzip("identity"), body).data()["known"], 2);
    const json heard{{"call_uuid", id}, {"samples", {sample(0)}}};
    EXPECT_EQ(send("POST", "/api/voip/call-quality", gzip("gzip"), gzipped(heard.dump())).status, 200);
}

TEST_F(api_reports, ios_03_a_compression_that_cannot_be_taken_back_changes_nothing) {
    const json body{{"call_uuid", id}, {"events", {event("ring_shown", 0)}}};
    const auto said = [&](const std::string& coding, const std::string& bytes) {
        return send("POST", "/api/voip/client-events", plus(phone, {{"Content-Encoding", coding}}), bytes);
    };
    const auto sent = gzipped(body.dump());
    for (const auto& bytes : {body.dump(), sent.substr(0, sent.size() - 1), sent + "x", std::string()}) {
        const auto r = said("gzip", bytes);
        EXPECT_EQ(r.status, 400) << r.text;
        EXPECT_EQ(r.code(), "content_encoding_broken");
    }
    for (const char* coding : {"br", "deflate", "gzip, gzip", "zstd", "utf-8"}) {
        const auto r = said(coding, sent);
        EXPECT_EQ(r.status, 415) << coding << r.text;
        EXPECT_EQ(r.code(), "content_encoding_unsupported");
        EXPECT_EQ(r.header("Accept-Encoding"), "gzip, identity");
    }
    const auto bomb = said("gzip", gzipped(std::string(10'000'000, ' ')));
    EXPECT_EQ(bomb.status, 413) << bomb.text;
    EXPECT_EQ(bomb.code(), "body_too_large");
    EXPECT_TRUE(reports.events.empty());
    const auto stranger = send("POST", "/api/voip/client-events", {{"Content-Encoding", "br"}}, sent);
    EXPECT_EQ(stranger.status, 401) << "nothing is looked at of who may not ask";
}

TEST_F(api_reports, ios_03_other_routes_take_no_compression) {
    const auto r = send(
        "POST", "/api/voip/calls/" + id + "/media-failed", plus(phone, {{"Content-Encoding", "gzip"}}),
        gzipped("{}")
    );
    EXPECT_EQ(r.status, 415) << r.text;
    EXPECT_EQ(r.header("Accept-Encoding"), "identity");
    EXPECT_EQ(failed(plus(phone, {{"Content-Encoding", "utf-8"}})).status, 200) << "as ever";
}

TEST_F(api_reports, and_23_a_version_is_what_the_report_claims_and_no_more) {
    (void)events({{"call_uuid", id}, {"sdk_version", "3.2.0"}, {"events", {event("ring_shown", 0)}}}, phone);
    EXPECT_EQ(reports.last.said_version, "3.2.0");
    EXPECT_EQ(reports.last.device, row(k_ada, "phone-1").id);
    EXPECT_EQ(reports.last.who, port::tenant_scope::of(k_ada));
}

TEST_F(api_reports, b4_b7_media_that_failed_is_noted_once_and_its_device_is_told_to_use_a_relay) {
    const auto config = [&](const with& who) {
        return send("GET", "/api/voip/bootstrap", who).data()["client_config"]["force_relay"];
    };
    const auto other = device(k_ada, "phone-2");
    EXPECT_EQ(config(phone), false);
    const auto r = failed(phone, {{"reason", "ice_failed"}, {"network_type", "cellular"}});
    ASSERT_EQ(r.status, 200) << r.text;
    EXPECT_EQ(r.data()["force_relay"], true);
    EXPECT_EQ(failed(phone).status, 200);
    ASSERT_EQ(reports.events.size(), 1U);
    const auto& e = reports.events.begin()->second;
    EXPECT_EQ(e.name, "media_failed");
    EXPECT_EQ(json::parse(e.detail), (json{{"reason", "ice_failed"}, {"network_type", "cellular"}}));
    EXPECT_EQ(e.at, clock.at);
    EXPECT_EQ(metrics.counted("legs_without_media_total", {{"source", "client"}}), 1);
    EXPECT_EQ(config(phone), true);
    EXPECT_EQ(config(other), false) << "another phone of the person";
    clock.at += std::chrono::hours{7 * 24 - 1};
    EXPECT_EQ(config(phone), true);
    clock.at += std::chrono::hours{2};
    EXPECT_EQ(config(phone), false);
}

TEST_F(api_reports, b3_media_that_failed_again_has_a_key_of_its_own) {
    for (const char* key : {"first", "second", "second"})
        EXPECT_EQ(failed(plus(phone, {{"Idempotency-Key", key}})).status, 200);
    EXPECT_EQ(reports.events.size(), 2U);
    EXPECT_EQ(failed(phone, {{"ts", now() - 8LL * 86'400'000}}).status, 422);
}
