// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Secrets at rest (SEC-02): encryption under named keys, keyed hashes for tokens, sealing to a device's key.
#pragma once

#include <z360/base/secret.hpp>
#include <z360/base/time.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace z360::adapter::crypto {

/// A ciphertext with the id of the key that made it; both are stored.
struct sealed {
    std::string key_id;
    std::string bytes; ///< nonce and ciphertext with its tag
};

/// The keys of the key file: immutable, shareable between threads.
///
/// File: one key a line, `<id> <base64 of 32 bytes>`; the first is used for new secrets, the others only open
/// what is under them: old ones until --rekey has replaced them, a new one until every node can read it. `#`
/// begins a comment. Ids: 1 … 32 of a-z, 0-9, '-'.
class vault {
  public:
    /// Reads the file; throws std::runtime_error naming file, line and fix: missing, readable by others than
    /// owner and group, malformed, no key, an id twice. The text holds no key.
    [[nodiscard]] static std::shared_ptr<const vault> open(const std::string& file);
    /// The same from text, for tests.
    [[nodiscard]] static std::shared_ptr<const vault> parse(const secret& text, const std::string& where);
    /// A new id, such as k20260131-1f0c9a52e4: of the day, and unlike every other one anywhere, so that the
    /// files of two systems are told apart.
    [[nodiscard]] static std::string make_id(time_point now);
    /// A line for a key file.
    [[nodiscard]] static secret generate_line(const std::string& id);

    virtual ~vault() = default;
    /// XChaCha20-Poly1305 under the current key; `where` is bound in as associated data: a row's table,
    /// column and id, so that a ciphertext moved to another row does not open.
    [[nodiscard]] virtual sealed seal(const secret& plain, std::string_view where) const = 0;
    /// nullopt: unknown key, altered bytes, or another `where`.
    [[nodiscard]] virtual std::optional<secret>
    open_sealed(const sealed& s, std::string_view where) const = 0;

    struct token_hash {
        std::string key_id;
        std::string bytes; ///< 32
    };
    /// Keyed BLAKE2b of a token (bearer, push token) under the current key.
    [[nodiscard]] virtual token_hash hash(const secret& token) const = 0;
    /// Under every key, the current first: what a lookup asks for.
    [[nodiscard]] virtual std::vector<token_hash> hashes(const secret& token) const = 0;
    [[nodiscard]] virtual const std::string& current_key() const = 0;
    [[nodiscard]] virtual std::vector<std::string> key_ids() const = 0;
};

/// Associated data of a column: "table.column/id".
[[nodiscard]] std::string place(std::string_view column, std::int64_t row);

/// Anonymous sealed box (X25519) to a device's 32-byte public key. nullopt: not a usable key.
[[nodiscard]] std::optional<std::string> seal_to(std::string_view public_key, const secret& plain);

} // namespace z360::adapter::crypto
