// SPDX-License-Identifier: LicenseRef-z360-proprietary
// All but the ring: whom closed hours and blocks keep away, what a caller is told, what is recorded.
#include "judge.hpp"
#include "judge_bench.hpp"

#include <z360/call/account.hpp>

#include <map>
#include <set>
#include <string_view>

namespace z360::testing {
namespace {

using call::recording_policy;
using call::recording_view;

constexpr millis k_longest_greeting{75'000}; // audio that fails with nobody told, then words
constexpr millis k_recorded_again{7'000};    // BE-24, from the join
constexpr millis k_unrecorded_end{8'000};
constexpr millis k_slow_commit{3'000};
constexpr millis k_apart{8'000}; // requests that cannot overtake each other

template <class Record>
std::string text_of(const Record& r, const char* key) {
    return r.body.value(key, std::string{});
}

class inquest : bench {
  public:
    explicit inquest(const world& w) : bench(w), route_(heeded(w.what)) {
        if (!w.db.calls().empty()) row_ = &w.db.calls().begin()->second;
    }
    std::vector<std::string> run() {
        if (row_ == nullptr) return {};
        closed_hours_and_blocks_ring_nobody();
        if (blocked()) whom_we_block_is_turned_away();
        the_caller_is_told_what_was_set();
        messages_are_kept();
        who_leaves_in_the_greeting_has_missed_us();
        nothing_is_recorded_against_the_rules();
        paused_means_that_nothing_is_stored();
        for (const auto& b : seen_.bridges)
            talk_is_recorded(b);
        requests_are_judged();
        nobody_is_kept();
        return std::move(found_);
    }

  private:
    [[nodiscard]] const call::policy& rules() const { return route_.rules; }
    [[nodiscard]] const call::state& stored() const { return row_->call.state; }
    [[nodiscard]] bool blocked() const { return route_.verdict == call::route_verdict::blocked_caller; }
    [[nodiscard]] bool takes_messages() const { return !blocked() && rules().takes_messages; }
    /// Carried out, on the caller's leg.
    [[nodiscard]] std::vector<const sim::command_record*> of_caller(std::string_view verb) const {
        auto all = seen_.commands_of(verb);
        std::erase_if(all, [this](const auto* c) { return !c->acted_at || c->call_control_id != w_.caller; });
        return all;
    }
    [[nodiscard]] bool was_said(const std::string& text) const {
        const auto all = of_caller("speak");
        return std::any_of(all.begin(), all.end(), [&text](const auto* c) {
            return text_of(*c, "payload") == text;
        });
    }
    [[nodiscard]] std::vector<const sim::saved_recording*> recordings_of(const std::string& leg) const {
        std::vector<const sim::saved_recording*> out;
        for (const auto& r : seen_.recordings)
            if (r.call_control_id == leg) out.push_back(&r);
        return out;
    }
    [[nodiscard]] bool told_in_vain(std::string_view type) const {
        for (const auto* e : seen_.webhooks_of(type))
            if (e->state == sim::delivery_state::failed) return true;
        return false;
    }

    void closed_hours_and_blocks_ring_nobody() {
        if (route_.cause == call::route_cause::as_set) return;
        for (const auto* d : seen_.commands_of("dial"))
            say("closed or blocked: " + d->target + " was dialed");
        for (const auto& p : w_.pushed)
            if (blocked() || p.what.what != push::kind::missed_call)
                say("closed or blocked: device " + std::to_string(p.what.device.value) + " was told");
    }

    // B43: not answered at all, or told so, to the end.
    void whom_we_block_is_turned_away() {
        if (stored().reason != call::end_reason::rejected)
            say("B43: the end is called " + std::string(call::name(stored().reason)));
        if (rules().voicemail_greeting.empty()) {
            if (caller_.answered_at) say("B43: a blocked caller was answered");
            if (caller_.ended_at && *caller_.ended_at > excused(caller_.began) + bound())
                say("B43: a blocked caller was left ringing");
            return;
        }
        const auto by_us = of_caller("hangup");
        if (by_us.empty() || !commands_work()) return;
        if (!was_said(rules().voicemail_greeting)) say("B43: a blocked caller was told nothing");
        for (const auto* e : seen_.webhooks_of("call.speak.ended"))
            if (e->data["payload"]["status"] == "call_hangup" && *by_us.front()->acted_at == e->emitted_at)
                say("B43: what a blocked caller is told was cut off");
    }

    // Where commands work; a greeting may be refused, and the message is recorded all the same.
    void the_caller_is_told_what_was_set() {
        if (!commands_work() || blocked()) return;
        const auto records = of_caller("record_start");
        const auto plays = of_caller("playback_start");
        const auto& url = rules().voicemail_greeting_url;
        const bool played = std::any_of(plays.begin(), plays.end(), [&url](const auto* c) {
            return !url.empty() && text_of(*c, "audio_url") == url;
        });
        const bool asks = rules().voicemail_greeting != rules().unavailable_message;
        if (!takes_messages() && (played || (asks && was_said(rules().voicemail_greeting))))
            say("BE-26: a caller was asked for a message that nobody takes");
        if (records.empty()) return;
        const bool playable =
            !url.empty() && !w_.what.carrier.missing_audio.contains(url) && !refuses_audio();
        if (playable && !played) say("BE-26: the wrong greeting");
        if (playable == was_said(rules().voicemail_greeting) && !told_in_vain("call.playback.ended"))
            say("BE-26: the greeting was not said, or said beside its audio");
        for (const auto* e : seen_.webhooks_of("call.playback.ended"))
            if (e->data["payload"]["media_url"] == url && e->emitted_at > *records.front()->acted_at)
                say("BE-26: the greeting's audio was recorded over");
    }

    [[nodiscard]] bool refuses_audio() const {
        const auto& all = w_.what.carrier_faults;
        return std::any_of(all.begin(), all.end(), [](const auto& f) { return f.verb == "playback_start"; });
    }

    // One at most, no longer than it may be, and ours if the carrier told us of it (I3).
    void messages_are_kept() {
        const auto kept = recordings_of(w_.caller);
        if (kept.size() > 1) say("two messages were recorded");
        if (!takes_messages() && !kept.empty()) say("I17: a message was recorded that nobody takes");
        for (const auto* r : kept)
            if (r->length() > rules().voicemail_max + millis{100}) say("BE-26: the message is too long");
        std::set<std::string> known;
        for (const auto& r : stored().recordings) {
            known.insert(r.id);
            const auto of = call::purpose_of(stored(), r);
            const bool message =
                std::any_of(kept.begin(), kept.end(), [&r](const auto* k) { return k->id == r.id; });
            if (message != (of == call::recording_purpose::message) &&
                (!message || first_bridge() == std::nullopt))
                say("a recording is taken for a " + std::string(call::name(of)));
        }
        for (const auto* e : seen_.webhooks_of("call.recording.saved")) {
            const auto id = e->data["payload"]["recording_id"].get<std::string>();
            if (e->state != sim::delivery_state::failed && !known.contains(id))
                say("BE-32: a recording was told of and is not known");
        }
        if (known.size() > seen_.recordings.size()) say("a recording is known that is none");
    }

    void who_leaves_in_the_greeting_has_missed_us() {
        if (blocked() || first_bridge()) return;
        std::vector<call::recorded> all;
        for (const auto& r : stored().recordings)
            all.push_back({r.id, call::purpose_of(stored(), r), r.format, r.began_at, r.ended_at, r.url});
        const auto booked = call::account_of(stored(), all);
        if (!booked.missed) say("BE-26: nobody talked to the caller, and it is no missed call");
        if (of_caller("record_start").empty() && booked.voicemail) say("BE-26: a message that nobody left");
        if (!commands_work() || !w_.caller_end_accepted) return;
        for (const auto* c : seen_.commands_of("record_start"))
            if (c->at > excused(*w_.caller_end_accepted) + bound())
                say("BE-26: a message was to be recorded of a caller who had left");
    }

    // I17: by the rules that the call began with. A message is what its caller leaves, not what a talk is.
    void nothing_is_recorded_against_the_rules() {
        const auto policy = call::recording_of(rules());
        for (const auto& r : seen_.recordings) {
            if (r.call_control_id != w_.caller) {
                if (policy == recording_policy::off) say("I17: " + r.call_control_id + " was recorded");
                continue;
            }
            for (const auto& b : seen_.bridges)
                if (r.began < b.ended.value_or(w_.time.now()) && r.ended > b.began)
                    say("I17: a message was recorded in a talk from " + ms(std::max(r.began, b.began)));
        }
        if (policy == recording_policy::on) return;
        for (const auto* verb : {"record_pause", "record_resume"})
            if (!seen_.commands_of(verb).empty()) say("I17: " + std::string(verb) + " against the rules");
    }

    // And as long as it is shown as recorded it is.
    void paused_means_that_nothing_is_stored() {
        const auto& shown = row_->recording;
        for (std::size_t i = 0; i < shown.size(); ++i) {
            const auto [from, what] = shown[i];
            const auto until = i + 1 < shown.size() ? shown[i + 1].first : w_.time.now();
            for (const auto& r : seen_.recordings) {
                if (r.call_control_id == w_.caller) continue;
                if (what == recording_view::paused && stores(r, from, std::min(until, resumed(from))))
                    say("I17: recorded while paused, from " + ms(from));
                if (what == recording_view::on) pauses_end(r, from, until);
            }
        }
    }
    /// A node that does not reach the store resumes before that is stored, and before it is stored that it
    /// was paused: who asked for it knows.
    [[nodiscard]] time_point resumed(time_point paused) const {
        auto first = time_point::max();
        if (w_.what.level < trouble::nodes && w_.what.what_happens == mishap::none) return first;
        for (const auto& r : w_.requests)
            if (!r.pause && r.at + k_slow_commit >= paused) first = std::min(first, r.at);
        return first;
    }
    /// Something that was said between these two.
    [[nodiscard]] static bool stores(const sim::saved_recording& r, time_point from, time_point until) {
        auto at = std::max(r.began, from);
        const auto end = std::min(r.ended, until);
        for (const auto& [began, over] : r.pauses)
            if (began <= at && over > at) at = over;
        return at < end;
    }
    void pauses_end(const sim::saved_recording& r, time_point from, time_point until) {
        for (const auto& [began, over] : r.pauses)
            if (std::min(over, until) > excused(std::max(began, from)) + bound())
                say("BE-24: shown as recorded, and paused from " + ms(std::max(began, from)));
    }

    void talk_is_recorded(const sim::bridge_record& b) {
        const auto policy = call::recording_of(rules());
        if (policy == recording_policy::off || unrecorded()) return;
        std::optional<time_point> fault;
        for (const auto* e : seen_.webhooks_of("call.recording.error"))
            if (e->call_control_id == b.device && (!fault || e->emitted_at < *fault)) fault = e->emitted_at;
        const auto end = b.ended.value_or(w_.time.now());
        const auto all = recordings_of(b.device);
        const bool from_the_join =
            std::any_of(all.begin(), all.end(), [&b](const auto* r) { return r->began == b.began; });
        if (!fault && !from_the_join) say("BE-24: the talk from " + ms(b.began) + " was not recorded");
        if (!fault || pauses_granted() || nobody_can_know(b)) return;
        const bool to_the_end = std::any_of(all.begin(), all.end(), [end](const auto* r) {
            return r->began < end && r->ended == end;
        });
        const auto began = excused(b.began);
        if (to_the_end || end <= began + k_recorded_again + bound()) return;
        if (!stored().recorder.unavailable) say("BE-24: a talk is not recorded, and nobody knows");
        const bool ends = policy == recording_policy::mandatory && rules().ends_unrecorded;
        if (ends && end > began + k_unrecorded_end + bound())
            say("BE-24: a talk that must be recorded went on until " + ms(end));
    }
    /// The carrier is not asked for a report that was lost where it has named the recording.
    [[nodiscard]] bool nobody_can_know(const sim::bridge_record& b) const {
        if (w_.what.reconciles || !w_.what.carrier.unknown.bridge_names_recording) return false;
        for (const auto* e : seen_.webhooks_of("call.recording.error"))
            if (e->call_control_id == b.device) return e->state == sim::delivery_state::failed;
        return false;
    }
    /// A bridge may have recorded nothing and nobody was told: nobody can know.
    [[nodiscard]] bool unrecorded() const {
        const auto& all = w_.what.carrier_faults;
        return std::any_of(all.begin(), all.end(), [](const auto& f) { return f.unrecorded; });
    }
    [[nodiscard]] static bool granted(const world::request_made& r) {
        return std::find(r.verdicts.begin(), r.verdicts.end(), call::refusal::none) != r.verdicts.end();
    }
    [[nodiscard]] bool pauses_granted() const {
        return std::any_of(w_.requests.begin(), w_.requests.end(), granted);
    }

    // Once each, for whom talks alone, and what is granted comes to pass.
    void requests_are_judged() {
        const world::request_made* last = nullptr;
        std::map<std::string, std::set<call::refusal>> judged;
        for (const auto& r : w_.requests) {
            judged[r.id].insert(r.verdicts.begin(), r.verdicts.end());
            // A node that does not reach the store decides in its memory, and others may decide otherwise.
            if (judged[r.id].size() > 1 && w_.what.level < trouble::nodes &&
                w_.what.what_happens == mishap::none)
                say(r.id + " was judged twice");
            if (!granted(r)) continue;
            if (call::recording_of(rules()) != recording_policy::on || !talked(r.device))
                say("I17: " + r.id + " was granted");
            const bool first = &first_of(r.id) == &r; // a repeat is judged no more
            if (first && (last == nullptr || r.at > last->at)) last = &r;
        }
        if (last != nullptr && commands_work() && w_.what.carrier_faults.empty()) comes_to_pass(*last);
    }
    [[nodiscard]] const world::request_made& first_of(const std::string& id) const {
        return *std::find_if(w_.requests.begin(), w_.requests.end(), [&id](const auto& r) {
            return r.id == id;
        });
    }
    [[nodiscard]] bool talked(device_id d) const {
        return std::any_of(seen_.bridges.begin(), seen_.bridges.end(), [&](const auto& b) {
            const auto l = w_.tel.leg(b.device);
            return l && l->username == sip_username(static_cast<std::size_t>(d.value - 1));
        });
    }
    void comes_to_pass(const world::request_made& last) {
        const auto apart = calm() ? millis{100} : k_apart;
        for (const auto& r : w_.requests)
            if (r.id != last.id && r.at + apart > last.at) return; // which was decided last nobody can say
        const auto& b = seen_.bridges.back();
        const auto end = b.ended.value_or(w_.time.now());
        if (end <= excused(last.at) + bound()) return;
        for (const auto* r : recordings_of(b.device)) {
            const bool paused = !r->pauses.empty() && r->pauses.back().second == r->ended;
            if (paused != last.pause) say("I17: " + last.id + " was granted and came to nothing");
        }
    }

    // B24: whatever is lost, a caller whom nobody answers is let go in the end.
    void nobody_is_kept() {
        if (first_bridge() || !caller_.ended_at) return;
        const auto ring = route_.cause == call::route_cause::as_set ? longest_ring() : millis{0};
        const auto voicemail = k_longest_greeting + rules().voicemail_max + lost_end();
        if (*caller_.ended_at > excused(caller_.began) + ring + voicemail + bound())
            say("B24: the caller was kept until " + ms(*caller_.ended_at));
    }

    call::route route_; ///< as the call heeds it
    const store::call_row* row_ = nullptr;
};

} // namespace

std::vector<std::string> judge_life(const world& w) {
    return inquest(w).run();
}

// Where commands fail, it may be unknown what became of the order to record.
bool may_end_unrecorded(const world& w, const sim::bridge_record& talk) {
    const auto& rules = w.what.routed.rules;
    if (call::recording_of(rules) != recording_policy::mandatory || !rules.ends_unrecorded) return false;
    const auto& seen = w.tel.seen();
    const bool recorded = std::any_of(seen.recordings.begin(), seen.recordings.end(), [&](const auto& r) {
        return r.call_control_id == talk.device && r.ended == talk.ended;
    });
    const auto orders = seen.commands_of("record_start");
    const bool in_doubt =
        !commands_work(w.what) && std::any_of(orders.begin(), orders.end(), [&talk](const auto* c) {
            return c->call_control_id == talk.device;
        });
    return !recorded || in_doubt;
}

} // namespace z360::testing
