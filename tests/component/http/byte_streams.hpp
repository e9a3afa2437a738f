// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Sources and sinks whose bytes are known, which count, wait and fail as a test wants.
#pragma once

#include <z360/port/byte_stream.hpp>
#include <z360/rt/sync.hpp>

#include <boost/asio/awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>

namespace z360::test {

inline constexpr std::uint64_t k_mib = 1024 * 1024;
inline constexpr std::uint64_t k_never = std::numeric_limits<std::uint64_t>::max();

/// Bytes `from` to `from + n` of a content that repeats itself nowhere near.
inline std::string patterned(std::uint64_t from, std::size_t n) {
    std::string out(n, '\0');
    for (std::size_t i = 0; i < n; ++i) {
        const std::uint64_t at = from + i;
        out[i] = static_cast<char>((at * 31 + at / 251 + at / 65'521) & 0xFF);
    }
    return out;
}

/// What a test sets and reads of a source; outlives it.
struct source_state {
    std::uint64_t size = 0;
    std::uint64_t throws_at = k_never; ///< after so many bytes
    std::uint64_t ends_at = k_never;
    std::uint64_t waits_at = k_never; ///< until it is cancelled
    std::size_t excess = 0;           ///< bytes more than asked for
    std::uint64_t given = 0;
    std::size_t most_asked = 0;
    int alive = 0;
};

class pattern_source final : public port::byte_source {
  public:
    explicit pattern_source(source_state& s) : s_(s) { ++s_.alive; }
    ~pattern_source() override { --s_.alive; }
    pattern_source(const pattern_source&) = delete;
    pattern_source& operator=(const pattern_source&) = delete;

    std::uint64_t size() const override { return s_.size; }
    boost::asio::awaitable<std::string> read(std::size_t most) override {
        s_.most_asked = std::max(s_.most_asked, most);
        if (s_.given >= s_.throws_at) throw std::runtime_error("the source broke");
        if (s_.given >= s_.waits_at) co_await rt::sleep_for(std::chrono::hours(1));
        const auto left = std::min(s_.size, s_.ends_at) - s_.given;
        const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(most, left));
        std::string piece = patterned(s_.given, n);
        s_.given += n;
        if (n > 0) piece.append(s_.excess, '!');
        co_return piece;
    }

  private:
    source_state& s_;
};

class checking_sink final : public port::byte_sink {
  public:
    rt::clock::duration pause{};
    std::uint64_t throws_at = k_never; ///< after so many bytes
    std::uint64_t waits_at = k_never;  ///< until it is cancelled
    bool waiting = false;
    std::uint64_t taken = 0;
    std::size_t largest = 0;
    bool intact = true;
    const source_state* from = nullptr; ///< set: what is on the way is measured
    std::uint64_t most_on_the_way = 0;

    boost::asio::awaitable<void> write(std::string piece) override {
        if (from != nullptr) most_on_the_way = std::max(most_on_the_way, from->given - taken);
        if (pause > rt::clock::duration::zero()) co_await rt::sleep_for(pause);
        if (taken >= throws_at) throw std::runtime_error("the sink is full");
        if (taken >= waits_at) {
            waiting = true;
            co_await rt::sleep_for(std::chrono::hours(1));
        }
        intact = intact && piece == patterned(taken, piece.size());
        taken += piece.size();
        largest = std::max(largest, piece.size());
    }
};

} // namespace z360::test
