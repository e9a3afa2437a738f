// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/push/recipients.hpp>

#include <algorithm>
#include <array>

namespace z360::push {
namespace {

// What wakes a phone best first. An iPhone's FCM token shows notifications only, and late ones.
constexpr std::array k_order{token_kind::voip, token_kind::alert, token_kind::fcm_fid, token_kind::fcm_token};

int rank(token_kind k) {
    // Both are the same address in another form: the newer one counts.
    if (k == token_kind::fcm_token) k = token_kind::fcm_fid;
    return static_cast<int>(std::find(k_order.begin(), k_order.end(), k) - k_order.begin());
}

bool better(const token_ref& a, const token_ref& b) {
    if (rank(a.is) != rank(b.is)) return rank(a.is) < rank(b.is);
    if (a.registered_at != b.registered_at) return a.registered_at > b.registered_at;
    return a.is == token_kind::fcm_fid && b.is == token_kind::fcm_token; // the form that replaces the other
}

// By one of the provider's services, which knows us by one credential.
bool go_together(const token_ref& a, const token_ref& b) {
    if (provider_of(a.is) != provider_of(b.is)) return false;
    const auto sandbox = [](const token_ref& t) { return t.env == environment::sandbox; };
    return provider_of(a.is) != provider::apns || sandbox(a) == sandbox(b);
}

} // namespace

std::optional<std::size_t>
token_for(kind k, std::span<const token_ref> tokens, std::initializer_list<token_kind> except) {
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        const auto& t = tokens[i];
        if (t.dead || !may_go(k, t.is) || std::find(except.begin(), except.end(), t.is) != except.end())
            continue;
        if (!best || better(t, tokens[*best])) best = i;
    }
    return best;
}

bool worth_a_try(refusal why, const token_ref& refused, const token_ref& other) {
    return why != refusal::credential || !go_together(refused, other);
}

} // namespace z360::push
