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
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

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
        if (fd_ < 0 && errno == EEXIST)
            throw std::runtime_error(
                path + ": is there already: another run is at it, or one was cut off; if none runs, remove it"
            );
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

secret content(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    if (!in) fail(file, "cannot be read");
    return secret(std::string{std::istreambuf_iterator<char>(in), {}});
}

} // namespace

namespace {

using adapter::crypto::vault;

int first_key(const options& o, const std::string& file) {
    const auto id = vault::make_id(now());
    const auto line = vault::generate_line(id);
    new_file out(file, 0600);
    out.write(line.reveal());
    out.write("\n");
    out.keep();
    print(
        o, {{"file", file}, {"key", id}, {"created", true}},
        file + ": made, with key " + id +
            "; name it in secrets.key_file, copy it to every node, and keep a copy "
            "apart from the database"
    );
    return k_ok;
}

/// The file that is replaced, whole or not at all, by what `fill` writes from its content; mode and owner
/// stay. What a link points to is replaced, not the link: servers may read it by its other name.
template <class F>
void replace(const std::string& named, F fill) {
    const auto file = std::filesystem::canonical(named).string();
    struct stat before{};
    if (::stat(file.c_str(), &before) != 0) fail(file, "cannot be looked at");
    const std::string next = file + ".new";
    new_file out(next, before.st_mode & 0777);
    out.own_as(before);
    // Read once nobody else writes: the key that another run has just added is not lost.
    const auto old = content(file);
    fill(out, old.reveal());
    if (::rename(next.c_str(), file.c_str()) != 0) fail(file, "cannot be replaced");
    out.keep();
}

/// Where the line of a key begins and ends, its newline included; without an id: of the first key.
std::pair<std::size_t, std::size_t> line_of(std::string_view text, std::string_view id) {
    constexpr std::string_view k_blanks = " \t\r";
    for (std::size_t from = 0; from < text.size();) {
        const auto end = std::min(text.find('\n', from), text.size() - 1) + 1;
        auto line = text.substr(from, end - from);
        line.remove_prefix(std::min(line.find_first_not_of(k_blanks), line.size()));
        const bool key = !line.empty() && line.front() != '#' && line.front() != '\n';
        if (key && (id.empty() || line.substr(0, line.find_first_of(k_blanks)) == id)) return {from, end};
        from = end;
    }
    return {text.size(), text.size()};
}

} // namespace

int generate_key(const options& o) {
    const auto& file = o.arguments.subject;
    struct stat before{};
    if (::stat(file.c_str(), &before) != 0) {
        if (errno != ENOENT) fail(file, "cannot be looked at");
        return first_key(o, file);
    }
    (void)vault::open(file); // says what is wrong with it
    const auto id = vault::make_id(now());
    const auto line = vault::generate_line(id);
    replace(file, [&](new_file& out, std::string_view old) {
        out.write(old);
        if (!old.ends_with('\n')) out.write("\n");
        out.write(line.reveal());
        out.write("\n");
    });
    print(
        o, {{"file", file}, {"key", id}, {"created", false}},
        file + ": key " + id +
            " stands last: it is read, not used yet; copy the file to every node, restart them one by one, "
            "then: --promote-key " +
            file + " --key " + id
    );
    return k_ok;
}

int promote_key(const options& o) {
    const auto& file = o.arguments.subject;
    const auto& id = o.arguments.key;
    if (::access(file.c_str(), F_OK) != 0) fail(file, "cannot be looked at");
    const auto keys = vault::open(file);
    const auto ids = keys->key_ids();
    if (std::find(ids.begin(), ids.end(), id) == ids.end()) {
        std::string all;
        for (const auto& known : ids)
            all += (all.empty() ? "" : ", ") + known;
        throw std::runtime_error("--key: \"" + id + "\" is not in " + file + "; it has " + all);
    }
    const bool already = keys->current_key() == id;
    if (!already) {
        replace(file, [&](new_file& out, std::string_view text) {
            const auto first = line_of(text, {}).first;
            const auto line = line_of(text, id);
            const auto moved = text.substr(line.first, line.second - line.first);
            out.write(text.substr(0, first));
            out.write(moved);
            if (!moved.ends_with('\n')) out.write("\n");
            out.write(text.substr(first, line.first - first));
            out.write(text.substr(line.second));
        });
    }
    print(
        o, {{"file", file}, {"key", id}, {"changed", !already}},
        file + ": key " + id +
            (already ? " is first already"
                     : " is first now; copy the file to every node, restart them one by one, then run "
                       "--rekey")
    );
    return k_ok;
}

} // namespace z360::app
