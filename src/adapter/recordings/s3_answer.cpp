// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/recordings/s3_answer.hpp"

#include <z360/base/printable.hpp>

#include <algorithm>
#include <array>

namespace z360::adapter::recordings {
namespace {

constexpr std::size_t k_longest_code = 64;

bool in_code(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

// 507, and the names that stores of others have for it.
bool is_full(int status, std::string_view code) {
    constexpr std::array names{
        "QuotaExceeded",       "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded",
        "InsufficientStorage", "StorageFull",       "InsufficientCapacity",
    };
    return status == 507 || std::ranges::find(names, code) != names.end();
}

std::string reason(int status, std::string_view code, std::string_view bucket) {
    const std::string word = code.empty() ? std::to_string(status) : std::string(code);
    if (is_full(status, code)) return "the store is full (" + word + ")";
    if (code == "RequestTimeTooSkewed")
        return "the store refuses us (" + word + "): its clock and ours are far apart";
    if (code == "NoSuchBucket") return "the store has no bucket " + std::string(bucket) + " (" + word + ")";
    if (status == 401 || status == 403)
        return "the store refuses us (" + word + "): check access key and bucket";
    return "the store answers " + std::to_string(status) + (code.empty() ? "" : " (" + word + ")");
}

} // namespace

std::string error_code(std::string_view body) {
    constexpr std::string_view begin = "<Code>";
    const auto at = body.find(begin);
    if (at == std::string_view::npos) return {};
    body.remove_prefix(at + begin.size());
    const auto code = body.substr(0, body.find("</Code>"));
    const bool plain = code.size() <= k_longest_code && std::ranges::all_of(code, in_code);
    return plain ? std::string(code) : std::string();
}

std::string why_not(const http::client_response& answer, std::string_view doing, std::string_view bucket) {
    const std::string start = "recordings: cannot " + std::string(doing) + ": ";
    if (answer.status == 0) return start + "the store is not reached: " + printable(answer.error);
    return start + reason(answer.status, error_code(answer.body), bucket);
}

} // namespace z360::adapter::recordings
