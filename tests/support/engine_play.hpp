// SPDX-License-Identifier: LicenseRef-z360-proprietary
// How tests of the engine are played: a world of in-memory ports with any number of nodes, and a script that
// runs in it as a coroutine.
#pragma once

#include "support/memory_ports.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace z360::testing {

inline constexpr const char* k_session = "0b0c8f52-1f6e-4a5b-9d39-2f0f5d0a7c00"; ///< the call of most worlds

/// Telnyx's form of an event of that call. `extra`: further members of its payload, each with a comma before.
inline std::string webhook_body(
    const std::string& type, const std::string& id, const std::string& control_id,
    const std::string& extra = ""
) {
    return R"({"data":{"record_type":"event","event_type":")" + type + R"(","id":")" + id +
           R"(","occurred_at":"2026-01-01T00:00:00Z","payload":{"call_control_id":")" + control_id +
           R"(","call_session_id":")" + k_session + R"(")" + extra + "}}}";
}
/// What `call.initiated` says of a caller who waits.
inline constexpr const char* k_caller_waits =
    R"(,"direction":"incoming","from":"+15550100001","to":"+15550109999","state":"parked")";

/// Everything that nodes share, and the nodes.
struct engine_world {
    boost::asio::io_context io{1};
    steady_wall clock;
    counting_metrics metrics;
    memory_store store{clock};
    memory_inbox inbox{store, clock};
    memory_spool spool;
    fixed_directory directory;
    no_hint hint;
    scripted_telnyx telnyx;
    engine::settings settings;
    std::vector<std::unique_ptr<engine::engine>> nodes;
    /// The legs of the call, in the order of its state: a client_state "mark:<n>" is leg n's.
    std::vector<leg_id> legs = [] {
        std::vector<leg_id> out;
        for (const auto& l : call::begin(sample_incoming(2), time_point{}).next.legs)
            out.push_back(l.id);
        return out;
    }();

    engine_world() { settings.sweep_period = std::chrono::milliseconds{20}; }

    [[nodiscard]] engine::ports ports() {
        return {store,     inbox,   &spool,
                directory, telnyx,  hint,
                clock,     metrics, [this](std::string_view text) {
                    return mark_in(text); }};
    }
    engine::engine& start(engine::ports p) {
        nodes.push_back(engine::make_engine(io.get_executor(), std::move(p), settings));
        nodes.back()->start();
        return *nodes.back();
    }
    [[nodiscard]] std::optional<engine::leg_mark> mark_in(std::string_view text) const {
        if (!text.starts_with("mark:")) return std::nullopt;
        const auto n = static_cast<std::size_t>(text[5] - '1');
        return engine::leg_mark{call_id{*uuid::parse(k_session)}, legs.at(n)};
    }
    [[nodiscard]] port::inbox_event event_of(
        const std::string& type, const std::string& id, const std::string& control_id,
        const std::string& extra = ""
    ) {
        port::inbox_event e;
        e.event_id = id;
        e.event_type = type;
        e.call_session_id = k_session;
        e.call_control_id = control_id;
        e.received_at = clock.now();
        e.body = webhook_body(type, id, control_id, extra);
        return e;
    }
    [[nodiscard]] call::state* state() {
        const auto found = store.calls.find(call_id{*uuid::parse(k_session)});
        return found == store.calls.end() ? nullptr : &found->second.state;
    }
    [[nodiscard]] bool in(call::phase p) { return state() != nullptr && phase_of(*state()) == p; }
    /// When the script is over: nothing is held back any more.
    awaitable<void> stop() {
        store.stalled = false;
        telnyx.held.clear();
        telnyx.late.clear();
        for (auto& n : nodes)
            co_await n->stop(std::chrono::seconds{1});
    }
};

/// Waits for a condition; the bound only ends a failing test.
inline awaitable<bool> until(std::function<bool()> condition) {
    for (int i = 0; i < 8'000; ++i) {
        if (condition()) co_return true;
        co_await rt::sleep_for(std::chrono::milliseconds{1});
    }
    co_return false;
}

template <class World>
awaitable<void> play(awaitable<void> (*script)(World&), World* w) {
    co_await script(*w);
    co_await w->stop();
}

/// The script, to its end and that of the world's nodes. What it throws is thrown.
template <class World>
void run(awaitable<void> (*script)(World&), World& w) {
    std::exception_ptr error;
    boost::asio::co_spawn(w.io, play(script, &w), [&error](std::exception_ptr e) { error = e; });
    w.io.run();
    if (error) std::rethrow_exception(error);
}
template <class World>
void run(awaitable<void> (*script)(World&)) {
    World w;
    run(script, w);
}

} // namespace z360::testing

/// In a script: the test fails and the script ends unless the condition comes true.
#define WAIT_FOR(condition)                                                                                  \
    {                                                                                                        \
        const bool came = co_await z360::testing::until([&] { return (condition); });                        \
        EXPECT_TRUE(came) << #condition;                                                                     \
        if (!came) co_return;                                                                                \
    }
