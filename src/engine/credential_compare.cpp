// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Both sides against each other (I4, BE-06, BE-41): what Telnyx has under our prefix and no row knows is
// retired through the one path; what a row has and Telnyx lost is retired and made anew. An incomplete
// listing proves nothing about what is missing, and a complete one is confirmed by asking for the very
// credential: pages shift while credentials come and go.
#include "engine/credentials_impl.hpp"

#include <z360/log.hpp>
#include <z360/port/errors.hpp>

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace z360::engine {
namespace {

constexpr const char* k_lease = "credential-comparison";
constexpr millis k_lease_length{60'000};
constexpr millis k_duplicate_age{120'000};
constexpr std::size_t k_rows = 1'000;
constexpr unsigned k_page_tries = 3;
constexpr millis k_page_pause{5'000};

bool in_use(credential::phase p) {
    return p == credential::phase::active || p == credential::phase::rotating;
}

} // namespace

boost::asio::awaitable<void> credentials_impl::compare_round() {
    (void)co_await compare();
}

/// One credential that cannot be dealt with does not keep the others from it.
void credentials_impl::failed_for_one(both_sides& b, const std::exception_ptr& e) {
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

boost::asio::awaitable<bool> credentials_impl::keep_lease() {
    co_return co_await store_.hold_lease(k_lease, s_.node, k_lease_length);
}

boost::asio::awaitable<credentials::comparison> credentials_impl::compare() {
    both_sides b;
    if (s_.connection_id.empty())
        b.result.error = "no credential connection; set telnyx.credential_connection_id";
    if (comparing_ || stopping_) b.result.error = "another comparison is under way; try again in a minute";
    if (!b.result.error.empty()) co_return b.result;
    struct mark {
        bool& is;
        explicit mark(bool& x) : is(x) { is = true; }
        ~mark() { is = false; }
    };
    const mark under_way(comparing_);
    if (!co_await keep_lease()) {
        b.result.error = "another node compares right now; try again in a minute";
        co_return b.result;
    }
    co_await compare_held(b);
    co_await store_.drop_lease(k_lease, s_.node);
    const auto& r = b.result;
    log::info(
        "credentials_compared", {{"complete", r.complete},
                                 {"listed", r.listed},
                                 {"known", r.known},
                                 {"missing", r.missing},
                                 {"strangers", r.strangers},
                                 {"retired", r.retired}}
    );
    co_return b.result;
}

boost::asio::awaitable<void> credentials_impl::compare_held(both_sides& b) {
    co_await read_expected(b);
    b.result.complete = co_await read_listing(b);
    if (b.result.complete) co_await judge_missing(b);
}

boost::asio::awaitable<void> credentials_impl::read_expected(both_sides& b) {
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

boost::asio::awaitable<bool> credentials_impl::read_listing(both_sides& b) {
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
credentials_impl::read_page(both_sides& b, unsigned number) {
    std::string error;
    for (unsigned n = 0; n < k_page_tries; ++n) {
        if (!co_await compare_pace_.turn()) co_return std::nullopt;
        auto r = co_await carrier_.list(s_.connection_id, number);
        if (r.outcome == outcome::done && r.value) co_return std::move(*r.value);
        error = std::string(port::name(r.outcome)) + ": " + r.error;
        b.result.unreachable = r.outcome == outcome::unknown || r.outcome == outcome::unavailable;
        if (r.outcome == outcome::refused) break;
        const auto pause = credential::retry_pause(n + 1, s_.rules, chance());
        compare_pace_.hold(std::min(k_page_pause, std::max(pause, r.retry_after.value_or(millis{0}))));
    }
    b.result.error = "Telnyx's list, page " + std::to_string(number) + ": " + error;
    log::warn("credential_listing_incomplete", {{"page", number}, {"error", error}});
    co_return std::nullopt;
}

boost::asio::awaitable<void>
credentials_impl::judge_page(both_sides& b, std::vector<port::carrier_credential> page) {
    std::vector<std::string> ids;
    std::vector<uuid> keys;
    for (const auto& c : page) {
        ids.push_back(c.id);
        b.seen.insert(c.id);
        if (const auto key = own_key(c.name)) keys.push_back(*key);
    }
    if (ids.empty()) co_return;
    b.result.listed += ids.size();
    const auto now = clock_.now();
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
        // A young one may be about to get its row's answer; one without a date is left to people. A row that
        // has another one waits for no answer: this one is a duplicate for certain (BE-13).
        const bool duplicate = row != by_key.end();
        const auto age = duplicate ? std::min(k_duplicate_age, s_.stray_age) : s_.stray_age;
        if (!c.created_at || now - *c.created_at < age) continue;
        log::warn("stray_credential", {{"name", c.name}, {"created_at", iso8601(*c.created_at)}});
        try {
            co_await store_.adopt_for_removal(std::move(c), now);
            ++b.result.retired;
        } catch (...) {
            failed_for_one(b, std::current_exception());
        }
    }
    if (!seen.empty()) co_await store_.checked(std::move(seen), now);
}

boost::asio::awaitable<void> credentials_impl::judge_missing(both_sides& b) {
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

} // namespace z360::engine
