// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/dialed.hpp"

#include "wire/address.hpp"
#include "wire/e164.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace z360::wire {
namespace {

/// Every mobile phone takes these two, wherever it is.
constexpr std::array<std::string_view, 2> k_everywhere{"112", "911"};

struct help {
    std::string_view code;
    std::string_view number;
};
constexpr std::array k_help{
    help{"1", "933"}, // tells the caller which address would be sent to, where 911 is set up
    help{"27", "10111"}, help{"27", "10177"}, help{"33", "15"},  help{"33", "17"},  help{"33", "18"},
    help{"353", "999"},  help{"39", "113"},   help{"39", "115"}, help{"39", "118"}, help{"41", "117"},
    help{"41", "118"},   help{"41", "144"},   help{"43", "122"}, help{"43", "133"}, help{"43", "144"},
    help{"44", "999"},   help{"48", "997"},   help{"48", "998"}, help{"48", "999"}, help{"49", "110"},
    help{"55", "190"},   help{"55", "192"},   help{"55", "193"}, help{"61", "000"}, help{"61", "106"},
    help{"64", "111"},   help{"81", "110"},   help{"81", "119"}, help{"86", "110"}, help{"86", "119"},
    help{"86", "120"},   help{"91", "100"},   help{"91", "101"}, help{"91", "102"}, help{"91", "108"},
};

bool is_help(std::string_view digits, std::string_view code) {
    if (std::find(k_everywhere.begin(), k_everywhere.end(), digits) != k_everywhere.end()) return true;
    return std::any_of(k_help.begin(), k_help.end(), [&](const help& h) {
        return h.code == code && h.number == digits;
    });
}

constexpr std::array<std::string_view, 40> k_premium{
    "+1900",   "+1976",  "+30901", "+30909", "+3189",  "+31900",   "+31906", "+31909", "+3289",   "+3290",
    "+33892",  "+33897", "+33898", "+33899", "+34803", "+34806",   "+34807", "+34905", "+351601", "+351607",
    "+351760", "+35315", "+39166", "+39892", "+39895", "+39899",   "+41900", "+41901", "+41906",  "+4390",
    "+4393",   "+44871", "+44872", "+44873", "+449",   "+4670090", "+49137", "+49900", "+61190",  "+979",
};
// Satellites, ships, and networks of no country.
constexpr std::array<std::string_view, 5> k_of_no_country{"+870", "+8810", "+8816", "+882", "+883"};

} // namespace

std::optional<dialed_number> read_dialed(std::string_view text, std::string_view home_code) {
    const auto user = read_address(text).user;
    if (is_help(user, home_code)) return dialed_number{user, true};
    auto number = to_e164(text, home_code);
    if (!number || has_extension(text)) return std::nullopt;
    return dialed_number{std::move(*number), false};
}

bool is_premium(std::string_view e164) {
    const auto begins = [e164](std::string_view prefix) { return e164.starts_with(prefix); };
    return std::any_of(k_premium.begin(), k_premium.end(), begins) ||
           std::any_of(k_of_no_country.begin(), k_of_no_country.end(), begins);
}

} // namespace z360::wire
