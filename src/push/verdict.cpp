// SPDX-License-Identifier: LicenseRef-z360-proprietary
// From an answer to what is done about it. A token dies of nothing but a line that says so.
#include <z360/push/verdict.hpp>

#include <algorithm>

namespace z360::push {
namespace {

// APNs began in 2009, and its clock and ours agree within minutes; a time outside of that is none.
constexpr time_point k_oldest{std::chrono::seconds{1'230'768'000}};
constexpr millis k_skew{600'000};

const table_row* find(std::span<const table_row> table, const answer& a) {
    const auto row = std::find_if(table.begin(), table.end(), [&](const table_row& r) {
        return r.status == a.status && (r.says == rule::accepted || r.reason == a.reason);
    });
    return row == table.end() ? nullptr : &*row;
}

// What no line knows, by its status alone.
rule by_status(int status) {
    if (status >= 200 && status < 300) return rule::accepted;
    if (status == 401) return rule::fresh_token;
    if (status == 403) return rule::our_credential;
    if (status == 408 || status == 425) return rule::trouble;
    if (status == 410 || status == 429) return rule::too_fast; // of a token that may be gone: not now
    if (status == 413) return rule::too_large;
    if (status >= 300 && status < 500) return rule::our_request;
    return rule::trouble;
}

verdict once(bool tried, changes first, judgement what = judgement::retry) {
    verdict v;
    if (tried) {
        v.what = judgement::configuration;
        return v;
    }
    v.what = what;
    v.first = first;
    v.at_once = true;
    return v;
}

verdict plain(judgement what) {
    verdict v;
    v.what = what;
    return v;
}

verdict of_wrong_environment(const circumstances& c) {
    if (c.env_proven || c.tried.other_environment) return plain(judgement::dead_token);
    return once(false, {.other_environment = true});
}

// Only what was registered not later than APNs's knowledge dies of it; without a time nothing does.
verdict of_gone(const answer& a, const circumstances& c) {
    const bool sane = a.dead_since && *a.dead_since >= k_oldest && *a.dead_since <= c.now + k_skew;
    return plain(sane && c.registered_at <= *a.dead_since ? judgement::dead_token : judgement::later);
}

verdict of_pace(provider p, const answer& a) {
    auto v = plain(judgement::later);
    // FCM's limits that do not say whose they are may be everybody's: rather slow down.
    v.for_all = p == provider::fcm && a.status == 429 && a.limit != quota::device;
    return v;
}

verdict fault(verdict v) {
    v.provider_fault = true;
    return v;
}

verdict of(rule says, provider p, const answer& a, const circumstances& c) {
    switch (says) {
    case rule::accepted: return plain(judgement::done);
    case rule::our_request: return plain(judgement::configuration);
    case rule::our_credential: return fault(plain(judgement::configuration));
    case rule::token_of_another: return of_wrong_environment(c);
    case rule::token_gone: return of_gone(a, c);
    case rule::token_dead: return plain(judgement::dead_token);
    case rule::token_if_named: return plain(a.names_token ? judgement::dead_token : judgement::configuration);
    case rule::fresh_token: {
        auto v = once(c.tried.fresh_token, {.fresh_token = true});
        v.provider_fault = c.tried.fresh_token; // a new one is refused too
        return v;
    }
    case rule::other_key:
        return once(c.tried.new_connection, {.new_connection = true}, judgement::new_connection);
    case rule::too_large: return once(c.tried.smaller, {.smaller = true});
    case rule::token_updates: {
        auto v = plain(judgement::new_connection);
        v.first.new_connection = true;
        v.at_once = !c.tried.new_connection; // the limit may be the team's: then with pauses
        return v;
    }
    case rule::too_fast: return of_pace(p, a);
    case rule::trouble: return fault(plain(judgement::retry));
    case rule::trouble_here: {
        auto v = plain(judgement::retry);
        v.first.other_connection = true;
        return v;
    }
    }
    return plain(judgement::retry);
}

} // namespace

std::string_view name(judgement j) {
    switch (j) {
    case judgement::done: return "done";
    case judgement::configuration: return "configuration";
    case judgement::dead_token: return "dead_token";
    case judgement::retry: return "retry";
    case judgement::later: return "later";
    case judgement::new_connection: return "new_connection";
    }
    return "?";
}

verdict judge(provider p, const answer& a, const circumstances& c) {
    const auto* row = find(p == provider::apns ? apns_table() : fcm_table(), a);
    auto v = of(row != nullptr ? row->says : by_status(a.status), p, a, c);
    v.known = row != nullptr;
    if (v.what == judgement::retry || v.what == judgement::later) v.retry_after = a.retry_after;
    return v;
}

verdict judge_apns(const answer& a, const circumstances& c) {
    return judge(provider::apns, a, c);
}
verdict judge_fcm(const answer& a, const circumstances& c) {
    return judge(provider::fcm, a, c);
}

} // namespace z360::push
