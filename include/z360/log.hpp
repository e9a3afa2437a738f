// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Logging for everything outside the core: one line per fact, a name and fields.
#pragma once

#include <z360/base/ids.hpp>
#include <z360/base/secret.hpp>

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace z360::log {

enum class level { debug, info, warn, error, critical };

/// One `key=value`. A secret is not accepted (deleted constructor): the compiler keeps it out of the log.
struct field {
    std::string_view key;
    std::string value;
    bool quoted = true; ///< false for numbers and booleans, so that JSON output stays typed

    field(std::string_view k, std::string_view v) : key(k), value(v) {}
    field(std::string_view k, const std::string& v) : key(k), value(v) {}
    field(std::string_view k, const char* v) : key(k), value(v) {}
    field(std::string_view k, bool v) : key(k), value(v ? "true" : "false"), quoted(false) {}
    template <class N>
        requires(std::is_integral_v<N> && !std::is_same_v<N, bool>)
    field(std::string_view k, N v) : key(k), value(std::to_string(v)), quoted(false) {}
    field(std::string_view k, double v);
    template <class Tag>
    field(std::string_view k, const uuid_id<Tag>& v) : key(k), value(v.text()) {}
    template <class Tag>
    field(std::string_view k, const int_id<Tag>& v) : key(k), value(std::to_string(v.value)), quoted(false) {}
    field(std::string_view, const secret&) = delete;
};

using fields = std::initializer_list<field>;

/// Where lines go and from which level on.
struct settings {
    level threshold = level::info;
    bool json = false; ///< one JSON object a line instead of `time level event key=value …`
};

/// Sets the process-wide logger up; call once from main before threads start. Writes to standard error.
void configure(const settings& s);

/// Writes one line. Thread-safe, never throws, never blocks on anything but the output stream.
void write(level l, std::string_view event, fields f = {});

/// write() by level.
inline void debug(std::string_view event, fields f = {}) {
    write(level::debug, event, f);
}
inline void info(std::string_view event, fields f = {}) {
    write(level::info, event, f);
}
inline void warn(std::string_view event, fields f = {}) {
    write(level::warn, event, f);
}
inline void error(std::string_view event, fields f = {}) {
    write(level::error, event, f);
}
inline void critical(std::string_view event, fields f = {}) {
    write(level::critical, event, f);
}

/// For a line that trouble would write a thousand times: at first, and then once in a while with a count.
///     if (const auto silent = refused.due()) log::error("refused", {{"why", w}, {"more", *silent}});
/// Not thread-safe.
class sparse {
  public:
    using clock = std::chrono::steady_clock;
    explicit sparse(clock::duration every = std::chrono::seconds{60}) : every_(every) {}
    /// nullopt: stay silent. A number: write the line; so many were kept silent since the last one.
    [[nodiscard]] std::optional<std::uint64_t> due(clock::time_point now = clock::now());

  private:
    clock::duration every_;
    std::optional<clock::time_point> last_;
    std::uint64_t silent_ = 0;
};

} // namespace z360::log
