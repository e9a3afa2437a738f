// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "engine/change_queue.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <system_error>
#include <utility>

namespace z360::engine {
namespace {

template <class T>
bool number(std::string_view text, T& out) {
    const auto* const end = text.data() + text.size();
    const auto [stopped, ec] = std::from_chars(text.data(), end, out);
    return ec == std::errc{} && stopped == end && out >= 0;
}

// "call org version"; words after these are a newer program's.
std::optional<port::change> decode(std::string_view line) {
    const auto word = [&line] {
        const auto end = std::min(line.find(' '), line.size());
        const auto out = line.substr(0, end);
        line.remove_prefix(std::min(end + 1, line.size()));
        return out;
    };
    port::change c;
    const auto call = call_id::parse(word());
    if (!call || !number(word(), c.org.value) || !number(word(), c.version) || c.version == 0)
        return std::nullopt;
    c.call = *call;
    return c;
}

} // namespace

bool change_queue::put(const port::change& c) {
    if (const auto known = place_.find(c.call); known != place_.end()) {
        auto& waiting = waiting_[known->second];
        if (c.version > waiting.version) waiting = c;
        return true;
    }
    if (waiting_.size() >= limit_) return false;
    place_.emplace(c.call, waiting_.size());
    waiting_.push_back(c);
    return true;
}

std::vector<port::change> change_queue::take() {
    place_.clear();
    return std::exchange(waiting_, {});
}

void change_queue::clear() {
    (void)take();
}

bool newest_heard::advance(const port::change& c) {
    const auto known = young_.find(c.call);
    if (known != young_.end()) {
        if (c.version <= known->second) return false;
        known->second = c.version;
        return true;
    }
    const auto before = old_.find(c.call);
    const bool newer = before == old_.end() || c.version > before->second;
    learn(newer ? c : port::change{c.call, c.org, before->second});
    return newer;
}

bool newest_heard::correct(const port::change& c) {
    for (const auto* known : {&young_, &old_})
        if (const auto at = known->find(c.call); at != known->end()) {
            if (at->second == c.version) return false;
            break;
        }
    learn(c);
    return true;
}

void newest_heard::learn(const port::change& c) {
    if (const auto known = young_.find(c.call); known != young_.end()) {
        known->second = c.version;
        return;
    }
    if (young_.size() >= half_) {
        old_ = std::move(young_);
        young_.clear();
    }
    young_.emplace(c.call, c.version);
}

void newest_heard::clear() {
    young_.clear();
    old_.clear();
}

std::vector<std::string> encode_changes(const std::vector<port::change>& changes, std::size_t longest) {
    std::vector<std::string> out;
    for (const auto& c : changes) {
        const auto line =
            c.call.text() + ' ' + std::to_string(c.org.value) + ' ' + std::to_string(c.version) + '\n';
        if (out.empty() || out.back().size() + line.size() > longest) out.emplace_back();
        out.back() += line;
    }
    return out;
}

std::vector<port::change> decode_changes(std::string_view text) {
    std::vector<port::change> out;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        if (const auto c = decode(text.substr(0, end))) out.push_back(*c);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

} // namespace z360::engine
