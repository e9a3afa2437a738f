// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The key file: made here, never shown.
#include "adapter/crypto/vault.hpp"
#include "app/ops_support.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace z360::app {
namespace {

[[noreturn]] void fail(const std::string& file, const std::string& what) {
    throw std::runtime_error(file + ": " + what + ": " + std::strerror(errno));
}

/// Closes, and removes what was not finished.
class new_file {
  public:
    new_file(const std::string& path, mode_t mode)
        : path_(path), fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) {
        if (fd_ < 0) fail(path, "cannot be made");
        if (::fchmod(fd_, mode) != 0) fail_and_remove("its mode cannot be set");
    }
    ~new_file() {
        if (fd_ >= 0) ::close(fd_);
        if (!kept_) (void)::unlink(path_.c_str());
    }
    new_file(const new_file&) = delete;
    new_file& operator=(const new_file&) = delete;

    void own_as(const struct stat& s) {
        if (::fchown(fd_, s.st_uid, s.st_gid) != 0)
            fail(path_, "cannot be given to the owner of the file before");
    }
    void write(std::string_view text) {
        while (!text.empty()) {
            const auto n = ::write(fd_, text.data(), text.size());
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) fail(path_, "cannot be written");
            text.remove_prefix(static_cast<std::size_t>(n));
        }
        if (::fsync(fd_) != 0) fail(path_, "cannot be written");
    }
    void keep() { kept_ = true; }

  private:
    [[noreturn]] void fail_and_remove(const std::string& what) {
        const int error = errno;
        ::close(fd_);
        (void)::unlink(path_.c_str());
        errno = error;
        fail(path_, what);
    }
    std::string path_;
    int fd_;
    bool kept_ = false;
};

// After k1 comes k2. Ids are never used twice: what an old key has made names it.
std::string next_id(const std::vector<std::string>& ids) {
    std::int64_t highest = 0;
    for (const auto& id : ids)
        if (id.starts_with('k')) highest = std::max(highest, as_number(id.substr(1)).value_or(0));
    return "k" + std::to_string(highest + 1);
}

secret content(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    if (!in) fail(file, "cannot be read");
    return secret(std::string{std::istreambuf_iterator<char>(in), {}});
}

} // namespace

int generate_key(const options& o) {
    const auto& file = o.arguments.subject;
    using adapter::crypto::vault;
    struct stat before{};
    if (::stat(file.c_str(), &before) != 0) {
        if (errno != ENOENT) fail(file, "cannot be looked at");
        new_file out(file, 0600);
        const auto line = vault::generate_line("k1");
        out.write(line.reveal());
        out.write("\n");
        out.keep();
        print(
            o, {{"file", file}, {"key", "k1"}, {"created", true}},
            file + ": made, with key k1; name it in secrets.key_file, copy it to every node, and keep a copy "
                   "apart from the database"
        );
        return k_ok;
    }
    const auto keys = vault::open(file); // says what is wrong with it
    const auto id = next_id(keys->key_ids());
    const auto old = content(file);
    const auto line = vault::generate_line(id);
    const std::string next = file + ".new";
    {
        new_file out(next, before.st_mode & 0777);
        out.own_as(before);
        out.write(line.reveal());
        out.write("\n");
        out.write(old.reveal());
        if (::rename(next.c_str(), file.c_str()) != 0) fail(file, "cannot be replaced");
        out.keep();
    }
    print(
        o, {{"file", file}, {"key", id}, {"created", false}},
        file + ": key " + id +
            " is first now; copy the file to every node, restart them one by one, then run "
            "--rekey"
    );
    return k_ok;
}

} // namespace z360::app
