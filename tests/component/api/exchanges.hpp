// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What the API was asked and answered, one JSON object a line: method, path, status, content_type, body
// (text). tests/contract/api holds each line against the document, and makes the published fixtures from
// them.
#pragma once

#include <filesystem>
#include <string>

namespace z360::test {

struct exchange {
    std::string method;
    std::string path; ///< without the query
    int status = 0;
    std::string content_type;
    std::string body;
};

/// Z360_API_EXCHANGES, or build/<preset>/api-exchanges.
std::filesystem::path exchange_folder();
/// Of the running test; below `under`, if that is given.
std::filesystem::path exchange_file(const std::string& under = {});
void write_down(const std::filesystem::path& file, const exchange& e);

} // namespace z360::test
