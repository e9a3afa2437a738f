// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/crypto/digest.hpp"
#include "s3_bed.hpp"

#include <stdexcept>
#include <vector>

using namespace z360;
using namespace z360::testing;
using adapter::crypto::sha256_hex;

namespace {

class s3_vault : public s3_bed {
  protected:
    awaitable<void> keeps_and_gives_back() {
        auto v = vault();
        const std::string content = content_of(3'000'000);
        const auto copy = co_await put(*v, "1/2026/05/a.mp3", content);
        EXPECT_EQ(copy.bytes, content.size());
        EXPECT_EQ(copy.sha256, sha256_hex(content));
        EXPECT_EQ(desk_.objects.at("1/2026/05/a.mp3").bytes, content);
        EXPECT_EQ(desk_.objects.at("1/2026/05/a.mp3").content_type, "audio/mpeg");
        EXPECT_EQ(co_await v->size_of("1/2026/05/a.mp3"), content.size());
        EXPECT_EQ(co_await kept(*v, "1/2026/05/a.mp3"), content);
        const auto empty = co_await put(*v, "empty", "");
        EXPECT_EQ(empty.bytes, 0U);
        EXPECT_EQ(co_await v->size_of("empty"), 0U);
        EXPECT_EQ(co_await kept(*v, "empty"), "");
        co_await put(*v, "empty", "no more");
        EXPECT_EQ(co_await kept(*v, "empty"), "no more");
        co_await v->remove("empty");
        EXPECT_FALSE(desk_.objects.contains("empty"));
        EXPECT_TRUE(desk_.refused.empty());
        EXPECT_EQ(v->kind(), "s3");
        EXPECT_TRUE(co_await eventually([this] { return incoming().empty(); })) << "the work files";
    }

    awaitable<void> given_up() {
        auto v = vault();
        {
            auto intake = co_await v->begin("k");
            co_await intake->write("content");
        }
        EXPECT_TRUE(co_await eventually([this] { return incoming().empty(); }));
        EXPECT_TRUE(desk_.objects.empty());
        EXPECT_TRUE(desk_.seen.empty()) << "nothing was sent before keep()";
    }

    awaitable<std::string>
    part(recording_vault& v, std::uint64_t first, std::uint64_t length, std::size_t most) {
        byte_range range;
        range.first = first;
        range.length = length;
        auto source = co_await v.open("k", range);
        if (!source) co_return "(nothing)";
        EXPECT_EQ(source->size(), length);
        std::size_t largest = 0;
        auto text = co_await read_all(*source, most, &largest);
        EXPECT_LE(largest, 1'048'576U);
        co_return text;
    }
    awaitable<bool> lies_outside(recording_vault& v, std::uint64_t first, std::uint64_t length) {
        try {
            (void)co_await part(v, first, length, 10);
            co_return false;
        } catch (const std::invalid_argument&) {
            co_return true;
        }
    }
    awaitable<void> ranges() {
        auto v = vault();
        const std::string content = content_of(2'500'000);
        at_the_store("k", content);
        EXPECT_EQ(co_await part(*v, 0, 2'500'000, 100'000'000), content);
        EXPECT_EQ(desk_.seen.size(), 4U) << "a look, and three pieces";
        EXPECT_EQ(co_await part(*v, 0, 2'500'000, 99'999), content);
        EXPECT_EQ(co_await part(*v, 1'048'570, 20, 7), content.substr(1'048'570, 20));
        EXPECT_EQ(co_await part(*v, 2'499'999, 1, 7), content.substr(2'499'999));
        EXPECT_EQ(co_await part(*v, 2'500'000, 0, 7), "");
        EXPECT_TRUE(co_await lies_outside(*v, 0, 2'500'001));
        EXPECT_TRUE(co_await lies_outside(*v, 2'500'001, 0));
        EXPECT_TRUE(co_await lies_outside(*v, 5, ~std::uint64_t{0}));
    }

    awaitable<void> absent() {
        auto v = vault();
        EXPECT_FALSE((co_await v->size_of("k")).has_value());
        EXPECT_EQ(co_await v->open("k", byte_range()), nullptr);
        co_await v->remove("k");
        at_the_store("k", "content");
        co_await v->remove("k");
        EXPECT_TRUE(desk_.objects.empty());
        co_await v->remove("k");
    }

    awaitable<http::client_response> follow(std::string url) {
        http::client_request r;
        r.url = std::move(url);
        co_return co_await client_->perform(std::move(r));
    }
    awaitable<void> links() {
        auto v = vault();
        at_the_store("a/k.mp3", "content");
        const auto link = v->link("a/k.mp3", 10min);
        const auto now = co_await follow(*link);
        EXPECT_EQ(now.status, 200) << now.body;
        EXPECT_EQ(now.body, "content");
        EXPECT_EQ(now.headers.get("Content-Type"), "audio/mpeg");
        clock_.at += 10min;
        EXPECT_EQ((co_await follow(*link)).status, 200);
        clock_.at += 1s;
        const auto late = co_await follow(*link);
        EXPECT_EQ(late.status, 403);
        EXPECT_NE(late.body.find("AccessDenied"), std::string::npos) << late.body;
        auto changed = *v->link("a/k.mp3", 10min);
        changed.replace(changed.find("k.mp3"), 1, "j");
        EXPECT_EQ((co_await follow(changed)).status, 403) << "it is good for one recording";
        EXPECT_EQ((co_await follow(*v->link("absent", 10min))).status, 404);
    }

    awaitable<void> prefixed() {
        auto s = settings();
        s.prefix = "voip/kept";
        auto v = vault(std::move(s));
        at_the_store("voip/kept/a/k", "content");
        at_the_store("a/k", "of another");
        EXPECT_EQ(co_await kept(*v, "a/k"), "content");
        const auto read = co_await follow(*v->link("a/k", 1min));
        EXPECT_EQ(read.body, "content");
        co_await v->remove("a/k");
        EXPECT_TRUE(desk_.objects.contains("a/k"));
        EXPECT_EQ(desk_.objects.size(), 1U);
    }

    awaitable<void> bucket_in_host() {
        auto s = settings();
        s.endpoint = "http://localhost:" + std::to_string(server_.port());
        s.path_style = false;
        auto v = vault(std::move(s));
        at_the_store("a/k", "content");
        EXPECT_EQ(co_await kept(*v, "a/k"), "content");
        EXPECT_EQ(desk_.seen.front(), "HEAD /a/k");
    }

    awaitable<void> refuses_other_keys() {
        auto v = vault();
        const std::vector<std::string> bad{"../a", "/a", "", "a?b", ".incoming/a"};
        for (const auto& key : bad) {
            bool refused = false;
            try {
                (void)co_await v->begin(key);
            } catch (const std::invalid_argument&) {
                refused = true;
            }
            EXPECT_TRUE(refused) << key;
            EXPECT_THROW((void)v->link(key, 1h), std::invalid_argument) << key;
        }
        EXPECT_TRUE(desk_.seen.empty());
    }

    awaitable<void> wrong_settings() {
        auto s = settings();
        s.endpoint = "s3.amazonaws.com";
        EXPECT_THROW((void)vault(std::move(s)), std::invalid_argument);
        auto without = settings();
        without.work_folder.clear();
        EXPECT_THROW((void)vault(std::move(without)), std::invalid_argument);
        co_return;
    }

    awaitable<void> leftovers() {
        const auto old = root_ / ".incoming/old";
        make_file(old);
        fs::last_write_time(old, fs::file_time_type::clock::now() - 61min);
        auto v = vault();
        EXPECT_TRUE(co_await eventually([&old] { return !fs::exists(old); }));
    }
};

} // namespace

TEST_F(s3_vault, gives_back_what_it_keeps) {
    play(keeps_and_gives_back());
}
TEST_F(s3_vault, nothing_remains_of_a_copy_that_is_given_up) {
    play(given_up());
}
TEST_F(s3_vault, parts_are_read_in_bounded_pieces_and_what_lies_outside_is_refused) {
    play(ranges());
}
TEST_F(s3_vault, what_is_not_there_is_told_and_removed_without_an_error) {
    play(absent());
}
TEST_F(s3_vault, a_link_works_without_us_until_its_time_is_up) {
    play(links());
}
TEST_F(s3_vault, keys_lie_below_the_prefix_and_nothing_else_is_touched) {
    play(prefixed());
}
TEST_F(s3_vault, the_bucket_may_be_in_the_name_of_the_host) {
    play(bucket_in_host());
}
TEST_F(s3_vault, what_is_no_key_is_never_sent) {
    play(refuses_other_keys());
}
TEST_F(s3_vault, what_a_process_left_in_the_work_folder_is_removed) {
    play(leftovers());
}
TEST_F(s3_vault, a_wrong_setting_is_named_at_once) {
    play(wrong_settings());
}
