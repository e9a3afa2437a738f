// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Runs z360-voipd to its end, as a person at a terminal would.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>

namespace z360::testing {

struct ended {
    int code = -1;
    std::string out;
    std::string err;
};

inline std::string read_file(const std::string& path) {
    std::ifstream in(path);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

inline std::string shell_quoted(const std::string& text) {
    std::string out = "'";
    for (const char c : text)
        out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
}

/// `arguments` as for a shell. Bounded: a program that does not end is killed after 20 s (code 124).
inline ended run_voipd(const std::string& arguments, const std::map<std::string, std::string>& environment) {
    std::string folder = (std::filesystem::temp_directory_path() / "z360-program-XXXXXX").string();
    if (::mkdtemp(folder.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    std::string command = "cd " + shell_quoted(folder) + " && env -i PATH=/usr/bin:/bin";
    // Not the settings of an installation that this machine happens to have.
    if (!environment.contains("Z360_CONFIG")) command += " Z360_CONFIG=/dev/null";
    for (const auto& [k, v] : environment)
        command += " " + k + "=" + shell_quoted(v);
    command += " timeout 20 " + shell_quoted(std::string(Z360_BINARY_DIR) + "/z360-voipd") + " " + arguments +
               " >out 2>err";
    const int status = std::system(command.c_str());
    ended e;
    e.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    e.out = read_file(folder + "/out");
    e.err = read_file(folder + "/err");
    std::filesystem::remove_all(folder);
    return e;
}

} // namespace z360::testing
