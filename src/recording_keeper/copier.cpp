// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "recording_keeper/copier.hpp"

#include "recording_keeper/rules.hpp"

#include <z360/log.hpp>
#include <z360/port/errors.hpp>
#include <z360/rt/retry.hpp>
#include <z360/rt/sync.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <memory>
#include <utility>

namespace z360::recording_keeper {
namespace {

using boost::asio::awaitable;
using port::due_recording;
using port::looked;
using port::recording_status;
using steady = rt::clock;

constexpr std::chrono::seconds k_forget_limit{10}; // who stops the program waits for it
constexpr std::size_t k_most_absent = 10'000;
constexpr millis k_first_wait{500};
constexpr millis k_longest_wait{15'000};

/// Somebody else works on it, or it is to be removed: what was made of it goes.
struct claim_lost : std::exception {
    [[nodiscard]] const char* what() const noexcept override { return "the claim has run out"; }
};
/// Whose it is cannot be told: neither the carrier's fault nor the vault's.
struct store_away : port::unavailable {
    using port::unavailable::unavailable;
};
struct vault_away : port::unavailable {
    using port::unavailable::unavailable;
};

/// Holds the claim while bytes come, and tells whose fault it is when they do not.
class held_intake final : public port::byte_sink {
  public:
    held_intake(port::vault_intake& to, port::recording_store& store, const due_recording& r, millis claim)
        : to_(to), store_(store), recording_(r), claim_(claim), again_(steady::now() + claim / 3),
          surely_mine_until_(steady::now() + claim * 2 / 3) {}

    awaitable<void> write(std::string piece) override {
        bytes += piece.size();
        if (steady::now() >= again_) co_await prolong();
        try {
            co_await to_.write(std::move(piece));
        } catch (const port::unavailable& e) {
            throw vault_away(e.what());
        }
    }
    awaitable<void> hold(millis length) {
        bool mine = false;
        try {
            mine = co_await store_.hold(recording_.id, recording_.claim, length);
        } catch (const port::unavailable& e) {
            throw store_away(e.what());
        }
        if (!mine) throw claim_lost{};
        again_ = steady::now() + claim_ / 3;
        surely_mine_until_ = steady::now() + claim_ * 2 / 3;
    }

    std::uint64_t bytes = 0;

  private:
    // A store that is away for a moment costs no copy.
    awaitable<void> prolong() {
        bool held = false;
        try {
            co_await hold(claim_);
            held = true;
        } catch (const store_away&) {
            if (steady::now() >= surely_mine_until_) throw;
        }
        if (!held) again_ = steady::now() + claim_ / 12;
    }

    port::vault_intake& to_;
    port::recording_store& store_;
    const due_recording& recording_;
    millis claim_;
    steady::time_point again_;
    steady::time_point surely_mine_until_;
};

} // namespace

void note_failure(
    port::metrics& metrics, const due_recording& r, looked& l, std::string_view at, std::string why
) {
    l.failed = true;
    l.again_after = pause_after(r.attempts + 1);
    metrics.count("recording_failures_total", {{"at", at}});
    log::warn(
        "recording_failed", {{"recording", r.id.text()},
                             {"call", r.call},
                             {"at", at},
                             {"attempt", r.attempts + 1},
                             {"again_in_ms", l.again_after->count()},
                             {"why", why}}
    );
    l.error = std::string(at) + ": " + std::move(why);
}

awaitable<void> copier::copy(const due_recording& r, looked l) {
    const auto began = steady::now();
    const auto again_when_kept = std::exchange(l.again_after, std::nullopt);
    std::string made; // key that something may be kept under
    bool mine = true;
    std::exception_ptr cut; // stopped in the middle, or nobody can tell whose it is
    try {
        co_await copy_into(r, l, made);
    } catch (const claim_lost&) {
        mine = false;
    } catch (...) {
        cut = std::current_exception();
    }
    const bool kept = !cut && l.status == recording_status::kept;
    // From here on nobody stops it halfway: what was made is written down, or goes.
    co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
    if (!made.empty() && !kept) co_await forget(made);
    if (cut) std::rethrow_exception(cut);
    if (!kept) {
        if (mine) (void)co_await store_.settle(std::move(l));
        co_return;
    }
    l.again_after = again_when_kept;
    try {
        mine = co_await write_down(l);
    } catch (const port::unavailable&) {
        throw; // it may have been written down
    } catch (...) {
        cut = std::current_exception(); // it was not, and is made once more under another key
    }
    if (!mine || cut) co_await forget(made);
    if (cut) std::rethrow_exception(cut);
    if (!mine) co_return;
    metrics_.count("recordings_copied_total");
    metrics_.count("recordings_copied_bytes_total", {}, static_cast<double>(l.content.bytes));
    const std::chrono::duration<double> took = steady::now() - began;
    metrics_.observe("recording_copy_seconds", took.count());
    log::info("recording_kept", {{"recording", r.id.text()}, {"call", r.call}, {"bytes", l.content.bytes}});
}

awaitable<void> copier::copy_into(const due_recording& r, looked& l, std::string& made) {
    const bool told = address_is_fresh(r);
    for (const bool fresh : {told, false}) {
        const auto from = co_await address_of(r, l, fresh);
        if (!from) co_return;
        const bool gone = co_await copy_from(r, *from, l, made);
        if (!gone) co_return;
        if (!fresh) break; // else the address has run out: one more, with a new one
    }
    note_failure(metrics_, r, l, "carrier", "it does not give what it offers");
}

/// Where it can be had. Without one, `l` says what follows.
awaitable<std::optional<port::carrier_recording>>
copier::address_of(const due_recording& r, looked& l, bool fresh) {
    if (fresh) {
        port::carrier_recording known;
        known.url = r.carrier_url;
        known.format = r.format;
        co_return known;
    }
    std::optional<port::carrier_recording> found;
    try {
        found = co_await carrier_.find(r.carrier_id);
    } catch (const port::unavailable& e) {
        note_failure(metrics_, r, l, "carrier", e.what());
        co_return std::nullopt;
    }
    if (found) absent_.erase(r.id);
    if (found && !found->url.empty()) co_return found;
    if (!found && surely_absent(r)) {
        l.status = recording_status::lost;
        l.at_carrier = false;
        l.error = "carrier: it has no such recording any more";
        metrics_.count("recordings_lost_total");
        log::error("recording_lost", {{"recording", r.id.text()}, {"call", r.call}, {"org", r.org}});
        co_return std::nullopt;
    }
    note_failure(metrics_, r, l, "carrier", found ? "it offers no address" : "it knows no such recording");
    co_return std::nullopt;
}

// Failures of other kinds do not count: a vault that was full for a day proves nothing about the carrier.
bool copier::surely_absent(const due_recording& r) {
    const auto now = steady::now();
    if (absent_.size() >= k_most_absent) absent_.clear();
    auto& a = absent_.try_emplace(r.id, absence{0, now}).first->second;
    return is_lost(++a.times, std::chrono::floor<millis>(now - a.since));
}

/// true: the address does not give it.
awaitable<bool>
copier::copy_from(const due_recording& r, const port::carrier_recording& from, looked& l, std::string& made) {
    const auto key = key_of(r, from.format);
    std::string_view at = "vault";
    std::string why;
    try {
        const auto intake = co_await vault_.begin(key);
        held_intake held(*intake, store_, r, s_.claim);
        at = "carrier";
        const auto got = co_await carrier_.fetch(from.url, held);
        if (got == port::fetched::refused) co_return true;
        if (held.bytes == 0) throw port::unavailable("it sent nothing");
        co_await held.hold(s_.last_claim);
        at = "vault";
        made = key;
        l.content = co_await intake->keep();
        l.status = recording_status::kept;
        l.format = from.format;
        l.copy = {std::string(vault_.kind()), key};
        co_return false;
    } catch (const store_away&) {
        throw;
    } catch (const vault_away& e) {
        at = "vault";
        why = e.what();
    } catch (const port::unavailable& e) {
        why = e.what();
    }
    note_failure(metrics_, r, l, at, std::move(why));
    co_return false;
}

/// false: it is somebody else's. Nobody else takes it before the claim runs out, so that a store that is away
/// meanwhile costs no copy, and leaves none that no row knows of.
awaitable<bool> copier::write_down(const looked& l) {
    const auto until = steady::now() + s_.last_claim;
    for (std::uint32_t failures = 1;; ++failures) {
        std::string why;
        try {
            const bool mine = co_await store_.settle(l);
            co_return mine;
        } catch (const port::unavailable& e) {
            why = e.what();
        }
        const auto pause = rt::growing(k_first_wait, k_longest_wait, failures);
        if (stopping_ || steady::now() + pause >= until) {
            // Not removed: it may have been written down, with the answer lost.
            log::error(
                "recording_copy_left", {{"recording", l.id.text()}, {"key", l.copy.key}, {"why", why}}
            );
            throw port::unavailable(why);
        }
        log::warn("recording_not_written_down", {{"recording", l.id.text()}, {"why", why}});
        co_await idle(pause);
    }
}

/// In steps, as nothing else may cut it short.
awaitable<void> copier::idle(millis pause) {
    const auto until = steady::now() + pause;
    while (!stopping_ && steady::now() < until) {
        const auto left = std::min<steady::duration>(until - steady::now(), k_first_wait);
        co_await rt::sleep_for(left);
    }
}

awaitable<bool> copier::removed(std::string key) {
    co_await vault_.remove(std::move(key));
    co_return true;
}

// Nobody will ask for it under this key.
awaitable<void> copier::forget(std::string key) {
    std::string why;
    try {
        const auto done = co_await rt::with_timeout(removed(key), k_forget_limit);
        if (!done) why = "the vault does not answer in time";
    } catch (const port::unavailable& e) {
        why = e.what();
    }
    if (!why.empty()) log::warn("recording_copy_left", {{"key", key}, {"why", why}});
}

} // namespace z360::recording_keeper
