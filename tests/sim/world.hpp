// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A carrier, a store, one to three nodes and the networks between them, on one virtual clock. The nodes are
// real processes in all but sockets and disks; see process.hpp.
#pragma once

#include "adapter/crypto/client_state.hpp"
#include "chance.hpp"
#include "node.hpp"
#include "plan.hpp"
#include "sim/carrier.hpp"
#include "store.hpp"
#include "timeline.hpp"

#include <z360/engine/engine.hpp>
#include <z360/http/client.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace z360::testing {

class world {
  public:
    explicit world(plan p);
    world(const world&) = delete;
    world& operator=(const world&) = delete;
    ~world();
    /// Runs one call to its end. Empty: it came to rest; else why not.
    std::string run();

    // ---- for the nodes
    /// One round trip to the store, as it will go.
    struct trip {
        millis there{0};
        millis answer{0};     ///< when the node hears of it, or gives up
        bool arrives = true;  ///< what was asked happens
        bool answered = true; ///< false: nobody can tell whether it did
        bool refused = false; ///< the answer is an error
    };
    [[nodiscard]] trip to_store(node& n, millis limit);
    /// One HTTP request to the carrier, which takes it in its time: `reply` is right when `answer` has
    /// passed.
    struct exchange {
        millis answer{0};
        bool throws = false; ///< the client throws then
        std::shared_ptr<http::client_response> reply;
    };
    [[nodiscard]] exchange transmit(node& n, const http::client_request& request);
    void fail(std::string why) {
        if (failure.empty()) failure = std::move(why);
    }

    boost::asio::io_context io{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE};
    plan what;
    chance dice;
    timeline time;
    time_point start;
    sim::carrier tel;
    store db;
    adapter::crypto::client_state_codec codec;
    std::unordered_map<std::string, std::optional<engine::leg_mark>> marks; ///< opened before
    std::vector<std::unique_ptr<node>> nodes;
    std::string failure;
    struct figures_t {
        std::uint64_t conflicts = 0;
        std::uint64_t kills = 0;
        std::uint64_t webhooks_given_up = 0;
        std::uint64_t inquiries = 0;
        std::uint64_t questions = 0; ///< to the store
        std::uint64_t requests = 0;  ///< to the carrier
        std::uint64_t steps = 0;     ///< handlers run
    } figures;

    // ---- what the judge wants to know besides the carrier's truth
    std::string caller; ///< control id of the caller's leg
    /// A push as it left a node; it reached the phone, or it did not.
    struct push_sent {
        std::string id;
        call::push_notice what;
        time_point at{};
        bool arrived = false;
    };
    std::vector<push_sent> pushed;
    /// A request as a device made it, and what came of it.
    struct request_made {
        std::string id;
        bool pause = true;
        device_id device;
        time_point at{};
        std::vector<call::refusal> verdicts; ///< as the device heard them; `none`: granted
    };
    std::vector<request_made> requests;
    std::optional<time_point> caller_end_accepted; ///< a node said 200 to the caller's call.hangup
    time_point last_dial_sent{};                   ///< first sendings only
    std::map<std::string, time_point> first_sent;  ///< by command id, over all nodes
    millis longest_silence{0};                     ///< answered, alone, nothing to hear
    std::optional<time_point> silent_since;
    std::optional<time_point> disturbed_until; ///< end of the last fault that was really injected

    /// Statements fail in this schedule.
    [[nodiscard]] bool errors_expected() const {
        return what.statement_errors > 0 || what.what_happens == mishap::statement_error;
    }
    [[nodiscard]] bool troubled() const { return time.now() < start + what.trouble_ends; }
    void disturbed(millis longer = millis{0}) {
        const auto t = time.now() + longer;
        if (!disturbed_until || *disturbed_until < t) disturbed_until = t;
    }

  private:
    struct delivery {
        sim::webhook hook;
        std::string body;
        std::string event_type;
        std::string call_control_id;
        unsigned attempt = 0;
        bool done = false;
    };
    using delivery_ptr = std::shared_ptr<delivery>;

    [[nodiscard]] bool
    away(const std::vector<interval>& when, std::size_t node, millis later = millis{0}) const;
    [[nodiscard]] millis latency();
    void pump();
    void deliver(sim::webhook hook);
    void attempt(const delivery_ptr& d);
    void arrive(const delivery_ptr& d);
    void again(const delivery_ptr& d, millis timeout);
    struct order {
        std::string method;
        std::string path; ///< percent-decoded
        std::string query;
        sim::json body;
    };
    /// What may go wrong with a request.
    enum class fault : std::uint8_t {
        none,
        lost,
        reply_lost,
        slow,
        slow_reply,
        error, ///< up to here for questions, too
        error_after,
        busy,
        refused,
        hiccup, ///< of a bridge alone
        thrown, ///< by the client, and nothing was sent; only where the plan has it
        thrown_after
    };
    static constexpr millis k_reboot{1'000};
    void reboot(node& n);
    [[nodiscard]] fault mishap_of(node& n, const http::client_request& request);
    [[nodiscard]] trip failed(node& n, trip t, millis limit);
    void silence(const delivery_ptr& d);
    [[nodiscard]] fault any_fault(const order& o);
    [[nodiscard]] static order order_of(const http::client_request& request);
    http::client_response execute(order& o);
    http::client_response answer_to(order& o, fault f);
    // world_people.cpp
    void heed(const sim::command_record& c);
    void make_wishes();
    void make(const wish& w, unsigned number);
    void ask(std::size_t made, int tries);
    void settle();
    void watch();
    [[nodiscard]] bool at_rest() const;
    [[nodiscard]] std::string state_of_affairs() const;

    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> open_;
    std::size_t deliveries_ = 0;
    int rested_ = 0;
    bool over_ = false;
    bool wishes_made_ = false;
    bool leaving_ = false;
};

} // namespace z360::testing
