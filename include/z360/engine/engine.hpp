// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The engine: takes durable events, finds their call, lets the core decide, commits, then acts. It owns no
// socket and no table; everything outside comes through ports.
#pragma once

#include <z360/base/ids.hpp>
#include <z360/base/time.hpp>
#include <z360/engine/carrier_question.hpp>
#include <z360/engine/request.hpp>
#include <z360/port/call_store.hpp>
#include <z360/port/carrier_records.hpp>
#include <z360/port/change_feed.hpp>
#include <z360/port/clock.hpp>
#include <z360/port/directory.hpp>
#include <z360/port/event_inbox.hpp>
#include <z360/port/metrics.hpp>
#include <z360/port/ring_hint.hpp>
#include <z360/port/spool.hpp>
#include <z360/port/telnyx_api.hpp>
#include <z360/rt/supervisor.hpp>
#include <z360/rt/time.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace z360::engine {

/// Whose leg a client_state names, after its MAC was checked.
struct leg_mark {
    call_id call;
    std::optional<leg_id> leg; ///< nullopt: the caller's
    std::string command = {};  ///< that set it, of the newest that gave one; empty: the dial
};
/// Opens a client_state; nullopt: not ours.
using mark_opener = std::function<std::optional<leg_mark>(std::string_view client_state)>;

/// What a leg says about its device: beyond the call, it matters to the device's identity.
enum class leg_news : std::uint8_t {
    answered,  ///< the device is alive and uses the identity that was dialed
    not_found, ///< the carrier does not know the identity (BE-41)
};
/// Told once per leg and node, after the decision is stored; returns at once.
using leg_witness = std::function<void(const call::target& device, leg_news what)>;

/// Everything the engine needs; all of it outlives the engine. `spool`, `records` and `changes` may be null,
/// `witness` and `ask` empty.
struct ports {
    port::call_store& store;
    port::event_inbox& inbox;
    port::spool* spool;
    port::directory& directory;
    port::telnyx_api& telnyx;
    port::ring_hint& hint;
    port::clock& clock;
    port::metrics& metrics;
    mark_opener open_mark;
    leg_witness witness = {};
    port::carrier_records* records = nullptr; ///< null: the carrier is never asked about a leg
    carrier_question ask = {};                ///< empty: nor about a call
    port::change_feed* changes = nullptr;     ///< told of each stored version; null: nobody is
    /// Connections to the store that were lost so far. A new one may lead to a server that lacks the last
    /// commits (a failover), although no question ever failed: memory is compared then. Asked on the loop,
    /// each sweep. Empty: never lost.
    std::function<unsigned()> connections_lost = {};
    /// Of channels beside the carrier's, one each. Effects of a channel that has none here are left to nodes
    /// that have one.
    std::vector<port::effect_runner*> runners = {};
};

struct settings {
    millis event_claim{2'000};   ///< how long a received event belongs to this node alone
    millis command_claim{5'000}; ///< how long a command belongs to this node between attempts
    millis urgent_claim{1'000};  ///< the same for answer and bridge, which have 3 s in all
    /// How long news of a call that nobody waits for are gathered, to be decided and stored together. Far
    /// below the claims.
    millis gathering{100};
    millis commit_budget{400};           ///< a commit that takes longer: go on in memory, save later (P6)
    millis sweep_period{500};            ///< events, spool and commands left behind
    millis unknown_session_wait{60'000}; ///< in the inbox; then events of unknown sessions are dead letters
    millis caller_ask_limit{30'000};     ///< for the carrier's word whether a late caller is still there
    millis orphan_wait{5'000};   ///< in the inbox; then a device's leg whose call nobody knows is hung up
    millis request_limit{5'000}; ///< a person's request that is undecided by then is refused
    millis request_grace{1'000}; ///< beyond: for the word about what was decided in time
    millis slow_event{250};      ///< what takes so long on its way is told of; 0: nothing is
    std::size_t max_accepting = 4'000; ///< webhooks waiting for durability; beyond: refused (I16)
    std::size_t max_calls = 20'000;    ///< calls held in memory; beyond: new callers are refused first
    std::size_t max_waiting = 2'000;   ///< callers nobody could decide about yet; beyond: refused likewise
    /// Where numbers without a calling code are at home: "US" for all, "CONNECTION=US" for one connection.
    std::vector<std::string> default_countries = {};
    /// Of the chance that keeps nodes apart; nullopt: the machine's. Set, a run can be repeated.
    std::optional<std::uint64_t> seed = {};
};

/// A webhook whose signature was right; nothing else is known of it.
struct genuine_webhook {
    port::webhook_route route = port::webhook_route::call_control;
    time_point received_at{};
    std::string body;                                 ///< raw bytes as signed
    rt::clock::time_point arrived = rt::clock::now(); ///< at the socket, by the clock that only goes on
};

/// Where an accepted webhook is.
enum class accepted : std::uint8_t {
    stored,    ///< in Postgres
    spooled,   ///< in the local spool: Postgres is away
    duplicate, ///< known event id, same event
    conflict,  ///< known event id, another event: kept aside
    set_aside, ///< kept for people only: Postgres does not take it as it is
};

/// How much is going on, for /metrics and tests.
struct figures {
    std::size_t calls_in_memory = 0;
    std::size_t commands_running = 0;
    std::size_t unsaved_calls = 0;   ///< decided in memory, waiting for Postgres
    millis oldest_unsaved{0};        ///< how long the longest of them has waited
    std::size_t slow_commits = 0;    ///< commits of the last 10 s that did not come back within their budget
    std::size_t events_in_work = 0;  ///< durable events that this node has in hand
    millis oldest_event{0};          ///< on this node, of those in hand or done with in the last two seconds
    std::size_t callers_waiting = 0; ///< new callers nobody could decide about yet
    std::size_t old_webhooks =
        0; ///< events of webhook API version 1 since the start: nobody was rung for them
};

/// Not thread-safe: everything runs on the loop of the executor.
class engine {
  public:
    virtual ~engine() = default;

    /// Begins sweeping: takes up what an earlier process left behind.
    virtual void start() = 0;
    /// Makes the webhook durable, then hands it to its call. Returns once it is durable: only then may the
    /// sender be told 200. Throws port::unavailable when it could not be stored anywhere, or when overloaded.
    virtual boost::asio::awaitable<accepted> accept(genuine_webhook hook) = 0;
    /// A person's request: durable first, then judged once against the stored call like any event. Returns
    /// the verdict and the call it led to; the same id again returns the same verdict. Undecided after the
    /// limit it is refused and never carried out later. Throws port::unavailable when it could not be stored:
    /// then nothing happens, for it is never spooled.
    virtual boost::asio::awaitable<submission> submit(request r) = 0;
    /// A phone says that a push of this call has reached it: the push is not repeated. `ready`: it can take
    /// an INVITE. Returns at once; a lost one costs a repeated push, or one more question of the phone, so it
    /// is not stored before it is decided about.
    virtual void push_received(call_id call, device_id device, bool ready) = 0;
    /// Decides about events that are in the inbox already and claimed for this node.
    virtual void take_up(std::vector<port::inbox_event> events) = 0;
    /// Lets running decisions and commands finish within `limit`, then stops. What is left is in the database
    /// and is taken up by another node or the next start.
    virtual boost::asio::awaitable<void> stop(millis limit) = 0;
    [[nodiscard]] virtual figures now() const = 0;
    /// The loops that keep it going; a late one means that events, deadlines or commands may be left lying.
    [[nodiscard]] virtual std::vector<rt::loop_state> loops() const = 0;
};

/// Nothing happens before start().
[[nodiscard]] std::unique_ptr<engine> make_engine(boost::asio::any_io_executor ex, ports p, settings s = {});

} // namespace z360::engine
