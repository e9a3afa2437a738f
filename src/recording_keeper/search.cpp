// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "recording_keeper/search.hpp"

#include <z360/log.hpp>
#include <z360/port/errors.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <utility>

namespace z360::recording_keeper {
namespace {

using boost::asio::awaitable;

constexpr millis k_youngest{10 * 60'000}; // the carrier has had its time to tell
constexpr millis k_oldest{2 * 3'600'000}; // after a start
constexpr millis k_overlap{60'000};       // between rounds: a commit may take a while
constexpr millis k_claim{120'000};
constexpr std::size_t k_batch = 20;
constexpr std::array<millis, 3> k_pauses{millis{20 * 60'000}, millis{3'600'000}, millis{6 * 3'600'000}};

} // namespace

std::optional<millis> search_pause(std::uint32_t questions) {
    if (questions == 0 || questions > k_pauses.size()) return std::nullopt;
    return k_pauses[questions - 1];
}

awaitable<void> searcher::round() {
    const auto now = rt::clock::now();
    auto oldest = k_oldest;
    if (looked_)
        oldest = std::min(oldest, k_youngest + k_overlap + std::chrono::ceil<millis>(now - *looked_));
    (void)co_await store_.note_silent(oldest, k_youngest);
    looked_ = now;
    for (std::size_t n = k_batch; n == k_batch;) {
        auto due = co_await store_.claim_silent(k_batch, k_claim);
        n = due.size();
        for (auto& c : due)
            co_await ask(std::move(c));
    }
}

awaitable<void> searcher::ask(port::silent_call c) {
    std::vector<port::carrier_recording> all;
    try {
        all = co_await carrier_.of_session(c.session);
    } catch (const port::unavailable& e) { // asked again when its claim has run out
        log::warn("recording_search_failed", {{"call", c.call}, {"why", e.what()}});
        co_return;
    }
    if (!all.empty()) {
        const auto made = co_await store_.found(c, std::move(all));
        metrics_.count("recordings_found_total", {}, static_cast<double>(made));
        log::warn("recording_found", {{"call", c.call}, {"org", c.org}, {"count", made}});
        co_return;
    }
    const auto again = search_pause(c.tries + 1);
    if (!again) {
        metrics_.count("recordings_missing_total");
        log::error(
            "recording_missing", {{"call", c.call}, {"org", c.org}, {"of", c.of_message ? "message" : "talk"}}
        );
    }
    co_await store_.search_again(c.call, again);
}

} // namespace z360::recording_keeper
