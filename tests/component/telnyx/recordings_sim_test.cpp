// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What the simulated carrier has recorded: asked for, fetched and removed over loopback HTTP.
#include "adapter/telnyx/recordings_client.hpp"
#include "sim_line.hpp"

#include <z360/port/errors.hpp>

using namespace z360;
using namespace z360::test;

namespace {

struct collected final : port::byte_sink {
    std::string all;
    rt::awaitable<void> write(std::string piece) override {
        all += piece;
        co_return;
    }
};

struct recordings_line : sim_line {
    std::unique_ptr<port::carrier_recordings> recordings_;
    collected content;

    port::carrier_recordings& recordings() {
        if (!recordings_) {
            adapter::telnyx::recordings_client_settings s;
            s.base_url = carrier.base_url();
            s.api_key = secret(std::string("KEY-for-tests"));
            recordings_ = adapter::telnyx::make_carrier_recordings(s, *http, metrics);
        }
        return *recordings_;
    }
    void command(const std::string& leg, call::command_body body) {
        auto c = hangup(leg);
        c.id = "command-" + std::to_string(c.body.index()) + std::to_string(body.index());
        c.body = std::move(body);
        std::optional<call::command_outcome> out;
        start(std::move(c), &out);
        EXPECT_TRUE(eventually([&] { return out.has_value(); }));
    }
    /// A call that somebody has answered, recorded and ended; the recording's id.
    std::string recorded() {
        const auto caller = ring_in();
        command(caller, call::answer_body{});
        EXPECT_TRUE(eventually([&] {
            return carrier.with([&](sim::carrier& c, time_point) { return c.leg(caller)->answered_at; }
            ).has_value();
        }));
        command(caller, call::record_start_body{});
        carrier.caller_hangs_up(caller);
        std::string id;
        EXPECT_TRUE(eventually([&] {
            id = carrier.with([](sim::carrier& c, time_point now) {
                const auto& all = c.seen().recordings;
                return all.empty() || all.front().listed_from > now ? std::string() : all.front().id;
            });
            return !id.empty();
        }));
        return id;
    }
    auto find(const std::string& id) { return run(recordings().find(id)); }
    port::fetched fetch(const std::string& url) {
        content.all.clear();
        return run(recordings().fetch(url, content));
    }
    static rt::awaitable<bool> yes_after(rt::awaitable<void> op) {
        co_await std::move(op);
        co_return true;
    }
    void remove(const std::string& id) { EXPECT_TRUE(run(yes_after(recordings().remove(id)))); }
};

} // namespace

TEST_F(recordings_line, be_24_a_recording_is_found_fetched_and_removed) {
    const auto id = recorded();
    ASSERT_FALSE(id.empty());
    const auto found = find(id);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->id, id);
    EXPECT_EQ(found->format, "mp3");
    EXPECT_TRUE(found->began_at && found->ended_at);
    EXPECT_EQ(fetch(found->url), port::fetched::done);
    EXPECT_GE(content.all.size(), 100U);
    const auto first = content.all;
    EXPECT_EQ(fetch(find(id)->url), port::fetched::done);
    EXPECT_EQ(content.all, first);
    remove(id);
    EXPECT_FALSE(find(id)) << "the carrier has none any more";
    EXPECT_EQ(fetch(found->url), port::fetched::refused);
    remove(id); // again is no error
}

TEST_F(recordings_line, be_24_an_address_without_its_right_is_refused_and_a_store_in_trouble_is_unavailable) {
    const auto id = recorded();
    ASSERT_FALSE(id.empty());
    const auto url = find(id)->url;
    auto odd = url;
    odd.replace(odd.find("expires=") + 8, 1, "9");
    EXPECT_EQ(fetch(odd), port::fetched::refused);
    EXPECT_TRUE(content.all.empty());
    carrier.with([](sim::carrier& c, time_point) { c.fail_recording_files(503); });
    EXPECT_THROW(fetch(url), port::unavailable);
    carrier.with([](sim::carrier& c, time_point) { c.fail_recording_files(403); });
    EXPECT_EQ(fetch(url), port::fetched::refused);
    mend_api();
    EXPECT_EQ(fetch(url), port::fetched::done);
}
