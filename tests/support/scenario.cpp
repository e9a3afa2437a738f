// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "support/scenario.hpp"

#include <z360/base/overloaded.hpp>
#include <z360/call/view.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <vector>

namespace z360::testing {
namespace {

using namespace call;

const time_point k_start = time_point{millis{1'800'000'000'000}};

std::string since(time_point t) {
    return std::to_string((t - k_start).count());
}

class runner {
  public:
    scenario_result run(const std::string& script) {
        std::istringstream in(script);
        std::string line;
        while (result_.error.empty() && std::getline(in, line)) {
            if (line.starts_with("    ")) continue; // golden output of an earlier run: written anew
            result_.text += line + "\n";
            if (line.empty() || line[0] == '#') continue;
            std::istringstream words(line);
            std::string first;
            words >> first;
            if (first == "devices")
                words >> devices_;
            else if (first == "rule")
                rule(words);
            else
                step(std::stoll(first), words);
        }
        return result_;
    }

  private:
    void rule(std::istream& words) {
        std::string key;
        std::string value;
        words >> key >> value;
        const auto number = [&] { return millis{std::stoll(value)}; };
        if (key == "ring_time_ms")
            rules_.ring_time = number();
        else if (key == "bridge_limit_ms")
            rules_.bridge_limit = number();
        else if (key == "voicemail_max_ms")
            rules_.voicemail_max = number();
        else if (key == "ringback_url")
            rules_.ringback_url = value;
        else if (key == "push")
            rules_.wake_by_push = value == "true";
        else if (key == "greeting_url")
            rules_.voicemail_greeting_url = value;
        else if (key == "takes_messages")
            rules_.takes_messages = value == "true";
        else if (key == "recording") // off, on or mandatory
            record(value);
        else if (key == "ends_unrecorded")
            rules_.ends_unrecorded = value == "true";
        else if (key == "announcement")
            rules_.recording_announcement = value;
        else if (key == "mobile")
            mobile_ = value;
        else if (key == "mobile_after_ms")
            rules_.mobile_after = number();
        else if (key == "plan")
            plan_ = value;
        else if (key == "busy" || key == "do_not_disturb") // a device that is left out
            left_out_.emplace_back(
                std::stoll(value), key == "busy" ? kept_out::busy : kept_out::do_not_disturb
            );
        else if (key == "web") // the number of a device that is a browser
            browser_ = std::stoi(value);
        else if (key == "blocked") // rejected or told, or the same after "anonymous_"
            blocked_ = value;
        else if (key == "unknown_number")
            unknown_number_ = value == "true";
        else
            result_.error = "unknown rule " + key;
    }

    // "20000:1/10000,2|15000:3+5000,n+15550108888": waves by "|", each with the time until the next one; a
    // branch is a device, whose person has no other, or n (asked) or u (unasked) and a number, or an agent's
    // "sip:…" address, rung after
    // "+ms" and no longer than "/ms".
    void plan(route& r) const {
        std::istringstream waves(plan_);
        for (std::string text; std::getline(waves, text, '|');) {
            wave w;
            w.lasts = millis{std::stoll(text)};
            std::istringstream branches(text.substr(text.find(':') + 1));
            for (std::string b; std::getline(branches, b, ',');)
                w.branches.push_back(branch_in(b));
            r.plan.push_back(std::move(w));
        }
        for (auto& t : r.targets)
            t.user = user_id{1'000 + t.device.value};
        if (!plan_.empty()) {
            r.user = {};
            r.rules.ring_time = length_of(r.plan);
        }
    }
    static branch branch_in(const std::string& text) {
        branch b;
        if (text.starts_with("sip:")) {
            b.agent = text;
            return b;
        }
        auto who = text.substr(0, text.find('/'));
        if (text.find('/') != std::string::npos)
            b.lasts = millis{std::stoll(text.substr(text.find('/') + 1))};
        if (who[0] == 'n' || who[0] == 'u') {
            b.number = who.substr(1);
            b.asked = who[0] == 'n';
            return b;
        }
        if (const auto at = who.find('+'); at != std::string::npos)
            b.after = millis{std::stoll(who.substr(at + 1))};
        b.user = user_id{1'000 + std::stoll(who)};
        return b;
    }
    void record(const std::string& policy) {
        rules_.record_calls = policy != "off";
        rules_.recording_mandatory = policy == "mandatory";
    }

    void leave_out(route& r) const {
        for (const auto& [n, why] : left_out_)
            for (auto& t : r.targets)
                if (t.device.value == n) t.left_out = why;
        if (!left_out_.empty()) heed_cause(r);
    }

    void block(route& r) const {
        r.verdict = route_verdict::blocked_caller;
        r.cause = blocked_.starts_with("anonymous") ? route_cause::anonymous : route_cause::blocked;
        r.targets.clear();
        r.user = {};
        if (blocked_.ends_with("rejected")) r.rules.voicemail_greeting.clear();
    }

    void step(std::int64_t ms, std::istream& words) {
        const auto now = k_start + millis{ms};
        std::string what;
        words >> what;
        std::vector<std::string> w;
        for (std::string x; words >> x;)
            w.push_back(x);
        auto may = authority::newest;
        if (!w.empty() && w.back() == "unproven") {
            may = authority::unproven;
            w.pop_back();
        }
        decision d;
        if (what == "incoming" && !begun_) {
            auto e = sample_incoming(devices_);
            e.routed.rules = rules_;
            e.routed.mobile = mobile_;
            if (browser_ > 0) e.routed.targets.at(static_cast<std::size_t>(browser_) - 1).platform = "web";
            if (!w.empty() && w[0].starts_with("waited="))
                e.waiting_since = now - millis{std::stoll(w[0].substr(7))};
            if (unknown_number_) e.routed = {};
            if (!plan_.empty()) plan(e.routed);
            leave_out(e.routed);
            if (!blocked_.empty()) block(e.routed);
            d = begin(e, now);
            begun_ = true;
        } else {
            const auto e = parse(what, w, now);
            if (!e) {
                result_.error = "cannot read: " + what;
                return;
            }
            result_.covered.emplace(phase_of(s_), std::string(name(*e)));
            d = decide(s_, *e, now, may);
            if (phase_of(s_) == phase::ended && phase_of(d.next) != phase::ended)
                result_.error = "left the terminal state";
        }
        s_ = d.next;
        name_legs();
        for (const auto& f : d.effects)
            result_.text += "    " + describe(f) + "\n";
        take_back();
        for (const auto& f : d.effects) {
            const auto c = command_of(f);
            if (!c) continue;
            sent_[{std::string(name(c->what())), c->leg ? short_name(*c->leg) : "caller"}] = c->id;
            if (c->what() == verb::hangup) pending_.push_back(*c);
        }
        result_.text += "    == " + describe(s_) + "\n";
        if (const char* broken = broken_invariant(s_))
            result_.error = std::string("broken invariant: ") + broken;
    }

    // Hang-ups that were still wanted after the step before and are no more, though their leg lives.
    void take_back() {
        std::erase_if(pending_, [this](const command& c) {
            if (wanted(s_, c)) return false;
            const auto* leg = c.leg ? s_.find(*c.leg) : nullptr;
            if (leg != nullptr && !leg->ended)
                result_.text += "    !! unwanted hangup " + short_name(*c.leg) + "\n";
            return true;
        });
    }

    leg_ref who(const std::string& word, bool blind) const {
        if (word == "caller") return {s_.caller.call_control_id, std::nullopt};
        if (word == "stranger") return {"v3:stranger", std::nullopt};
        if (word == "elsewhere") return {"v3:m", number_leg_elsewhere()};
        leg_ref ref{"v3:" + word, std::nullopt};
        if (!blind) ref.leg = named(word);
        return ref;
    }

    // The leg to the mobile number as another copy of this call names it.
    leg_id number_leg_elsewhere() const {
        auto there = sample_incoming(0);
        there.routed.mobile = mobile_;
        return begin(there, k_start).next.legs.front().id;
    }

    leg_id named(const std::string& word) const {
        const auto is = [&word](const auto& l) { return l.first == word; };
        const auto found = std::find_if(legs_.begin(), legs_.end(), is);
        if (found == legs_.end()) throw std::out_of_range("no leg " + word);
        return found->second;
    }

    // m: the person's mobile number. d1 … dN; a further leg of a device, which has asked to be rung once
    // more, is d1b, then d1c.
    void name_legs() {
        for (const auto& l : s_.legs) {
            if (!short_name_of(l.id).empty()) continue;
            auto word = l.role == leg_role::agent ? std::string("a")
                        : l.goes_to() == nullptr  ? std::string("m")
                                                  : "d" + std::to_string(l.device().value);
            const auto taken = [&word](const auto& x) {
                return x.first == word || (x.first.starts_with(word) && x.first.size() == word.size() + 1 &&
                                           x.first.back() >= 'b');
            };
            const auto n = std::count_if(legs_.begin(), legs_.end(), taken);
            if (n > 0) word += static_cast<char>('a' + n);
            legs_.emplace_back(word, l.id);
        }
        std::sort(legs_.begin(), legs_.end(), [](const auto& a, const auto& b) {
            return std::pair(a.first.size(), a.first) < std::pair(b.first.size(), b.first);
        });
    }

    std::optional<event> parse(const std::string& what, const std::vector<std::string>& w, time_point now) {
        if (what == "tick") return tick{};
        if (what == "incoming") return sample_incoming(devices_);
        if (what == "told") {
            carrier_told e{s_.asked, w.empty() || w[0] != "failed"};
            if (!w.empty() && w.back().starts_with("round="))
                e.round = static_cast<std::uint32_t>(std::stoul(w.back().substr(6)));
            return e;
        }
        if (what == "outcome") return outcome_of(w);
        if (what == "pushed") return push_outcome_of(w);
        if (what == "received" || what == "ready")
            return push_received{{std::stoll(w.at(0).substr(1))}, what == "ready"};
        if (w.empty()) return std::nullopt;
        const bool blind = w.back() == "blind";
        if (what == "withdrawn" || what == "talks_elsewhere") {
            ring_withdrawn e;
            e.busy = what == "talks_elsewhere";
            for (const auto& x : w)
                e.devices.push_back({std::stoll(x.substr(1))});
            return e;
        }
        if (const auto kind = request_of(what)) return asks(*kind, w, now);
        const auto ref = who(w[0], blind);
        const std::string extra = w.size() > 1 ? w[1] : "";
        if (what == "initiated") return leg_initiated{ref};
        if (what == "answered") return leg_answered{ref};
        if (what == "bridged") return leg_bridged{ref};
        if (what == "hangup") return leg_hangup{ref, extra};
        if (what == "hold")
            return leg_hold{ref, true, extra.empty() ? now : k_start + millis{std::stoll(extra)}};
        if (what == "unhold")
            return leg_hold{ref, false, extra.empty() ? now : k_start + millis{std::stoll(extra)}};
        if (what == "prompt_ended")
            return prompt_ended{
                ref,
                extra == "left",
                extra != "played" && extra != "failed",
                now,
                w.back().starts_with("mark=") ? s_.id.text() + "-" + w.back().substr(5) : std::string{},
                extra == "failed"
            };
        if (what == "pressed") return digits_gathered{ref, extra == "nothing" ? "" : extra};
        if (what == "recording_saved") return recording_saved{ref, "rec-1", "https://example.test/rec-1.wav"};
        if (what == "recording_failed")
            return recording_failed{
                ref, extra,
                w.back().starts_with("at=") ? k_start + millis{std::stoll(w.back().substr(3))} : now
            };
        return std::nullopt;
    }

    static std::optional<request_kind> request_of(const std::string& what) {
        if (what == "declines") return request_kind::decline;
        if (what == "says_answered") return request_kind::answered;
        if (what == "asks_to_be_rung") return request_kind::ring;
        if (what == "pauses") return request_kind::pause_recording;
        if (what == "resumes") return request_kind::resume_recording;
        if (what == "gives_up_media") return request_kind::give_up_media;
        return std::nullopt;
    }

    event asks(request_kind what, const std::vector<std::string>& w, time_point now) {
        const auto n = std::stoi(w[0].substr(1));
        device_asks e{what, "request-" + std::to_string(++requests_), {n}, now + millis{5'000}, {}};
        int places = what == request_kind::ring ? 1 : 0;
        for (const auto& x : w) {
            if (x.starts_with("id=")) e.id = x.substr(3);
            if (x.starts_with("until=")) e.until = k_start + millis{std::stoll(x.substr(6))};
            if (x.starts_with("places=")) places = std::stoi(x.substr(7));
        }
        auto to = sample_incoming(n).routed.targets.back();
        for (int i = 0; i < places; ++i) {
            e.at.push_back(to);
            to.identity.value += 1'000; // as while its identity is being replaced
        }
        return e;
    }

    std::optional<event> outcome_of(const std::vector<std::string>& w) const {
        if (w.size() < 3) return std::nullopt;
        command_outcome o;
        bool known = false;
        for (int v = 0; v < k_verb_count; ++v) {
            if (name(static_cast<verb>(v)) == w[0]) {
                o.what = static_cast<verb>(v);
                known = true;
            }
        }
        if (!known) return std::nullopt;
        known = false;
        for (int r = 0; r < k_outcome_count; ++r) {
            if (name(static_cast<outcome>(r)) == w[2]) {
                o.result = static_cast<outcome>(r);
                known = true;
            }
        }
        if (!known) return std::nullopt;
        o.who = who(w[1], false);
        if (o.what == verb::dial && (o.result != outcome::done || (w.size() > 3 && w[3] == "no_id")))
            o.who.call_control_id.clear();
        if (const auto sent = sent_.find({w[0], w[1]}); sent != sent_.end()) o.command_id = sent->second;
        const bool told = w.size() <= 3 || w[3] != "no_id";
        const bool records = o.what == verb::bridge ? rules_.record_calls : o.what == verb::record_start;
        if (records && o.result == outcome::done && told)
            o.recording_id = "rec-" + o.command_id.substr(o.command_id.size() - 1);
        const bool foreign = w.back().starts_with("turn=");
        if (foreign && o.who.leg) o.command_id = o.who.leg->text() + "-recording-turn-" + w.back().substr(5);
        if (w.size() > 3 && told && !foreign) o.error_code = w[3];
        o.attempts = w.back() == "untried" ? 0 : 1;
        return o;
    }

    // pushed d1 incoming_call done by=fcm
    std::optional<event> push_outcome_of(const std::vector<std::string>& w) const {
        push_outcome o;
        const auto kind = w.size() > 2 ? push::kind_named(w[1]) : std::nullopt;
        if (!kind) return std::nullopt;
        o.what = *kind;
        o.device = {std::stoll(w[0].substr(1))};
        o.ring = static_cast<std::uint32_t>(s_.rings.size());
        for (int r = 0; r < k_outcome_count; ++r)
            if (name(static_cast<outcome>(r)) == w[2]) o.result = static_cast<outcome>(r);
        o.sent = o.result == outcome::done;
        for (const auto& x : w) {
            if (x == "by=fcm") o.by = push::provider::fcm;
            if (x == "by=apns") o.by = push::provider::apns;
            if (x == "sent") o.sent = true;
            if (x.starts_with("code=")) o.code = x.substr(5);
            if (x.starts_with("ring=")) o.ring = static_cast<std::uint32_t>(std::stoul(x.substr(5)));
        }
        return o;
    }

    std::string short_name_of(const leg_id& id) const {
        for (const auto& [word, leg] : legs_)
            if (leg == id) return word;
        return {};
    }
    std::string short_name(const leg_id& id) const {
        const auto word = short_name_of(id);
        return word.empty() ? id.text() : word;
    }

    // Leg ids in notes become d1 … dN so that scripts stay readable.
    std::string readable(std::string text) const {
        for (const auto& [word, leg] : legs_) {
            const auto id = leg.text();
            for (auto at = text.find(id); at != std::string::npos; at = text.find(id))
                text.replace(at, id.size(), word);
        }
        return text;
    }

    std::string describe(const output& f) const {
        if (const auto* n = std::get_if<note>(&f))
            return ".. " + std::string(name(n->what)) + (n->detail.empty() ? "" : " " + readable(n->detail));
        if (const auto* q = std::get_if<inquiry>(&f)) return "?? ask round=" + std::to_string(q->round);
        if (const auto* r = std::get_if<leg_report>(&f)) return describe(*r);
        const auto& e = std::get<effect>(f);
        if (const auto* p = std::get_if<push_notice>(&e.body)) return describe(e, *p);
        const auto c = command_of(f).value();
        std::string out =
            "-> " + std::string(name(c.what())) + " " + (c.leg ? short_name(*c.leg) : std::string("caller"));
        std::visit(
            overloaded{
                [&](const dial_body& b) {
                    if (!b.number.empty()) out += " number=" + b.number;
                    if (!b.agent.empty()) out += " agent=" + b.agent + " from=" + b.from + b.display_name;
                    out += " timeout=" + std::to_string(b.timeout_secs);
                },
                [&](const gather_using_speak_body& b) { out += " keys=" + b.keys; },
                [&](const bridge_body& b) {
                    out += " with=caller";
                    if (!b.record) out += " unrecorded";
                },
                [&](const hangup_body& b) { out += " why=" + std::string(name(b.why)); },
                [&](const speak_body& b) {
                    out += b.text == rules_.hold_prompt              ? " hold_prompt"
                           : b.text == rules_.recording_announcement ? " announcement"
                           : b.text == rules_.unrecorded_message     ? " unrecorded_message"
                                                                     : " greeting";
                },
                [&](const playback_start_body& b) { out += " " + b.url; },
                [&](const record_start_body& b) {
                    out += " max=" + std::to_string(b.max_length_secs);
                    if (b.dual) out += " dual";
                },
                [&](const record_pause_body& b) {
                    out += " " + (b.recording_id.empty() ? "all" : b.recording_id);
                },
                [&](const record_resume_body& b) {
                    out += " " + (b.recording_id.empty() ? "all" : b.recording_id);
                },
                [](const auto&) {},
            },
            c.body
        );
        const auto& after = std::get<effect>(f).after;
        if (after) out += " after=" + after->id.substr(s_.id.text().size() + 1);
        return out + " until=" + since(c.deadline);
    }

    std::string describe(const leg_report& r) const {
        std::string out = "++ leg=" + (r.leg ? short_name(*r.leg) : std::string("stranger"));
        if (const auto* c = std::get_if<charge>(&r.what))
            return out + " cost=" + c->total + " " + c->currency;
        return out + " mos=" + std::get<media_figures>(r.what).mos + (r.talked ? " talked" : "");
    }

    static std::string describe(const effect& e, const push_notice& p) {
        std::string out = "-> push d" + std::to_string(p.device.value) + " " + std::string(name(p.what));
        if (p.round > 1) out += " round=" + std::to_string(p.round);
        if (p.why != push::ended_reason::none) out += " why=" + std::string(name(p.why));
        if (!p.winner.none()) out += " winner=d" + std::to_string(p.winner.value);
        return out + " until=" + since(e.deadline);
    }

    std::string describe(const state& s) const {
        std::string out(name(phase_of(s)));
        if (phase_of(s) == phase::ended) out += "(" + std::string(name(s.reason)) + ")";
        if (phase_of(s) == phase::voicemail) out += "(" + std::string(name(s.voicemail.step)) + ")";
        for (const auto& [word, leg] : legs_)
            if (const auto* now = s.find(leg))
                out += " " + word + "=" + std::string(now->awaits_turn() ? "planned" : name(status_of(*now)));
        const auto recorded = recording_seen(s);
        if (recorded == recording_view::paused || recorded == recording_view::unavailable)
            out += " recording=" + std::string(name(recorded));
        if (const auto next = deadline(s)) out += " next=" + since(*next);
        return out;
    }

    scenario_result result_;
    int devices_ = 2;
    policy rules_;
    bool begun_ = false;
    bool unknown_number_ = false;
    std::string blocked_;
    int browser_ = 0;
    std::string mobile_;
    std::string plan_;
    std::vector<std::pair<std::int64_t, kept_out>> left_out_;
    int requests_ = 0;
    state s_;
    std::map<std::pair<std::string, std::string>, std::string> sent_; // newest command id by verb and leg
    std::vector<std::pair<std::string, leg_id>> legs_;                // by their names in the script
    std::vector<command> pending_; // hang-ups that may still be on their way
};

} // namespace

call::incoming sample_incoming(int devices) {
    call::incoming e;
    e.id = call_id{*uuid::parse("0b0c8f52-1f6e-4a5b-9d39-2f0f5d0a7c00")};
    e.call_control_id = "v3:caller";
    e.call_session_id = e.id.text();
    e.from = "+15550100001";
    e.routed.verdict = call::route_verdict::ring;
    e.routed.org = org_id{7};
    e.routed.user = user_id{42};
    e.routed.number = phone_number_id{3};
    e.routed.number_e164 = "+15550109999";
    e.routed.caller_name = "Ada Example";
    for (int n = 1; n <= devices; ++n) {
        e.routed.targets.push_back(
            {device_id{n}, identity_id{100 + n}, "gencred" + std::to_string(n), "device " + std::to_string(n),
             "ios"}
        );
    }
    return e;
}

std::string control_id(int n) {
    return "v3:d" + std::to_string(n);
}

scenario_result run_scenario(const std::string& script) {
    return runner{}.run(script);
}

} // namespace z360::testing
