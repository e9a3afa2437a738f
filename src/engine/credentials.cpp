// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "engine/credentials_impl.hpp"

#include <z360/log.hpp>

#include <algorithm>
#include <utility>

namespace z360::engine {
namespace {

constexpr std::size_t k_most_looks = 10'000;
constexpr std::size_t k_work_seconds = 4;
constexpr std::size_t k_most_checks = 200;

} // namespace

credentials_impl::credentials_impl(
    boost::asio::any_io_executor ex, port::credential_store& store, port::telnyx_credentials& carrier,
    const port::clock& clock, port::metrics& metrics, credential_settings s
)
    : ex_(ex), store_(store), carrier_(carrier), clock_(clock), metrics_(metrics), s_(std::move(s)),
      prefix_("z360-" + s_.environment + "-"), dice_(std::random_device{}()),
      work_pace_(s_.requests_per_second), compare_pace_(s_.requests_per_second / 2.0), wake_(ex), loops_(ex),
      work_(ex) {
    // Who waits for a place keeps a claim meanwhile: no more in work than have their turn well within it.
    const auto in_time = static_cast<std::size_t>(std::max(1U, s_.requests_per_second)) * k_work_seconds;
    s_.work_batch = std::clamp<std::size_t>(s_.work_batch, 1, in_time);
}

void credentials_impl::start() {
    // From zero on, so that an alarm sees the first one too.
    for (const char* figure :
         {"credential_comparison_strangers_total", "credential_comparison_missing_total",
          "credential_looks_dropped_total"})
        metrics_.count(figure, {}, 0);
    if (s_.connection_id.empty())
        log::warn("no_credential_connection", {{"fix", "set telnyx.credential_connection_id"}});
    loops_.spawn(work_forever());
    loops_.spawn(compare_forever());
    loops_.spawn(purge_forever());
}

boost::asio::awaitable<void> credentials_impl::stop(millis limit) {
    stopping_ = true;
    work_pace_.close();
    compare_pace_.close();
    co_await loops_.join();
    // A request under way is waited for: cut off, it would have to be looked up later.
    const bool finished = co_await work_.drain(limit);
    if (!finished) log::warn("credentials_stopped_with_work_left", {{"tasks", work_.size()}});
    co_await work_.join();
}

void credentials_impl::look_at(device_id d) {
    if (stopping_ || d.none() || looked_.contains(d.value)) return;
    if (looked_.size() >= k_most_looks) {
        // Nothing is lost: whatever is due is found by the round, only later.
        metrics_.count("credential_looks_dropped_total");
        return;
    }
    looked_.insert(d.value);
    looks_.push_back({d, 0, {}});
    wake_.set();
}

void credentials_impl::check(identity_id i) {
    if (stopping_ || i.none() || checking_.size() >= k_most_checks) return;
    if (!checking_.insert(i.value).second) return;
    work_.spawn(check_one(i));
}

std::unique_ptr<credentials> make_credentials(
    boost::asio::any_io_executor ex, port::credential_store& store, port::telnyx_credentials& carrier,
    const port::clock& clock, port::metrics& metrics, credential_settings s
) {
    return std::make_unique<credentials_impl>(std::move(ex), store, carrier, clock, metrics, std::move(s));
}

} // namespace z360::engine
