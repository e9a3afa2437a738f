// SPDX-License-Identifier: LicenseRef-z360-proprietary
// One push on its way: to which token, when again, and what came of it.
#pragma once

#include "adapter/push/errand.hpp"
#include "adapter/push/notice.hpp"
#include "adapter/push/outlet.hpp"
#include "adapter/push/push.hpp"
#include "wire/apns.hpp"
#include "wire/fcm.hpp"

#include <z360/push/ladder.hpp>

#include <boost/asio/awaitable.hpp>

#include <array>
#include <optional>
#include <string>

namespace z360::adapter::push {

/// What deliveries share. Outlives them.
struct delivery_parts {
    const ports& p;
    const settings& s;
    wire::apns_apps apns;
    wire::fcm_apps fcm;
    rt::chance_source chance;
    outlet* production = nullptr; ///< null: APNs is not configured
    outlet* sandbox = nullptr;
    outlet* google = nullptr; ///< null: FCM is not configured
};

/// One errand. Lives as long as its run.
class delivery {
  public:
    delivery(const delivery_parts& parts, errand what, port::still_wanted wanted);
    boost::asio::awaitable<report> run();

  private:
    using kind = z360::push::kind;
    /// How it ends; nullopt: it goes on.
    struct verdict {
        call::outcome result = call::outcome::expired;
        std::string code;
        std::optional<millis> again_after = {};
    };
    using stop = std::optional<verdict>;
    /// Held while a request is under way.
    struct clearance {
        outlet::slot slot;
        bearer token;
        time_point queued{};
    };
    /// What came of one request.
    struct result {
        z360::push::attempt what;
        bool misfit = false; ///< it could not be sent as it is, and never will be
        std::string word;    ///< the provider's, or why there is none
        std::uint64_t connection = 0;
        std::uint64_t generation = 0; ///< of the provider token
    };

    boost::asio::awaitable<stop> find_address();
    boost::asio::awaitable<stop> to_token(port::push_address_token& to);
    boost::asio::awaitable<stop> clear(outlet& at, clearance& out);
    boost::asio::awaitable<stop> wait_while_spared(outlet& at);
    boost::asio::awaitable<stop> rest(rt::clock::duration pause);
    boost::asio::awaitable<result>
    send(outlet& at, const port::push_address_token& to, const wire::push_request& what, clearance with);
    /// `fair`: it was given time enough to answer.
    [[nodiscard]] result
    read(const http::h2::result& raw, const port::push_address_token& to, outlet& at, bool fair);
    [[nodiscard]] stop
    next(outlet& at, port::push_address_token& to, const result& r, z360::push::next_step& step);
    void change(outlet& at, port::push_address_token& to, const result& r, const z360::push::changes& first);
    void note(
        outlet& at, const port::push_address_token& to, const result& r, port::push_attempt a,
        const http::h2::result& raw
    );
    void accepted(const port::push_address_token& to);
    void dead(outlet& at, port::push_address_token& to, const std::string& word);

    [[nodiscard]] z360::push::provider provider_of(const port::push_address_token& t) const {
        return z360::push::provider_of(t.to.token_is);
    }
    [[nodiscard]] outlet* outlet_of(const port::push_address_token& t) const;
    [[nodiscard]] wire::push_built build(const port::push_address_token& t) const;
    [[nodiscard]] stop refused(outlet& at, port::push_address_token& to, const wire::push_built& built);
    [[nodiscard]] z360::push::lane lane() const { return z360::push::lane_of(errand_.like.what); }
    [[nodiscard]] const z360::push::limits& until() const { return errand_.until; }
    [[nodiscard]] time_point now() const { return parts_.p.clock.now(); }
    /// The same moment for whoever waits.
    [[nodiscard]] rt::clock::time_point moment(time_point t) const { return rt::clock::now() + (t - now()); }
    [[nodiscard]] millis longest_answer() const;
    [[nodiscard]] std::string word_or(std::string_view otherwise) const {
        return word_.empty() ? std::string(otherwise) : word_;
    }
    [[nodiscard]] report finish(verdict v) const;
    [[nodiscard]] bool too_long(rt::clock::duration pause) const;

    const delivery_parts& parts_;
    const errand errand_;
    port::still_wanted wanted_;
    port::push_address address_;
    z360::push::message message_;
    z360::push::progress progress_;                                     ///< of the token that is tried
    z360::push::refusal why_refused_ = z360::push::refusal::dead_token; ///< the same
    unsigned asked_ = 0; ///< how often it was asked whether it is wanted
    unsigned sent_ = 0;  ///< requests
    bool may_have_reached_ = false;
    std::optional<z360::push::provider> by_;
    std::string word_; ///< the last one that was said about it; empty: none yet
};

} // namespace z360::adapter::push
