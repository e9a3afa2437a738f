// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/crypto/digest.hpp"
#include "edge/api/apple.hpp"
#include "fakes.hpp"
#include "support/rsa_signer.hpp"

using namespace z360;
using namespace z360::edge::api;
using namespace z360::edge::api::test;
using nlohmann::json;
using z360::testing::hs256_token;
using z360::testing::rsa_signer;

namespace {

const std::string k_nonce = "n-0S6_WzA2Mj";

const rsa_signer& signer(const std::string& kid) {
    static std::map<std::string, rsa_signer> k_made; // making one takes a while
    return k_made.try_emplace(kid, kid).first->second;
}

struct bed {
    explicit bed(asio::any_io_executor ex)
        : keys(ex, peer, clock, metrics, "https://apple.example.test/keys"), apple(keys, clock, settings()) {
        serve({"one"});
    }
    static config::apple_t settings() {
        config::apple_t s;
        s.client_ids = {"com.example.phone", "com.example.phone.beta"};
        return s;
    }
    void serve(const std::vector<std::string>& kids) {
        json document{{"keys", json::array()}};
        for (const auto& kid : kids)
            document["keys"].push_back(signer(kid).jwk());
        peer.says = [text = document.dump()](const auto&) { return answer(200, text); };
    }
    [[nodiscard]] json good() const {
        return {
            {"iss", "https://appleid.apple.com"},
            {"aud", "com.example.phone"},
            {"exp", clock.seconds() + 600},
            {"iat", clock.seconds() - 5},
            {"sub", "001234.abcdef.0123"},
            {"nonce", k_nonce},
            {"email", "x@privaterelay.appleid.com"},
            {"email_verified", "true"},
            {"nonce_supported", true},
        };
    }
    // "ok", or why not
    awaitable<std::string> verdict_on(std::string token, std::string nonce = k_nonce) {
        secret it(std::move(token));
        const auto got = co_await apple.verify(std::move(it), std::move(nonce));
        if (const auto* refused = std::get_if<apple_refusal>(&got)) co_return std::string(name(*refused));
        co_return "ok";
    }
    awaitable<std::string> verdict_on_claim(std::string key, json value) {
        auto claims = good();
        if (value.is_discarded())
            claims.erase(key);
        else
            claims[key] = std::move(value);
        co_return co_await verdict_on(signer("one").token(claims));
    }

    awaitable<void> stop() { co_await keys.stop(); }

    fake_peer peer;
    hand_clock clock;
    counting_metrics metrics;
    jwks keys;
    apple_verifier apple;
};

awaitable<void> genuine(bed& b) {
    secret token(signer("one").token(b.good()));
    const auto got = co_await b.apple.verify(std::move(token), k_nonce);
    const auto* who = std::get_if<apple_identity>(&got);
    EXPECT_NE(who, nullptr);
    if (who == nullptr) co_return;
    EXPECT_EQ(who->sub, "001234.abcdef.0123");
    EXPECT_EQ(who->email, "x@privaterelay.appleid.com");
    EXPECT_TRUE(who->email_verified);
}

awaitable<void> optional_claims(bed& b) {
    for (const auto& [value, expected] : std::vector<std::pair<json, bool>>{
             {true, true}, {"true", true}, {false, false}, {"false", false}, {nullptr, false}, {1, false}
         }) {
        auto claims = b.good();
        claims["email_verified"] = value;
        secret token(signer("one").token(claims));
        const auto got = co_await b.apple.verify(std::move(token), k_nonce);
        const auto* who = std::get_if<apple_identity>(&got);
        EXPECT_NE(who, nullptr);
        if (who != nullptr) EXPECT_EQ(who->email_verified, expected) << value.dump();
    }
    auto claims = b.good();
    claims.erase("email");
    secret token(signer("one").token(claims));
    const auto got = co_await b.apple.verify(std::move(token), k_nonce);
    const auto* who = std::get_if<apple_identity>(&got);
    EXPECT_NE(who, nullptr);
    if (who != nullptr) EXPECT_FALSE(who->email_verified) << "there is none to be verified";
}

awaitable<void> wrong_claims(bed& b) {
    const json none(json::value_t::discarded);
    const auto now = b.clock.seconds();
    struct row {
        const char* key;
        json value;
        const char* expected;
    };
    const std::vector<row> rows{
        {"iss", "https://appleid.apple.com/", "wrong_issuer"},
        {"iss", "https://evil.example", "wrong_issuer"},
        {"iss", none, "wrong_issuer"},
        {"aud", "com.example.other", "wrong_audience"},
        {"aud", "com.example.phone2", "wrong_audience"},
        {"aud", json::array({"com.example.other"}), "wrong_audience"},
        {"aud", json::array(), "wrong_audience"},
        {"aud", json::array({7, nullptr}), "wrong_audience"},
        {"aud", "[broken", "wrong_audience"},
        {"aud", none, "wrong_audience"},
        {"aud", json::array({"com.example.other", "com.example.phone"}), "ok"},
        {"aud", "com.example.phone.beta", "ok"},
        {"exp", now, "ok"}, // the leeway
        {"exp", now - 59, "ok"},
        {"exp", now - 60, "expired"},
        {"exp", now - 86'400, "expired"},
        {"exp", "soon", "malformed"},
        {"exp", -1, "malformed"},
        {"exp", 1e300, "malformed"},
        {"exp", none, "malformed"},
        {"iat", now + 60, "ok"},
        {"iat", now + 61, "expired"},
        {"iat", none, "malformed"},
        {"nonce", "another", "wrong_nonce"},
        {"nonce", "", "wrong_nonce"},
        {"nonce", none, "wrong_nonce"},
        {"nonce", adapter::crypto::sha256_hex(k_nonce), "ok"},
        {"nonce", adapter::crypto::sha256_hex("another"), "wrong_nonce"},
        {"sub", "", "malformed"},
        {"sub", std::string(256, 's'), "malformed"},
        {"sub", none, "malformed"},
    };
    for (const auto& r : rows) {
        const auto said = co_await b.verdict_on_claim(r.key, r.value);
        EXPECT_EQ(said, r.expected) << r.key << " " << (r.value.is_discarded() ? "(none)" : r.value.dump());
    }
    EXPECT_EQ(b.peer.seen.size(), 1U);
}

awaitable<void> nonces(bed& b) {
    auto claims = b.good();
    const auto plain = signer("one").token(claims);
    claims["nonce"] = "";
    const auto empty = signer("one").token(claims);
    claims.erase("nonce");
    const auto missing = signer("one").token(claims);
    const auto other = co_await b.verdict_on(plain, "other");
    const auto bare = co_await b.verdict_on(plain, "");
    const auto both_empty = co_await b.verdict_on(empty, "");
    const auto neither = co_await b.verdict_on(missing, "");
    EXPECT_EQ(other, "wrong_nonce");
    EXPECT_EQ(bare, "wrong_nonce");
    EXPECT_EQ(both_empty, "wrong_nonce");
    EXPECT_EQ(neither, "wrong_nonce");
}

awaitable<void> signatures(bed& b) {
    const auto good = signer("one").token(b.good());
    auto tampered = good;
    const auto middle = tampered.find('.') + 20;
    tampered[middle] = tampered[middle] == 'A' ? 'B' : 'A';
    const rsa_signer impostor("one");
    const json header{{"alg", "RS256"}, {"kid", "one"}};
    const json hs{{"alg", "HS256"}, {"kid", "one"}};
    const json none{{"alg", "none"}, {"kid", "one"}};
    const std::string payload = b.good().dump();
    const std::string n = signer("one").open_key().n;
    const std::vector<std::pair<std::string, std::string>> rows{
        {good, "ok"},
        {tampered, "bad_signature"},
        {impostor.token(b.good()), "bad_signature"},
        {signer("stranger").token(b.good()), "bad_signature"},
        {hs256_token(header, payload, n), "bad_signature"},
        {hs256_token(hs, payload, n), "malformed"},
        {signer("one").token(none, payload), "malformed"},
        {signer("one").token({{"alg", "RS256"}}, payload), "malformed"},
        {"", "malformed"},
        {"a.b.c", "malformed"},
        {std::string(20'000, 'x'), "malformed"},
    };
    for (const auto& [token, expected] : rows) {
        const auto said = co_await b.verdict_on(token);
        EXPECT_EQ(said, expected) << token.substr(0, 60);
    }
}

awaitable<void> rotation(bed& b) {
    const auto before = co_await b.verdict_on(signer("one").token(b.good()));
    EXPECT_EQ(before, "ok");
    b.clock.at += 2min;
    b.serve({"two"});
    for (int i = 0; i < 3; ++i) {
        const auto after = co_await b.verdict_on(signer("two").token(b.good()));
        EXPECT_EQ(after, "ok");
    }
    EXPECT_EQ(b.peer.seen.size(), 2U) << "exactly one fetch more";
    const auto withdrawn = co_await b.verdict_on(signer("one").token(b.good()));
    EXPECT_EQ(withdrawn, "bad_signature");
    EXPECT_EQ(b.peer.seen.size(), 2U);
}

awaitable<void> hammered(bed& b) {
    const json header{{"alg", "RS256"}};
    const auto payload = b.good().dump();
    for (int i = 0; i < 200; ++i) {
        auto h = header;
        h["kid"] = "junk-" + std::to_string(i);
        const auto said = co_await b.verdict_on(hs256_token(h, payload, "key"));
        EXPECT_EQ(said, "bad_signature");
    }
    EXPECT_EQ(b.peer.seen.size(), 1U);
}

awaitable<void> away(bed& b) {
    b.peer.says = [](const auto&) { return answer(503); };
    const auto said = co_await b.verdict_on(signer("one").token(b.good()));
    EXPECT_EQ(said, "keys_unavailable");
    b.serve({"one"});
    b.clock.at += 5s;
    const auto later = co_await b.verdict_on(signer("one").token(b.good()));
    EXPECT_EQ(later, "ok");
}

awaitable<void> switched_off(bed& b) {
    config::apple_t none;
    apple_verifier off(b.keys, b.clock, none);
    secret token(signer("one").token(b.good()));
    const auto got = co_await off.verify(std::move(token), k_nonce);
    const auto event = co_await off.verify_event(signer("one").token(b.good()));
    EXPECT_EQ(std::get<apple_refusal>(got), apple_refusal::wrong_audience);
    EXPECT_EQ(std::get<apple_refusal>(event), apple_refusal::wrong_audience);
    EXPECT_EQ(b.peer.seen.size(), 0U);
}

awaitable<void> events(bed& b) {
    const auto now = b.clock.seconds();
    const json base{
        {"iss", "https://appleid.apple.com"}, {"aud", "com.example.phone"}, {"iat", now - 3}, {"jti", "abc"}
    };
    const json revoked{{"type", "consent-revoked"}, {"sub", "001"}, {"event_time", now * 1'000}};
    struct row {
        const char* key;
        json value;
        std::string expected;
    };
    const std::vector<row> rows{
        {"events", revoked, "consent-revoked 001"},
        {"events", revoked.dump(), "consent-revoked 001"},
        {"events", {{"type", "account-delete"}, {"sub", "002"}}, "account-delete 002"},
        {"events", {{"type", "account-deleted"}, {"sub", "002"}}, "account-delete 002"},
        {"events", {{"type", "email-disabled"}, {"sub", "003"}}, "email-disabled 003"},
        {"events", {{"type", "email-enabled"}, {"sub", "003"}}, "email-enabled 003"},
        {"events", {{"type", "something-new"}, {"sub", "003"}}, "malformed"},
        {"events", {{"type", "account-delete"}}, "malformed"},
        {"events", {{"type", "account-delete"}, {"sub", 5}}, "malformed"},
        {"events", json::array({revoked}), "malformed"},
        {"events", "junk", "malformed"},
        {"events", nullptr, "malformed"},
        {"iss", "https://evil.example", "wrong_issuer"},
        {"aud", "com.example.other", "wrong_audience"},
        {"iat", now + 61, "expired"},
        {"iat", nullptr, "malformed"},
        {"exp", now + 5, "consent-revoked 001"},
        {"exp", now - 60, "expired"},
        {"exp", "soon", "malformed"},
    };
    for (const auto& r : rows) {
        auto claims = base;
        claims["events"] = revoked;
        claims[r.key] = r.value;
        const auto got = co_await b.apple.verify_event(signer("one").token(claims));
        std::string said;
        if (const auto* event = std::get_if<apple_event>(&got)) {
            said = std::string(name(event->type)) + " " + event->sub;
            EXPECT_EQ(event->issued_at, b.clock.at - 3s);
        } else {
            said = name(std::get<apple_refusal>(got));
        }
        EXPECT_EQ(said, r.expected) << r.key << " " << r.value.dump();
    }
    auto claims = base;
    claims["events"] = revoked;
    const auto forged = co_await b.apple.verify_event(rsa_signer("one").token(claims));
    EXPECT_EQ(std::get<apple_refusal>(forged), apple_refusal::bad_signature);
}

} // namespace

TEST(apple, ios_04_a_genuine_token_names_the_person) {
    play(genuine);
}
TEST(apple, ios_04_email_is_verified_only_when_there_is_one_and_apple_says_so) {
    play(optional_claims);
}
TEST(apple, ios_04_each_wrong_claim_has_its_reason) {
    play(wrong_claims);
}
TEST(apple, ios_04_a_nonce_must_be_given_and_fit) {
    play(nonces);
}
TEST(apple, ios_04_only_apples_signature_counts) {
    play(signatures);
}
TEST(apple, ios_04_a_change_of_keys_is_followed_with_one_fetch) {
    play(rotation);
}
TEST(apple, ios_04_hammering_with_unknown_keys_fetches_once) {
    play(hammered);
}
TEST(apple, ios_04_keys_that_cannot_be_fetched_are_nobodys_fault_and_soon_tried_again) {
    play(away);
}
TEST(apple, ios_04_without_client_ids_it_is_switched_off) {
    play(switched_off);
}
TEST(apple, ios_04_notifications_say_what_happened_to_whom) {
    play(events);
}
