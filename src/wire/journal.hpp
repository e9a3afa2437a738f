// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The stored form of a call's steps, and of all that can be compared when they are made again: JSON.
#pragma once

#include <z360/call/step.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace z360::wire {

/// An array, for jsonb: valid UTF-8 without NUL.
[[nodiscard]] std::string encode_steps(const std::vector<call::step>& all);
/// nullopt: no such array, or words that this program does not know.
[[nodiscard]] std::optional<std::vector<call::step>> decode_steps(std::string_view text);

/// A whole call for a file: what a laptop replays without a database. `masked`: telephone numbers, names and
/// addresses of people are replaced, each by the same everywhere; digests, which tell what was there, are
/// left out.
[[nodiscard]] std::string write_history(const call::history& h, bool masked);
/// nullopt: it is no such file, or what it says of the call's state cannot be read. Commits that this program
/// cannot read are in it, without steps.
[[nodiscard]] std::optional<call::history> read_history(std::string_view text);

/// Where two values differ, by path ("/legs/0/answered"), both as JSON; one that is not there is empty.
struct difference {
    std::string path;
    std::string stored;
    std::string replayed;
};
[[nodiscard]] std::vector<difference> differences(const call::state& stored, const call::state& replayed);
[[nodiscard]] std::vector<difference> differences(const call::effect& stored, const call::effect& replayed);

} // namespace z360::wire
