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

bool serves(const device_facts& d, org_id org) {
    return d.bound_to.none() || d.bound_to == org;
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

std::vector<delivery> pushes_at_ring(const ring_facts& r, time_point now) {
    std::vector<delivery> out;
    if (now >= r.deadline) return out;
    for (const auto& d : r.devices) {
        if (!d.eligible || !d.wanted || d.notified || d.dismissed || !serves(d, r.org)) continue;
        if (const auto t = token_for(kind::incoming_call, d.tokens))
            out.push_back({d.device, kind::incoming_call, *t, ended_reason::none});
    }
    return out;
}

std::vector<delivery> pushes_at_end(const end_facts& e) {
    std::vector<delivery> out;
    if (e.reason == ended_reason::none) return out;
    const bool missed = is_missed(e.reason) && e.winner.none();
    for (const auto& d : e.devices) {
        if (d.device == e.winner) continue;
        const auto t = token_for(kind::call_ended, d.tokens);
        if (!t) continue;
        // Whoever rings must stop, removed or not; whoever may not hear of the person's calls hears no more.
        const bool stop_it = d.notified && !d.dismissed && !d.told;
        const bool miss = missed && d.eligible && d.wanted && !d.dismissed && serves(d, e.org);
        const bool alerts_only = d.tokens[*t].is == token_kind::alert;
        if (stop_it && !(miss && alerts_only)) out.push_back({d.device, kind::call_ended, *t, e.reason});
        if (miss) out.push_back({d.device, kind::missed_call, *t, e.reason});
    }
    return out;
}

} // namespace z360::push
