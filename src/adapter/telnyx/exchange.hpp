// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include "adapter/telnyx/classify.hpp"

#include <z360/http/client.hpp>
#include <z360/port/clock.hpp>

#include <boost/asio/awaitable.hpp>

#include <functional>

namespace z360::adapter::telnyx {

/// Asked right before the identical resend; false: do not (a dial without budget).
using may_resend = std::function<boost::asio::awaitable<bool>()>;

struct exchange_result {
    classified answer;
    bool resent = false;
};

/// One attempt: sends the request and, if nothing came back within `hedge_after`, the same bytes a second
/// time while the first is still awaited. The first conclusive answer (done, peer gone) counts; any other
/// answer waits `hedge_after` for a better one from the other request, because a repeat that Telnyx ignores
/// may be answered with an error. Whatever is then still in flight is aborted. Throws only when cancelled.
[[nodiscard]] boost::asio::awaitable<exchange_result> exchange(
    http::client& client, const port::clock& clock, call::verb verb, http::client_request request,
    millis hedge_after, may_resend resend
);

} // namespace z360::adapter::telnyx
