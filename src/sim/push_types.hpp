// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A request to a push service and what comes of it, whatever carries both. Pure data.
#pragma once

#include <z360/base/time.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace z360::sim {

using json = nlohmann::json;
using push_fields = std::vector<std::pair<std::string, std::string>>;

/// As it came in. Names of fields are in lower case; one that came twice is there twice.
struct push_request {
    std::string method;
    std::string path; ///< as sent, query included
    push_fields fields;
    std::string body;
    std::uint64_t connection = 0; ///< which one it came on

    /// The first value of that name; nullptr: none.
    [[nodiscard]] const std::string* find(std::string_view name) const {
        for (const auto& [n, v] : fields)
            if (n == name) return &v;
        return nullptr;
    }
};

struct push_reply {
    int status = 200;
    push_fields fields;
    std::string body;
};

/// What a service says of one request.
struct push_answer {
    push_reply reply;
    std::string reason; ///< the service's word for it; empty: taken
    std::string id;     ///< apns-id, or FCM's name of the message
    /// What a real service lets pass, but what costs deliveries or time: worth knowing all the same.
    std::vector<std::string> notes;
    bool delivered = false; ///< a phone has it now

    [[nodiscard]] bool taken() const { return reply.status == 200; }
};

/// How the answer travels. Default: at once, and the connection lives on.
struct push_course {
    enum class ending : std::uint8_t {
        answer,
        stall,  ///< never answered
        drop,   ///< the connection ends without a word
        reset,  ///< RST_STREAM with `code`
        goaway, ///< GOAWAY with `code` and `debug`; answered first if it was processed
    };
    ending how = ending::answer;
    millis delay{0};
    std::uint32_t code = 0; ///< RFC 9113 section 7
    std::string debug;
    bool processed = true; ///< goaway: whether its last stream is this one or the one before
};

/// One request with all that came of it.
struct push_exchange {
    push_answer answer;
    push_course course;
};

} // namespace z360::sim
