// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A store like S3 with one bucket, in memory: it checks signatures, digests and times as Amazon does, and can
// be told to fail. Pure but for its memory; `s3_server` puts it on a port.
#pragma once

#include "adapter/recordings/sigv4.hpp"

#include <z360/http/message.hpp>
#include <z360/port/clock.hpp>

#include <cstddef>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace z360::testing {

class s3_desk {
  public:
    struct object {
        std::string bytes;
        std::string content_type;
        std::string etag;
        bool operator==(const object&) const = default;
    };
    /// What goes wrong with requests of this method (empty: of any), so many times.
    struct fault {
        std::string method;
        int times = 1;
        int status = 0; ///< refused with it and `code`; 0: carried out
        std::string code;
        bool stall = false;       ///< carried out, or refused, and never answered
        bool lose_answer = false; ///< the connection ends in place of the answer
    };
    struct outcome {
        http::response response;
        bool stall = false;
        bool lose_answer = false;
    };

    s3_desk(std::string bucket, adapter::recordings::signing_key key, const port::clock& clock);
    /// `target` and `headers` as they came.
    [[nodiscard]] outcome answer(const http::request& r);

    std::map<std::string, object> objects; ///< by key
    std::vector<fault> faults;
    std::size_t room = std::numeric_limits<std::size_t>::max(); ///< for all contents together
    std::vector<std::string> seen;                              ///< method and path of each request
    std::vector<std::string> refused;                           ///< S3's codes, in the order they were given

  private:
    struct call;
    [[nodiscard]] std::optional<std::string> unauthentic(const call& c) const;
    [[nodiscard]] std::optional<std::string> unsigned_address(const call& c) const;
    [[nodiscard]] std::optional<std::string> unsigned_headers(const call& c) const;
    [[nodiscard]] http::response carry_out(const call& c);
    [[nodiscard]] http::response get(const call& c) const;
    [[nodiscard]] http::response put(const call& c);
    [[nodiscard]] http::response refuse(int status, const std::string& code);
    [[nodiscard]] fault take_fault(const std::string& method);

    std::string bucket_;
    adapter::recordings::signing_key key_;
    const port::clock& clock_;
};

} // namespace z360::testing
