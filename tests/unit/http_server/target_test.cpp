// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "http/percent.hpp"
#include "http_server/certificate.hpp"
#include "http_server/target.hpp"

#include <gtest/gtest.h>

using namespace z360::http;

TEST(http_target, path_and_query_come_apart_and_only_the_path_is_decoded) {
    const auto t = parse_target("/a%20b/%C3%A4?x=%20&y");
    ASSERT_TRUE(t);
    EXPECT_EQ(t->path, "/a b/\xC3\xA4");
    EXPECT_EQ(t->query, "x=%20&y");
    EXPECT_EQ(parse_target("/")->path, "/");
    EXPECT_EQ(parse_target("/a?")->query, "");
}

TEST(http_target, the_absolute_form_of_proxies_is_understood) {
    EXPECT_EQ(parse_target("http://example.com/x?y")->path, "/x");
    EXPECT_EQ(parse_target("HTTPS://example.com/x?y")->query, "y");
    EXPECT_EQ(parse_target("http://example.com")->path, "/");
    EXPECT_EQ(parse_target("http://example.com?q")->query, "q");
    EXPECT_FALSE(parse_target("http:///x"));
}

TEST(http_target, what_is_no_path_is_refused) {
    for (const char* bad : {"", "x", "*", "ftp://h/x", "/%", "/%2", "/%zz", "/%00", "/a b", "/a\tb", "/\x7f"})
        EXPECT_FALSE(parse_target(bad)) << bad;
}

TEST(http_query, an_odd_query_is_read_as_far_as_it_goes) {
    EXPECT_EQ(form_decode("a+b%20c%2Bd%c3%84"), "a b c+d\xC3\x84");
    EXPECT_EQ(form_decode("100%"), "100%");
    EXPECT_EQ(form_decode("%2"), "%2");
    EXPECT_EQ(form_decode("%zz%41"), "%zzA");
    EXPECT_EQ(form_decode("%%41"), "%A");
    EXPECT_EQ(form_decode("%00x"), std::string("\0x", 2));
    EXPECT_EQ(form_decode(""), "");
}

TEST(certificate, sys_01_alarms_are_due_at_30_14_7_and_1_days) {
    EXPECT_FALSE(certificate_alarm(30.5));
    EXPECT_EQ(certificate_alarm(30), 30);
    EXPECT_EQ(certificate_alarm(14.1), 30);
    EXPECT_EQ(certificate_alarm(14), 14);
    EXPECT_EQ(certificate_alarm(6), 7);
    EXPECT_EQ(certificate_alarm(1), 1);
    EXPECT_EQ(certificate_alarm(-3), 1);
}

TEST(certificate, sys_01_an_unreadable_file_is_named) {
    const auto absent = read_certificate("/nonexistent/cert.pem");
    EXPECT_FALSE(absent.ok());
    EXPECT_NE(absent.error.find("/nonexistent/cert.pem"), std::string::npos) << absent.error;
    const auto other = read_certificate(Z360_SOURCE_DIR "/CMakeLists.txt");
    EXPECT_NE(other.error.find("no PEM certificate"), std::string::npos) << other.error;
}
