// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>

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

/// The same with a validity of any time, such as 20260131120000Z: `openssl req` of OpenSSL 3.0 cannot.
inline void write_certificate_of(
    const std::string& certificate, const std::string& key, const std::string& name, const std::string& from,
    const std::string& until
) {
    const temp_folder work;
    const auto run = [](const std::string& command) {
        if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
    };
    const auto at = [&work](const char* file) { return "'" + work.file(file) + "'"; };
    run("printf '[ca]\\ndefault_ca=d\\n[d]\\ndatabase=" + work.file("index") +
        "\\nnew_certs_dir=" + work.file("") +
        "\\nrand_serial=yes\\ndefault_md=sha256\\npolicy=p\\n[p]\\ncommonName=supplied\\n' > " + at("conf") +
        " && : > " + at("index"));
    run("openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=" + name +
        " -keyout " + at("key") + " -out " + at("request") + " 2>/dev/null");
    run("openssl ca -batch -selfsign -notext -config " + at("conf") + " -keyfile " + at("key") + " -in " +
        at("request") + " -startdate " + from + " -enddate " + until + " -out " + at("pem") + " 2>/dev/null");
    for (const auto& [made, place] : {std::pair{work.file("key"), key}, {work.file("pem"), certificate}}) {
        std::filesystem::copy_file(made, place + ".new", std::filesystem::copy_options::overwrite_existing);
        std::filesystem::rename(place + ".new", place);
    }
}

} // namespace z360::test
