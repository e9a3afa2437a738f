// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/crypto/key_file.hpp"

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace z360::adapter::crypto {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const std::string& setting, const std::string& file, const std::string& why) {
    throw std::runtime_error(setting + ": " + file + ": " + why);
}

void check(const std::string& setting, const std::string& file, std::size_t longest) {
    std::error_code error;
    const auto found = fs::status(file, error);
    if (!fs::exists(found)) {
        if (error && error != std::errc::no_such_file_or_directory)
            refuse(
                setting, file,
                "cannot be looked at (" + error.message() + "); correct the path or its folder's mode"
            );
        refuse(setting, file, "no such file; correct the path");
    }
    if (!fs::is_regular_file(found))
        refuse(setting, file, "not a regular file; name the file that holds the key");
    constexpr auto k_others = fs::perms::group_all | fs::perms::others_all;
    if ((found.permissions() & k_others) != fs::perms::none)
        refuse(setting, file, "others than its owner have rights on it; run: chmod 600 " + file);
    const auto size = fs::file_size(file, error);
    if (error) refuse(setting, file, "cannot be looked at (" + error.message() + "); check the disk");
    if (size == 0) refuse(setting, file, "empty; download the key again");
    if (size > longest)
        refuse(
            setting, file,
            "larger than " + std::to_string(longest / 1024) + " KiB; name the file that holds the key alone"
        );
}

} // namespace

secret read_key_file(const std::string& setting, const std::string& file, std::size_t longest) {
    check(setting, file, longest);
    std::ifstream in;
    in.rdbuf()->pubsetbuf(nullptr, 0); // no copy of the key in a buffer that nobody overwrites
    in.open(file, std::ios::binary);
    if (!in)
        refuse(setting, file, "not readable for this process; give it to the user that the server runs as");
    std::string text(longest, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (in.bad()) refuse(setting, file, "cannot be read; check the disk");
    text.resize(static_cast<std::size_t>(in.gcount()));
    return secret(std::move(text));
}

} // namespace z360::adapter::crypto
