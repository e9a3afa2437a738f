// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Changes that wait, one of each call; which versions were heard already; changes as text.
#pragma once

#include <z360/port/change_feed.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace z360::engine {

/// At most `limit` calls wait, each with its newest version.
class change_queue {
  public:
    explicit change_queue(std::size_t limit) : limit_(limit) {}

    /// false: full, and nothing of this call waits.
    [[nodiscard]] bool put(const port::change& c);
    /// All of them, in the order in which their calls came first.
    [[nodiscard]] std::vector<port::change> take();
    void clear();
    [[nodiscard]] bool empty() const { return waiting_.empty(); }
    [[nodiscard]] std::size_t size() const { return waiting_.size(); }

  private:
    std::size_t limit_;
    std::vector<port::change> waiting_;
    std::unordered_map<call_id, std::size_t> place_;
};

/// The newest version heard of each call, for the `limit`/2 calls heard of last at least. Two generations
/// instead of an order of age: forgetting costs nothing, and what can still be on its way is far younger.
class newest_heard {
  public:
    explicit newest_heard(std::size_t limit) : half_(limit < 2 ? 1 : limit / 2) {}

    /// true: newer than whatever was heard of this call.
    [[nodiscard]] bool advance(const port::change& c);
    /// true: another one than was heard last, newer or older. What the database itself says counts, whatever
    /// was heard before: a false word on a carrier must not silence a call.
    [[nodiscard]] bool correct(const port::change& c);
    void clear();
    [[nodiscard]] std::size_t size() const { return young_.size() + old_.size(); }

  private:
    void learn(const port::change& c);

    std::size_t half_;
    std::unordered_map<call_id, std::uint64_t> young_;
    std::unordered_map<call_id, std::uint64_t> old_;
};

/// One change a line, in texts of at most `longest` bytes.
[[nodiscard]] std::vector<std::string>
encode_changes(const std::vector<port::change>& changes, std::size_t longest);
/// Lines that say nothing to this program, of a newer one perhaps, are passed over.
[[nodiscard]] std::vector<port::change> decode_changes(std::string_view text);

} // namespace z360::engine
