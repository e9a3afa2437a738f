// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What an attacker and what Telnyx can send: arbitrary headers and bodies through the verifier, then the same
// body, genuinely signed, through verifier, parser and mapping.
#include "adapter/crypto/base64.hpp"
#include "adapter/crypto/webhook_verifier.hpp"
#include "wire/telnyx_webhook.hpp"

#include <sodium.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>

using namespace z360;
using namespace z360::adapter::crypto;

namespace {

constexpr std::int64_t k_now = 1'800'000'000;
const time_point k_time{std::chrono::seconds{k_now}};
const leg_id k_leg{uuid{1, 2}};

struct carrier {
    std::array<unsigned char, crypto_sign_PUBLICKEYBYTES> open{};
    std::array<unsigned char, crypto_sign_SECRETKEYBYTES> closed{};
    carrier() {
        ensure_sodium();
        std::array<unsigned char, crypto_sign_SEEDBYTES> seed{};
        crypto_sign_seed_keypair(open.data(), closed.data(), seed.data());
    }
    [[nodiscard]] std::string key() const {
        return base64({reinterpret_cast<const char*>(open.data()), open.size()});
    }
    [[nodiscard]] std::string sign(const std::string& text) const {
        std::array<unsigned char, crypto_sign_BYTES> s{};
        crypto_sign_detached(
            s.data(), nullptr, reinterpret_cast<const unsigned char*>(text.data()), text.size(), closed.data()
        );
        return base64({reinterpret_cast<const char*>(s.data()), s.size()});
    }
};

void require(bool holds) {
    if (!holds) std::abort();
}

void forge(const webhook_verifier& checks, std::string_view input) {
    const auto first = input.find('\n');
    const auto second = first == std::string_view::npos ? first : input.find('\n', first + 1);
    if (second == std::string_view::npos) return;
    http::headers h;
    h.add(std::string(k_signature_header), std::string(input.substr(0, first)));
    h.add(std::string(k_timestamp_header), std::string(input.substr(first + 1, second - first - 1)));
    require(checks.verify(h, input.substr(second + 1), k_time) != verdict::genuine);
}

void deliver(std::string_view body) {
    const auto parsed = wire::parse_envelope(body);
    require(parsed.event.has_value() == (parsed.fault == wire::envelope_fault::none));
    if (!parsed.event) return;
    const auto plain = wire::to_call_event(*parsed.event, std::nullopt, k_time);
    const auto ours = wire::to_call_event(*parsed.event, k_leg, k_time);
    require(!plain || ours); // knowing more about the leg never loses an event
    const bool caller = wire::is_new_caller(*parsed.event, wire::webhook_source::call_control, std::nullopt);
    require(!caller || !plain); // an event starts a call or belongs to one, never both
    require(parsed.event->event_id.find('\0') == std::string::npos);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const carrier telnyx;
    static const webhook_verifier checks({telnyx.key()});
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    forge(checks, input);
    const std::string stamp = std::to_string(k_now);
    const std::string signature = telnyx.sign(stamp + "|" + std::string(input));
    require(checks.verify(signature, stamp, input, k_time) == verdict::genuine);
    deliver(input);
    return 0;
}
