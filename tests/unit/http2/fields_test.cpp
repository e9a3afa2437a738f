// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/http2/fields.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

using namespace z360;
using namespace z360::adapter::http2;
namespace h2 = z360::http::h2;

namespace {

const std::string k_scheme = "https"; // a list points into them
const std::string k_authority = "host";

std::string text(const std::uint8_t* p, std::size_t n) {
    return {reinterpret_cast<const char*>(p), n};
}

} // namespace

TEST(http2_fields, lists_pseudo_headers_first_and_keeps_what_changes_out_of_the_table) {
    h2::request r;
    r.path = "/3/device/x";
    r.body = "12345";
    r.bearer = secret("t");
    r.fields = {{"apns-topic", "a", true}, {"apns-id", "b", false}};
    const field_list list(r, k_scheme, k_authority);
    std::map<std::string, std::pair<std::string, bool>> seen;
    for (std::size_t i = 0; i < list.size(); ++i) {
        const auto& nv = list.data()[i];
        seen[text(nv.name, nv.namelen)] = {
            text(nv.value, nv.valuelen), (nv.flags & NGHTTP2_NV_FLAG_NO_INDEX) == 0
        };
        EXPECT_EQ(i < 4, nv.name[0] == ':');
    }
    const std::map<std::string, std::pair<std::string, bool>> expected{
        {":method", {"POST", true}},
        {":scheme", {"https", true}},
        {":authority", {"host", true}},
        {":path", {"/3/device/x", false}},
        {"authorization", {"bearer t", false}},
        {"apns-topic", {"a", true}},
        {"apns-id", {"b", false}},
        {"content-length", {"5", true}},
    };
    EXPECT_EQ(seen, expected);
}

TEST(http2_fields, a_given_length_is_not_given_twice_and_no_body_has_none) {
    h2::request r;
    r.body = "12345";
    r.fields = {{"content-length", "5"}};
    EXPECT_EQ(field_list(r, k_scheme, k_authority).size(), 5U);
    r.fields.clear();
    r.body.clear();
    EXPECT_EQ(field_list(r, k_scheme, k_authority).size(), 4U);
}

TEST(http2_fields, faults_name_no_value) {
    h2::request r;
    EXPECT_EQ(fault_of(r), "");
    r.fields = {{"x", "hidden\n"}};
    EXPECT_NE(fault_of(r).find("header x"), std::string::npos);
    EXPECT_EQ(fault_of(r).find("hidden"), std::string::npos);
    r.fields = {{"x", " hidden"}};
    EXPECT_NE(fault_of(r), "");
    r.fields = {{"", "v"}};
    EXPECT_NE(fault_of(r), "");
    r.fields = {{"a b", "v"}};
    EXPECT_NE(fault_of(r), "");
}

TEST(http2_fields, what_comes_from_outside_is_made_printable_and_short) {
    EXPECT_EQ(printable(std::string("a\0\x1b[2Jb\xff", 8), 100), "a??[2Jb?");
    EXPECT_EQ(printable("abcdef", 3), "abc");
}
