// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "app/toml.hpp"

#include <algorithm>
#include <cstdint>

namespace z360::app {
namespace {

struct syntax_error {
    std::string text;
};

bool bare(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

class reader {
  public:
    explicit reader(std::string_view text) : text_(text) {
        if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3; // byte order mark
    }

    toml_document run() {
        while (at_ < text_.size()) {
            try {
                statement();
            } catch (const syntax_error& e) {
                out_.problems.push_back("line " + std::to_string(line_) + ": " + e.text);
                while (at_ < text_.size() && text_[at_] != '\n')
                    ++at_;
            }
        }
        return std::move(out_);
    }

  private:
    [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\n'; }
    void blanks() {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t'))
            ++at_;
    }
    void comment() {
        if (peek() == '#')
            while (at_ < text_.size() && text_[at_] != '\n')
                ++at_;
    }
    void newline() {
        if (at_ < text_.size() && text_[at_] == '\r') ++at_;
        if (at_ >= text_.size()) return;
        if (text_[at_] != '\n')
            throw syntax_error{
                "unexpected text after the value; put strings in \"quotes\" and comments after #"
            };
        ++at_;
        ++line_;
    }
    void blanks_and_lines() {
        for (;;) {
            blanks();
            comment();
            if (at_ >= text_.size() || (text_[at_] != '\n' && text_[at_] != '\r')) return;
            newline();
        }
    }

    void statement() {
        blanks();
        if (peek() == '[')
            table();
        else if (bare(peek()))
            assignment();
        else if (peek() != '#' && peek() != '\n' && peek() != '\r')
            throw syntax_error{"neither a [table] nor key = value; write e.g. port = 8080"};
        blanks();
        comment();
        newline();
    }
    std::string name() {
        std::string out;
        for (;;) {
            blanks();
            const auto from = at_;
            while (at_ < text_.size() && bare(text_[at_]))
                ++at_;
            if (at_ == from) throw syntax_error{"a name is missing; names are letters, digits, _ and -"};
            out += text_.substr(from, at_ - from);
            blanks();
            if (peek() != '.') return out;
            ++at_;
            out.push_back('.');
        }
    }
    void table() {
        ++at_;
        if (peek() == '[') throw syntax_error{"arrays of tables are not used here; write [name]"};
        auto n = name();
        if (peek() != ']') throw syntax_error{"the table's name is not closed; write [name]"};
        ++at_;
        if (std::find(tables_.begin(), tables_.end(), n) != tables_.end())
            throw syntax_error{"table [" + n + "] is there twice; merge the two"};
        tables_.push_back(n);
        table_ = std::move(n);
    }
    void assignment() {
        toml_entry e;
        e.line = line_;
        e.key = name();
        if (!table_.empty()) e.key.insert(0, table_ + ".");
        if (peek() != '=') throw syntax_error{"no = after the key; write key = value"};
        ++at_;
        blanks();
        if (peek() == '[')
            array(e);
        else
            e.values.push_back(scalar());
        for (const auto& other : out_.entries)
            if (other.key == e.key)
                throw syntax_error{
                    e.key + " was set in line " + std::to_string(other.line) + "; keep one of the two"
                };
        out_.entries.push_back(std::move(e));
    }
    void array(toml_entry& e) {
        e.list = true;
        ++at_;
        for (;;) {
            blanks_and_lines();
            if (at_ >= text_.size()) throw syntax_error{"the array is not closed; add ]"};
            if (peek() == ']') break;
            e.values.push_back(scalar());
            blanks_and_lines();
            if (at_ >= text_.size()) throw syntax_error{"the array is not closed; add ]"};
            if (peek() == ',')
                ++at_;
            else if (peek() != ']')
                throw syntax_error{"array elements are separated by commas; add , or ]"};
        }
        ++at_;
    }
    std::string scalar() {
        if (text_.substr(at_).starts_with("\"\"\"") || text_.substr(at_).starts_with("'''"))
            throw syntax_error{"multi-line strings are not used here; write one line in \"quotes\""};
        if (peek() == '"') return basic_string();
        if (peek() == '\'') return literal_string();
        const auto from = at_;
        while (at_ < text_.size() && (bare(text_[at_]) || text_[at_] == '+' || text_[at_] == '.'))
            ++at_;
        std::string word(text_.substr(from, at_ - from));
        if (word == "true" || word == "false") return word;
        const auto first = word.find_first_not_of("+-");
        const bool digits = first <= 1 && word.find_first_not_of("0123456789_", first) == std::string::npos;
        if (!digits)
            throw syntax_error{"the value is no string, integer or boolean; put strings in \"quotes\""};
        std::erase(word, '_');
        if (word.front() == '+') word.erase(0, 1);
        return word;
    }
    std::string literal_string() {
        const auto from = ++at_;
        while (peek() != '\'') {
            if (peek() == '\n') throw syntax_error{"the string is not closed; add '"};
            ++at_;
        }
        return std::string(text_.substr(from, at_++ - from));
    }
    std::string basic_string() {
        std::string out;
        ++at_;
        while (peek() != '"') {
            if (peek() == '\n') throw syntax_error{"the string is not closed; add \""};
            const char c = text_[at_++];
            if (c == '\\')
                escape(out);
            else
                out.push_back(c);
        }
        ++at_;
        return out;
    }
    void escape(std::string& out) {
        const char c = peek();
        ++at_;
        switch (c) {
        case 'n': out.push_back('\n'); return;
        case 't': out.push_back('\t'); return;
        case 'r': out.push_back('\r'); return;
        case 'b': out.push_back('\b'); return;
        case 'f': out.push_back('\f'); return;
        case '"': out.push_back('"'); return;
        case '\\': out.push_back('\\'); return;
        case 'u': code_point(out, 4); return;
        case 'U': code_point(out, 8); return;
        default: --at_; throw syntax_error{"unknown escape in a string; write \\\\ for a backslash"};
        }
    }
    void code_point(std::string& out, unsigned width) {
        std::uint32_t c = 0;
        for (unsigned i = 0; i < width; ++i) {
            const char d = peek();
            const bool letter = (d >= 'a' && d <= 'f') || (d >= 'A' && d <= 'F');
            if (!letter && (d < '0' || d > '9'))
                throw syntax_error{"a \\u escape needs hex digits; write \\u00e9"};
            c = c * 16 + static_cast<std::uint32_t>(letter ? (d | 0x20) - 'a' + 10 : d - '0');
            ++at_;
        }
        if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
            throw syntax_error{"a \\u escape names no character; write the character itself"};
        const auto put = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
        if (c < 0x80) {
            put(c);
        } else if (c < 0x800) {
            put(0xC0 | (c >> 6));
            put(0x80 | (c & 0x3F));
        } else if (c < 0x10000) {
            put(0xE0 | (c >> 12));
            put(0x80 | ((c >> 6) & 0x3F));
            put(0x80 | (c & 0x3F));
        } else {
            put(0xF0 | (c >> 18));
            put(0x80 | ((c >> 12) & 0x3F));
            put(0x80 | ((c >> 6) & 0x3F));
            put(0x80 | (c & 0x3F));
        }
    }

    std::string_view text_;
    std::size_t at_ = 0;
    unsigned line_ = 1;
    std::string table_;
    std::vector<std::string> tables_;
    toml_document out_;
};

} // namespace

toml_document read_toml(std::string_view text) {
    return reader(text).run();
}

} // namespace z360::app
