// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/journal.hpp"

#include "wire/field_json.hpp"
#include "wire/state_codec.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

namespace z360::wire {
namespace {

using namespace field_json;

constexpr int k_file_form = 1;

bool says_nothing(const json& v) {
    return v.is_null() || v == 0 || v == false || v == "" || (v.is_array() && v.empty());
}

// Without what is as in an event of nothing, if that says nothing itself: most fields of most events.
template <class E>
json event_fields_of(const E& e) {
    static const json k_nothing = [] {
        json none;
        put(none, E{});
        return none;
    }();
    json out;
    put(out, e);
    for (const auto& [key, v] : k_nothing.items())
        if (says_nothing(v) && out[key] == v) out.erase(key);
    return out;
}

json put_event(const call::decided_event& e, time_point at) {
    json out{
        {"kind", std::string(name(e.what))},
        {"of", std::visit([](const auto& x) { return event_fields_of(x); }, e.what)}
    };
    if (!e.source.empty()) put(out["source"], e.source);
    if (e.at != at) put(out["at"], e.at);
    if (e.judged) put(out["judged"], *e.judged);
    return out;
}

template <std::size_t I = 0>
call::event event_in(const json& from, const std::string& kind) {
    if constexpr (I < std::variant_size_v<call::event>) {
        call::event probe{std::in_place_index<I>};
        if (name(probe) != kind) return event_in<I + 1>(from, kind);
        get(from, std::get<I>(probe));
        return probe;
    } else {
        throw unreadable("unknown event " + kind);
    }
}

call::decided_event get_event(const json& from, time_point at) {
    call::decided_event out;
    out.what = event_in(from.at("of"), from.at("kind").get<std::string>());
    out.at = at;
    reader r{from};
    r("source", out.source);
    r("at", out.at);
    if (const auto word = from.find("judged"); word != from.end()) {
        call::refusal why{};
        get(*word, why);
        out.judged = why;
    }
    return out;
}

json put_digests(const std::vector<call::digest>& all) {
    json out = json::array();
    for (const auto& d : all)
        out.push_back(json::array({d.of, d.value}));
    return out;
}

std::vector<call::digest> get_digests(const json& from) {
    std::vector<call::digest> out;
    for (const auto& d : from)
        out.push_back({d.at(0).get<std::string>(), d.at(1).get<std::uint32_t>()});
    return out;
}

json put_step(const call::step& s) {
    json out;
    put(out["at"], s.at);
    if (s.may == call::authority::unproven) out["unproven"] = true;
    out["events"] = json::array();
    for (const auto& e : s.events)
        out["events"].push_back(put_event(e, s.at));
    if (!s.parts.empty()) out["parts"] = put_digests(s.parts);
    if (!s.effects.empty()) out["effects"] = put_digests(s.effects);
    if (s.whole) out["whole"] = json::parse(encode(*s.whole));
    return out;
}

call::step get_step(const json& from) {
    call::step out;
    get(from.at("at"), out.at);
    if (from.value("unproven", false)) out.may = call::authority::unproven;
    for (const auto& e : from.at("events"))
        out.events.push_back(get_event(e, out.at));
    if (const auto all = from.find("parts"); all != from.end()) out.parts = get_digests(*all);
    if (const auto all = from.find("effects"); all != from.end()) out.effects = get_digests(*all);
    if (const auto whole = from.find("whole"); whole != from.end()) {
        out.whole = decode_state(whole->dump());
        if (!out.whole) throw unreadable("state of a newer program");
    }
    return out;
}

json put_steps(const std::vector<call::step>& all) {
    json out = json::array();
    for (const auto& s : all)
        out.push_back(put_step(s));
    return out;
}

std::vector<call::step> get_steps(const json& from) {
    if (!from.is_array()) throw unreadable("array expected");
    std::vector<call::step> out;
    for (const auto& s : from)
        out.push_back(get_step(s));
    return out;
}

/// nullopt where the JSON is not what `read` expects.
template <class Read>
auto if_readable(Read read) -> std::optional<decltype(read())> {
    try {
        return read();
    } catch (const unreadable&) {
        return std::nullopt;
    } catch (const json::exception&) {
        return std::nullopt;
    }
}

// ---- what names people

const std::set<std::string, std::less<>> k_personal = {
    "from",
    "from_sent",
    "to_sent",
    "number_e164",
    "caller_name",
    "mobile",
    "number",
    "uri",
    "shown",
    "number_sent",
    "dialed_sent",
    "device_name",
    "display_name",
    "caller_number",
    "sip_username",
    "url",
    "voicemail_greeting",
    "mobile_prompt",
    "unavailable_message",
    "unrecorded_message",
    "recording_announcement",
    "error_title", // may quote a number
    "hold_prompt",
    "instead",
    "voicemail_greeting_url",
    "ringback_url",
    "text",
};

bool is_number(const std::string& text) {
    return text.starts_with('+') && text.find_first_not_of("0123456789", 1) == std::string::npos;
}

// What the core tells apart stays as it is: the kind of an address, and how long words take to say.
std::string instead_of(const std::string& real, std::size_t n) {
    const auto place = std::to_string(n);
    if (real.starts_with("sip:")) return "sip:" + place + "@masked";
    if (is_number(real)) return "+99" + std::string(place.size() < 8 ? 8 - place.size() : 0, '0') + place;
    auto words = "masked-" + place;
    if (words.size() > real.size()) words = place;
    words.resize(std::max(words.size(), real.size()), '.');
    return words;
}

void replace(json& in, std::map<std::string, std::string>& by) {
    if (in.is_object()) {
        for (auto& [key, v] : in.items()) {
            if (!v.is_string() || !k_personal.contains(key)) {
                replace(v, by);
                continue;
            }
            const auto& real = v.get_ref<const std::string&>();
            if (!real.empty() && real != "withheld")
                v = by.try_emplace(real, instead_of(real, by.size() + 1)).first->second;
        }
    } else if (in.is_array()) {
        for (auto& v : in)
            replace(v, by);
    }
}

/// A line of a timeline quotes what the carrier said of a failure.
std::string without_title(std::string line, const std::map<std::string, std::string>& by) {
    constexpr std::string_view k_key = "title=\"";
    const auto at = line.find(k_key);
    if (at == std::string::npos || !line.ends_with('"')) return line;
    const auto begin = at + k_key.size();
    const auto known = by.find(line.substr(begin, line.size() - 1 - begin));
    return line.substr(0, begin) + (known == by.end() ? "" : known->second) + "\"";
}

void mask(json& file) {
    std::map<std::string, std::string> by;
    replace(file, by);
    for (auto& line : file["timeline"])
        line = without_title(line.get<std::string>(), by);
    for (auto& commit : file["commits"])
        if (commit["steps"].is_array())
            for (auto& s : commit["steps"]) {
                s.erase("parts");
                s.erase("effects");
            }
    file["masked"] = true;
}

call::history history_in(const json& file) {
    call::history out;
    auto last = decode_state(file.at("state").dump());
    if (!last) throw unreadable("state of a newer program");
    out.last = std::move(*last);
    get(file.at("version"), out.version);
    out.all_effects_read = file.value("all_effects", true);
    out.digested = !file.value("masked", false);
    for (const auto& c : file.at("commits")) {
        call::recorded_commit commit;
        get(c.at("version"), commit.version);
        commit.steps = if_readable([&c] { return get_steps(c.at("steps")); });
        out.commits.push_back(std::move(commit));
    }
    for (const auto& e : file.at("effects")) {
        auto what = decode_effect(e.at("of").dump());
        if (what)
            out.effects.push_back({std::move(*what), e.at("status").get<std::string>()});
        else
            out.all_effects_read = false;
    }
    get(file.at("timeline"), out.timeline);
    return out;
}

std::vector<difference> differences(const std::string& stored, const std::string& replayed) {
    const auto a = json::parse(stored).flatten();
    const auto b = json::parse(replayed).flatten();
    std::set<std::string> paths;
    for (const auto* j : {&a, &b})
        for (const auto& [path, v] : j->items())
            paths.insert(path);
    const auto shown = [](const json& in, const std::string& path) {
        const auto v = in.find(path);
        return v == in.end() ? std::string() : text_of(*v);
    };
    std::vector<difference> out;
    for (const auto& path : paths)
        if (shown(a, path) != shown(b, path)) out.push_back({path, shown(a, path), shown(b, path)});
    return out;
}

} // namespace

std::string encode_steps(const std::vector<call::step>& all) {
    return text_of(put_steps(all));
}

std::optional<std::vector<call::step>> decode_steps(std::string_view text) {
    const auto j = json::parse(text, nullptr, false);
    return if_readable([&j] { return get_steps(j); });
}

std::string write_history(const call::history& h, bool masked) {
    json file{
        {"z360_history", k_file_form},          {"call", h.last.id.text()}, {"version", h.version},
        {"state", json::parse(encode(h.last))}, {"commits", json::array()}, {"effects", json::array()},
    };
    if (!h.all_effects_read) file["all_effects"] = false;
    for (const auto& c : h.commits)
        file["commits"].push_back(
            {{"version", c.version}, {"steps", c.steps ? put_steps(*c.steps) : json("unreadable")}}
        );
    for (const auto& e : h.effects)
        file["effects"].push_back({{"status", e.status}, {"of", json::parse(encode_effect(e.what))}});
    put(file["timeline"], h.timeline);
    if (masked) mask(file);
    return file.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

std::optional<call::history> read_history(std::string_view text) {
    const auto file = json::parse(text, nullptr, false);
    if (!file.is_object()) return std::nullopt;
    return if_readable([&file] {
        if (file.at("z360_history").get<int>() != k_file_form) throw unreadable("file of another program");
        return history_in(file);
    });
}

std::vector<difference> differences(const call::state& stored, const call::state& replayed) {
    return differences(encode(stored), encode(replayed));
}

std::vector<difference> differences(const call::effect& stored, const call::effect& replayed) {
    return differences(encode_effect(stored), encode_effect(replayed));
}

} // namespace z360::wire
