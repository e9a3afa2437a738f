// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "engine/whose_leg.hpp"

#include "wire/party.hpp"

#include <utility>

namespace z360::engine {

boost::asio::awaitable<bool>
is_ours(port::directory& directory, std::string to, std::string called, time_point now) {
    auto rung = wire::read_called(to);
    if (rung.is_number()) {
        if (called.empty()) co_return false;
        const auto route = co_await directory.resolve(std::move(called), {}, now);
        co_return !route.mobile.empty() && route.mobile == rung.text;
    }
    if (rung.user.empty()) co_return false;
    co_return co_await directory.is_device(std::move(rung.user));
}

} // namespace z360::engine
