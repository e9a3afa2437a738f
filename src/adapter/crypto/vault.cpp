// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/crypto/vault.hpp"

#include "adapter/crypto/base64.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace z360::adapter::crypto {
namespace {

constexpr std::size_t k_key_bytes = 32;
constexpr std::size_t k_max_file = 64 * 1024;
constexpr std::size_t k_nonce = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t k_tag = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr std::string_view k_blanks = " \t\r";
static_assert(crypto_kdf_KEYBYTES == k_key_bytes);
static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == k_key_bytes);
static_assert(crypto_box_PUBLICKEYBYTES == 32);

const unsigned char* bytes(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes(std::string& text) {
    return reinterpret_cast<unsigned char*>(text.data());
}

/// 32 bytes that are overwritten when they are no longer needed.
class key_bytes {
  public:
    key_bytes() = default;
    ~key_bytes() { sodium_memzero(raw_.data(), raw_.size()); }
    key_bytes(const key_bytes&) = default;
    key_bytes& operator=(const key_bytes&) = default;

    [[nodiscard]] unsigned char* data() { return raw_.data(); }
    [[nodiscard]] const unsigned char* data() const { return raw_.data(); }

  private:
    std::array<unsigned char, k_key_bytes> raw_{};
};

// One line of the file. The master itself is not kept: one subkey for each purpose.
struct entry {
    std::string id;
    key_bytes sealing;
    key_bytes hashing;
};

key_bytes subkey(const key_bytes& master, std::uint64_t number, const char (&purpose)[9]) {
    static_assert(crypto_kdf_CONTEXTBYTES == 8);
    key_bytes out;
    crypto_kdf_derive_from_key(out.data(), k_key_bytes, number, purpose, master.data());
    return out;
}

bool is_key_id(std::string_view id) {
    return !id.empty() && id.size() <= 32 &&
           id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
}

std::string_view trimmed(std::string_view line) {
    line = line.substr(0, line.find('#'));
    const auto begin = line.find_first_not_of(k_blanks);
    if (begin == std::string_view::npos) return {};
    return line.substr(begin, line.find_last_not_of(k_blanks) - begin + 1);
}

[[noreturn]] void refuse(const std::string& where, const std::string& why) {
    throw std::runtime_error("secrets.key_file: " + where + ": " + why);
}

constexpr const char* k_make_a_line = "; make a line with: z360-voipd --generate-key FILE";

// The text names no part of the line: what looks like an id may be a key with a blank in it.
entry read_line(std::string_view line, const std::string& at) {
    const auto gap = line.find_first_of(k_blanks);
    if (gap == std::string_view::npos)
        refuse(at, std::string("not `<id> <base64 of 32 bytes>`") + k_make_a_line);
    const auto id = line.substr(0, gap);
    if (!is_key_id(id)) refuse(at, "the key's id is not 1 to 32 of a-z, 0-9 and '-'; rename it");
    const auto text = line.substr(line.find_first_not_of(k_blanks, gap));
    auto raw = unbase64(text, k_key_bytes);
    if (!raw || raw->size() != k_key_bytes)
        refuse(at, std::string("the key is not base64 of 32 bytes") + k_make_a_line);
    if (sodium_is_zero(raw->data(), raw->size()) == 1)
        refuse(at, std::string("the key is all zeros, which everybody knows") + k_make_a_line);
    key_bytes master;
    std::copy(raw->begin(), raw->end(), master.data());
    sodium_memzero(raw->data(), raw->size());
    return {std::string(id), subkey(master, 1, "z360seal"), subkey(master, 2, "z360hash")};
}

std::vector<entry> read_lines(std::string_view text, const std::string& where) {
    std::vector<entry> out;
    std::size_t number = 0;
    while (!text.empty()) {
        ++number;
        const auto end = text.find('\n');
        const auto line = trimmed(text.substr(0, end));
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
        if (line.empty()) continue;
        const std::string at = where + ":" + std::to_string(number);
        auto made = read_line(line, at);
        for (const auto& other : out)
            if (other.id == made.id)
                refuse(
                    at, "a key with the id '" + made.id + "' stands above already; remove one or rename it"
                );
        out.push_back(std::move(made));
    }
    if (out.empty()) refuse(where, std::string("no key in it") + k_make_a_line);
    return out;
}

// The id is bound in as well, so that a ciphertext cannot be passed off as another key's.
std::string associated(std::string_view key_id, std::string_view where) {
    std::string out = "z360 1|";
    out.append(key_id).append(1, '|').append(where);
    return out;
}

class key_file_vault final : public vault {
  public:
    explicit key_file_vault(std::vector<entry> keys) : keys_(std::move(keys)) {}

    [[nodiscard]] sealed seal(const secret& plain, std::string_view where) const override {
        const auto& key = keys_.front();
        const auto text = plain.reveal();
        const auto context = associated(key.id, where);
        sealed out{key.id, std::string(k_nonce + text.size() + k_tag, '\0')};
        unsigned char* const nonce = bytes(out.bytes);
        randombytes_buf(nonce, k_nonce);
        crypto_aead_xchacha20poly1305_ietf_encrypt(
            nonce + k_nonce, nullptr, bytes(text), text.size(), bytes(context), context.size(), nullptr,
            nonce, key.sealing.data()
        );
        return out;
    }

    [[nodiscard]] std::optional<secret> open_sealed(const sealed& s, std::string_view where) const override {
        const auto key =
            std::find_if(keys_.begin(), keys_.end(), [&](const entry& e) { return e.id == s.key_id; });
        if (key == keys_.end() || s.bytes.size() < k_nonce + k_tag) return std::nullopt;
        const auto context = associated(key->id, where);
        const unsigned char* const nonce = bytes(std::string_view(s.bytes));
        std::string plain(s.bytes.size() - k_nonce - k_tag, '\0');
        const int failed = crypto_aead_xchacha20poly1305_ietf_decrypt(
            bytes(plain), nullptr, nullptr, nonce + k_nonce, s.bytes.size() - k_nonce, bytes(context),
            context.size(), nonce, key->sealing.data()
        );
        if (failed != 0) return std::nullopt;
        return secret(std::move(plain));
    }

    [[nodiscard]] token_hash hash(const secret& token) const override {
        return hash_under(keys_.front(), token);
    }
    [[nodiscard]] std::vector<token_hash> hashes(const secret& token) const override {
        std::vector<token_hash> out;
        out.reserve(keys_.size());
        for (const auto& key : keys_)
            out.push_back(hash_under(key, token));
        return out;
    }

    [[nodiscard]] const std::string& current_key() const override { return keys_.front().id; }
    [[nodiscard]] std::vector<std::string> key_ids() const override {
        std::vector<std::string> out;
        for (const auto& key : keys_)
            out.push_back(key.id);
        return out;
    }

  private:
    static token_hash hash_under(const entry& key, const secret& token) {
        token_hash out{key.id, std::string(32, '\0')};
        const auto text = token.reveal();
        crypto_generichash(
            bytes(out.bytes), out.bytes.size(), bytes(text), text.size(), key.hashing.data(), k_key_bytes
        );
        return out;
    }

    std::vector<entry> keys_; ///< the first is the current one; never empty
};

void check_file(const std::string& file) {
    namespace fs = std::filesystem;
    std::error_code error;
    const auto found = fs::status(file, error);
    if (!fs::exists(found)) {
        if (error && error != std::errc::no_such_file_or_directory)
            refuse(
                file, "cannot be looked at (" + error.message() + "); correct the path or its folder's mode"
            );
        refuse(
            file, "no such file; make it with: z360-voipd --generate-key " + file + ", or correct the path"
        );
    }
    if (!fs::is_regular_file(found)) refuse(file, "not a regular file; name the file that holds the keys");
    if ((found.permissions() & fs::perms::others_all) != fs::perms::none)
        refuse(file, "users beyond owner and group have rights on it; run: chmod 600 " + file);
    if ((found.permissions() & fs::perms::group_write) != fs::perms::none)
        refuse(file, "its group may write it; run: chmod 600 " + file + " (or 640)");
    const auto size = fs::file_size(file, error);
    if (error) refuse(file, "cannot be looked at (" + error.message() + "); check the disk");
    if (size > k_max_file) refuse(file, "larger than 64 KiB; name the file that holds only keys");
}

} // namespace

std::shared_ptr<const vault> vault::open(const std::string& file) {
    check_file(file);
    std::ifstream in;
    in.rdbuf()->pubsetbuf(nullptr, 0); // no copy of the keys in a buffer that nobody overwrites
    in.open(file, std::ios::binary);
    if (!in) refuse(file, "not readable for this process; change its owner, or its group and mode to 640");
    std::string text(k_max_file, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (in.bad()) refuse(file, "cannot be read; check the disk");
    text.resize(static_cast<std::size_t>(in.gcount()));
    return parse(secret(std::move(text)), file);
}

std::shared_ptr<const vault> vault::parse(const secret& text, const std::string& where) {
    ensure_sodium();
    return std::make_shared<const key_file_vault>(read_lines(text.reveal(), where));
}

std::string vault::make_id(time_point now) {
    ensure_sodium();
    std::string id = "k";
    for (const char c : iso8601(now).substr(0, 10))
        if (c != '-') id.push_back(c);
    std::array<unsigned char, 5> noise{};
    randombytes_buf(noise.data(), noise.size());
    std::array<char, 2 * noise.size() + 1> hex{};
    sodium_bin2hex(hex.data(), hex.size(), noise.data(), noise.size());
    return id + '-' + hex.data();
}

secret vault::generate_line(const std::string& id) {
    if (!is_key_id(id)) throw std::invalid_argument("a key's id is 1 to 32 of a-z, 0-9 and '-'");
    ensure_sodium();
    key_bytes key;
    randombytes_buf(key.data(), k_key_bytes);
    std::string text = base64({reinterpret_cast<const char*>(key.data()), k_key_bytes});
    std::string line;
    line.reserve(id.size() + 1 + text.size());
    line.append(id).append(1, ' ').append(text);
    sodium_memzero(text.data(), text.size());
    return secret(std::move(line));
}

std::string place(std::string_view column, std::int64_t row) {
    return std::string(column) + "/" + std::to_string(row);
}

std::optional<std::string> seal_to(std::string_view public_key, const secret& plain) {
    if (public_key.size() != crypto_box_PUBLICKEYBYTES) return std::nullopt;
    ensure_sodium();
    const auto text = plain.reveal();
    std::string out(crypto_box_SEALBYTES + text.size(), '\0');
    // It refuses the few points under which everybody could open the box.
    if (crypto_box_seal(bytes(out), bytes(text), text.size(), bytes(public_key)) != 0) return std::nullopt;
    return out;
}

} // namespace z360::adapter::crypto
