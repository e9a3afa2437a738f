// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/rt/gate.hpp>

#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <string>

using namespace z360;
using namespace z360::rt;

namespace {

struct crowd {
    boost::asio::io_context io{1};
    gate g{io.get_executor(), 4}; // three for everybody, one kept for hang-ups
    rt::task_group group{io.get_executor()};
    std::string order;

    rt::awaitable<void> take_forever(urgency u) {
        auto slot = co_await g.enter(u);
        co_await rt::sleep_for(std::chrono::hours{1});
        (void)slot;
    }
    rt::awaitable<void> pass(urgency u, char tag) {
        auto slot = co_await g.enter(u);
        order.push_back(tag);
        (void)slot;
    }
    void settle() {
        io.restart();
        io.poll();
    }
    void finish() {
        boost::asio::co_spawn(io, group.join(), [](const std::exception_ptr& e) {
            if (e) std::rethrow_exception(e);
        });
        io.restart();
        io.run();
    }
};

} // namespace

TEST(gate, i16_the_last_quarter_is_for_hangups) {
    crowd c;
    for (int i = 0; i < 5; ++i)
        c.group.spawn(c.take_forever(urgency::beginning));
    c.settle();
    EXPECT_EQ(c.g.in_flight(), 3U);
    EXPECT_EQ(c.g.waiting(), 2U);
    c.group.spawn(c.take_forever(urgency::freeing));
    c.settle();
    EXPECT_EQ(c.g.in_flight(), 4U);
    c.finish();
    EXPECT_EQ(c.g.in_flight(), 0U);
    EXPECT_EQ(c.g.waiting(), 0U);
}

TEST(gate, i16_waiting_hangups_go_first_and_dials_last) {
    crowd c;
    std::optional<rt::task_group> holders(c.io.get_executor());
    for (int i = 0; i < 3; ++i)
        holders->spawn(c.take_forever(urgency::normal));
    holders->spawn(c.take_forever(urgency::freeing));
    c.settle();
    c.group.spawn(c.pass(urgency::beginning, 'd'));
    c.group.spawn(c.pass(urgency::normal, 'n'));
    c.group.spawn(c.pass(urgency::soon, 'c'));
    c.group.spawn(c.pass(urgency::freeing, 'h'));
    c.settle();
    EXPECT_EQ(c.order, "");
    boost::asio::co_spawn(c.io, holders->join(), [](const std::exception_ptr&) {});
    c.settle();
    EXPECT_EQ(c.order, "hcnd");
    c.finish();
}

TEST(gate, who_gives_up_waiting_leaves_no_hole) {
    crowd c;
    for (int i = 0; i < 3; ++i)
        c.group.spawn(c.take_forever(urgency::normal));
    rt::task_group impatient(c.io.get_executor());
    impatient.spawn(c.take_forever(urgency::normal));
    c.settle();
    EXPECT_EQ(c.g.waiting(), 1U);
    boost::asio::co_spawn(c.io, impatient.join(), [](const std::exception_ptr&) {});
    c.settle();
    EXPECT_EQ(c.g.waiting(), 0U);
    EXPECT_EQ(c.g.in_flight(), 3U);
    c.finish();
    EXPECT_EQ(c.g.in_flight(), 0U);
}
