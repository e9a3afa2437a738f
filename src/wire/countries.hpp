// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Calling codes, and how long numbers without one are.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace z360::wire {

/// The calling code ("1", "44") of a country in ISO 3166 letters ("US", "gb") or written as itself ("+44").
/// Empty: there is no such country.
[[nodiscard]] std::string_view calling_code(std::string_view country);

/// The calling code that international digits begin with; empty: none is assigned.
[[nodiscard]] std::string_view calling_code_of(std::string_view digits);

/// The number in international digits, without the plus, that `digits` are when dialed in the country of this
/// calling code: without its trunk prefix, or international already. nullopt: of no length that numbers have
/// there, and nothing else either.
[[nodiscard]] std::optional<std::string> from_home(std::string_view digits, std::string_view code);

/// Whether these digits have the form of a North American number with its leading 1.
[[nodiscard]] bool north_american(std::string_view digits);

/// Where numbers are at home that come without a calling code, by connection.
class default_countries {
  public:
    default_countries() = default;
    /// Each entry is a country ("US"), for every connection, or "CONNECTION=US", for one. Entries that
    /// `fault_of` complains about are passed over.
    explicit default_countries(const std::vector<std::string>& entries);
    /// What is wrong with an entry, and the fix; empty: nothing.
    [[nodiscard]] static std::string fault_of(std::string_view entry);
    /// Calling code for numbers that come by this connection; empty: no country is known.
    [[nodiscard]] std::string_view at(std::string_view connection) const;

  private:
    struct entry {
        std::string connection; ///< empty: any
        std::string_view code;
    };
    std::vector<entry> entries_;
};

} // namespace z360::wire
