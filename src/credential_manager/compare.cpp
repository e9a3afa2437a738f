// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Both sides against each other (I4, BE-06, BE-41): what this installation made at Telnyx and no row knows is
// retired through the one path; what a row has and Telnyx lost is retired and made anew. An incomplete
// listing proves nothing about what is missing, and a complete one is confirmed by asking for the very
// credential: pages shift while credentials come and go.
//
// That no row knows a credential may also mean that this is the wrong database. So each one says in its tag
// which installation made it; what another one made, or nobody knows who, is left until people say otherwise.
// Even of its own a comparison deletes only some: a table that lost its rows is noticed before all phones are
// dumb.
#include "credential_manager/manager_impl.hpp"

#include <z360/log.hpp>
#include <z360/port/errors.hpp>
#include <z360/rt/retry.hpp>

#include <algorithm>
#include <exception>
#include <set>
#include <unordered_map>
#include <utility>

namespace z360::credential_manager {
namespace {

constexpr const char* k_lease = "credential-comparison";
constexpr millis k_lease_length{60'000};
constexpr millis k_duplicate_age{120'000};
constexpr std::size_t k_rows = 1'000;
constexpr unsigned k_page_tries = 3;
constexpr millis k_page_pause{5'000};
constexpr std::size_t k_most_strays = 50; // in one comparison, or a tenth of what is ours there
constexpr std::size_t k_most_told = 5;

bool in_use(credential::identity_state p) {
    return p == credential::identity_state::active || p == credential::identity_state::rotating;
}

} // namespace

boost::asio::awaitable<void> manager_impl::compare_round() {
    (void)co_await compare(strangers::usual);
}

/// One credential that cannot be dealt with does not keep the others from it.
void manager_impl::failed_for_one(both_sides& b, const std::exception_ptr& e) {
    if (stopping_) std::rethrow_exception(e);
    try {
        std::rethrow_exception(e);
    } catch (const port::unavailable&) {
        throw;
    } catch (...) {
        trouble("compare", e);
    }
    if (b.result.error.empty()) b.result.error = "not everything could be dealt with: " + rt::what(e);
}

boost::asio::awaitable<bool> manager_impl::keep_lease() {
    co_return co_await store_.hold_lease(k_lease, s_.node, k_lease_length);
}

boost::asio::awaitable<manager::comparison> manager_impl::compare(strangers rule) {
    both_sides b;
    b.rule = rule;
    if (s_.connection_id.empty())
        b.result.error = "no credential connection; set telnyx.credential_connection_id";
    if (comparing_ || stopping_) {
        b.result.busy = true;
        b.result.error = "another comparison is under way; try again in a minute";
    }
    if (!b.result.error.empty()) co_return b.result;
    struct mark {
        bool& is;
        explicit mark(bool& x) : is(x) { is = true; }
        ~mark() { is = false; }
    };
    const mark under_way(comparing_);
    if (!co_await keep_lease()) {
        b.result.busy = true;
        b.result.error = "another node compares right now; try again in a minute";
        co_return b.result;
    }
    std::exception_ptr failed;
    try {
        co_await compare_held(b);
    } catch (...) {
        failed = std::current_exception();
    }
    try { // whatever went wrong: the next comparison need not wait for the lease to run out
        co_await store_.drop_lease(k_lease, s_.node);
    } catch (...) {
        if (!failed) throw;
    }
    if (failed) std::rethrow_exception(failed);
    const auto& r = b.result;
    log::info(
        "credentials_compared", {{"complete", r.complete},
                                 {"listed", r.listed},
                                 {"known", r.known},
                                 {"missing", r.missing},
                                 {"strangers", r.strangers},
                                 {"foreign", r.foreign},
                                 {"postponed", r.postponed},
                                 {"retired", r.retired}}
    );
    co_return b.result;
}

boost::asio::awaitable<void> manager_impl::compare_held(both_sides& b) {
    co_await read_expected(b);
    b.result.complete = co_await read_listing(b);
    co_await judge_strays(b);
    if (b.result.complete) co_await judge_missing(b);
}

boost::asio::awaitable<void> manager_impl::read_expected(both_sides& b) {
    identity_id after;
    for (;;) {
        auto rows = co_await store_.known(after, k_rows);
        if (rows.empty()) co_return;
        after = rows.back().id;
        for (auto& row : rows)
            if (in_use(row.now_in) && !row.telnyx_id.empty()) b.expected.push_back(std::move(row));
        if (rows.size() < k_rows) co_return;
    }
}

boost::asio::awaitable<bool> manager_impl::read_listing(both_sides& b) {
    for (unsigned number = 1;; ++number) {
        auto page = co_await read_page(b, number);
        if (!page) co_return false;
        const bool last = !page->more || page->items.empty();
        co_await judge_page(b, std::move(page->items));
        if (last) co_return true;
        if (co_await keep_lease()) continue;
        b.result.error = "it was too slow, and another node has begun; try again in a minute";
        co_return false;
    }
}

boost::asio::awaitable<std::optional<port::credential_page>>
manager_impl::read_page(both_sides& b, unsigned number) {
    std::string error;
    for (unsigned n = 0; n < k_page_tries; ++n) {
        if (!co_await compare_pace_.turn()) co_return std::nullopt;
        auto r = co_await carrier_.list(s_.connection_id, number);
        if (r.outcome == outcome::done && r.value) co_return std::move(*r.value);
        error = std::string(port::name(r.outcome)) + ": " + r.error;
        b.result.unreachable = r.outcome == outcome::unknown || r.outcome == outcome::unavailable;
        if (r.outcome == outcome::refused) break;
        const auto pause =
            rt::spread(rt::growing(s_.rules.retry_first, s_.rules.retry_longest, n + 1), 0.5, 1, chance());
        compare_pace_.hold(std::min(k_page_pause, std::max(pause, r.retry_after.value_or(millis{0}))));
    }
    b.result.error = "Telnyx's list, page " + std::to_string(number) + ": " + error;
    log::warn("credential_listing_incomplete", {{"page", number}, {"error", error}});
    co_return std::nullopt;
}

boost::asio::awaitable<void>
manager_impl::judge_page(both_sides& b, std::vector<port::carrier_credential> page) {
    std::vector<std::string> ids;
    std::vector<uuid> keys;
    for (const auto& c : page) {
        ids.push_back(c.id);
        b.seen.insert(c.id);
        if (const auto key = own_key(c.name)) keys.push_back(*key);
    }
    if (ids.empty()) co_return;
    b.result.listed += ids.size();
    std::unordered_map<std::string, identity_id> by_id;
    std::unordered_map<uuid, port::known_identity> by_key;
    std::vector<identity_id> seen;
    auto rows = co_await store_.lookup(std::move(ids), std::move(keys));
    for (auto& row : rows) {
        if (!row.telnyx_id.empty()) by_id[row.telnyx_id] = row.id;
        by_key[row.key] = std::move(row);
    }
    for (auto& c : page) {
        if (const auto row = by_id.find(c.id); row != by_id.end()) {
            ++b.result.known;
            seen.push_back(row->second);
            continue;
        }
        const auto key = own_key(c.name);
        if (!key) continue; // somebody else's
        const auto row = by_key.find(*key);
        if (row != by_key.end() && row->second.telnyx_id.empty()) {
            look_at(row->second.device); // made, but its reply was lost: adopted, or deleted, by name
            continue;
        }
        ++b.result.strangers;
        metrics_.count("credential_comparison_strangers_total");
        c.sip_password = {};
        b.strays.push_back({std::move(c), row != by_key.end()});
    }
    if (!seen.empty()) co_await store_.checked(std::move(seen), clock_.now());
}

/// A young one may be about to get its row's answer; one without a date is left to people. A row that has
/// another one waits for no answer: this one is a duplicate for certain (BE-13).
bool manager_impl::old_enough(const stray& s, strangers rule, time_point now) const {
    if (!s.what.created_at) return rule == strangers::confirmed;
    const auto age = s.duplicate ? std::min(k_duplicate_age, s_.stray_age) : s_.stray_age;
    return now - *s.what.created_at >= age;
}

boost::asio::awaitable<void> manager_impl::judge_strays(both_sides& b) {
    const auto now = clock_.now();
    auto ours = co_await store_.installed();
    std::set<uuid> others;
    for (const auto& s : b.strays)
        if (const auto maker = maker_of(s.what.tag)) others.insert(*maker);
    others.erase(ours.id);
    for (const auto& known : ours.adopted)
        others.erase(known);
    if (b.rule == strangers::adopted && !b.strays.empty()) {
        std::vector<uuid> taken(others.begin(), others.end());
        co_await store_.adopt(std::move(taken), now);
        ours = co_await store_.installed();
    }
    const auto is_ours = [&](const stray& s) {
        if (b.rule == strangers::confirmed || s.duplicate) return true; // its row's key is in its name
        const auto maker = maker_of(s.what.tag);
        if (!maker)
            return ours.unmarked_until && s.what.created_at && *s.what.created_at < *ours.unmarked_until;
        return *maker == ours.id ||
               std::find(ours.adopted.begin(), ours.adopted.end(), *maker) != ours.adopted.end();
    };
    const auto limit = std::max(k_most_strays, (b.result.known + b.result.strangers) / 10);
    for (auto& s : b.strays) {
        if (!is_ours(s)) {
            ++b.result.foreign;
            continue;
        }
        if (!old_enough(s, b.rule, now)) continue;
        if (b.rule != strangers::confirmed && b.result.retired >= limit) {
            ++b.result.postponed;
            continue;
        }
        log::warn("stray_credential", {{"name", s.what.name}, {"tag", s.what.tag}});
        try {
            co_await store_.adopt_for_removal(std::move(s.what), now);
            ++b.result.retired;
        } catch (...) {
            failed_for_one(b, std::current_exception());
        }
    }
    for (const auto& maker : others)
        if (b.rule != strangers::adopted) b.result.installations.push_back(maker.text());
    tell_strays(b, ours.id);
}

void manager_impl::tell_strays(const both_sides& b, const uuid& own) {
    const auto& r = b.result;
    metrics_.gauge("credential_strangers_foreign", static_cast<double>(r.foreign));
    metrics_.gauge("credential_strangers_postponed", static_cast<double>(r.postponed));
    if (r.foreign > 0) {
        std::string makers;
        for (std::size_t n = 0; n < std::min(k_most_told, r.installations.size()); ++n)
            makers += (n == 0 ? "" : " ") + r.installations[n];
        log::error(
            "strangers_of_another_installation",
            {{"count", r.foreign},
             {"their_installations", makers.empty() ? "none" : makers},
             {"our_installation", own.text()},
             {"fix",
              "check database.url; if it is right: --compare-credentials --adopt or --confirm-strangers"}}
        );
    }
    if (r.postponed > 0)
        log::error(
            "too_many_strangers",
            {{"retired", r.retired},
             {"postponed", r.postponed},
             {"fix", "check that the database lost no rows; if it is right: --compare-credentials "
                     "--confirm-strangers"}}
        );
}

boost::asio::awaitable<void> manager_impl::judge_missing(both_sides& b) {
    auto renew = steady::now() + k_lease_length / 2;
    for (auto& row : b.expected) {
        if (b.seen.contains(row.telnyx_id)) continue;
        if (!co_await compare_pace_.turn()) co_return;
        const auto r = co_await carrier_.get(row.telnyx_id);
        if (r.outcome == outcome::gone) {
            ++b.result.missing;
            metrics_.count("credential_comparison_missing_total");
            try {
                (void)co_await lost(row.id, row.device, "comparison");
            } catch (...) {
                failed_for_one(b, std::current_exception());
            }
        }
        if (steady::now() < renew) continue;
        if (!co_await keep_lease()) co_return;
        renew = steady::now() + k_lease_length / 2;
    }
}

} // namespace z360::credential_manager
