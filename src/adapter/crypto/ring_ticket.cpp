// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/crypto/ring_ticket.hpp"

#include "adapter/crypto/base64.hpp"

#include <chrono>
#include <string>

namespace z360::adapter::crypto {
namespace {

constexpr std::string_view k_prefix = "zrt1_";
constexpr std::string_view k_use = "z360-voip ring_ticket key 1|";
constexpr std::size_t k_fields = 8 + 8 + 4 + 8 + 8 + 8 + 8;
constexpr std::size_t k_mac = std::tuple_size_v<keyed_mac::bytes>;

void put(std::string& to, std::uint64_t v, int bytes = 8) {
    for (int i = bytes - 1; i >= 0; --i)
        to.push_back(static_cast<char>((v >> (8 * i)) & 0xff));
}

class reader {
  public:
    explicit reader(std::string_view from) : from_(from) {}
    std::uint64_t take(std::size_t bytes = 8) {
        std::uint64_t v = 0;
        for (std::size_t i = 0; i < bytes; ++i)
            v = (v << 8) | static_cast<unsigned char>(from_[at_++]);
        return v;
    }
    std::int64_t number() { return static_cast<std::int64_t>(take()); }

  private:
    std::string_view from_;
    std::size_t at_ = 0;
};

std::string fields_of(const ring_ticket& t) {
    std::string out;
    out.reserve(k_fields + k_mac);
    put(out, t.call.value.hi);
    put(out, t.call.value.lo);
    put(out, t.ring, 4);
    put(out, static_cast<std::uint64_t>(t.device.value));
    put(out, static_cast<std::uint64_t>(t.user.value));
    put(out, static_cast<std::uint64_t>(t.org.value));
    const auto until = std::chrono::ceil<std::chrono::seconds>(t.until).time_since_epoch().count();
    put(out, static_cast<std::uint64_t>(until));
    return out;
}

} // namespace

ring_ticket_codec::ring_ticket_codec(const secret& key, const secret& api_key)
    : mac_(k_use, key.empty() ? api_key : key) {}

secret ring_ticket_codec::sign(const ring_ticket& t) const {
    auto bytes = fields_of(t);
    const auto m = mac_.of(bytes);
    bytes.append(reinterpret_cast<const char*>(m.data()), m.size());
    return secret(std::string(k_prefix) + base64url(bytes));
}

std::optional<ring_ticket> ring_ticket_codec::open(std::string_view text) const {
    if (!text.starts_with(k_prefix)) return std::nullopt;
    const auto raw = unbase64url(text.substr(k_prefix.size()), k_fields + k_mac);
    if (!raw || raw->size() != k_fields + k_mac) return std::nullopt;
    const std::string_view bytes(reinterpret_cast<const char*>(raw->data()), raw->size());
    if (!mac_.is_of(bytes.substr(k_fields), bytes.substr(0, k_fields))) return std::nullopt;
    reader in(bytes);
    ring_ticket t;
    t.call.value.hi = in.take();
    t.call.value.lo = in.take();
    t.ring = static_cast<std::uint32_t>(in.take(4));
    t.device.value = in.number();
    t.user.value = in.number();
    t.org.value = in.number();
    t.until = time_point{std::chrono::seconds{in.number()}};
    return t;
}

} // namespace z360::adapter::crypto
