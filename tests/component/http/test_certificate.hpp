// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace z360::test {

/// A folder of its own under the system's temporary folder, removed at the end.
class temp_folder {
  public:
    temp_folder() {
        std::string name = (std::filesystem::temp_directory_path() / "z360-test-XXXXXX").string();
        if (!::mkdtemp(name.data())) throw std::runtime_error("mkdtemp failed");
        path_ = name;
    }
    ~temp_folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    temp_folder(const temp_folder&) = delete;
    temp_folder& operator=(const temp_folder&) = delete;
    [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }

  private:
    std::filesystem::path path_;
};

/// Writes a self-signed certificate for 127.0.0.1, and its key, with the openssl program. The files appear
/// whole: they are made beside their place and renamed.
inline void
write_certificate(const std::string& certificate, const std::string& key, const std::string& name, int days) {
    const std::string command =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days " +
        std::to_string(days) + " -subj /CN=" + name + " -addext subjectAltName=IP:127.0.0.1 -keyout '" + key +
        ".new' -out '" + certificate + ".new' 2>/dev/null";
    if (std::system(command.c_str()) != 0) throw std::runtime_error("openssl req failed");
    std::filesystem::rename(key + ".new", key);
    std::filesystem::rename(certificate + ".new", certificate);
}

} // namespace z360::test
