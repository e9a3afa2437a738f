// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "sim/demo.hpp"

#include "sim/ladder.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <utility>

namespace z360::sim {

namespace {

/// Output of a shell command; empty if it cannot be started.
std::string output_of(const std::string& command) {
    struct closer {
        void operator()(FILE* f) const { pclose(f); }
    };
    const std::unique_ptr<FILE, closer> pipe(popen(command.c_str(), "r"));
    std::string out;
    std::array<char, 4096> chunk{};
    while (pipe) {
        const auto n = std::fread(chunk.data(), 1, chunk.size(), pipe.get());
        if (n == 0) break;
        out.append(chunk.data(), n);
    }
    return out;
}

std::string with_call(std::string command, const std::string& session) {
    constexpr std::string_view mark = "{call}";
    const auto at = command.find(mark);
    if (at == std::string::npos) return command + " " + session;
    return command.replace(at, mark.size(), session);
}

using condition = std::function<bool(const carrier&)>;

/// One call of the demo.
class performance {
  public:
    performance(simulator& sim, const demo_settings& s, std::ostream& out, const stop_signal& stop)
        : sim_(sim), settings_(s), out_(out), stop_(stop) {}

    verdict play(std::size_t turn) {
        caller_ = sim_.place_call(settings_.from, settings_.to);
        sim_.with([this](carrier& c, time_point) {
            session_ = c.session_of(caller_);
            origin_ = c.leg(caller_)->began;
        });
        auto result = act(turn);
        sim_.caller_hangs_up(caller_);
        const bool quiet = watch([this](const carrier& c) { return c.alive_legs(session_) == 0; }, half());
        if (!quiet && result.ok) result = {false, "phones were still connected after the caller had left"};
        watch([this](const carrier& c) { return settled(c); }, half());
        print(result);
        return result;
    }

  private:
    millis half() const { return settings_.patience / 2; }

    verdict act(std::size_t turn) {
        if (!watch([this](const carrier& c) { return !ringing(c).empty(); }, settings_.patience))
            return {false, "no phone rang within " + seconds(settings_.patience)};
        watch([this](const carrier& c) { return !c.leg(caller_)->alive(); }, settings_.answer_after);
        const bool answered = sim_.with([this, turn](carrier& c, time_point now) {
            const auto legs = ringing(c);
            if (legs.empty()) return false;
            auto chosen = legs.front();
            if (!settings_.devices.empty()) {
                const auto& wanted = settings_.devices[turn % settings_.devices.size()];
                for (const auto& l : legs)
                    if (l.username == wanted) chosen = l;
            }
            return c.device_answers(chosen.call_control_id, now);
        });
        if (!answered) return {false, "every phone stopped ringing before one could answer"};
        if (!watch([this](const carrier& c) { return !c.leg(caller_)->bridged_with.empty(); }, half()))
            return {false, "a phone answered but was not joined to the caller within " + seconds(half())};
        if (!watch([this](const carrier& c) { return losers_alive(c) == 0; }, half())) {
            const auto left = sim_.with([this](carrier& c, time_point) { return losers_alive(c); });
            return {
                false, std::to_string(left) + " losing phones were not hung up within " + seconds(half())
            };
        }
        watch([this](const carrier& c) { return !c.leg(caller_)->alive(); }, settings_.talk);
        return sim_.with([this](carrier& c, time_point) { return judge(c); });
    }

    verdict judge(const carrier& c) const {
        std::set<std::string> joined;
        for (const auto& b : c.seen().bridges)
            if (b.session == session_) joined.insert(b.device);
        if (joined.size() != 1)
            return {false, std::to_string(joined.size()) + " phones were joined to the caller, not one"};
        if (!c.leg(caller_)->alive()) return {false, "the caller was disconnected during the talk"};
        const auto devices = c.legs(session_).size() - 1;
        return {true, "1 of " + std::to_string(devices) + " phones joined, the others silent"};
    }

    std::vector<leg_view> ringing(const carrier& c) const {
        std::vector<leg_view> out;
        for (auto& l : c.legs(session_))
            if (l.kind == leg_kind::device && l.ringing()) out.push_back(std::move(l));
        return out;
    }
    std::size_t losers_alive(const carrier& c) const {
        std::size_t n = 0;
        for (const auto& l : c.legs(session_))
            n += l.kind == leg_kind::device && l.alive() && l.bridged_with.empty();
        return n;
    }
    bool settled(const carrier& c) const {
        return std::none_of(c.seen().webhooks.begin(), c.seen().webhooks.end(), [this](const auto& e) {
            const auto s = e.second.state;
            return e.second.session == session_ &&
                   (s == delivery_state::queued || s == delivery_state::sending);
        });
    }

    /// What the server decided up to now, if it can be asked.
    std::vector<rung> decisions() const {
        if (settings_.explain_command.empty()) return {};
        return read_decisions(output_of(with_call(settings_.explain_command, session_)));
    }
    /// The whole ladder, each rung where it happened.
    std::vector<rung> everything(std::vector<rung> decided) {
        auto all =
            sim_.with([this](carrier& c, time_point) { return ladder_of(c, session_, settings_.names); });
        all.insert(
            all.end(), std::make_move_iterator(decided.begin()), std::make_move_iterator(decided.end())
        );
        return in_order(std::move(all));
    }

    /// Waits for a condition and prints what happens meanwhile.
    bool watch(const condition& until, millis limit) {
        constexpr millis slice{100};
        for (millis spent{0}; spent < limit; spent += slice) {
            if (sim_.wait_until(until, std::min(slice, limit - spent))) return true;
            print_news(k_settling);
            if (stop_(millis{0})) return false;
        }
        return false;
    }

    /// Prints rungs that are at least `age` old: younger ones may still get their result or a predecessor.
    /// The server is asked before the carrier is looked at, so that nothing it was told of stands before what
    /// it says.
    void print_news(millis age) {
        if (!settings_.live) return;
        const auto now = sim_.with([](carrier&, time_point t) { return t; });
        const bool last = age == millis{0};
        if (!last && now < asked_at_ + k_between_questions) return;
        asked_at_ = now;
        auto news = everything(decisions());
        if (!last) std::erase_if(news, [now, age](const rung& r) { return r.at + age > now; });
        std::map<std::string, int> same; // equal lines of the same millisecond are different facts
        for (const auto& r : news) {
            const auto line = render(r, {settings_.colour, origin_});
            auto key = std::to_string(r.at.time_since_epoch().count()) + r.what;
            key += "#" + std::to_string(++same[key]);
            if (printed_.insert(std::move(key)).second) out_ << line;
        }
        out_.flush();
    }

    void print(const verdict& result) {
        const auto decided = decisions();
        const ladder_style style{settings_.colour, origin_};
        if (settings_.live)
            print_news(millis{0});
        else
            out_ << render(everything(decided), style);
        if (!settings_.explain_command.empty() && decided.empty())
            out_ << "(the explain command gave no decision lines)\n";
        const auto wrong = sim_.with([](carrier& c, time_point) { return c.seen().violations; });
        for (const auto& v : wrong)
            out_ << "request against the rules: " << v.verb << " " << v.what.pointer << " " << v.what.detail
                 << "\n";
        out_ << (result.ok ? "ok: " : "FAILED: ") << result.why << "\n" << std::flush;
    }

    static std::string seconds(millis d) { return std::to_string(d.count() / 1000) + " s"; }

    static constexpr millis k_settling{300};
    static constexpr millis k_between_questions{400}; // a process is started for each
    simulator& sim_;
    const demo_settings& settings_;
    std::ostream& out_;
    const stop_signal& stop_;
    std::string caller_;
    std::string session_;
    time_point origin_{};
    time_point asked_at_{};
    std::set<std::string> printed_;
};

} // namespace

bool wait_for_devices(demo_settings& s, const stop_signal& stop) {
    constexpr millis k_between_looks{100};
    while (!s.devices_file.empty()) {
        std::vector<std::string> found;
        std::ifstream in(s.devices_file);
        for (std::string line; std::getline(in, line);) {
            if (line.empty()) continue;
            const auto blank = std::min(line.find(' '), line.size());
            found.push_back(line.substr(0, blank));
            if (blank + 1 < line.size()) s.names[found.back()] = line.substr(blank + 1);
        }
        if (!found.empty()) {
            s.devices = std::move(found);
            return true;
        }
        if (stop(k_between_looks)) return false;
    }
    return true;
}

verdict play_call(
    simulator& sim, const demo_settings& s, std::size_t turn, std::ostream& out, const stop_signal& stop
) {
    return performance(sim, s, out, stop).play(turn);
}

int run_demo(simulator& sim, const demo_settings& s, bool once, std::ostream& out, const stop_signal& stop) {
    sim.set_default_phone(phone::ignores()); // phones ring; this program decides who answers
    for (std::size_t turn = 0;; ++turn) {
        const auto result = play_call(sim, s, turn, out, stop);
        if (once) return result.ok ? 0 : 1;
        if (stop(s.between)) return 0;
        out << "\n";
        sim.with([](carrier& c, time_point now) {
            c.forget_ended_before(now - c.settings().lookup_after_end);
        });
    }
}

} // namespace z360::sim
