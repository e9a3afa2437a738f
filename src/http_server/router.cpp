// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/http/server.hpp>

#include <algorithm>
#include <array>
#include <set>
#include <span>
#include <stdexcept>

namespace z360::http {
namespace {

struct segment {
    std::string text; ///< the literal, or the parameter's name
    bool parameter = false;
};

constexpr std::size_t k_max_segments = 16;
using path_segments = std::array<std::string_view, k_max_segments>;

/// Parts between the slashes of a path that starts with one; nullopt if there are too many to be ours.
std::optional<std::size_t> split(std::string_view path, path_segments& out) {
    if (path.empty() || path.front() != '/') return std::nullopt;
    std::size_t n = 0;
    while (true) {
        path.remove_prefix(1);
        const std::size_t end = std::min(path.find('/'), path.size());
        if (n == out.size()) return std::nullopt;
        out[n++] = path.substr(0, end);
        path.remove_prefix(end);
        if (path.empty()) return n;
    }
}

std::vector<segment> compile(const std::string& pattern) {
    const auto bad = [&pattern](const char* why) {
        return std::invalid_argument("route pattern \"" + pattern + "\": " + why);
    };
    path_segments parts;
    const auto n = split(pattern, parts);
    if (!n) throw bad("must start with '/' and have at most 16 parts");
    std::vector<segment> out;
    std::set<std::string_view> names;
    for (const std::string_view part : std::span(parts).first(*n)) {
        const bool parameter = part.size() >= 2 && part.front() == '{' && part.back() == '}';
        const auto text = parameter ? part.substr(1, part.size() - 2) : part;
        if (text.find_first_of("{}") != std::string_view::npos) throw bad("a {name} must be a whole part");
        if (parameter && text.empty()) throw bad("a parameter needs a name");
        if (parameter && !names.insert(text).second) throw bad("a parameter's name is used twice");
        out.push_back({std::string(text), parameter});
    }
    return out;
}

bool same_shape(const std::vector<segment>& a, const std::vector<segment>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const segment& x, const segment& y) {
        return x.parameter == y.parameter && (x.parameter || x.text == y.text);
    });
}

bool matches(const std::vector<segment>& pattern, std::span<const std::string_view> path) {
    if (pattern.size() != path.size()) return false;
    for (std::size_t i = 0; i < path.size(); ++i) {
        if (pattern[i].parameter ? path[i].empty() : path[i] != pattern[i].text) return false;
    }
    return true;
}

/// A literal part is tried before a parameter in the same place: /calls/active before /calls/{id}.
bool more_specific(const std::vector<segment>& a, const std::vector<segment>& b) {
    return std::lexicographical_compare(
        a.begin(), a.end(), b.begin(), b.end(),
        [](const segment& x, const segment& y) { return !x.parameter && y.parameter; }
    );
}

} // namespace

struct router::compiled {
    http::route route;
    std::vector<segment> segments;
};

router::router(std::vector<route> table) {
    table_.reserve(table.size());
    for (auto& r : table) {
        auto segments = compile(r.pattern);
        if (!r.handle) throw std::invalid_argument("route " + r.method + " " + r.pattern + ": no handler");
        for (const auto& other : table_)
            if (other->route.method == r.method && same_shape(other->segments, segments))
                throw std::invalid_argument(
                    "routes " + r.method + " " + r.pattern + " and " + other->route.pattern +
                    " match the same paths"
                );
        auto entry = std::make_shared<const compiled>(compiled{std::move(r), std::move(segments)});
        const auto place =
            std::upper_bound(table_.begin(), table_.end(), entry, [](const auto& a, const auto& b) {
                return more_specific(a->segments, b->segments);
            });
        table_.insert(place, std::move(entry));
    }
}

router::match router::find(std::string_view method, std::string_view path) const {
    match out;
    path_segments parts;
    const auto n = split(path, parts);
    if (!n) return out;
    const auto given = std::span<const std::string_view>(parts).first(*n);
    const compiled* found = nullptr;
    const compiled* get = nullptr;
    std::set<std::string_view> allowed;
    for (const auto& candidate : table_) {
        if (!matches(candidate->segments, given)) continue;
        if (candidate->route.method == method) {
            found = candidate.get();
            break;
        }
        if (!get && candidate->route.method == "GET") get = candidate.get();
        allowed.insert(candidate->route.method);
    }
    if (!found && method == "HEAD") found = get;
    if (!found) {
        if (get) allowed.insert("HEAD");
        for (const auto m : allowed) {
            if (!out.allow.empty()) out.allow += ", ";
            out.allow += m;
        }
        return out;
    }
    out.found = &found->route;
    for (std::size_t i = 0; i < given.size(); ++i)
        if (found->segments[i].parameter) out.params.emplace(found->segments[i].text, given[i]);
    return out;
}

} // namespace z360::http
