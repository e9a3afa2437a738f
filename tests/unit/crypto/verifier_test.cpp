// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/crypto/base64.hpp"
#include "adapter/crypto/webhook_verifier.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sodium.h>

#include <array>
#include <fstream>
#include <string>

using namespace z360;
using namespace z360::adapter::crypto;
using nlohmann::json;

namespace {

constexpr std::int64_t k_now = 1'800'000'000;
constexpr std::string_view k_body = R"({"data":{"event_type":"call.hangup","id":"e1","payload":{}}})";

time_point at(std::int64_t seconds, millis extra = millis{0}) {
    return time_point{std::chrono::seconds{seconds}} + extra;
}

/// Plays Telnyx.
class signer {
  public:
    explicit signer(unsigned char seed_byte) {
        ensure_sodium();
        std::array<unsigned char, crypto_sign_SEEDBYTES> seed{};
        seed.fill(seed_byte);
        crypto_sign_seed_keypair(public_.data(), secret_.data(), seed.data());
    }
    [[nodiscard]] std::string public_key() const {
        return base64({reinterpret_cast<const char*>(public_.data()), public_.size()});
    }
    [[nodiscard]] std::string sign(std::string_view timestamp, std::string_view body) const {
        const std::string text = std::string(timestamp) + "|" + std::string(body);
        std::array<unsigned char, crypto_sign_BYTES> s{};
        crypto_sign_detached(
            s.data(), nullptr, reinterpret_cast<const unsigned char*>(text.data()), text.size(),
            secret_.data()
        );
        return base64({reinterpret_cast<const char*>(s.data()), s.size()});
    }

  private:
    std::array<unsigned char, crypto_sign_PUBLICKEYBYTES> public_{};
    std::array<unsigned char, crypto_sign_SECRETKEYBYTES> secret_{};
};

struct verifier : ::testing::Test {
    signer telnyx{1};
    signer other{2};
    webhook_verifier checks{{telnyx.public_key()}};
    std::string stamp = std::to_string(k_now);
    std::string good = telnyx.sign(stamp, k_body);

    [[nodiscard]] verdict
    check(std::string_view signature, std::string_view timestamp, std::string_view body) const {
        return checks.verify(signature, timestamp, body, at(k_now));
    }
    [[nodiscard]] http::headers headers(std::string signature, std::string timestamp) const {
        http::headers h;
        h.add("Content-Type", "application/json");
        h.add("Telnyx-Signature-Ed25519", std::move(signature));
        h.add("TELNYX-TIMESTAMP", std::move(timestamp));
        return h;
    }
};

std::string message_of(const std::vector<std::string>& keys) {
    try {
        const webhook_verifier v(keys);
    } catch (const std::invalid_argument& e) {
        return e.what();
    }
    return {};
}

} // namespace

TEST(signature_vectors, all_twenty_are_judged_as_telnyx_would) {
    std::ifstream in(std::string(Z360_SOURCE_DIR) + "/tests/fixtures/telnyx-signature-vectors.json");
    const auto file = json::parse(in);
    ASSERT_EQ(file["vectors"].size(), 20U);
    for (const auto& v : file["vectors"]) {
        const auto name_of = v["name"].get<std::string>();
        // Every vector is checked with its first key alone, except the one that is about a second key.
        std::vector<std::string> keys{file["keys"][0]["public_key_base64"].get<std::string>()};
        if (name_of.starts_with("second key"))
            keys.push_back(file["keys"][1]["public_key_base64"].get<std::string>());
        const webhook_verifier checks(keys);
        const auto now =
            v["now"].is_string() ? std::stoll(v["now"].get<std::string>()) : v["now"].get<std::int64_t>();
        const auto stamp =
            v["timestamp"].is_string() ? v["timestamp"].get<std::string>() : v["timestamp"].dump();
        const auto got =
            checks.verify(v["signature"].get<std::string>(), stamp, v["body"].get<std::string>(), at(now));
        const auto expected = v["expect"].get<std::string>();
        if (expected.starts_with("ok")) {
            EXPECT_EQ(got, verdict::genuine) << name_of;
        } else if (expected == "reject:timestamp") {
            EXPECT_TRUE(got == verdict::stale || got == verdict::bad_timestamp)
                << name_of << " " << name(got);
        } else if (expected == "reject:signature") {
            EXPECT_EQ(got, verdict::no_key_matches) << name_of;
        } else if (expected == "reject:format") {
            EXPECT_EQ(got, verdict::bad_format) << name_of;
        } else {
            ASSERT_EQ(expected, "reject:missing") << name_of;
            EXPECT_EQ(got, verdict::missing_header) << name_of;
        }
    }
}

TEST_F(verifier, sec_01_a_genuine_webhook_passes) {
    EXPECT_EQ(check(good, stamp, k_body), verdict::genuine);
    EXPECT_EQ(checks.verify(headers(good, stamp), k_body, at(k_now)), verdict::genuine)
        << "header case is ignored";
}

TEST_F(verifier, sec_01_i_13_every_altered_byte_of_the_body_is_refused) {
    for (std::size_t i = 0; i < k_body.size(); ++i) {
        std::string body(k_body);
        body[i] = static_cast<char>(body[i] ^ 1);
        EXPECT_EQ(check(good, stamp, body), verdict::no_key_matches) << i;
    }
    EXPECT_EQ(check(good, stamp, std::string(k_body) + "\n"), verdict::no_key_matches);
    EXPECT_EQ(check(good, stamp, ""), verdict::no_key_matches);
}

TEST_F(verifier, sec_01_a_foreign_key_is_refused) {
    EXPECT_EQ(check(other.sign(stamp, k_body), stamp, k_body), verdict::no_key_matches);
}

TEST_F(verifier, sec_01_a_text_joined_with_a_dot_is_refused) {
    const std::string dotted = std::string(".") + std::string(k_body);
    EXPECT_EQ(check(telnyx.sign(stamp, dotted), stamp, k_body), verdict::no_key_matches);
}

TEST_F(verifier, sec_01_missing_headers_are_refused) {
    EXPECT_EQ(check("", stamp, k_body), verdict::missing_header);
    EXPECT_EQ(check(good, "", k_body), verdict::missing_header);
    EXPECT_EQ(checks.verify(http::headers{}, k_body, at(k_now)), verdict::missing_header);
}

TEST_F(verifier, sec_01_repeated_headers_are_refused_even_with_a_genuine_one_among_them) {
    auto twice = headers(good, stamp);
    twice.add("telnyx-signature-ed25519", good);
    EXPECT_EQ(checks.verify(twice, k_body, at(k_now)), verdict::duplicate_header);
    auto stamps = headers(good, stamp);
    stamps.add("telnyx-timestamp", stamp);
    EXPECT_EQ(checks.verify(stamps, k_body, at(k_now)), verdict::duplicate_header);
}

TEST_F(verifier, sec_01_garbled_signatures_are_refused_by_form) {
    std::string no_padding = good.substr(0, good.find('='));
    std::string stray_bits = good;
    stray_bits[85] =
        stray_bits[85] == 'B' ? 'C' : 'B'; // the last letter before the padding has four spare bits
    for (const std::string& s :
         {std::string("x"), good + "=", " " + good, good + " ", good + "\n", no_padding, stray_bits,
          good.substr(4), good + good, std::string(88, '-'), std::string(88, '=')})
        EXPECT_EQ(check(s, stamp, k_body), verdict::bad_format) << s;
}

TEST_F(verifier, be_34_the_window_is_300_seconds_inclusive_on_both_sides) {
    EXPECT_EQ(checks.verify(good, stamp, k_body, at(k_now + 300)), verdict::genuine);
    EXPECT_EQ(checks.verify(good, stamp, k_body, at(k_now + 300, millis{999})), verdict::genuine)
        << "whole seconds";
    EXPECT_EQ(checks.verify(good, stamp, k_body, at(k_now + 301)), verdict::stale);
    EXPECT_EQ(checks.verify(good, stamp, k_body, at(k_now - 300)), verdict::genuine);
    EXPECT_EQ(checks.verify(good, stamp, k_body, at(k_now - 301)), verdict::stale);
}

TEST_F(verifier, be_34_a_redated_replay_is_refused) {
    EXPECT_EQ(check(good, std::to_string(k_now + 1), k_body), verdict::no_key_matches);
}

TEST_F(verifier, the_timestamp_is_signed_as_it_was_sent) {
    const std::string padded = "0" + stamp;
    EXPECT_EQ(check(telnyx.sign(padded, k_body), padded, k_body), verdict::genuine);
    EXPECT_EQ(check(good, padded, k_body), verdict::no_key_matches);
}

TEST_F(verifier, odd_timestamps_are_refused_even_when_signed) {
    for (const std::string s :
         {"-1800000000", "+1800000000", "1800000000.0", " 1800000000", "0x6B49D200", "NaN",
          "99999999999999999999", "1800000000|"})
        EXPECT_EQ(check(telnyx.sign(s, k_body), s, k_body), verdict::bad_timestamp) << s;
    const std::string far = "9223372036854775807";
    EXPECT_EQ(check(telnyx.sign(far, k_body), far, k_body), verdict::stale) << "no overflow";
}

TEST_F(verifier, during_a_rotation_both_keys_are_good) {
    const webhook_verifier both({telnyx.public_key(), other.public_key()});
    EXPECT_EQ(both.verify(good, stamp, k_body, at(k_now)), verdict::genuine);
    EXPECT_EQ(both.verify(other.sign(stamp, k_body), stamp, k_body, at(k_now)), verdict::genuine);
    EXPECT_EQ(both.verify(signer(3).sign(stamp, k_body), stamp, k_body, at(k_now)), verdict::no_key_matches);
}

TEST_F(verifier, sec_01_starts_with_no_useless_key_and_says_what_to_do) {
    EXPECT_NE(message_of({}).find("telnyx.public_keys is empty"), std::string::npos);
    EXPECT_NE(message_of({telnyx.public_key(), "short"}).find("entry 2"), std::string::npos);
    EXPECT_NE(message_of({base64(std::string(31, 'k'))}).find("31 bytes instead of 32"), std::string::npos);
    EXPECT_NE(message_of({base64(std::string(33, 'k'))}).find("entry 1"), std::string::npos);
    EXPECT_NE(message_of({"-----BEGIN PUBLIC KEY-----"}).find("no PEM"), std::string::npos);
    EXPECT_NE(
        message_of({base64(std::string(32, '\0'))}).find("not an Ed25519 public key"), std::string::npos
    );
    EXPECT_EQ(message_of({telnyx.public_key()}), "");
}
