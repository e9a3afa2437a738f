// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/http2/exchange.hpp"

#include <gtest/gtest.h>

#include <string>

using namespace z360::adapter::http2;

namespace {

exchange_ptr make(const std::string& path, unsigned priority = 0) {
    h2::request r;
    r.path = path;
    r.priority = priority;
    return std::make_shared<exchange>(std::move(r), moment{});
}

std::string drain(waiting_line& line) {
    std::string out;
    while (const auto x = line.take())
        out += x->req.path;
    return out;
}

bool add(waiting_line& line, exchange_ptr x) {
    exchange_ptr displaced;
    return line.add(std::move(x), displaced);
}

} // namespace

TEST(http2_line, gives_by_class_and_within_a_class_in_order) {
    waiting_line line(100);
    for (const auto& [path, priority] :
         {std::pair{"m", 2U}, {"n", 2U}, {"c", 0U}, {"e", 1U}, {"d", 0U}, {"z", 999U}})
        EXPECT_TRUE(add(line, make(path, priority)));
    EXPECT_EQ(line.size(), 6U);
    EXPECT_EQ(drain(line), "cdemnz");
    EXPECT_TRUE(line.empty());
}

TEST(http2_line, puts_back_where_it_was_in_any_order) {
    waiting_line line(100);
    for (const auto* path : {"a", "b", "c", "d"})
        EXPECT_TRUE(add(line, make(path)));
    const auto a = line.take();
    const auto b = line.take();
    const auto c = line.take();
    line.put_back(b);
    line.put_back(c);
    line.put_back(a);
    EXPECT_EQ(drain(line), "abcd");
}

TEST(http2_line, full_displaces_the_newest_of_the_least_urgent) {
    waiting_line line(3);
    const auto kept = make("k", 1);
    const auto least = make("l", 3);
    EXPECT_TRUE(add(line, kept));
    EXPECT_TRUE(add(line, make("j", 3)));
    EXPECT_TRUE(add(line, least));
    exchange_ptr displaced;
    EXPECT_FALSE(line.add(make("x", 3), displaced)) << "as urgent";
    EXPECT_EQ(displaced, nullptr);
    EXPECT_TRUE(line.add(make("c", 0), displaced));
    EXPECT_EQ(displaced, least);
    EXPECT_FALSE(displaced->in_line);
    EXPECT_EQ(drain(line), "ckj");
}

TEST(http2_line, who_leaves_is_gone) {
    waiting_line line(10);
    const auto a = make("a");
    EXPECT_TRUE(add(line, a));
    EXPECT_TRUE(add(line, make("b")));
    line.remove(*a);
    line.remove(*a);
    EXPECT_EQ(line.size(), 1U);
    const auto left = line.remove_if([](const exchange& x) { return x.req.path == "b"; });
    EXPECT_EQ(left.size(), 1U);
    EXPECT_TRUE(line.empty());
    EXPECT_EQ(line.take(), nullptr);
}
