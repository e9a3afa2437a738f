// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace z360::port {

/// Short texts to every process of the installation, at most once each: whoever does not listen just then
/// never gets them. On the loop's thread only.
class broadcast {
  public:
    /// Longest text, in bytes: what a NOTIFY takes, rounded down.
    static constexpr std::size_t k_longest = 7'900;
    /// Called on the loop; returns at once.
    using hearer = std::function<void(std::string_view text)>;

    virtual ~broadcast() = default;
    /// false: they may not have left. Bounded in time; throws only when cancelled.
    [[nodiscard]] virtual boost::asio::awaitable<bool> send(std::vector<std::string> texts) = 0;
    /// From about now on what anybody sends, this process too, is heard; after a lost connection again as
    /// soon as possible. An empty function: not any more, and no connection is kept for it.
    virtual void listen(hearer heard) = 0;
};

} // namespace z360::port
