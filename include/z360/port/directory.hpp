// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <z360/base/time.hpp>
#include <z360/call/route.hpp>

#include <boost/asio/awaitable.hpp>

#include <string>
#include <utility>
#include <vector>

namespace z360::port {

/// A call that a device wants to place, as the carrier tells of it. Texts are as sent.
struct placing {
    std::string sip_username; ///< whom the caller is signed in as; empty: not told
    std::string to;           ///< what was dialed
    std::string from;         ///< as which number they want to be shown; or anything else: as usual
    std::string org;          ///< id of the organisation for which they call; empty: not said
    bool operator==(const placing&) const = default;
};

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
    /// What becomes of a call that a device places: always a route with `placed`, refused or not. Whose
    /// device it is, by its identity; for which organisation: the one that is named, else that of the number
    /// as which they want to be shown, else the one that they use. Throws unavailable.
    virtual boost::asio::awaitable<call::route> place(placing what, time_point now) = 0;
    /// Where this device may be rung for a call of these people in this organisation, whatever it showed of
    /// life: it asks itself. Empty: nowhere, because it is none of theirs, not for this organisation, or has
    /// no identity that can be dialed. Throws unavailable.
    virtual boost::asio::awaitable<std::vector<call::target>>
    reach(device_id device, std::vector<user_id> people, org_id org, time_point now) = 0;
    /// Whether this SIP username is, or was, a device's. Throws unavailable.
    virtual boost::asio::awaitable<bool> is_device(std::string sip_username) = 0;
};

} // namespace z360::port
