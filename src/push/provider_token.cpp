// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/push/provider_token.hpp>

#include <algorithm>
#include <utility>

namespace z360::push {

bool apns_token::due(time_point now) const {
    // One from the future is of a clock that was wrong: the provider would not take it either.
    return generation_ == 0 || now - minted_at_ >= k_new_after || minted_at_ - now > millis{60'000};
}

const secret* apns_token::current(time_point now) const {
    return generation_ == 0 || now - minted_at_ >= k_no_good_after ? nullptr : &token_;
}

void apns_token::minted(secret token, time_point now) {
    token_ = std::move(token);
    minted_at_ = now;
    ++generation_;
}

apns_token::remedy apns_token::expired(std::uint64_t sent, time_point since, time_point now) const {
    if (sent != generation_) return remedy::resend;
    // Minted within minutes and refused as too old: that is the clock, or the connection; a second one of the
    // same minutes would be no different, and would count as an update.
    if (generation_ > 0 && now - minted_at_ < k_update_pause) return remedy::reconnect;
    return now - since >= k_update_pause ? remedy::mint : remedy::mint_and_reconnect;
}

bool access_token::due(time_point now) const {
    if (not_before_ && now < *not_before_) return false;
    return !ends_at_ || now >= renew_at_;
}

const secret* access_token::current(time_point now) const {
    return ends_at_ && now < *ends_at_ ? &token_ : nullptr;
}

std::optional<time_point> access_token::due_at(time_point now) const {
    if (due(now)) return std::nullopt;
    const auto wanted = ends_at_ ? renew_at_ : now;
    return not_before_ ? std::max(wanted, *not_before_) : wanted;
}

bool access_token::fetched(secret token, millis life, time_point now, double chance) {
    if (token.empty() || life <= millis{}) {
        failed(now);
        return false;
    }
    life = std::min(life, k_longest_life);
    token_ = std::move(token);
    fetched_at_ = now;
    ends_at_ = now + life;
    const double part = !(chance > 0.0) ? 0.0 : std::min(chance, 1.0);
    const auto early = k_before_its_end + millis{static_cast<millis::rep>(60'000.0 * part)};
    // One that lives for minutes only is renewed at half of its life.
    renew_at_ = now + std::max(life - early, life / 2);
    not_before_.reset();
    failures_ = 0;
    ++generation_;
    return true;
}

void access_token::failed(time_point now) {
    const auto doublings = std::min(failures_, 6U);
    ++failures_;
    not_before_ = now + std::min(millis{1'000} * (1 << doublings), millis{60'000});
}

void access_token::refused(std::uint64_t sent, time_point now) {
    if (sent != generation_ || !ends_at_) return;
    ends_at_.reset();
    token_ = secret{};
    failures_ = refused_in_a_row_;
    if (now - fetched_at_ < millis{60'000}) {
        ++refused_in_a_row_;
        failed(now);
    } else {
        refused_in_a_row_ = 0;
    }
}

} // namespace z360::push
