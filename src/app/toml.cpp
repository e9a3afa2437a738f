// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "app/toml.hpp"

#include <z360/base/trim.hpp>

// The only file that sees the library: it takes seconds to compile. No exceptions, because we go on after an
// error. It frees tables in tables recursively, so their depth is bounded (with k_most_dots).
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_MAX_NESTED_VALUES 4
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <optional>
#include <tuple>
#include <utility>

namespace z360::app {
namespace {

constexpr std::size_t k_most_problems = 20;
constexpr int k_most_tries = 4;               // to find where a broken array begins
constexpr std::ptrdiff_t k_most_dots = 2'000; // in a line; each may be one more table in a table

struct wording {
    std::string_view theirs;
    std::string_view ours;
};
constexpr std::string_view k_names = "a name is missing or odd; names are letters, digits, _ and -";
constexpr std::string_view k_no_value =
    "the value is no string, integer or boolean; put strings in \"quotes\"";
// What the library says, and our words for it: they say how to mend it, and never quote a value. The first
// that fits counts.
constexpr std::array k_words{
    wording{"invalid utf-8", "bytes that are no UTF-8; save the file as UTF-8"},
    wording{"after '\\r'", "a carriage return alone; end lines with a line feed"},
    wording{"maximum nested", "too many brackets in each other; write [name] and the keys below it"},
    wording{"not representable", "the number has too many digits; put strings in \"quotes\""},
    wording{"leading zeroes", "a number does not begin with 0; leave it out, or put strings in \"quotes\""},
    wording{"underscores may only", "an _ stands between two digits; write 1_000"},
    wording{"underscores must", "an _ stands between two digits; write 1_000"},
    wording{"escape sequence", "unknown escape in a string; write \\\\ for a backslash"},
    wording{"expected hex digit", "a \\u escape needs hex digits; write \\u00e9"},
    wording{"unicode scalar", "a \\u escape names no character; write the character itself"},
    wording{"literal string: encountered", "the string is not closed; add '"},
    wording{"string: encountered", "the string is not closed; add \""},
    wording{"control character", "a control character; leave it out"},
    wording{"expected '='", "no = after the key; write key = value"},
    wording{
        "expected a comment",
        "unexpected text after the value; put strings in \"quotes\" and comments after #"
    },
    wording{"array: encountered", "the array is not closed; add ]"},
    wording{"array: expected", "array elements are separated by commas; add , or ]"},
    wording{"inline table", "the {table} is broken; write [name] and the keys below it"},
    wording{"header: expected ']'", "the table's name is not closed; write [name]"},
    wording{"cannot redefine", "a name is there twice, or as a table and as a value; keep one of the two"},
    wording{"table header", k_names},
    wording{"root table", "neither a [table] nor key = value; write e.g. port = 8080"},
    wording{"parsing key:", k_names},
};

std::string words_of(std::string_view description) {
    for (const auto& w : k_words)
        if (description.find(w.theirs) != std::string_view::npos) return std::string(w.ours);
    return std::string(k_no_value);
}

bool is_name(std::string_view text) {
    return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                   "0123456789_-") == std::string_view::npos;
}

/// What stands in front of the =, without blanks; empty if that is no key.
std::string key_in(std::string_view line) {
    std::string out(line.substr(0, line.find('=')));
    std::erase_if(out, [](char c) { return c == ' ' || c == '\t'; });
    std::string name = out;
    std::erase(name, '.');
    return out.size() < line.size() && is_name(name) ? out : std::string{};
}

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> out;
    for (;;) {
        const auto end = text.find('\n');
        out.emplace_back(text.substr(0, end));
        if (end == std::string_view::npos) return out;
        text.remove_prefix(end + 1);
    }
}

class reader {
  public:
    explicit reader(std::string_view text) : lines_(lines_of(text)) {}

    toml_document run() {
        leave_out_deep_lines();
        auto parsed = parse_until(lines_.size());
        while (!parsed && leave_out(parsed.error()))
            parsed = parse_until(lines_.size());
        if (parsed) take(parsed.table(), {});
        std::sort(out_.entries.begin(), out_.entries.end(), [](const auto& a, const auto& b) {
            return std::tie(a.line, a.key) < std::tie(b.line, b.key);
        });
        for (const auto& [line, key] : again_)
            problem(line, said_before(line, key));
        std::sort(problems_.begin(), problems_.end());
        for (const auto& [line, words] : problems_)
            out_.problems.push_back("line " + std::to_string(line) + ": " + words);
        return std::move(out_);
    }

  private:
    void problem(std::size_t line, std::string words) { problems_.emplace_back(line, std::move(words)); }
    std::string& at(std::size_t line) { return lines_[line - 1]; }

    void leave_out_deep_lines() {
        for (std::size_t line = 1; line <= lines_.size(); ++line) {
            if (std::count(at(line).begin(), at(line).end(), '.') <= k_most_dots) continue;
            problem(line, "too many dots in one line; break the array into lines");
            at(line).clear();
        }
    }

    [[nodiscard]] toml::parse_result parse_until(std::size_t last) const {
        std::string text;
        for (std::size_t i = 0; i < last; ++i)
            text.append(lines_[i]).push_back('\n');
        return toml::parse(text);
    }

    /// Notes the error and blanks what it is in, so that whatever else is wrong can be told at the same time.
    /// False: there is nothing more to be had.
    bool leave_out(const toml::parse_error& e) {
        const auto line = std::clamp<std::size_t>(e.source().begin.line, 1, lines_.size());
        const auto first = begin_of_statement(line);
        const bool nothing_left = first == line && trimmed(at(line)).empty();
        if (first < line)
            problem(line, words_of(e.description()) + " (it begins in line " + std::to_string(first) + ")");
        else
            note(line, e.description());
        for (auto i = first; i < line; ++i)
            at(i).clear();
        // After a forgotten ] this line is a statement of its own.
        const bool may_be_good = first < line && (!key_in(at(line)).empty() || at(line).starts_with('['));
        if (!may_be_good) at(line).clear();
        return !nothing_left && problems_.size() + again_.size() < k_most_problems;
    }

    /// The first line of the array that goes on in this one; mostly it is the line itself.
    [[nodiscard]] std::size_t begin_of_statement(std::size_t line) const {
        int tries = 0;
        for (auto first = line; first > 0 && tries < k_most_tries; --first) {
            if (first < line && key_in(lines_[first - 1]).empty()) continue;
            if (parse_until(first - 1)) return first;
            ++tries;
        }
        return line;
    }

    void note(std::size_t line, std::string_view description) {
        const auto says = [&](std::string_view part) {
            return description.find(part) != std::string_view::npos;
        };
        const std::string_view text = trimmed(at(line));
        const auto close = std::min(text.find(']'), text.size());
        if (says("cannot redefine existing table") && text.starts_with('['))
            problem(line, "table " + std::string(text.substr(0, close)) + "] is there twice; merge the two");
        else if (says("cannot redefine") && !key_in(text).empty())
            again_.emplace_back(line, key_in(text));
        else if (says("string: ") && says("control characters") && !has_controls(at(line)))
            problem(line, words_of(says("literal") ? "literal string: encountered" : "string: encountered"));
        else
            problem(line, words_of(description));
    }

    static bool has_controls(std::string_view line) {
        if (line.ends_with('\r')) line.remove_suffix(1);
        return std::any_of(line.begin(), line.end(), [](char c) {
            return (c >= 0 && c < ' ' && c != '\t') || c == '\x7F';
        });
    }

    /// Where the key, of which we know the end only, was set before.
    [[nodiscard]] std::string said_before(std::size_t line, const std::string& key) const {
        for (auto e = out_.entries.rbegin(); e != out_.entries.rend(); ++e)
            if (e->line < line && (e->key == key || e->key.ends_with("." + key)))
                return e->key + " was set in line " + std::to_string(e->line) + "; keep one of the two";
        return words_of("cannot redefine");
    }

    void take(const toml::table& table, const std::string& prefix) {
        for (const auto& [key, node] : table) {
            toml_entry e{prefix + std::string(key.str()), {}, node.is_array(), key.source().begin.line};
            if (!is_name(key.str()))
                problem(e.line, std::string(k_names));
            else if (const auto* inner = node.as_table())
                take(*inner, e.key + ".");
            else if (node.is_array_of_tables())
                problem(e.line, "arrays of tables are not used here; write [name]");
            else if (auto fault = read(node, e); !fault.empty())
                problem(e.line, std::move(fault));
            else
                out_.entries.push_back(std::move(e));
        }
    }

    static std::string read(const toml::node& node, toml_entry& e) {
        if (const auto* list = node.as_array()) {
            for (const auto& element : *list)
                if (auto fault = read_one(element, e); !fault.empty()) return fault;
            return {};
        }
        return read_one(node, e);
    }

    static std::string read_one(const toml::node& node, toml_entry& e) {
        if (const auto* s = node.as_string())
            e.values.push_back(s->get());
        else if (const auto* n = node.as_integer())
            e.values.push_back(std::to_string(n->get()));
        else if (const auto* b = node.as_boolean())
            e.values.emplace_back(b->get() ? "true" : "false");
        else
            return std::string(k_no_value);
        return e.values.back().find('\0') == std::string::npos ? "" : "a NUL in a string; leave it out";
    }

    std::vector<std::string> lines_;
    std::vector<std::pair<std::size_t, std::string>> problems_; // line and words
    std::vector<std::pair<std::size_t, std::string>> again_;    // line and key of what was set before
    toml_document out_;
};

} // namespace

toml_document read_toml(std::string_view text) {
    return reader(text).run();
}

} // namespace z360::app
