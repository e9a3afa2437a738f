// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/countries.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace z360::wire {
namespace {

// ISO 3166 letters and calling code, from ITU's list of assigned codes.
constexpr std::string_view k_countries =
    "US1 CA1 AG1 AI1 AS1 BB1 BM1 BS1 DM1 DO1 GD1 GU1 JM1 KN1 KY1 LC1 MP1 MS1 PR1 SX1 TC1 TT1 VC1 VG1 VI1 "
    "EG20 SS211 MA212 EH212 DZ213 TN216 LY218 GM220 SN221 MR222 ML223 GN224 CI225 BF226 NE227 TG228 BJ229 "
    "MU230 LR231 SL232 GH233 NG234 TD235 CF236 CM237 CV238 ST239 GQ240 GA241 CG242 CD243 AO244 GW245 IO246 "
    "AC247 SC248 SD249 RW250 ET251 SO252 DJ253 KE254 TZ255 UG256 BI257 MZ258 ZM260 MG261 RE262 YT262 ZW263 "
    "NA264 MW265 LS266 BW267 SZ268 KM269 ZA27 SH290 ER291 AW297 FO298 GL299 GR30 NL31 BE32 FR33 ES34 GI350 "
    "PT351 LU352 IE353 IS354 AL355 MT356 CY357 FI358 AX358 BG359 HU36 LT370 LV371 EE372 MD373 AM374 BY375 "
    "AD376 MC377 SM378 VA39 UA380 RS381 ME382 XK383 HR385 SI386 BA387 MK389 IT39 RO40 CH41 CZ420 SK421 LI423 "
    "AT43 GB44 GG44 IM44 JE44 DK45 SE46 NO47 SJ47 PL48 DE49 FK500 BZ501 GT502 SV503 HN504 NI505 CR506 PA507 "
    "PM508 HT509 PE51 MX52 CU53 AR54 BR55 CL56 CO57 VE58 GP590 BL590 MF590 BO591 GY592 EC593 GF594 PY595 "
    "MQ596 SR597 UY598 CW599 BQ599 MY60 AU61 CX61 CC61 ID62 PH63 NZ64 SG65 TH66 TL670 NF672 BN673 NR674 "
    "PG675 TO676 SB677 VU678 FJ679 PW680 WF681 CK682 NU683 WS685 KI686 NC687 TV688 PF689 TK690 FM691 MH692 "
    "RU7 KZ7 JP81 KR82 VN84 KP850 HK852 MO853 KH855 LA856 CN86 BD880 TW886 TR90 IN91 PK92 AF93 LK94 MM95 "
    "MV960 LB961 JO962 SY963 IQ964 KW965 SA966 YE967 OM968 PS970 AE971 IL972 BH973 QA974 BT975 MN976 NP977 "
    "IR98 TJ992 TM993 AZ994 GE995 KG996 UZ998";
// Without a country: international freephone and networks.
constexpr std::array<std::string_view, 5> k_no_country{"800", "808", "870", "882", "883"};

/// How many digits a number has behind its calling code; the usual range where a country is not listed.
struct length {
    std::string_view code;
    std::size_t least;
    std::size_t most;
};
constexpr length k_usual{"", 6, 10};
constexpr length k_lengths[] = {
    {"20", 8, 10},  {"212", 9, 9},  {"213", 8, 9},  {"216", 8, 8}, {"234", 8, 10}, {"254", 9, 9},
    {"27", 9, 9},   {"30", 10, 10}, {"31", 9, 9},   {"32", 8, 9},  {"33", 9, 9},   {"34", 9, 9},
    {"351", 9, 9},  {"352", 4, 11}, {"353", 7, 9},  {"354", 7, 9}, {"356", 8, 8},  {"357", 8, 8},
    {"36", 8, 9},   {"370", 8, 8},  {"371", 8, 8},  {"372", 7, 8}, {"375", 9, 9},  {"380", 9, 9},
    {"381", 8, 9},  {"385", 8, 9},  {"386", 8, 8},  {"39", 6, 11}, {"40", 9, 9},   {"41", 9, 9},
    {"420", 9, 9},  {"421", 9, 9},  {"43", 4, 13},  {"44", 9, 10}, {"45", 8, 8},   {"46", 7, 10},
    {"47", 8, 8},   {"48", 9, 9},   {"49", 6, 11},  {"51", 8, 9},  {"52", 10, 10}, {"54", 10, 11},
    {"55", 10, 11}, {"56", 9, 9},   {"57", 10, 10}, {"60", 8, 10}, {"61", 9, 9},   {"62", 8, 12},
    {"63", 8, 10},  {"64", 8, 10},  {"65", 8, 8},   {"66", 8, 9},  {"7", 10, 10},  {"81", 9, 10},
    {"82", 8, 10},  {"84", 9, 10},  {"852", 8, 8},  {"853", 8, 8}, {"86", 10, 11}, {"886", 8, 9},
    {"90", 10, 10}, {"91", 10, 10}, {"92", 9, 10},  {"961", 7, 8}, {"965", 8, 8},  {"966", 9, 9},
    {"971", 8, 9},  {"972", 8, 9},  {"973", 8, 8},  {"974", 8, 8},
};
// A leading zero there is part of the number.
constexpr std::array<std::string_view, 6> k_keep_zero{"39", "378", "225", "229", "241", "242"};

constexpr std::string_view k_digits = "0123456789";
constexpr std::size_t k_longest = 15; // E.164
constexpr std::size_t k_bare = 11;    // shorter digits without a sign may be of any country

bool only_digits(std::string_view t) {
    return !t.empty() && t.find_first_not_of(k_digits) == std::string_view::npos;
}

template <class Take>
void each_country(Take take) {
    std::string_view rest = k_countries;
    while (!rest.empty()) {
        const auto end = std::min(rest.find(' '), rest.size());
        if (take(rest.substr(0, 2), rest.substr(2, end - 2))) return;
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
}

std::string_view assigned(std::string_view code) {
    std::string_view out;
    each_country([&](std::string_view, std::string_view c) {
        if (c == code) out = c;
        return !out.empty();
    });
    return out;
}

const length& length_in(std::string_view code) {
    for (const auto& l : k_lengths)
        if (l.code == code) return l;
    return k_usual;
}

bool fits(std::string_view number, const length& l) {
    return number.size() >= l.least && number.size() <= l.most;
}

std::string joined(std::string_view code, std::string_view number) {
    return std::string(code) + std::string(number);
}

bool is_area(std::string_view d) { // of North America: not 0 or 1 in front, not 211 … 911
    return d[0] >= '2' && !(d[1] == '1' && d[2] == '1');
}

// Bare digits that are long enough to carry a calling code, and do.
std::optional<std::string> international(std::string_view d) {
    if (d.size() < k_bare || d.size() > k_longest || calling_code_of(d).empty()) return std::nullopt;
    if (d[0] == '1' && !north_american(d)) return std::nullopt;
    return std::string(d);
}

// What is dialed in front of a number within its country.
std::string_view without_trunk(std::string_view d, std::string_view code) {
    if (std::find(k_keep_zero.begin(), k_keep_zero.end(), code) != k_keep_zero.end()) return d;
    if (code == "36" && d.starts_with("06")) return d.substr(2);
    if (code == "7" && d.size() == 11 && d[0] == '8') return d.substr(1);
    if (d.starts_with("0")) return d.substr(1);
    return d;
}

} // namespace

std::string_view calling_code(std::string_view country) {
    if (country.starts_with("+")) return assigned(country.substr(1));
    if (only_digits(country)) return assigned(country);
    if (country.size() != 2) return {};
    const auto upper = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; };
    std::string_view out;
    each_country([&](std::string_view letters, std::string_view code) {
        if (letters[0] == upper(country[0]) && letters[1] == upper(country[1])) out = code;
        return !out.empty();
    });
    return out;
}

std::string_view calling_code_of(std::string_view digits) {
    for (std::size_t n = 3; n > 0; --n) {
        if (digits.size() < n) continue;
        const auto code = digits.substr(0, n);
        if (!assigned(code).empty()) return code;
        if (std::find(k_no_country.begin(), k_no_country.end(), code) != k_no_country.end()) return code;
    }
    return {};
}

bool north_american(std::string_view d) {
    return d.size() == 11 && d[0] == '1' && is_area(d.substr(1));
}

std::optional<std::string> from_home(std::string_view d, std::string_view code) {
    if (code.empty()) return international(d);
    if (code == "1") {
        if (d.size() == 10 && is_area(d)) return joined(code, d);
        return international(d);
    }
    const auto& l = length_in(code);
    const auto national = without_trunk(d, code);
    if (national.size() < d.size())
        return fits(national, l) ? std::optional(joined(code, national)) : std::nullopt;
    // Digits that begin with the country's own code and go on as long as its numbers are have it in front.
    if (d.starts_with(code) && fits(d.substr(code.size()), l)) return std::string(d);
    if (fits(d, l)) return joined(code, d);
    return international(d);
}

default_countries::default_countries(const std::vector<std::string>& entries) {
    for (const auto& text : entries) {
        if (!fault_of(text).empty()) continue;
        const auto equals = text.find('=');
        const bool one = equals != std::string::npos;
        entries_.push_back(
            {one ? text.substr(0, equals) : std::string(),
             calling_code(std::string_view(text).substr(one ? equals + 1 : 0))}
        );
    }
}

std::string default_countries::fault_of(std::string_view entry) {
    constexpr const char* k_fix = "give a country as two letters, e.g. US, or for one connection "
                                  "1494404757140276705=US";
    const auto equals = entry.find('=');
    const auto country = equals == std::string_view::npos ? entry : entry.substr(equals + 1);
    if (equals != std::string_view::npos && !only_digits(entry.substr(0, equals)))
        return std::string("no connection id before the =; ") + k_fix;
    if (calling_code(country).empty()) return std::string("no country; ") + k_fix;
    return {};
}

std::string_view default_countries::at(std::string_view connection) const {
    std::string_view any;
    for (const auto& e : entries_) {
        if (e.connection.empty())
            any = e.code;
        else if (e.connection == connection)
            return e.code;
    }
    return any;
}

} // namespace z360::wire
