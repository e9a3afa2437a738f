// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "recording_keeper/rules.hpp"

#include <z360/log.hpp>
#include <z360/port/errors.hpp>
#include <z360/recording_keeper.hpp>
#include <z360/rt/supervisor.hpp>
#include <z360/rt/sync.hpp>

#include <boost/system/system_error.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace z360::recording_keeper {
namespace {

using boost::asio::awaitable;
using port::due_recording;
using port::looked;
using port::recording_status;
using steady = rt::clock;

constexpr std::chrono::seconds k_late{60};
constexpr std::chrono::minutes k_tidy_late{30};
constexpr millis k_count_every{15'000};
constexpr millis k_back{2 * 3'600'000}; // a program of the version before may still run beside this one
constexpr millis k_first_back{30LL * 24 * 3'600'000};
constexpr std::size_t k_batch = 200;

/// Somebody else works on it, or it is to be removed: what was made of it goes.
struct claim_lost : std::exception {
    [[nodiscard]] const char* what() const noexcept override { return "the claim has run out"; }
};

/// Holds the claim while bytes come, and tells whose fault it is when they do not.
class held_intake final : public port::byte_sink {
  public:
    held_intake(port::vault_intake& to, port::recording_store& store, const due_recording& r, millis claim)
        : to_(to), store_(store), recording_(r), claim_(claim), again_(steady::now() + claim / 3) {}

    awaitable<void> write(std::string piece) override {
        bytes += piece.size();
        if (steady::now() >= again_) co_await hold(claim_);
        try {
            co_await to_.write(std::move(piece));
        } catch (const port::unavailable&) {
            vault_failed = true;
            throw;
        }
    }
    awaitable<void> hold(millis length) {
        const bool mine = co_await store_.hold(recording_.id, recording_.claim, length);
        if (!mine) throw claim_lost{};
        again_ = steady::now() + claim_ / 3;
    }

    std::uint64_t bytes = 0;
    bool vault_failed = false;

  private:
    port::vault_intake& to_;
    port::recording_store& store_;
    const due_recording& recording_;
    millis claim_;
    steady::time_point again_;
};

looked start_of(const due_recording& r) {
    looked l;
    l.id = r.id;
    l.claim = r.claim;
    l.status = r.status;
    return l;
}

class keeper_impl final : public keeper {
  public:
    keeper_impl(boost::asio::any_io_executor ex, ports p, settings s)
        : p_(std::move(p)), s_(s), wake_(ex), work_(ex),
          loops_(ex, [this](std::string_view name, std::string_view) {
              p_.metrics.count("loop_failures_total", {{"loop", name}});
          }) {}

    void start() override {
        for (const auto* name :
             {"recordings_copied_total", "recordings_copied_bytes_total", "recordings_lost_total",
              "recordings_removed_total", "voicemails_told_total"})
            p_.metrics.count(name, {}, 0);
        for (const auto* at : {"carrier", "vault"})
            p_.metrics.count("recording_failures_total", {{"at", at}}, 0);
        rt::loop_settings look{.name = "recordings", .late_after = k_late, .wake = &wake_, .next = [this] {
                                   return more_ && running_ < s_.parallel ? millis{0} : s_.look_every;
                               }};
        loops_.run(std::move(look), [this] { return look_round(); });
        rt::loop_settings tidy{
            .name = "recordings_tidy", .period = s_.tidy_every, .late_after = s_.tidy_every + k_tidy_late
        };
        loops_.run(std::move(tidy), [this] { return tidy_round(); });
        rt::loop_settings count{.name = "recordings_count", .period = k_count_every, .late_after = k_late};
        loops_.run(std::move(count), [this] { return count_round(); });
    }

    awaitable<void> stop() override {
        co_await loops_.join();
        co_await work_.join();
    }
    std::vector<loop_state> loops() const override { return loops_.states(); }

  private:
    awaitable<void> look_round() {
        more_ = false;
        if (running_ >= s_.parallel) co_return;
        const auto free = s_.parallel - running_;
        auto due = co_await p_.store.claim(free, s_.claim);
        more_ = due.size() == free;
        for (auto& r : due) {
            ++running_;
            work_.spawn(look_at(std::move(r)));
        }
    }

    awaitable<void> look_at(due_recording r) {
        struct place {
            keeper_impl& of;
            ~place() {
                --of.running_;
                if (of.more_) of.wake_.set();
            }
        } const taken{*this};
        try {
            co_await handle(r);
        } catch (const port::unavailable& e) { // of the database: the claim runs out by itself
            log::warn("recording_not_looked_at", {{"recording", r.id.text()}, {"why", e.what()}});
        }
    }

    awaitable<void> handle(const due_recording& r) {
        const auto what = next_action(r, {p_.vault != nullptr, s_.remove_originals});
        auto l = start_of(r);
        if (worth_telling(r, what)) l.notified = co_await tell(r);
        switch (what) {
        case action::fetch: co_await copy(r, std::move(l)); co_return;
        case action::remove_original: co_await remove_original(r, l); break;
        case action::remove: co_await remove_all(r, l); break;
        case action::discard:
            l.status = recording_status::removing;
            l.again_after = millis{0};
            l.error = "empty message";
            break;
        case action::rest: break;
        }
        if (!r.notified && !l.notified && worth_telling(r, what) && p_.orders != nullptr && !l.again_after)
            l.again_after = pause_after(r.attempts + 1), l.failed = true;
        (void)co_await p_.store.settle(std::move(l));
    }

    // Placed once, however often it is asked for: the order has the recording's id for its key.
    awaitable<bool> tell(const due_recording& r) {
        if (p_.orders == nullptr) co_return false;
        port::push_order o;
        o.org = r.org;
        o.key = "voicemail-" + r.id.text();
        o.fingerprint = o.key;
        o.users = {r.user};
        o.shown = telling(r);
        o.ttl = s_.tell_for;
        try {
            const auto answer = co_await p_.orders->place(port::tenant_scope::of(r.org), std::move(o));
            if (answer.went == port::push_answer::how::too_many_wait) co_return false;
            if (!answer.repeated) p_.metrics.count("voicemails_told_total");
            if (p_.order_placed) p_.order_placed();
            co_return true;
        } catch (const port::unavailable& e) {
            log::warn("voicemail_not_told", {{"recording", r.id.text()}, {"why", e.what()}});
        }
        co_return false;
    }

    void failed(const due_recording& r, looked& l, std::string_view at, std::string why) {
        l.failed = true;
        l.again_after = pause_after(r.attempts + 1);
        p_.metrics.count("recording_failures_total", {{"at", at}});
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

    /// Where it can be had. Without one, `l` says what follows.
    awaitable<std::optional<port::carrier_recording>>
    address_of(const due_recording& r, looked& l, bool fresh) {
        if (fresh) {
            port::carrier_recording known;
            known.url = r.carrier_url;
            known.format = r.format;
            co_return known;
        }
        std::optional<port::carrier_recording> found;
        try {
            found = co_await p_.carrier.find(r.carrier_id);
        } catch (const port::unavailable& e) {
            failed(r, l, "carrier", e.what());
            co_return std::nullopt;
        }
        if (found && !found->url.empty()) co_return found;
        if (!found && is_lost(r)) {
            l.status = recording_status::lost;
            l.at_carrier = false;
            l.error = "carrier: it has no such recording any more";
            p_.metrics.count("recordings_lost_total");
            log::error("recording_lost", {{"recording", r.id.text()}, {"call", r.call}, {"org", r.org}});
            co_return std::nullopt;
        }
        failed(r, l, "carrier", found ? "it offers no address" : "it knows no such recording");
        co_return std::nullopt;
    }

    awaitable<void> copy(const due_recording& r, looked l) {
        const auto began = steady::now();
        std::string made; // key that something may be kept under
        bool mine = true;
        try {
            co_await copy_into(r, l, made);
        } catch (const claim_lost&) {
            mine = false;
        }
        const bool kept = l.status == recording_status::kept;
        if (kept && s_.remove_originals) l.again_after = millis{0};
        const auto bytes = l.content.bytes;
        if (mine) mine = co_await p_.store.settle(std::move(l));
        if (!made.empty() && (!mine || !kept)) co_await forget(made);
        if (!mine || !kept) co_return;
        p_.metrics.count("recordings_copied_total");
        p_.metrics.count("recordings_copied_bytes_total", {}, static_cast<double>(bytes));
        const std::chrono::duration<double> took = steady::now() - began;
        p_.metrics.observe("recording_copy_seconds", took.count());
        log::info("recording_kept", {{"recording", r.id.text()}, {"call", r.call}, {"bytes", bytes}});
    }

    awaitable<void> copy_into(const due_recording& r, looked& l, std::string& made) {
        const bool told = address_is_fresh(r);
        for (const bool fresh : {told, false}) {
            const auto from = co_await address_of(r, l, fresh);
            if (!from) co_return;
            const bool gone = co_await copy_from(r, *from, l, made);
            if (!gone) co_return;
            if (!fresh) break; // else the address has run out: one more, with a new one
        }
        failed(r, l, "carrier", "it does not give what it offers");
    }

    /// true: the address does not give it.
    awaitable<bool>
    copy_from(const due_recording& r, const port::carrier_recording& from, looked& l, std::string& made) {
        const auto key = key_of(r, from.format);
        std::unique_ptr<port::vault_intake> intake;
        bool vault_failed = true;
        std::string why;
        try {
            intake = co_await p_.vault->begin(key);
            held_intake held(*intake, p_.store, r, s_.claim);
            vault_failed = false;
            try {
                const auto got = co_await p_.carrier.fetch(from.url, held);
                if (got == port::fetched::refused) co_return true;
            } catch (const port::unavailable&) {
                vault_failed = held.vault_failed;
                throw;
            }
            if (held.bytes == 0) throw port::unavailable("it sent nothing");
            vault_failed = true;
            co_await held.hold(s_.last_claim);
            made = key;
            l.content = co_await intake->keep();
            l.status = recording_status::kept;
            l.copy = {std::string(p_.vault->kind()), key};
            co_return false;
        } catch (const port::unavailable& e) {
            why = e.what();
        }
        failed(r, l, vault_failed ? "vault" : "carrier", std::move(why));
        co_return false;
    }

    // Nobody will ask for it under this key.
    awaitable<void> forget(std::string key) {
        try {
            co_await p_.vault->remove(key);
        } catch (const port::unavailable& e) {
            log::warn("recording_copy_left", {{"key", key}, {"why", e.what()}});
        }
    }

    awaitable<void> remove_original(const due_recording& r, looked& l) {
        try {
            co_await p_.carrier.remove(r.carrier_id);
            l.at_carrier = false;
        } catch (const port::unavailable& e) {
            failed(r, l, "carrier", e.what());
        }
    }

    awaitable<void> remove_all(const due_recording& r, looked& l) {
        if (!r.copy.key.empty()) {
            if (p_.vault == nullptr || p_.vault->kind() != r.copy.vault) {
                failed(
                    r, l, "vault",
                    "the copy is in a vault of kind " + r.copy.vault + ", which is not configured"
                );
                co_return;
            }
            std::string why;
            try {
                co_await p_.vault->remove(r.copy.key);
            } catch (const port::unavailable& e) {
                why = e.what();
            }
            if (!why.empty()) {
                failed(r, l, "vault", std::move(why));
                co_return;
            }
        }
        if (r.at_carrier) co_await remove_original(r, l);
        if (l.failed) co_return;
        l.status = recording_status::removed;
        p_.metrics.count("recordings_removed_total");
        log::info("recording_removed", {{"recording", r.id.text()}, {"call", r.call}});
    }

    awaitable<void> tidy_round() {
        const auto made = co_await p_.store.adopt(k_back, k_first_back);
        if (made > 0) log::info("recordings_adopted", {{"count", made}});
        for (std::size_t n = k_batch; p_.vault != nullptr && n == k_batch;)
            n = co_await p_.store.wake(k_batch);
        std::size_t old = 0;
        for (std::size_t n = k_batch; n == k_batch; old += n)
            n = co_await p_.store.expire(s_.keep_for, k_batch);
        if (old > 0) log::info("recordings_kept_long_enough", {{"count", old}});
    }

    awaitable<void> count_round() {
        const auto f = co_await p_.store.figures();
        p_.metrics.gauge("recordings_waiting", static_cast<double>(f.waiting));
        p_.metrics.gauge("recordings_failing", static_cast<double>(f.failing));
        p_.metrics.gauge(
            "recordings_waiting_oldest_seconds", std::chrono::duration<double>(f.oldest).count()
        );
    }

    ports p_;
    const settings s_;
    rt::event wake_;
    std::size_t running_ = 0;
    bool more_ = false;
    rt::task_group work_;
    rt::supervisor loops_;
};

} // namespace

std::unique_ptr<keeper> make_keeper(boost::asio::any_io_executor ex, ports p, settings s) {
    return std::make_unique<keeper_impl>(std::move(ex), std::move(p), s);
}

} // namespace z360::recording_keeper
