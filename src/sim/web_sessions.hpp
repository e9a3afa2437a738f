// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The older web product, as far as the server asks it: whose session cookie is this? Pure.
#pragma once

#include <nlohmann/json.hpp>

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace z360::sim {

using json = nlohmann::json;

class web_sessions {
  public:
    struct answer {
        int status = 401;
        json body;
    };

    /// Somebody is logged in. `about` needs user_id and organization_id; what else it holds is told as well.
    /// Throws std::invalid_argument that names what is missing.
    void put(const std::string& value, json about);
    /// Logged out. False: was not logged in.
    bool end(std::string_view value);
    /// Answers the question that comes with this Cookie header; `session=<value>` may stand anywhere in it.
    [[nodiscard]] answer introspect(std::string_view cookie_header);
    /// How often a session was asked about, known or not.
    [[nodiscard]] std::size_t asked(std::string_view value) const;
    [[nodiscard]] std::size_t asked_in_all() const { return asked_in_all_; }
    /// Every question is answered with this status until it is 0 again.
    void break_down(int status) { broken_ = status; }
    [[nodiscard]] json to_json() const;

  private:
    std::map<std::string, json, std::less<>> sessions_;
    std::map<std::string, std::size_t, std::less<>> asked_;
    std::size_t asked_in_all_ = 0;
    int broken_ = 0;
};

} // namespace z360::sim
