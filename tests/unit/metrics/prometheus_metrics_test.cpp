// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/metrics/prometheus_metrics.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

using z360::adapter::metrics::k_max_series;
using z360::adapter::metrics::make_prometheus_metrics;

namespace {

bool has_line(const std::string& text, const std::string& line) {
    return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

std::size_t lines_starting_with(const std::string& text, const std::string& start) {
    std::size_t n = 0;
    for (std::size_t at = text.find(start); at != std::string::npos; at = text.find(start, at + 1))
        if (at == 0 || text[at - 1] == '\n') ++n;
    return n;
}

} // namespace

TEST(prometheus_metrics, counters_add_up_by_their_labels) {
    auto m = make_prometheus_metrics();
    m->count("calls_total");
    m->count("calls_total", {}, 2);
    m->count("hits_total", {{"kind", "a"}});
    m->count("hits_total", {{"kind", "b"}}, 4);
    m->count("hits_total", {{"kind", "a"}});
    const auto text = m->text();
    EXPECT_TRUE(has_line(text, "z360_calls_total 3")) << text;
    EXPECT_TRUE(has_line(text, "z360_hits_total{kind=\"a\"} 2")) << text;
    EXPECT_TRUE(has_line(text, "z360_hits_total{kind=\"b\"} 4")) << text;
    EXPECT_TRUE(has_line(text, "# TYPE z360_calls_total counter")) << text;
}

TEST(prometheus_metrics, a_gauge_holds_its_last_value) {
    auto m = make_prometheus_metrics();
    m->gauge("depth", 7);
    m->gauge("depth", 3);
    EXPECT_TRUE(has_line(m->text(), "z360_depth 3")) << m->text();
}

TEST(prometheus_metrics, durations_fall_into_buckets_from_half_a_millisecond_to_ten_seconds) {
    auto m = make_prometheus_metrics();
    m->observe("work_seconds", 0.0004, {{"step", "x"}});
    m->observe("work_seconds", 0.3, {{"step", "x"}});
    m->observe("work_seconds", 60, {{"step", "x"}});
    const auto text = m->text();
    EXPECT_TRUE(has_line(text, "z360_work_seconds_count{step=\"x\"} 3")) << text;
    EXPECT_TRUE(has_line(text, "z360_work_seconds_bucket{step=\"x\",le=\"0.0005\"} 1")) << text;
    EXPECT_TRUE(has_line(text, "z360_work_seconds_bucket{step=\"x\",le=\"0.5\"} 2")) << text;
    EXPECT_TRUE(has_line(text, "z360_work_seconds_bucket{step=\"x\",le=\"10\"} 2")) << text;
    EXPECT_TRUE(has_line(text, "z360_work_seconds_bucket{step=\"x\",le=\"+Inf\"} 3")) << text;
}

TEST(prometheus_metrics, opinion_scores_fall_into_buckets_of_their_own) {
    const auto m = make_prometheus_metrics();
    m->observe("quality_mos", 2.9, {{"source", "carrier"}});
    m->observe("quality_mos", 4.3, {{"source", "carrier"}});
    const auto text = m->text();
    EXPECT_TRUE(has_line(text, "z360_quality_mos_bucket{source=\"carrier\",le=\"3\"} 1")) << text;
    EXPECT_TRUE(has_line(text, "z360_quality_mos_bucket{source=\"carrier\",le=\"4.4\"} 2")) << text;
}

TEST(prometheus_metrics, too_many_label_values_end_in_other) {
    auto m = make_prometheus_metrics();
    const std::size_t extra = 25;
    for (std::size_t i = 0; i < k_max_series + extra; ++i)
        m->count("flood_total", {{"who", std::to_string(i)}});
    m->count("flood_total", {{"who", "0"}}); // one that exists still counts for itself
    const auto text = m->text();
    EXPECT_TRUE(has_line(text, "z360_flood_total{who=\"other\"} 25")) << text;
    EXPECT_TRUE(has_line(text, "z360_flood_total{who=\"0\"} 2")) << text;
    EXPECT_EQ(lines_starting_with(text, "z360_flood_total{"), k_max_series + 1);
}

TEST(prometheus_metrics, misuse_is_survived_and_leaves_the_rest_working) {
    auto m = make_prometheus_metrics();
    m->count("not a name");
    m->count("not a name");
    m->count("mixed_total");
    m->gauge("mixed_total", 5);
    m->count("mixed_total");
    m->count("fine_total");
    const auto text = m->text();
    EXPECT_TRUE(has_line(text, "z360_mixed_total 2")) << text;
    EXPECT_TRUE(has_line(text, "z360_fine_total 1")) << text;
    EXPECT_EQ(text.find("not a name"), std::string::npos);
}

TEST(prometheus_metrics, label_values_cannot_break_the_format_or_be_mistaken_for_each_other) {
    auto m = make_prometheus_metrics();
    m->count("odd_total", {{"v", "a\"b\nc\\"}});
    m->count("pair_total", {{"a", "x"}, {"b", "y"}});
    m->count("pair_total", {{"a", "xb"}, {"b", "y"}});
    const auto text = m->text();
    EXPECT_TRUE(has_line(text, R"(z360_odd_total{v="a\"b\nc\\"} 1)")) << text;
    EXPECT_TRUE(has_line(text, R"(z360_pair_total{a="x",b="y"} 1)")) << text;
}

TEST(prometheus_metrics, threads_may_count_at_once) {
    auto m = make_prometheus_metrics();
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&m] {
            for (int i = 0; i < 5'000; ++i)
                m->count("busy_total", {{"k", i % 2 == 0 ? "even" : "odd"}});
        });
    for (auto& t : threads)
        t.join();
    EXPECT_TRUE(has_line(m->text(), "z360_busy_total{k=\"even\"} 10000")) << m->text();
}

TEST(prometheus_metrics, every_name_of_ours_has_one_prefix_and_what_any_process_has_keeps_its_own) {
    auto m = make_prometheus_metrics();
    m->count("calls_total");
    m->count("z360_postgres_failures_total");
    m->gauge("process_resident_memory_bytes", 5);
    const auto text = m->text();
    for (const char* line :
         {"z360_calls_total 1", "z360_postgres_failures_total 1", "process_resident_memory_bytes 5"})
        EXPECT_TRUE(has_line(text, line)) << text;
}
