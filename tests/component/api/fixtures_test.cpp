// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The published fixtures are complete: tests/contract/api/fixtures.mjs checks that they are current.
#include "exchanges.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <string>

using namespace z360::test;
using nlohmann::json;

namespace {

std::string text_of(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    EXPECT_TRUE(in) << file;
    return {std::istreambuf_iterator<char>(in), {}};
}

class api_fixtures : public ::testing::Test {
  protected:
    api_fixtures() {
        for (const auto& e : index["fixtures"]) {
            published.insert(
                e["operation"].get<std::string>() + " " + std::to_string(e["status"].get<int>())
            );
            if (!e["code"].is_null()) codes.insert(e["code"].get<std::string>());
        }
    }
    /// Operation and answer of an exchange as the index names them; "" for what has no body to publish.
    [[nodiscard]] std::string type_of(const json& e) const {
        const auto& type = e["content_type"].get_ref<const std::string&>();
        if (type.find("json") == std::string::npos || e["path"] == "/api/openapi.json") return {};
        std::string verb = e["method"];
        for (auto& c : verb)
            c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        for (const auto& [path, item] : document["paths"].items()) {
            static const std::regex k_variable("\\{[^}]+\\}");
            const std::regex pattern(std::regex_replace(path, k_variable, "[^/]+"));
            if (!item.contains(verb) || !std::regex_match(e["path"].get<std::string>(), pattern)) continue;
            return item[verb]["operationId"].get<std::string>() + " " +
                   std::to_string(e["status"].get<int>());
        }
        return {};
    }

    /// What of an exchange has no fixture; "": nothing.
    [[nodiscard]] std::string unpublished(const json& e) const {
        if (e.is_discarded()) return {}; // another test is writing it at this moment
        const auto body = json::parse(e["body"].get<std::string>(), nullptr, false);
        if (e["status"] >= 400 && body.is_object()) {
            auto code = body.value("code", "no code");
            return codes.contains(code) ? std::string{} : code;
        }
        auto type = type_of(e);
        return published.contains(type) ? std::string{} : type;
    }

    const std::filesystem::path folder = Z360_SOURCE_DIR "/contract/api/fixtures";
    const json index = json::parse(text_of(folder / "index.json"));
    const json document = json::parse(text_of(Z360_SOURCE_DIR "/contract/api/openapi.json"));
    std::set<std::string> published; ///< "operation status"
    std::set<std::string> codes;
};

} // namespace

TEST_F(api_fixtures, and_26_every_documented_success_has_a_fixture_and_a_schema) {
    for (const auto& [path, item] : document["paths"].items())
        for (const auto& [verb, operation] : item.items()) {
            if (verb == "parameters" || path == "/api/openapi.json") continue;
            for (const auto& [status, response] : operation["responses"].items()) {
                if (status >= "300" || !response.contains("content")) continue;
                if (!response["content"].contains("application/json")) continue;
                const auto name = operation["operationId"].get<std::string>();
                EXPECT_TRUE(published.contains(name + " " + status)) << name << " " << status;
                const auto schema = name + "." + status + ".schema.json";
                EXPECT_TRUE(std::filesystem::exists(folder / "../schemas" / schema)) << schema;
            }
        }
}

TEST_F(api_fixtures, and_26_every_documented_code_has_a_fixture) {
    const auto text = text_of(Z360_SOURCE_DIR "/contract/api/openapi.json");
    static const std::regex k_list("Codes: ((?:`[a-z_]+`(?:, )?)+)");
    static const std::regex k_code("[a-z_]+");
    std::size_t found = 0;
    for (std::sregex_iterator at(text.begin(), text.end(), k_list), end; at != end; ++at) {
        const auto list = at->str(1);
        for (std::sregex_iterator one(list.begin(), list.end(), k_code); one != end; ++one, ++found)
            EXPECT_TRUE(codes.contains(one->str())) << one->str();
    }
    EXPECT_GE(found, 50U);
}

// What tests have been seen to receive, as far as they have run in this build.
TEST_F(api_fixtures, and_26_every_recorded_reply_type_has_a_fixture) {
    std::size_t lines = 0;
    std::set<std::string> missing;
    for (const auto& recorded : {exchange_folder(), exchange_folder() / "server"}) {
        std::error_code none;
        for (const auto& entry : std::filesystem::directory_iterator(recorded, none)) {
            if (entry.path().extension() != ".jsonl") continue;
            std::ifstream in(entry.path());
            for (std::string line; std::getline(in, line); ++lines)
                if (auto type = unpublished(json::parse(line, nullptr, false)); !type.empty())
                    missing.insert(std::move(type));
        }
    }
    EXPECT_TRUE(missing.empty()) << ::testing::PrintToString(missing);
    RecordProperty("recorded_exchanges", static_cast<int>(lines));
}

TEST_F(api_fixtures, and_26_every_file_is_in_the_index_and_parses) {
    std::set<std::string> listed{"index.json"};
    for (const auto& e : index["fixtures"]) {
        const auto file = e["file"].get<std::string>();
        EXPECT_TRUE(listed.insert(file).second) << file;
        EXPECT_FALSE(json::parse(text_of(folder / file), nullptr, false).is_discarded()) << file;
    }
    for (const auto& entry : std::filesystem::directory_iterator(folder))
        EXPECT_TRUE(listed.contains(entry.path().filename().string())) << entry.path();
}
