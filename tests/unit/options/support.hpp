// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include "app/options.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace z360::app::test {

// Public keys of the RFC 8032 test vectors.
inline const std::string k_key = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
inline const std::string k_other_key = "PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=";

/// A folder that is removed again.
class folder {
  public:
    folder() {
        std::string path = (std::filesystem::temp_directory_path() / "z360-options-XXXXXX").string();
        if (::mkdtemp(path.data()) == nullptr) std::abort();
        path_ = path;
    }
    ~folder() { std::filesystem::remove_all(path_); }
    folder(const folder&) = delete;
    folder& operator=(const folder&) = delete;

    std::string write(const std::string& name, const std::string& text, mode_t mode = 0600) const {
        const auto path = (path_ / name).string();
        std::ofstream(path, std::ios::binary) << text;
        EXPECT_EQ(::chmod(path.c_str(), mode), 0);
        return path;
    }
    [[nodiscard]] std::string path(const std::string& name) const { return (path_ / name).string(); }

  private:
    std::filesystem::path path_;
};

/// A file that only its owner may read; its content is nobody's business here.
inline const std::string& key_file() {
    static const folder k_folder;
    static const std::string k_path = k_folder.write("keys", "k1 not-read-by-the-options\n");
    return k_path;
}

/// The least that makes a server.
inline environment complete() {
    return {
        {"Z360_DATABASE_URL", "postgresql://z360:pw@127.0.0.1/z360"},
        {"Z360_SECRETS_KEY_FILE", key_file()},
        {"Z360_TELNYX_PUBLIC_KEYS", k_key},
        {"Z360_TELNYX_API_KEY", "KEY0123456789"},
        {"Z360_TELNYX_CONNECTION_ID", "1494404757140276705"},
        {"Z360_TELNYX_CREDENTIAL_CONNECTION_ID", "1494404757140276706"},
        {"Z360_HTTP_TRUSTED_PROXIES", "127.0.0.1"},
    };
}

inline options accepted(
    const std::vector<std::string>& arguments, const environment& env,
    const std::vector<std::string>& files = {}
) {
    auto r = parse_options(arguments, env, files);
    if (const auto* e = std::get_if<early_exit>(&r)) {
        ADD_FAILURE() << "refused: " << e->err;
        return {};
    }
    return std::get<options>(r);
}

/// What is printed on standard error; the exit code must be 2.
inline std::string refused(
    const std::vector<std::string>& arguments, const environment& env,
    const std::vector<std::string>& files = {}
) {
    const auto r = parse_options(arguments, env, files);
    const auto* e = std::get_if<early_exit>(&r);
    if (e == nullptr) {
        ADD_FAILURE() << "accepted";
        return {};
    }
    EXPECT_EQ(e->code, 2);
    return e->err;
}

} // namespace z360::app::test
