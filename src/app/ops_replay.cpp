// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A call's decisions made again, from the database or from a file that was exported from one (I18).
#include "app/call_report.hpp"
#include "app/ops_support.hpp"
#include "wire/journal.hpp"

#include <z360/engine/replay.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <string>

namespace z360::app {
namespace {

using adapter::postgres::admin;
using adapter::postgres::call_subject;
using engine::replay_report;
using nlohmann::json;

// Beside the usual ones; told in --help.
int code_of(replay_report::result r) {
    switch (r) {
    case replay_report::result::same: return k_ok;
    case replay_report::result::different: return k_failed;
    case replay_report::result::incomplete: return k_usage;
    }
    return k_failed;
}

json events_of(const call::step& s) {
    json out = json::array();
    for (const auto& e : s.events) {
        json one{{"kind", name(e.what)}, {"at", iso8601(e.at)}};
        if (!e.source.empty()) one["event_id"] = e.source;
        out.push_back(std::move(one));
    }
    return out;
}

json step_json(const engine::replayed_step& s) {
    json effects = json::array();
    for (const auto& e : s.effects)
        effects.push_back({{"id", e.id}, {"kind", kind_of(e)}});
    return {
        {"version", s.version},
        {"at", iso8601(s.recorded.at)},
        {"events", events_of(s.recorded)},
        {"time_may_take", s.recorded.may == call::authority::newest},
        {"written_forward", s.recorded.whole.has_value()},
        {"state", name(s.phase)},
        {"effects", std::move(effects)},
    };
}

std::string step_in_words(const engine::replayed_step& s) {
    std::string out = "v" + std::to_string(s.version) + "  " + full_time(s.recorded.at, local_style()) + "  ";
    for (std::size_t n = 0; n < s.recorded.events.size(); ++n)
        out += (n == 0 ? "" : ", ") + std::string(name(s.recorded.events[n].what));
    if (s.recorded.whole) out += (s.recorded.events.empty() ? "" : ", ") + std::string("written forward");
    out += "  -> " + std::string(name(s.phase));
    for (std::size_t n = 0; n < s.effects.size(); ++n)
        out += (n == 0 ? "; " : ", ") + std::string(kind_of(s.effects[n]));
    return out;
}

std::string in_words(const engine::replay_difference& d) {
    const auto shown = [](const std::string& v) { return v.empty() ? std::string("nothing") : v; };
    return (d.version == 0 ? std::string("at the end") : "at v" + std::to_string(d.version)) + ", " +
           d.where + ": stored " + shown(d.stored) + ", replayed " + shown(d.replayed);
}

std::string verdict(const replay_report& r) {
    switch (r.how()) {
    case replay_report::result::same:
        return "the same state and the same effects, in " + std::to_string(r.steps.size()) + " steps";
    case replay_report::result::different:
        return "DIFFERENT: " + std::to_string(r.differences.size()) + " differences";
    case replay_report::result::incomplete: return "not replayable as a whole: see above";
    }
    return {};
}

int tell(const options& o, const call::history& h) {
    const auto report = engine::replay(h);
    for (const auto& s : report.steps)
        print_row(o, json{{"step", step_json(s)}}, step_in_words(s));
    for (const auto& g : report.gaps)
        print_row(o, json{{"gap", g}}, "no record: " + g);
    for (const auto& d : report.differences)
        print_row(
            o,
            json{
                {"difference",
                 {{"version", d.version}, {"where", d.where}, {"stored", d.stored}, {"replayed", d.replayed}}}
            },
            in_words(d)
        );
    print_row(
        o, json{{"call_id", h.last.id.text()}, {"version", h.version}, {"result", name(report.how())}},
        "call " + h.last.id.text() + ": " + verdict(report)
    );
    return code_of(report.how());
}

// Of nobody else's eyes: it has what --explain shows of the call, and more. Never over another file.
void export_to(const std::string& file, const std::string& text) {
    const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        throw std::runtime_error(
            "--export: " + file + ": cannot be made: " + std::generic_category().message(errno)
        );
    std::size_t done = 0;
    while (done < text.size()) {
        const auto n = ::write(fd, text.data() + done, text.size() - done);
        if (n <= 0) break;
        done += static_cast<std::size_t>(n);
    }
    if (::close(fd) != 0 || done != text.size()) {
        (void)::unlink(file.c_str());
        throw std::runtime_error("--export: " + file + ": could not be written in whole");
    }
}

int replay_stored(const options& o) {
    admin db(o.settings.database.url);
    const auto& given = o.arguments.subject;
    const auto subject = db.find_subject(given);
    const auto h =
        subject && subject->is == call_subject::kind::call ? db.history(subject->text) : std::nullopt;
    if (!h) {
        complain(
            "no call is known under " + given + "; give its id or its carrier session, as --calls shows them"
        );
        return k_failed;
    }
    if (!o.arguments.export_to.empty()) {
        export_to(o.arguments.export_to, wire::write_history(*h, o.arguments.masked));
        complain("written to " + o.arguments.export_to + "; replay it with --replay-file");
    }
    return tell(o, *h);
}

int replay_file(const options& o) {
    const auto& file = o.arguments.subject;
    std::ifstream in(file, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    if (!in.is_open() || in.bad()) {
        complain("--replay-file: " + file + ": cannot be read");
        return k_failed;
    }
    const auto h = wire::read_history(text);
    if (!h) {
        complain("--replay-file: " + file + ": no file of --replay CALL --export, or one of a newer program");
        return k_usage;
    }
    return tell(o, *h);
}

} // namespace

int replay(const options& o) {
    return o.what == command::replay_file ? replay_file(o) : replay_stored(o);
}

} // namespace z360::app
