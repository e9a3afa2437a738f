// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace z360::adapter::redis {

struct reply;

struct string_reply {
    std::string value;
};
struct status_reply { ///< "OK", "PONG"
    std::string value;
};
struct error_reply { ///< Redis understood and refused, e.g. "WRONGTYPE …"
    std::string text;
};
struct integer_reply {
    std::int64_t value = 0;
};
struct nil_reply {};
struct array_reply {
    std::vector<reply> values;
};
/// No answer: whether Redis executed the command is unknown.
struct unavailable {
    enum class reason : std::uint8_t {
        away,         ///< not connected, nothing was sent
        skipped,      ///< it stalled a moment ago, nothing was sent
        timed_out,    ///< sent, no answer within the budget
        disconnected, ///< sent, then the connection broke
    };
    reason why = reason::away;
};

/// What a command came back with. Owns its data.
struct reply {
    std::variant<unavailable, string_reply, status_reply, error_reply, integer_reply, nil_reply, array_reply>
        value;

    template <class T>
    [[nodiscard]] const T* as() const {
        return std::get_if<T>(&value);
    }
};

} // namespace z360::adapter::redis
