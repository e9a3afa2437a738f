// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The truth when webhooks do not come (gap D11, BE-09, I8). Silence is asked about at the carrier, and what
// it tells enters by the inbox as the events that should have come:
// - deliveries that failed are taken up from the carrier's list of them;
// - the events of a session are read while it rings, and when nothing was heard of it for long;
// - the carrier's list of living legs is compared with our rows, both ways;
// - a call that is longer than the carrier lets any call last is ended.
#pragma once

#include <z360/base/time.hpp>
#include <z360/engine/carrier_question.hpp>
#include <z360/engine/engine.hpp>
#include <z360/port/carrier_records.hpp>
#include <z360/port/clock.hpp>
#include <z360/port/directory.hpp>
#include <z360/port/metrics.hpp>
#include <z360/port/reconcile_store.hpp>
#include <z360/port/telnyx_api.hpp>
#include <z360/rt/supervisor.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace z360::engine {

/// Everything that the reconciler needs; all of it outlives the reconciler.
struct reconcile_ports {
    port::carrier_records& records;
    port::reconcile_store& store;
    port::telnyx_api& telnyx;   ///< hangs up legs that no call of ours wants
    port::directory& directory; ///< whose devices legs ring
    port::clock& clock;
    port::metrics& metrics;
    mark_opener open_mark;
    /// Given events that are in the inbox and claimed for this node; see engine::take_up.
    std::function<void(std::vector<port::inbox_event>)> take_up;
};

struct reconcile_settings {
    std::string node;                      ///< who holds a turn; different for each process
    std::string connection_id;             ///< call control application; empty: of any
    std::string credential_connection_id;  ///< what devices start by themselves comes from here
    millis deliveries_every{15'000};       ///< the list of failed deliveries, all nodes together; 0: never
    millis sweep_every{60'000};            ///< living legs against our rows, all nodes together; 0: never
    std::size_t questions_per_second = 10; ///< about sessions, all nodes together; 0: none
    port::question_times times;
    millis question_period{500};        ///< how often a node looks for calls that are due
    millis longest_call{4 * 3'600'000}; ///< the carrier's limit
    millis grace{300'000};              ///< and how much longer a call may seem to last
    millis young{10'000};               ///< a call younger than this is not judged by the list of living legs
    millis second_look{3'000}; ///< a leg without a row is hung up when it has none so long afterwards
    millis settled{15'000};    ///< a leg that lives on so long after its end is hung up again
    millis event_claim{2'000};
};

/// Not thread-safe: everything runs on the loop of the executor.
class reconciler {
  public:
    virtual ~reconciler() = default;

    /// Begins at once with deliveries and legs: this process may just have come back.
    virtual void start() = 0;
    /// Lets hang-ups under way finish within `limit`.
    virtual boost::asio::awaitable<void> stop(millis limit) = 0;
    /// See carrier_question.
    virtual boost::asio::awaitable<carrier_answer> ask(std::string call_session_id) = 0;
    [[nodiscard]] virtual std::vector<rt::loop_state> loops() const = 0;
};

/// Nothing happens before start(); ask() may be used before.
[[nodiscard]] std::unique_ptr<reconciler>
make_reconciler(boost::asio::any_io_executor ex, reconcile_ports p, reconcile_settings s);

} // namespace z360::engine
