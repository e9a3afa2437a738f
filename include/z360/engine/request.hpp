// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What people ask of a call that is going on.
#pragma once

#include <z360/base/ids.hpp>
#include <z360/call/state.hpp>
#include <z360/port/call_store.hpp>

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <optional>
#include <string>

namespace z360::engine {

/// One request. That the device may see the call has been checked by whoever takes it in.
struct request {
    /// Its key: asked twice it is one request, with one effect and one verdict. At most 256 bytes; whoever
    /// takes it in keeps the keys of different people apart.
    std::string id;
    call::request_kind what = call::request_kind::decline;
    device_id device;
    call_id call;
    std::string call_session_id; ///< as in our tables
};

/// How it went.
struct submission {
    enum class how {
        judged,    ///< `verdict` says; `call` is what it led to
        undecided, ///< not within its deadline: refused by whoever comes to it later, never carried out
        other,     ///< this key was another request
        unknown,   ///< there is no such call (any more); nothing of the request is left
    };
    how went = how::undecided;
    call::verdict verdict{};
    std::optional<port::stored_call> call{}; ///< set when judged
};

/// The engine's submit(), for those who know no engine.
using request_door = std::function<boost::asio::awaitable<submission>(request)>;

} // namespace z360::engine
