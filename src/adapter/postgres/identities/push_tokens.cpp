// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/identities/push_tokens.hpp"

#include "adapter/postgres/params.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace z360::adapter::postgres {
namespace {

// A phone whose clock is wrong must not keep its own later tokens out.
constexpr millis k_ahead{600'000};

// $1 device, $2 ciphertext, $3 key, $4 hash, $5 kind, $6 issued or '', $7 now
constexpr const char* k_store_push = R"sql(
update devices
   set push_token = $2::bytea, push_key_id = $3, push_token_hash = $4::bytea, push_token_kind = $5,
       push_issued_at = coalesce(z360_at(nullif($6, '')::bigint), push_issued_at), push_updated_at = z360_at($7),
       push_state = 'active'
 where device_id = $1)sql";
constexpr const char* k_store_voip = R"sql(
update devices
   set voip_token = $2::bytea, voip_key_id = $3, voip_token_hash = $4::bytea,
       voip_issued_at = coalesce(z360_at(nullif($5, '')::bigint), voip_issued_at), push_updated_at = z360_at($6),
       push_state = 'active'
 where device_id = $1)sql";

constexpr const char* k_lock =
    "select pg_advisory_xact_lock(k) from (select distinct k from unnest($1::bigint[]) k order by k) t";

const char* column_word(port::push_kind k) {
    switch (k) {
    case port::push_kind::fcm: return "fcm";
    case port::push_kind::fcm_fid: return "fcm_fid";
    case port::push_kind::apns:
    case port::push_kind::apns_voip: return "apns"; // the latter has a column of its own
    }
    return "fcm";
}

std::int64_t lock_key(std::uint64_t bits) {
    std::int64_t out = 0;
    std::memcpy(&out, &bits, sizeof out);
    return out;
}

std::int64_t person_key(user_id person) {
    return lock_key(derive_uuid("devices of user " + std::to_string(person.value)).lo);
}

// APNs tokens are bytes, written in hexadecimal digits of either case: the same bytes are the same token.
// Tokens of FCM are texts and never hexadecimal digits alone.
secret in_one_form(secret token) {
    const auto text = token.reveal();
    const bool hex = text.size() >= 64 && text.size() <= 200 && text.size() % 2 == 0 &&
                     text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
    if (!hex) return token;
    std::string lower(text);
    for (char& c : lower)
        if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
    return secret(std::move(lower));
}

} // namespace

std::vector<hashed_token>
hashed(const crypto::vault& keys, std::vector<port::push_token> tokens, time_point now) {
    std::array<std::optional<hashed_token>, 2> by_column;
    for (auto& t : tokens) {
        if (t.token.empty()) continue;
        t.token = in_one_form(std::move(t.token));
        hashed_token h{std::move(t), {}};
        for (auto& x : keys.hashes(h.token.token))
            h.hashes.push_back(std::move(x.bytes));
        if (h.token.issued_at) h.token.issued_at = std::min(*h.token.issued_at, now + k_ahead);
        by_column.at(h.voip() ? 1 : 0) = std::move(h);
    }
    std::vector<hashed_token> out;
    for (auto& h : by_column)
        if (h) out.push_back(std::move(*h));
    return out;
}

std::vector<hashed_token> newer(std::vector<hashed_token> tokens, const stored_push& have) {
    std::erase_if(tokens, [&have](const hashed_token& t) {
        const auto& stored = t.voip() ? have.voip_issued_at : have.push_issued_at;
        return stored && t.token.issued_at && *t.token.issued_at < *stored;
    });
    return tokens;
}

std::vector<std::string> all_hashes(const std::vector<hashed_token>& tokens) {
    std::vector<std::string> out;
    for (const auto& t : tokens)
        out.insert(out.end(), t.hashes.begin(), t.hashes.end());
    return out;
}

void store_push(
    pqxx::transaction_base& tx, const crypto::vault& keys, device_id device,
    const std::vector<hashed_token>& tokens, time_point now
) {
    for (const auto& t : tokens) {
        const auto box =
            keys.seal(t.token.token, crypto::place(t.voip() ? k_voip_column : k_push_column, device.value));
        const pqxx::binarystring bytes(box.bytes);
        const pqxx::binarystring hash(t.hashes.front());
        const auto issued = ms_or_empty(t.token.issued_at);
        if (t.voip())
            exec_in(
                tx, "push_store_voip", k_store_voip, device.value, bytes, box.key_id, hash, issued, in_ms(now)
            );
        else
            exec_in(
                tx, "push_store", k_store_push, device.value, bytes, box.key_id, hash,
                std::string(column_word(t.token.kind)), issued, in_ms(now)
            );
    }
}

void lock_person_and_tokens(
    pqxx::transaction_base& tx, user_id person, const std::vector<hashed_token>& tokens
) {
    std::string keys = "{" + std::to_string(person_key(person));
    for (const auto& h : all_hashes(tokens)) {
        std::uint64_t bits = 0;
        std::memcpy(&bits, h.data(), std::min(sizeof bits, h.size()));
        keys += ',' + std::to_string(lock_key(bits));
    }
    exec_in(tx, "registration_lock", k_lock, keys + '}');
}

void lock_people(pqxx::transaction_base& tx, const std::vector<user_id>& people) {
    std::string keys;
    for (const auto p : people)
        keys += (keys.empty() ? "{" : ",") + std::to_string(person_key(p));
    if (!keys.empty()) exec_in(tx, "registration_lock", k_lock, keys + '}');
}

} // namespace z360::adapter::postgres
