// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The two tokens by which we are known to the providers: when a new one is due, and what a refusal of one
// means. Pure: time is handed in; whoever mints or fetches sees to it that one does at a time.
#pragma once

#include <z360/base/secret.hpp>
#include <z360/base/time.hpp>

#include <cstdint>
#include <optional>

namespace z360::push {

/// APNs's: signed by ourselves, good for an hour, and the same for all connections of a team: Apple counts
/// the updates of each.
class apns_token {
  public:
    static constexpr millis k_new_after{50LL * 60'000}; ///< from its minting
    static constexpr millis k_no_good_after{59LL * 60'000};
    static constexpr millis k_update_pause{20LL * 60'000}; ///< between two tokens on one connection

    /// A new one should be minted before the next request.
    [[nodiscard]] bool due(time_point now) const;
    /// The one to send; null: none that would be taken. Valid until the next minted().
    [[nodiscard]] const secret* current(time_point now) const;
    /// Counts the tokens; of the one that current() gives. 0: none yet.
    [[nodiscard]] std::uint64_t generation() const { return generation_; }
    void minted(secret token, time_point now);

    /// What helps after ExpiredProviderToken.
    enum class remedy : std::uint8_t {
        resend,             ///< there is a newer one than was sent
        mint,               ///< and go on, on this connection
        mint_and_reconnect, ///< this connection has been given a new one too lately
        reconnect,          ///< the token is new: no other one would be any better here
    };
    /// `sent`: generation of the refused one; `since`: when the connection was given its last new one.
    [[nodiscard]] remedy expired(std::uint64_t sent, time_point since, time_point now) const;

  private:
    secret token_;
    time_point minted_at_{};
    std::uint64_t generation_ = 0;
};

/// Google's access token: fetched, good for as long as they say.
class access_token {
  public:
    static constexpr millis k_before_its_end{5LL * 60'000};
    static constexpr millis k_longest_life{24LL * 3'600'000}; ///< what is said beyond that is not believed

    /// A new one should be fetched, and may be tried to. The old one is sent meanwhile.
    [[nodiscard]] bool due(time_point now) const;
    /// The one to send; null: there is none that is valid. Valid until the next fetched().
    [[nodiscard]] const secret* current(time_point now) const;
    [[nodiscard]] std::uint64_t generation() const { return generation_; }
    /// When due() may become true; nullopt: it is.
    [[nodiscard]] std::optional<time_point> due_at(time_point now) const;

    /// `chance` in [0, 1) brings the next fetch forward by up to a minute, so that nodes do not ask together.
    /// false: a life of nothing is no token; counts as failed().
    bool fetched(secret token, millis life, time_point now, double chance);
    /// It could not be fetched; the old one stays. Pauses grow from one second to one minute.
    void failed(time_point now);
    /// FCM answered 401 to a request with the token of that generation: it is not sent any more. One that has
    /// been replaced already says nothing. One refused within a minute counts as failed(): the next is
    /// fetched after a pause, not for every push.
    void refused(std::uint64_t sent, time_point now);

  private:
    secret token_;
    std::optional<time_point> ends_at_; ///< nullopt: none, or refused
    time_point fetched_at_{};
    time_point renew_at_{};
    std::optional<time_point> not_before_;
    unsigned failures_ = 0;         ///< to fetch one, in a row
    unsigned refused_in_a_row_ = 0; ///< soon after they were fetched
    std::uint64_t generation_ = 0;
};

} // namespace z360::push
