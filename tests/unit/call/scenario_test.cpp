// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Every tests/scenarios/*.call is a test named after its file. Z360_UPDATE_SCENARIOS=1 writes the actual
// effects into the files; read the difference before committing it.
#include "support/scenario.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace {

namespace fs = std::filesystem;

std::vector<std::string> scripts() {
    std::vector<std::string> out;
    for (const auto& f : fs::directory_iterator(Z360_SCENARIOS))
        if (f.path().extension() == ".call") out.push_back(f.path().stem().string());
    std::sort(out.begin(), out.end());
    return out;
}

class scenario : public ::testing::TestWithParam<std::string> {};

} // namespace

TEST_P(scenario, gives_the_golden_effects) {
    const auto file = fs::path(Z360_SCENARIOS) / (GetParam() + ".call");
    std::ifstream in(file);
    std::stringstream text;
    text << in.rdbuf();
    const auto result = z360::testing::run_scenario(text.str());
    EXPECT_EQ(result.error, "");
    if (std::getenv("Z360_UPDATE_SCENARIOS") != nullptr) {
        std::ofstream(file) << result.text;
        return;
    }
    EXPECT_EQ(result.text, text.str());
}

INSTANTIATE_TEST_SUITE_P(call, scenario, ::testing::ValuesIn(scripts()), [](const auto& p) {
    return p.param;
});
