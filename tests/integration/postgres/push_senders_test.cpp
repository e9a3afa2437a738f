// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Two processes at one queue of pushes that belong to no call.
#include "adapter/postgres/postgres.hpp"
#include "adapter/push/sender.hpp"
#include "registry.hpp"
#include "support/recording_metrics.hpp"

#include <z360/rt/time.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <map>
#include <vector>

using namespace z360;
using namespace z360::testing;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t k_messages = 200;

class system_clock final : public port::clock {
  public:
    [[nodiscard]] time_point now() const override {
        return std::chrono::floor<millis>(std::chrono::system_clock::now());
    }
};

/// A provider, and all of what was sent by either process.
class counting_carrier final : public adapter::push::message_carrier {
  public:
    explicit counting_carrier(std::map<uuid, int>& sent) : sent_(sent) {}
    awaitable<adapter::push::report> carry(port::queued_push what, port::still_wanted wanted) override {
        co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable); // as if it had to wait
        adapter::push::report out;
        const bool go = co_await wanted(1);
        if (!go) co_return out;
        ++mine;
        ++sent_[what.id];
        out.result = call::outcome::done;
        out.may_have_reached = true;
        co_return out;
    }
    std::size_t mine = 0;

  private:
    std::map<uuid, int>& sent_;
};

class push_senders : public registry_test {
  protected:
    /// One of them, with connections of its own.
    struct process {
        process(
            asio::io_context& io, pg::database_settings s, std::map<uuid, int>& sent, const port::clock& clock
        )
            : db(std::move(s)), queue(pg::make_push_queue(db)), carrier(sent) {
            adapter::push::sender_settings how;
            how.messages = 8; // so that both have to come back for more again and again
            how.look_every = 20ms;
            adapter::push::sender_ports ports{*queue, carrier, clock, metrics, [] { return 0.5; }};
            sender = adapter::push::make_message_sender(io.get_executor(), how, std::move(ports));
        }
        pg::database db;
        std::unique_ptr<port::push_queue> queue;
        counting_carrier carrier;
        test::recording_metrics metrics;
        std::unique_ptr<adapter::push::message_sender> sender;
    };

    void put_in(std::size_t many) {
        auto r = registration(ann_, "pixel", "android");
        r.push.push_back(push("fcm-of-ann", port::push_kind::fcm));
        const auto device = must_enrol(std::move(r)).device.id;
        sql("insert into push_messages (org_id, device_id, kind, lane, key, content, until) select " +
            text(ann_.org) + ", " + text(device) +
            ", 'business', 'message', 'key-' || i, '{\"title\": \"t\"}', " +
            "now() + interval '1 hour' from generate_series(1, " + std::to_string(many) + ") i");
    }
    std::string unsettled() { return value("select count(*) from push_messages where settled_at is null"); }

    system_clock clock_;
    std::map<uuid, int> sent_;
};

awaitable<void>
send_all(const std::map<uuid, int>& sent, std::size_t many, std::vector<adapter::push::message_sender*> by) {
    for (auto* s : by)
        s->start();
    const auto limit = rt::clock::now() + 30s;
    while (sent.size() < many && rt::clock::now() < limit)
        co_await rt::sleep_for(5ms);
    for (auto* s : by)
        co_await s->stop(5s);
}

} // namespace

TEST_F(push_senders, be_28_two_processes_send_each_message_once) {
    put_in(k_messages);
    process one(io_, settings(), sent_, clock_);
    process two(io_, settings(), sent_, clock_);
    run(send_all(sent_, k_messages, {one.sender.get(), two.sender.get()}));
    EXPECT_EQ(sent_.size(), k_messages);
    for (const auto& [id, times] : sent_)
        EXPECT_EQ(times, 1) << id.text();
    EXPECT_GT(one.carrier.mine, 0U) << "both take part";
    EXPECT_GT(two.carrier.mine, 0U);
    EXPECT_EQ(unsettled(), "0");
    EXPECT_EQ(value("select string_agg(distinct outcome, ' ') from push_messages"), "done");
    EXPECT_EQ(value("select count(*) from push_messages where claim <> 1 or content is not null"), "0");
}
