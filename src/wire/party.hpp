// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Who calls and who is called: one form for each, made here and nowhere else, whatever the carrier wrote.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace z360::wire {

/// The one form of a caller who does not show a number.
inline constexpr std::string_view k_withheld = "withheld";

enum class party_kind : std::uint8_t {
    number,      ///< `text` is +E.164
    withheld,    ///< `text` is k_withheld
    sip_address, ///< `text` is sip:user@host, without port, parameters and password
    other,       ///< short numbers, words: `text` is what came, trimmed and bounded
};

struct party {
    party_kind what = party_kind::other;
    std::string text;
    std::string name; ///< of a SIP address: the name shown with it, else its user; empty for all others
    std::string user; ///< of a SIP address or a bare word: who is meant at the host
    [[nodiscard]] bool is_number() const { return what == party_kind::number; }
};

/// `from` of a webhook. `home_code` is the calling code of numbers that come without one; empty: such a
/// number is of no country. Empty and null are withheld.
[[nodiscard]] party read_caller(std::string_view raw, std::string_view home_code = {});
/// `to` of a webhook. Nobody withholds it: an empty one is `other`.
[[nodiscard]] party read_called(std::string_view raw, std::string_view home_code = {});

/// The text as it came, cut to what is stored beside the canonical form.
[[nodiscard]] std::string raw_party(std::string_view raw);

} // namespace z360::wire
