// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Reading what clients send: every problem of a body is reported at once, by field.
#pragma once

#include "edge/api/problem.hpp"

#include <z360/base/name.hpp>

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace z360::edge::api {

/// A request's JSON object, or why it is none: 400 with line and column, never with a piece of the text.
struct body_of {
    json value = json::object();
    std::optional<problem> refused;
};
/// An empty body counts as {}.
[[nodiscard]] body_of read_object(std::string_view text);

/// What a text field must be. Lengths count characters, not bytes.
struct text_rule {
    bool required = false;
    std::size_t min = 0;
    std::size_t max = k_longest_name;
    bool lines = false; ///< line breaks are allowed
    bool name = false;  ///< people read it: nothing but blanks, or what misleads, is refused
};

/// Reads fields of an object and collects what is wrong. A field that is absent, null or refused reads as
/// empty; unknown ones are ignored.
class fields {
  public:
    explicit fields(const json& object) : object_(&object) {}

    /// Present and not null.
    [[nodiscard]] bool has(std::string_view name) const;
    [[nodiscard]] std::string text(std::string_view name, text_rule r = {});
    [[nodiscard]] std::optional<std::string> text_if(std::string_view name, text_rule r = {});
    /// Also as a numeric text: old clients send both.
    [[nodiscard]] std::optional<std::int64_t>
    integer(std::string_view name, std::int64_t low = 1, std::int64_t high = k_most, bool required = false);
    /// Any number in range, also as a numeric text.
    [[nodiscard]] std::optional<double> number(std::string_view name, double low, double high);
    [[nodiscard]] std::optional<bool> boolean(std::string_view name);
    /// One of these words; empty when absent.
    [[nodiscard]] std::string
    word(std::string_view name, std::initializer_list<std::string_view> words, bool required = false);
    /// A list of objects, neither empty nor longer than `most`; nullptr: it is not.
    [[nodiscard]] const json* objects(std::string_view name, std::size_t most);
    /// An object; nullptr when absent.
    [[nodiscard]] const json* object(std::string_view name);
    [[nodiscard]] std::vector<std::string> texts(std::string_view name, std::size_t most);

    void refuse(std::string_view name, std::string reason);
    /// What is wrong with the fields of an object inside this one, as `at.field`.
    void refuse_those_of(const fields& inner, std::string_view at);
    [[nodiscard]] bool ok() const { return errors_.empty(); }
    /// 422 with all of it.
    [[nodiscard]] problem refusal() const;

  private:
    static constexpr std::int64_t k_most = 9'007'199'254'740'991; // what JavaScript can hold

    [[nodiscard]] const json* find(std::string_view name) const;
    const json* object_;
    std::map<std::string, std::vector<std::string>> errors_;
};

/// Whole text is a decimal number in range; nullopt otherwise.
[[nodiscard]] std::optional<std::int64_t> whole_number(
    std::string_view text, std::int64_t low = 1, std::int64_t high = std::numeric_limits<std::int64_t>::max()
);
/// First value of a query parameter, percent-decoded; nullopt: absent.
[[nodiscard]] std::optional<std::string> query_value(std::string_view query, std::string_view name);

} // namespace z360::edge::api
