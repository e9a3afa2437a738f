// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "exchanges.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <fstream>

namespace z360::test {

std::filesystem::path exchange_folder() {
    const char* given = std::getenv("Z360_API_EXCHANGES");
    return given != nullptr ? given : Z360_BINARY_DIR "/api-exchanges";
}

std::filesystem::path exchange_file(const std::string& under) {
    const auto folder = under.empty() ? exchange_folder() : exchange_folder() / under;
    std::filesystem::create_directories(folder);
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    return folder / (std::string(test->test_suite_name()) + "." + test->name() + ".jsonl");
}

void write_down(const std::filesystem::path& file, const exchange& e) {
    const nlohmann::json line{
        {"method", e.method}, {"path", e.path}, {"status", e.status}, {"content_type", e.content_type},
        {"body", e.body},
    };
    std::ofstream(file, std::ios::app)
        << line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
}

} // namespace z360::test
