// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "edge/api/body.hpp"

#include "http/percent.hpp"
#include "wire/lenient_json.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace z360::edge::api {
namespace {

constexpr int k_deepest = 32; // real bodies need three or four

std::string place_of(std::string_view text, std::size_t byte) {
    const auto before = text.substr(0, std::min(byte == 0 ? 0 : byte - 1, text.size()));
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const auto last = before.rfind('\n');
    const auto column = last == std::string_view::npos ? before.size() + 1 : before.size() - last;
    return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

problem bad_json(std::string detail, std::size_t line_free_offset = 0) {
    problem p;
    p.status = 400;
    p.code = "invalid_json";
    p.title = "The body is not valid JSON";
    p.detail = std::move(detail);
    if (line_free_offset > 0) p.more["offset"] = line_free_offset;
    return p;
}

const char* text_fault(std::string_view s, const text_rule& r) {
    const auto ends = r.lines ? line_ends::kept : line_ends::escaped;
    const auto fault = r.name ? fault_of_name(s, r.max, ends) : name_fault::none;
    if (fault == name_fault::blank) return "must not be nothing but blanks";
    if (has_controls(s, ends)) return "must not contain control characters";
    if (fault == name_fault::unprintable) return "must not contain marks that turn the direction of writing";
    return nullptr;
}

} // namespace

body_of read_object(std::string_view text) {
    body_of out;
    if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return out;
    if (wire::nested_deeper_than(text, k_deepest)) {
        out.refused = bad_json("it is nested deeper than " + std::to_string(k_deepest) + " levels");
        return out;
    }
    try {
        out.value = json::parse(text);
    } catch (const json::parse_error& e) {
        out.value = json::object();
        out.refused = bad_json("at " + place_of(text, e.byte), e.byte);
        return out;
    } catch (const json::exception&) { // a number beyond every type
        out.value = json::object();
        out.refused = bad_json("a number is out of range");
        return out;
    }
    if (!out.value.is_object()) {
        out.refused = bad_json("the body must be a JSON object");
        out.value = json::object();
    }
    return out;
}

const json* fields::find(std::string_view name) const {
    const auto it = object_->find(std::string(name));
    return it == object_->end() || it->is_null() ? nullptr : &*it;
}

bool fields::has(std::string_view name) const {
    return find(name) != nullptr;
}

std::optional<std::string> fields::text_if(std::string_view name, text_rule r) {
    const auto* v = find(name);
    if (v == nullptr) {
        if (r.required) refuse(name, "is required");
        return std::nullopt;
    }
    if (!v->is_string()) {
        refuse(name, "must be a text");
        return std::nullopt;
    }
    const auto& s = v->get_ref<const std::string&>();
    const auto n = characters(s);
    if (r.required && s.empty()) {
        refuse(name, "must not be empty");
        return std::nullopt;
    }
    if (n < r.min) refuse(name, "must have at least " + std::to_string(r.min) + " characters");
    if (n > r.max) refuse(name, "must have at most " + std::to_string(r.max) + " characters");
    if (const auto* fault = text_fault(s, r)) refuse(name, fault);
    return s;
}

std::string fields::text(std::string_view name, text_rule r) {
    return text_if(name, r).value_or(std::string{});
}

std::optional<std::int64_t>
fields::integer(std::string_view name, std::int64_t low, std::int64_t high, bool required) {
    const auto* v = find(name);
    if (v == nullptr) {
        if (required) refuse(name, "is required");
        return std::nullopt;
    }
    std::optional<std::int64_t> n;
    if (v->is_number_unsigned()) {
        if (const auto u = v->get<std::uint64_t>(); u <= static_cast<std::uint64_t>(k_most))
            n = static_cast<std::int64_t>(u);
    } else if (v->is_number_integer()) {
        n = v->get<std::int64_t>();
    } else if (v->is_string()) {
        n = whole_number(v->get_ref<const std::string&>(), -k_most, k_most);
    }
    if (n && *n >= low && *n <= high) return n;
    refuse(name, "must be a whole number from " + std::to_string(low) + " to " + std::to_string(high));
    return std::nullopt;
}

std::optional<double> fields::number(std::string_view name, double low, double high) {
    const auto* v = find(name);
    if (v == nullptr) return std::nullopt;
    std::optional<double> n;
    if (v->is_number()) n = v->get<double>();
    if (v->is_string()) {
        const auto& text = v->get_ref<const std::string&>();
        double read = 0;
        const auto* end = text.data() + text.size();
        const auto [at, ec] = std::from_chars(text.data(), end, read);
        if (ec == std::errc{} && at == end && !text.empty()) n = read;
    }
    if (n && *n >= low && *n <= high) return n; // NaN is in no range
    const auto shown = [](double d) { return std::to_string(static_cast<long long>(d)); };
    refuse(name, "must be a number from " + shown(low) + " to " + shown(high));
    return std::nullopt;
}

std::optional<bool> fields::boolean(std::string_view name) {
    const auto* v = find(name);
    if (v == nullptr) return std::nullopt;
    if (v->is_boolean()) return v->get<bool>();
    if (v->is_number_unsigned() && v->get<std::uint64_t>() <= 1) return v->get<std::uint64_t>() == 1;
    if (v->is_string()) {
        const auto& s = v->get_ref<const std::string&>();
        if (s == "true" || s == "1") return true;
        if (s == "false" || s == "0") return false;
    }
    refuse(name, "must be true or false");
    return std::nullopt;
}

std::string
fields::word(std::string_view name, std::initializer_list<std::string_view> words, bool required) {
    const auto* v = find(name);
    if (v == nullptr) {
        if (required) refuse(name, "is required");
        return {};
    }
    if (v->is_string())
        for (const auto w : words)
            if (v->get_ref<const std::string&>() == w) return std::string(w);
    std::string reason = "must be one of:";
    for (const auto w : words)
        reason += " " + std::string(w);
    refuse(name, std::move(reason));
    return {};
}

const json* fields::objects(std::string_view name, std::size_t most) {
    const auto* v = find(name);
    const bool good = v != nullptr && v->is_array() && !v->empty() && v->size() <= most &&
                      std::all_of(v->begin(), v->end(), [](const json& e) { return e.is_object(); });
    if (good) return v;
    refuse(name, "must be a list of 1 to " + std::to_string(most) + " objects");
    return nullptr;
}

const json* fields::object(std::string_view name) {
    const auto* v = find(name);
    if (v == nullptr || v->is_object()) return v;
    refuse(name, "must be an object");
    return nullptr;
}

std::vector<std::string> fields::texts(std::string_view name, std::size_t most) {
    std::vector<std::string> out;
    const auto* v = find(name);
    if (v == nullptr) return out;
    const bool good = v->is_array() && v->size() <= most &&
                      std::all_of(v->begin(), v->end(), [](const json& e) { return e.is_string(); });
    if (!good) {
        refuse(name, "must be a list of at most " + std::to_string(most) + " texts");
        return out;
    }
    for (const auto& e : *v)
        out.push_back(e.get<std::string>());
    return out;
}

void fields::refuse(std::string_view name, std::string reason) {
    errors_[std::string(name)].push_back(std::move(reason));
}

void fields::refuse_those_of(const fields& inner, std::string_view at) {
    for (const auto& [name, reasons] : inner.errors_)
        for (const auto& r : reasons)
            refuse(std::string(at) + "." + name, r);
}

problem fields::refusal() const {
    problem p;
    p.status = 422;
    p.code = "validation_failed";
    p.title = "The given data was invalid";
    for (const auto& [name, reasons] : errors_) {
        if (!p.detail.empty()) p.detail += "; ";
        p.detail += name + " " + reasons.front();
    }
    p.more["errors"] = errors_;
    return p;
}

std::optional<std::int64_t> whole_number(std::string_view text, std::int64_t low, std::int64_t high) {
    std::int64_t n = 0;
    const auto* end = text.data() + text.size();
    const auto [at, ec] = std::from_chars(text.data(), end, n);
    if (ec != std::errc{} || at != end || text.empty() || n < low || n > high) return std::nullopt;
    return n;
}

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
    while (!query.empty()) {
        const auto end = std::min(query.find('&'), query.size());
        const auto pair = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        const auto eq = std::min(pair.find('='), pair.size());
        if (http::form_decode(pair.substr(0, eq)) != name) continue;
        return eq == pair.size() ? std::string{} : http::form_decode(pair.substr(eq + 1));
    }
    return std::nullopt;
}

} // namespace z360::edge::api
