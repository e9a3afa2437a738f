// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Stores that refuse, fail, are full, or lose their answers.
#include "s3_bed.hpp"

#include <utility>

using namespace z360;
using namespace z360::testing;

namespace {

s3_desk::fault fault(int status, std::string code = {}, int times = 1) {
    s3_desk::fault f;
    f.status = status;
    f.code = std::move(code);
    f.times = times;
    return f;
}

class s3_vault_in_trouble : public s3_bed {
  protected:
    // Each of the vault's questions in turn.
    awaitable<void> every_question_fails(recording_vault& v, std::string wanted) {
        const auto looked = co_await trouble(v.size_of("k"));
        EXPECT_NE(looked.find(wanted), std::string::npos) << looked;
        const auto opened = co_await trouble(v.open("k", byte_range()));
        EXPECT_NE(opened.find(wanted), std::string::npos) << opened;
        const auto removed = co_await trouble(v.remove("k"));
        EXPECT_NE(removed.find(wanted), std::string::npos) << removed;
        for (const auto& text : {looked, opened, removed}) {
            EXPECT_EQ(text.find("do not show"), std::string::npos) << text;
            EXPECT_EQ(text.find('\n'), std::string::npos) << text;
        }
    }

    awaitable<void> wrong_secret() {
        auto s = settings();
        s.secret_access_key = secret("do not show that either");
        auto v = vault(std::move(s));
        at_the_store("k", "content");
        co_await every_question_fails(*v, "the store refuses us (");
        const auto removed = co_await trouble(v->remove("k"));
        EXPECT_NE(removed.find("(SignatureDoesNotMatch): check access key and bucket"), std::string::npos)
            << removed;
        const auto stored = co_await trouble(put(*v, "k", "other"));
        EXPECT_NE(stored.find("(SignatureDoesNotMatch)"), std::string::npos) << stored;
        EXPECT_EQ(desk_.objects.at("k").bytes, "content");
    }

    awaitable<void> wrong_bucket() {
        auto s = settings();
        s.bucket = "another-bucket";
        auto v = vault(std::move(s));
        co_await every_question_fails(*v, "the store has no bucket another-bucket (NoSuchBucket)");
        const auto stored = co_await trouble(put(*v, "k", "content"));
        EXPECT_NE(stored.find("no bucket another-bucket"), std::string::npos) << stored;
    }

    awaitable<void> wrong_clock() {
        auto v = vault();
        desk_.faults.push_back(fault(403, "RequestTimeTooSkewed"));
        const auto why = co_await trouble(v->remove("k"));
        EXPECT_NE(why.find("its clock and ours are far apart"), std::string::npos) << why;
    }

    awaitable<void> unwell() {
        auto v = vault();
        desk_.faults.push_back(fault(503, "SlowDown", 3));
        co_await every_question_fails(*v, "the store answers 503");
        EXPECT_FALSE((co_await v->size_of("k")).has_value()) << "well again";
    }

    awaitable<void> silent() {
        auto s = settings();
        s.timeout = 200ms;
        auto v = vault(std::move(s));
        s3_desk::fault f;
        f.stall = true;
        f.times = 3;
        desk_.faults.push_back(f);
        co_await every_question_fails(*v, "the store is not reached: timeout");
    }

    awaitable<void> away() {
        auto s = settings();
        s.endpoint = "http://127.0.0.1:1";
        auto v = vault(std::move(s));
        co_await every_question_fails(*v, "the store is not reached");
        const auto stored = co_await trouble(put(*v, "k", "content"));
        EXPECT_NE(stored.find("the store is not reached"), std::string::npos) << stored;
        EXPECT_TRUE(co_await eventually([this] { return incoming().empty(); }));
    }

    awaitable<void> full() {
        auto v = vault();
        desk_.room = 1'000;
        at_the_store("k", "old");
        const auto why = co_await trouble(put(*v, "k", content_of(2'000)));
        EXPECT_NE(why.find("the store is full (XMinioStorageFull)"), std::string::npos) << why;
        EXPECT_EQ(desk_.objects.at("k").bytes, "old");
        const auto copy = co_await put(*v, "k", content_of(1'000));
        EXPECT_EQ(copy.bytes, 1'000U);
    }

    awaitable<void> lost_answer() {
        auto v = vault();
        // libcurl asks again by itself where a connection it had before turns out to be closed: here it has
        // none.
        s3_desk::fault f;
        f.method = "PUT";
        f.lose_answer = true;
        desk_.faults.push_back(f);
        const std::string content = content_of(300'000);
        auto intake = co_await v->begin("k");
        co_await write_all(*intake, content);
        const auto first = co_await trouble(intake->keep());
        EXPECT_NE(first.find("not reached"), std::string::npos) << first;
        EXPECT_EQ(desk_.objects.at("k").bytes, content) << "it had arrived";
        const auto stored = desk_.objects.at("k");
        const auto copy = co_await intake->keep();
        EXPECT_EQ(copy.bytes, content.size());
        EXPECT_EQ(desk_.objects.at("k"), stored) << "the same again";
        EXPECT_EQ(desk_.objects.size(), 1U);
    }

    // libcurl would ask again by itself on a connection that had been used before; half a source is no
    // content.
    awaitable<void> lost_answer_on_a_used_connection() {
        auto v = vault();
        at_the_store("k", "old");
        const std::string content = content_of(300'000);
        auto intake = co_await v->begin("k");
        co_await write_all(*intake, content);
        EXPECT_EQ(co_await v->size_of("k"), 3U);
        s3_desk::fault f;
        f.method = "PUT";
        f.lose_answer = true;
        desk_.faults.push_back(f);
        (void)co_await trouble(intake->keep());
        EXPECT_EQ(desk_.objects.at("k").bytes, content);
        const auto copy = co_await intake->keep();
        EXPECT_EQ(copy.bytes, content.size());
        EXPECT_EQ(co_await kept(*v, "k"), content);
        EXPECT_TRUE(desk_.refused.empty());
    }

    awaitable<void> silent_upload() {
        auto s = settings();
        s.upload_timeout = 300ms;
        auto v = vault(std::move(s));
        s3_desk::fault f;
        f.method = "PUT";
        f.stall = true;
        desk_.faults.push_back(f);
        auto intake = co_await v->begin("k");
        co_await intake->write("content");
        const auto first = co_await trouble(intake->keep());
        EXPECT_NE(first.find("timeout"), std::string::npos) << first;
        const auto copy = co_await intake->keep();
        EXPECT_EQ(copy.bytes, 7U);
    }

    awaitable<void> replaced_meanwhile() {
        auto v = vault();
        at_the_store("k", content_of(2'000'000));
        byte_range all;
        all.length = 2'000'000;
        auto source = co_await v->open("k", all);
        EXPECT_EQ((co_await source->read(10)).size(), 10U);
        desk_.objects["k"] = {std::string(2'000'000, 'x'), "audio/mpeg", "\"two\""};
        const auto why = co_await trouble(read_all(*source));
        EXPECT_NE(why.find("replaced or removed"), std::string::npos) << why;
        auto again = co_await v->open("k", all);
        desk_.objects.clear();
        const auto gone = co_await trouble(read_all(*again));
        EXPECT_NE(gone.find("replaced or removed"), std::string::npos) << gone;
    }

    awaitable<void> keep_into(recording_vault& v, bool& ended) {
        auto intake = co_await v.begin("k");
        co_await write_all(*intake, content_of(1'000'000));
        try {
            (void)co_await intake->keep();
        } catch (...) {
            ended = true;
            throw;
        }
    }
    awaitable<void> cancelled() {
        auto v = vault();
        s3_desk::fault f;
        f.method = "PUT";
        f.stall = true;
        desk_.faults.push_back(f);
        bool ended = false;
        rt::task_group group(io_.get_executor(), [](std::exception_ptr) {});
        group.spawn(keep_into(*v, ended));
        EXPECT_TRUE(co_await eventually([this] { return !desk_.seen.empty(); }));
        co_await group.join();
        EXPECT_TRUE(ended);
        EXPECT_TRUE(co_await eventually([this] { return incoming().empty(); }));
    }

    awaitable<void> cancelled_at_any_moment() {
        auto v = vault();
        bool ended = false;
        for (int i = 0; i < 60; ++i) {
            rt::task_group group(io_.get_executor(), [](std::exception_ptr) {});
            group.spawn(keep_into(*v, ended));
            EXPECT_TRUE(co_await eventually([this] { return !incoming().empty(); }));
            co_await rt::sleep_for(std::chrono::microseconds(500 * i));
            co_await group.join();
            EXPECT_TRUE(co_await eventually([this] { return incoming().empty(); }));
        }
        const auto copy = co_await put(*v, "k", "whole");
        EXPECT_EQ(copy.bytes, 5U);
        EXPECT_EQ(co_await kept(*v, "k"), "whole");
        EXPECT_TRUE(desk_.refused.empty());
    }

    awaitable<void> no_work_folder() {
        make_file(root_, "a file");
        auto v = vault();
        const auto why = co_await trouble(put(*v, "k", "content"));
        EXPECT_NE(why.find("recordings: cannot open their folder"), std::string::npos) << why;
        at_the_store("k", "content");
        EXPECT_EQ(co_await kept(*v, "k"), "content") << "reading needs none";
    }
};

} // namespace

TEST_F(s3_vault_in_trouble, a_wrong_secret_is_told_with_the_stores_word_and_not_shown) {
    play(wrong_secret());
}
TEST_F(s3_vault_in_trouble, a_bucket_that_does_not_exist_is_named_and_nothing_seems_gone) {
    play(wrong_bucket());
}
TEST_F(s3_vault_in_trouble, a_clock_that_is_wrong_is_told) {
    play(wrong_clock());
}
TEST_F(s3_vault_in_trouble, a_store_that_answers_503_is_unavailable_until_it_is_well) {
    play(unwell());
}
TEST_F(s3_vault_in_trouble, a_store_that_never_answers_is_given_up) {
    play(silent());
}
TEST_F(s3_vault_in_trouble, a_store_that_is_away_is_unavailable) {
    play(away());
}
TEST_F(s3_vault_in_trouble, a_full_store_is_said_and_changes_nothing) {
    play(full());
}
TEST_F(s3_vault_in_trouble, a_keep_whose_answer_was_lost_is_repeated_and_the_same) {
    play(lost_answer());
}
TEST_F(s3_vault_in_trouble, an_answer_lost_on_a_used_connection_spoils_nothing) {
    play(lost_answer_on_a_used_connection());
}
TEST_F(s3_vault_in_trouble, an_upload_without_an_answer_is_given_up_and_may_be_repeated) {
    play(silent_upload());
}
TEST_F(s3_vault_in_trouble, who_reads_never_gets_parts_of_two_contents) {
    play(replaced_meanwhile());
}
TEST_F(s3_vault_in_trouble, nothing_remains_of_a_copy_that_is_cancelled_while_it_is_sent) {
    play(cancelled());
}
TEST_F(s3_vault_in_trouble, a_copy_may_be_cancelled_at_any_moment_of_its_sending) {
    play(cancelled_at_any_moment());
}
TEST_F(s3_vault_in_trouble, without_a_work_folder_nothing_is_taken_and_all_is_read) {
    play(no_work_folder());
}
