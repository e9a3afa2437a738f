// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "recording_keeper/copier.hpp"
#include "recording_keeper/rules.hpp"
#include "recording_keeper/search.hpp"

#include <z360/log.hpp>
#include <z360/port/errors.hpp>
#include <z360/recording_keeper.hpp>
#include <z360/rt/supervisor.hpp>
#include <z360/rt/sync.hpp>

#include <boost/system/system_error.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
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
        : p_(std::move(p)), s_(s), searcher_(p_.store, p_.carrier, p_.metrics), wake_(ex), work_(ex),
          loops_(ex, [this](std::string_view name, std::string_view) {
              p_.metrics.count("loop_failures_total", {{"loop", name}});
          }) {
        if (p_.vault != nullptr) copier_.emplace(p_.store, p_.carrier, *p_.vault, p_.metrics, s_);
    }

    void start() override {
        for (const auto* name :
             {"recordings_copied_total", "recordings_copied_bytes_total", "recordings_lost_total",
              "recordings_removed_total", "recordings_found_total", "recordings_missing_total",
              "voicemails_told_total"})
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
        rt::loop_settings search{
            .name = "recordings_search",
            .period = s_.search_every,
            .late_after = s_.search_every + k_tidy_late
        };
        loops_.run(std::move(search), [this] { return searcher_.round(); });
        rt::loop_settings count{.name = "recordings_count", .period = k_count_every, .late_after = k_late};
        loops_.run(std::move(count), [this] { return count_round(); });
    }

    awaitable<void> stop() override {
        stopping_ = true;
        if (copier_) copier_->stop();
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
        } catch (const std::exception& e) { // e.g. the database is away: the claim runs out by itself
            if (!stopping_)
                log::warn("recording_not_looked_at", {{"recording", r.id.text()}, {"why", e.what()}});
        }
    }

    awaitable<void> handle(const due_recording& r) {
        const auto what = next_action(r, {p_.vault != nullptr, s_.remove_originals});
        auto l = start_of(r);
        bool untold = p_.orders != nullptr && worth_telling(r, what);
        if (untold) {
            l.notified = co_await tell(r);
            untold = !l.notified;
        }
        switch (what) {
        case action::fetch:
            if (untold)
                l.again_after = pause_after(1);
            else if (s_.remove_originals)
                l.again_after = millis{0};
            co_await copier_->copy(r, std::move(l));
            co_return;
        case action::remove_original: co_await remove_original(r, l); break;
        case action::remove: co_await remove_all(r, l); break;
        case action::discard:
            l.status = recording_status::removing;
            l.again_after = millis{0};
            l.error = "empty message";
            break;
        case action::rest: break;
        }
        if (untold && !l.again_after) {
            l.again_after = pause_after(r.attempts + 1);
            l.failed = true;
        }
        (void)co_await p_.store.settle(std::move(l));
    }

    // Placed once, however often it is asked for: the order has the recording's id for its key. true: they
    // are told, or there is nobody to tell.
    awaitable<bool> tell(const due_recording& r) {
        port::push_order o;
        o.org = r.org;
        o.key = "voicemail-" + r.id.text();
        o.fingerprint = order_fingerprint(r.id);
        o.users = {r.user};
        o.shown = telling(r);
        o.ttl = s_.tell_for;
        using how = port::push_answer::how;
        try {
            const auto answer = co_await p_.orders->place(port::tenant_scope::of(r.org), std::move(o));
            if (answer.went == how::too_many_wait) co_return false;
            if (answer.went == how::placed) {
                if (!answer.repeated) p_.metrics.count("voicemails_told_total");
                if (p_.order_placed) p_.order_placed();
            }
            co_return true;
        } catch (const port::unavailable& e) {
            log::warn("voicemail_not_told", {{"recording", r.id.text()}, {"why", e.what()}});
        } catch (const boost::system::system_error&) {
            throw;                          // stopped
        } catch (const std::exception& e) { // a copy must not wait for that
            log::error("voicemail_not_told", {{"recording", r.id.text()}, {"why", e.what()}});
        }
        co_return false;
    }

    awaitable<void> remove_original(const due_recording& r, looked& l) {
        try {
            co_await p_.carrier.remove(r.carrier_id);
            l.at_carrier = false;
        } catch (const port::unavailable& e) {
            note_failure(p_.metrics, r, l, "carrier", e.what());
        }
    }

    awaitable<void> remove_all(const due_recording& r, looked& l) {
        if (!r.copy.key.empty()) {
            if (p_.vault == nullptr || p_.vault->kind() != r.copy.vault) {
                note_failure(
                    p_.metrics, r, l, "vault",
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
                note_failure(p_.metrics, r, l, "vault", std::move(why));
                co_return;
            }
        }
        if (r.at_carrier) co_await remove_original(r, l);
        if (l.failed) co_return;
        l.status = recording_status::removed;
        p_.metrics.count("recordings_removed_total");
        log::info("recording_removed", {{"recording", r.id.text()}, {"call", r.call}});
    }

    // One that fails keeps no other from its turn: what is to be forgotten is.
    awaitable<void> tidy_round() {
        std::exception_ptr failed;
        for (const auto part : {&keeper_impl::adopt, &keeper_impl::wake_resting, &keeper_impl::expire}) {
            try {
                co_await (this->*part)();
            } catch (const port::unavailable&) {
                failed = std::current_exception();
            }
        }
        if (failed) std::rethrow_exception(failed);
    }
    awaitable<void> expire() {
        std::size_t old = 0;
        for (std::size_t n = k_batch; n == k_batch; old += n)
            n = co_await p_.store.expire(s_.keep_for, s_.keep_at_most, k_batch);
        if (old > 0) log::info("recordings_kept_long_enough", {{"count", old}});
    }
    awaitable<void> wake_resting() {
        for (std::size_t n = k_batch; p_.vault != nullptr && n == k_batch;)
            n = co_await p_.store.wake(k_batch);
    }
    awaitable<void> adopt() {
        const auto made = co_await p_.store.adopt(k_back, k_first_back);
        if (made > 0) log::info("recordings_adopted", {{"count", made}});
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
    std::optional<copier> copier_; ///< with a vault
    searcher searcher_;
    rt::event wake_;
    std::size_t running_ = 0;
    bool more_ = false;
    bool stopping_ = false;
    rt::task_group work_;
    rt::supervisor loops_;
};

} // namespace

std::unique_ptr<keeper> make_keeper(boost::asio::any_io_executor ex, ports p, settings s) {
    return std::make_unique<keeper_impl>(std::move(ex), std::move(p), s);
}

} // namespace z360::recording_keeper
