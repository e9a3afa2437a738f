// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <z360/base/time.hpp>
#include <z360/call/route.hpp>

#include <boost/asio/awaitable.hpp>

#include <string>
#include <utility>
#include <vector>

namespace z360::port {

/// Who is called: numbers, users, devices, contacts. Reads our own rows only.
class directory {
  public:
    virtual ~directory() = default;
    /// Resolves the dialed number; whether its cause is heeded is the caller's to say (call::heed_cause).
    /// `dialed` and `caller` are +E.164; empty: there is no number, so nobody's, and no contact. A caller who
    /// withholds theirs is "withheld". Devices are
    /// those of the number's receiving user that have an active, unexpired identity and showed life within
    /// the configured time, one entry per device. Throws unavailable.
    virtual boost::asio::awaitable<call::route>
    resolve(std::string dialed, std::string caller, time_point now) = 0;
    /// The same for a call at another time: opening hours are those of then, devices those of now. A
    /// directory without hours need not tell the two apart.
    virtual boost::asio::awaitable<call::route>
    foresee(std::string dialed, std::string caller, time_point now, time_point at) {
        (void)at;
        return resolve(std::move(dialed), std::move(caller), now);
    }
    /// Where this device may be rung for a call of these people in this organisation, whatever it showed of
    /// life: it asks itself. Empty: nowhere, because it is none of theirs, not for this organisation, or has
    /// no identity that can be dialed. Throws unavailable.
    virtual boost::asio::awaitable<std::vector<call::target>>
    reach(device_id device, std::vector<user_id> people, org_id org, time_point now) = 0;
    /// Whether this SIP username is, or was, a device's. Throws unavailable.
    virtual boost::asio::awaitable<bool> is_device(std::string sip_username) = 0;
};

} // namespace z360::port
