// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A carrier, a store, one to three nodes and the networks between them, on one virtual clock.
#pragma once

#include "adapter/crypto/client_state.hpp"
#include "chance.hpp"
#include "node.hpp"
#include "plan.hpp"
#include "sim/carrier.hpp"
#include "store.hpp"
#include "timeline.hpp"
#include "wire/telnyx_command.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace z360::testing {

class world {
  public:
    explicit world(plan p);
    world(const world&) = delete;
    world& operator=(const world&) = delete;
    /// Runs one call to its end. Empty: it came to rest; else why not.
    std::string run();

    // ---- for the nodes
    /// One round trip to the store: `apply` runs there, `done(false)` if no answer came within `budget`; then
    /// `apply` may have run, or may still run.
    void ask_store(const node& n, millis budget, std::function<void()> apply, std::function<void(bool)> done);
    /// One question to the carrier about its records: `look` runs there; `done(false)`: no usable answer.
    void ask_records(const node& n, std::function<void()> look, std::function<void(bool)> done);
    /// What the carrier has on record of a session, as the webhooks that they were or will be; oldest first.
    [[nodiscard]] std::vector<port::inbox_event> records_of(const std::string& session) const;
    using reply_handler = std::function<void(const http::client_response&)>;
    /// One HTTP request to the carrier.
    void transmit(
        const node& n, const call::command& cmd, const std::string& path, const std::string& body,
        millis limit, bool resend, reply_handler heard
    );
    void fail(std::string why) {
        if (failure.empty()) failure = std::move(why);
    }

    plan what;
    chance dice;
    timeline time;
    time_point start;
    sim::carrier tel;
    store db;
    adapter::crypto::client_state_codec codec;
    wire::command_settings wire_settings;
    std::vector<std::unique_ptr<node>> nodes;
    std::string failure;
    struct figures_t {
        std::uint64_t conflicts = 0;
        std::uint64_t in_memory = 0;
        std::uint64_t kills = 0;
        std::uint64_t webhooks_given_up = 0;
        std::uint64_t inquiries = 0;
    } figures;

    // ---- what the judge wants to know besides the carrier's truth
    std::string caller;                            ///< control id of the caller's leg
    std::optional<time_point> caller_end_accepted; ///< a node said 200 to the caller's call.hangup
    time_point last_dial_sent{};                   ///< first sendings only
    std::map<std::string, time_point> first_sent;  ///< by command id, over all nodes
    millis longest_silence{0};                     ///< answered, alone, nothing to hear
    std::optional<time_point> silent_since;
    std::optional<time_point> disturbed_until; ///< end of the last fault that was really injected

    [[nodiscard]] bool troubled() const { return time.now() < start + what.trouble_ends; }
    void disturbed(millis longer = millis{0}) {
        const auto t = time.now() + longer;
        if (!disturbed_until || *disturbed_until < t) disturbed_until = t;
    }

  private:
    struct delivery {
        sim::webhook hook;
        port::inbox_event event;
        unsigned attempt = 0;
        bool done = false;
    };
    using delivery_ptr = std::shared_ptr<delivery>;

    [[nodiscard]] bool away(const std::vector<interval>& when, std::size_t node) const;
    [[nodiscard]] millis latency();
    void pump();
    [[nodiscard]] static port::inbox_event event_of(const sim::json& data);
    void deliver(sim::webhook hook);
    void attempt(const delivery_ptr& d);
    void arrive(const delivery_ptr& d);
    void again(const delivery_ptr& d, millis timeout);
    void execute(
        const call::command& cmd, const std::string& path, const std::string& body, http::client_response& out
    );
    void watch();
    [[nodiscard]] bool at_rest() const;
    [[nodiscard]] std::string state_of_affairs() const;

    std::size_t deliveries_ = 0;
    int rested_ = 0;
    bool over_ = false;
};

} // namespace z360::testing
