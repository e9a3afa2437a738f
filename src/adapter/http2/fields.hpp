// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <z360/http/h2.hpp>

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace z360::adapter::http2 {

/// Why HTTP/2 cannot carry the request; empty: it can. Names no value.
[[nodiscard]] std::string fault_of(const z360::http::h2::request& r);

/// A request's header list for nghttp2. Points into what it was made of; wipes its copy of the bearer token.
class field_list {
  public:
    field_list(const z360::http::h2::request& r, const std::string& scheme, const std::string& authority);
    ~field_list();
    field_list(const field_list&) = delete;
    field_list& operator=(const field_list&) = delete;

    [[nodiscard]] const nghttp2_nv* data() const { return list_.data(); }
    [[nodiscard]] std::size_t size() const { return list_.size(); }
    /// As SETTINGS_MAX_HEADER_LIST_SIZE counts it.
    [[nodiscard]] std::size_t weight() const { return weight_; }

  private:
    void add(std::string_view name, std::string_view value, bool indexed = true);

    std::vector<nghttp2_nv> list_;
    std::string authorization_;
    std::string length_;
    std::size_t weight_ = 0;
};

/// What came from outside, for people: at most `most` bytes, what is not printable ASCII as '?'.
[[nodiscard]] std::string printable(std::string_view text, std::size_t most);

} // namespace z360::adapter::http2
