// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The manager's one class, in parts by file: manager.cpp (life cycle, queues), work.cpp (what is due),
// ensure.cpp (a device asks), steps.cpp (carrying steps out), tokens.cpp (login tokens), compare.cpp (both
// sides), purge.cpp (what nobody needs any more). Private to src/credential_manager.
#pragma once

#include "credential_manager/under_way.hpp"

#include <z360/credential_manager.hpp>
#include <z360/rt/pacer.hpp>
#include <z360/rt/single_flight.hpp>
#include <z360/rt/supervisor.hpp>
#include <z360/rt/sync.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace z360::credential_manager {

/// For those who wait: whatever went wrong is to be tried again. The cause is in the log.
[[nodiscard]] std::exception_ptr as_unavailable(const std::exception_ptr& e);

class manager_impl final : public manager {
  public:
    manager_impl(
        boost::asio::any_io_executor ex, port::credential_store& store, port::telnyx_credentials& carrier,
        const port::clock& clock, port::metrics& metrics, settings s
    );

    void start() override;
    boost::asio::awaitable<void> stop(millis limit) override;
    boost::asio::awaitable<identity_status> ensure(device_id d, millis budget) override;
    boost::asio::awaitable<token_status> token(device_id d, millis budget) override;
    boost::asio::awaitable<token_status> cached_token(device_id d) override;
    void look_at(device_id d) override;
    void check(identity_id i) override;
    boost::asio::awaitable<comparison> compare(strangers rule) override;
    [[nodiscard]] std::vector<loop_state> loops() const override { return loops_.states(); }

  private:
    using steady = rt::clock;
    using outcome = port::credential_outcome;

    /// A device that this node has claimed.
    struct held {
        port::claimed_device what;
        steady::time_point until; ///< ours for certain
        rt::pace* at = nullptr;   ///< nullptr: a person waits, no pause between requests
    };
    enum class scope { making, everything };
    enum class made { in_use, none, failed };

    // manager.cpp
    void run_rarely(
        std::string name, millis period, millis first_within,
        std::function<boost::asio::awaitable<void>()> round
    );
    void trouble(std::string_view step, const std::exception_ptr& e);
    void again_later(device_id d);

    // work.cpp
    boost::asio::awaitable<void> work_round();
    boost::asio::awaitable<void> take_looks();
    boost::asio::awaitable<void> take_due();
    void revive_looks();
    [[nodiscard]] steady::duration until_next_round() const;
    void begin_work(held h, bool was_due);
    boost::asio::awaitable<void> work(held h, under_way place, bool was_due);
    boost::asio::awaitable<void> finish(held& h, bool was_due, bool did_something);
    void park(const held& h);
    boost::asio::awaitable<std::optional<held>> claim(device_id d, rt::pace* at);
    [[nodiscard]] steady::time_point claim_until() const;
    boost::asio::awaitable<void> check_one(identity_id i, under_way mark);
    boost::asio::awaitable<void> look_up(identity_id i);
    boost::asio::awaitable<void> report();
    boost::asio::awaitable<void> let_go(device_id d);
    void store_away(std::string_view why);
    void store_back();
    [[nodiscard]] bool ours(const held& h) const;

    // steps.cpp
    boost::asio::awaitable<bool> settle(held& h, scope what);
    boost::asio::awaitable<bool> carry_out(held& h, credential::step s);
    boost::asio::awaitable<bool> add(held& h);
    boost::asio::awaitable<bool> provision(held& h, credential::provision s);
    boost::asio::awaitable<made> adopt(held& h, identity_id who, std::string name);
    boost::asio::awaitable<bool> create(held& h, identity_id who, std::string name);
    boost::asio::awaitable<void>
    put_in_use(held& h, identity_id who, port::carrier_credential credential, time_point otherwise_until);
    boost::asio::awaitable<bool> retire(held& h, credential::retire s);
    boost::asio::awaitable<bool> erase(held& h, credential::erase s);
    boost::asio::awaitable<bool> erase_by_name(held& h, identity_id who);
    boost::asio::awaitable<bool> bury(held& h, identity_id who);
    boost::asio::awaitable<bool> extend(held& h, credential::extend s);
    boost::asio::awaitable<bool> suspend(held& h);
    /// What kept a step from being done.
    struct failure {
        std::string_view step;
        outcome how = outcome::unknown;
        std::string error;
        std::optional<millis> retry_after;
    };
    boost::asio::awaitable<void> failed(held& h, identity_id who, failure why);
    boost::asio::awaitable<bool> may_ask(held& h);
    /// The carrier has it no more: replaced, unless this device's last replacement was a moment ago (false).
    boost::asio::awaitable<bool> lost(identity_id i, device_id d, std::string found_by);
    [[nodiscard]] bool may_replace(device_id d) const;
    void note_replacement(device_id d);
    void count(std::string_view step, std::string_view how);
    [[nodiscard]] std::string carrier_name(const uuid& key) const;
    [[nodiscard]] std::optional<uuid> own_key(std::string_view name) const;
    /// Which installation made it, by its tag; nullopt: one of before there were ids, or somebody's hand.
    [[nodiscard]] std::optional<uuid> maker_of(std::string_view tag) const;
    boost::asio::awaitable<std::string> carrier_tag(user_id user);

    // ensure.cpp
    using identity_flights = rt::flights<std::int64_t, identity_status>;
    boost::asio::awaitable<void> fly(identity_flights::end end, device_id d, identity_flights::pointer f);
    boost::asio::awaitable<identity_status> make(device_id d, identity_flights::pointer f);
    boost::asio::awaitable<void> poll_pause();

    // tokens.cpp
    using token_flights = rt::flights<std::int64_t, token_status>;
    boost::asio::awaitable<token_status> find_token(device_id d, steady::time_point until);
    boost::asio::awaitable<void> fly_token(token_flights::end end, device_id d, token_flights::pointer f);
    boost::asio::awaitable<token_status> fetch_token(device_id d, token_flights::pointer f);
    boost::asio::awaitable<token_status> mint(device_id d, port::cached_token t);
    boost::asio::awaitable<token_status> mint_claimed(device_id d, port::cached_token t);
    boost::asio::awaitable<token_status> without_identity(device_id d);
    boost::asio::awaitable<bool> credential_gone(device_id d, port::cached_token t, outcome how);
    [[nodiscard]] std::optional<token_status> fresh(device_id d, const port::cached_token& t) const;
    [[nodiscard]] token_status stale(const port::cached_token& t) const;
    [[nodiscard]] std::optional<time_point> refresh_after(device_id d, const port::cached_token& t) const;

    // compare.cpp
    struct stray {
        port::carrier_credential what;
        bool duplicate = false; ///< of a row that has another one
    };
    struct both_sides {
        comparison result;
        strangers rule = strangers::usual;
        std::vector<stray> strays;
        std::vector<port::known_identity> expected; ///< in use here before the listing began
        std::unordered_set<std::string> seen;       ///< Telnyx ids in the listing
    };
    boost::asio::awaitable<void> compare_round();
    boost::asio::awaitable<void> compare_held(both_sides& b);
    boost::asio::awaitable<void> read_expected(both_sides& b);
    boost::asio::awaitable<bool> read_listing(both_sides& b);
    boost::asio::awaitable<std::optional<port::credential_page>> read_page(both_sides& b, unsigned number);
    boost::asio::awaitable<void> judge_page(both_sides& b, std::vector<port::carrier_credential> page);
    boost::asio::awaitable<void> judge_strays(both_sides& b);
    [[nodiscard]] bool old_enough(const stray& s, strangers rule, time_point now) const;
    void tell_strays(const both_sides& b, const uuid& own);
    boost::asio::awaitable<void> judge_missing(both_sides& b);
    void failed_for_one(both_sides& b, const std::exception_ptr& e);
    boost::asio::awaitable<bool> keep_lease();

    // purge.cpp
    boost::asio::awaitable<void> purge();

    double chance() { return std::uniform_real_distribution<double>(0.0, 1.0)(dice_); }

    boost::asio::any_io_executor ex_;
    port::credential_store& store_;
    port::telnyx_credentials& carrier_;
    const port::clock& clock_;
    port::metrics& metrics_;
    settings s_;
    std::string prefix_;               ///< of our names at Telnyx
    std::optional<uuid> installation_; ///< once it was read
    std::mt19937_64 dice_;

    rt::pace work_pace_;
    rt::pace compare_pace_;
    identity_flights identity_flights_;
    token_flights token_flights_;

    /// A device that somebody wants to be looked at.
    struct look {
        device_id device;
        unsigned tries = 0; ///< another held it
        steady::time_point not_before{};
        unsigned faults = 0; ///< the claim failed
    };
    std::deque<look> looks_;
    std::vector<look> later_;                 ///< claimed by another when tried
    std::unordered_set<std::int64_t> looked_; ///< in either
    std::unordered_set<std::int64_t> checking_;
    struct replacements {
        unsigned times = 0;
        time_point not_before{}; ///< of the next one
    };
    std::unordered_map<std::int64_t, replacements> replaced_; ///< by device
    /// Claims kept on devices that were due but where nothing may be done yet, so that they do not fill every
    /// batch; device → when the claim runs out.
    std::unordered_map<std::int64_t, steady::time_point> parked_;
    std::size_t in_work_ = 0;
    bool more_due_ = false;
    steady::time_point next_due_{};
    steady::time_point next_report_{};
    bool store_healthy_ = true;
    steady::time_point trouble_told_{};
    std::size_t trouble_untold_ = 0;
    bool comparing_ = false;
    bool stopping_ = false;

    rt::event wake_;
    rt::supervisor loops_;
    rt::task_group work_; ///< devices in work, flights, checks
};

} // namespace z360::credential_manager
