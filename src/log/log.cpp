// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/base/printable.hpp>
#include <z360/log.hpp>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <utility>

namespace z360::log {
namespace {

bool g_json = false;

spdlog::level::level_enum to_spdlog(level l) {
    switch (l) {
    case level::debug: return spdlog::level::debug;
    case level::info: return spdlog::level::info;
    case level::warn: return spdlog::level::warn;
    case level::error: return spdlog::level::err;
    case level::critical: return spdlog::level::critical;
    }
    return spdlog::level::info;
}

void append_quoted(std::string& out, std::string_view v) {
    std::string text;
    text.reserve(v.size() + 8);
    for (const char c : v) {
        if (c == '"' || c == '\\') text.push_back('\\');
        text.push_back(c);
    }
    // A newline in a value must not forge a log line, nor anything make a terminal act.
    out.append(1, '"').append(printable(text)).append(1, '"');
}

bool plain(std::string_view v) {
    if (v.empty()) return false;
    for (const char c : v) {
        const auto u = static_cast<unsigned char>(c);
        if (u <= 0x20 || u == 0x7F || c == '"' || c == '\\' || c == '=') return false;
    }
    return std::all_of(v.begin(), v.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; }) ||
           printable(v) == v;
}

} // namespace

field::field(std::string_view k, double v) : key(k), quoted(false) {
    char buffer[32];
    (void)std::snprintf(buffer, sizeof buffer, "%.6g", v);
    value = buffer;
}

std::optional<std::uint64_t> sparse::due(clock::time_point now) {
    if (last_ && now - *last_ < every_) {
        ++silent_;
        return std::nullopt;
    }
    last_ = now;
    return std::exchange(silent_, 0);
}

void configure(const settings& s) {
    g_json = s.json;
    auto logger = std::make_shared<spdlog::logger>("z360", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger->set_pattern(
        s.json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})" : "%Y-%m-%dT%H:%M:%S.%eZ %-5l %v",
        spdlog::pattern_time_type::utc
    );
    logger->set_level(to_spdlog(s.threshold));
    logger->flush_on(spdlog::level::info);
    spdlog::set_default_logger(std::move(logger));
}

void write(level l, std::string_view event, fields f) {
    auto* logger = spdlog::default_logger_raw();
    const auto lvl = to_spdlog(l);
    if (!logger->should_log(lvl)) return;
    std::string line;
    line.reserve(128);
    if (g_json) {
        line += "\"event\":";
        append_quoted(line, event);
        for (const auto& x : f) {
            line.push_back(',');
            append_quoted(line, x.key);
            line.push_back(':');
            if (x.quoted)
                append_quoted(line, x.value);
            else
                line += x.value;
        }
    } else {
        line += event;
        for (const auto& x : f) {
            line.push_back(' ');
            line += x.key;
            line.push_back('=');
            if (!x.quoted || plain(x.value))
                line += x.value;
            else
                append_quoted(line, x.value);
        }
    }
    logger->log(lvl, "{}", line);
}

} // namespace z360::log
