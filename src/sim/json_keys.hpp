// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Reading of scripts (scenario files, control API): every key must be known, every value of the right type.
#pragma once

#include <z360/base/time.hpp>

#include <nlohmann/json.hpp>

#include <set>
#include <stdexcept>
#include <string>
#include <string_view>

namespace z360::sim {

using json = nlohmann::json;

/// Takes keys out of a JSON object and refuses what nobody took.
class key_reader {
  public:
    key_reader(const json& j, std::string_view what) : json_(j), what_(what) {
        if (!j.is_object()) throw std::invalid_argument(what_ + " must be a JSON object");
    }
    void text(const char* key, std::string& out) {
        if (const auto* v = take(key)) {
            if (!v->is_string()) fail(key, "a string");
            out = v->get<std::string>();
        }
    }
    void flag(const char* key, bool& out) {
        if (const auto* v = take(key)) {
            if (!v->is_boolean()) fail(key, "true or false");
            out = v->get<bool>();
        }
    }
    void count(const char* key, unsigned& out) {
        if (const auto* v = take(key)) {
            if (!v->is_number_unsigned()) fail(key, "a whole number, 0 or more");
            out = v->get<unsigned>();
        }
    }
    void ms(const char* key, millis& out) {
        if (const auto* v = take(key)) {
            if (!v->is_number_integer() || v->get<std::int64_t>() < 0) fail(key, "milliseconds, 0 or more");
            out = millis{v->get<std::int64_t>()};
        }
    }
    const json* take(const char* key) {
        known_.insert(key);
        const auto it = json_.find(key);
        return it == json_.end() ? nullptr : &*it;
    }
    void done() const {
        for (const auto& item : json_.items())
            if (!known_.contains(item.key()))
                throw std::invalid_argument(what_ + ": unknown key \"" + item.key() + "\"");
    }
    [[noreturn]] void fail(std::string_view key, std::string_view expected) const {
        throw std::invalid_argument(what_ + "." + std::string(key) + " must be " + std::string(expected));
    }

  private:
    const json& json_;
    std::string what_;
    std::set<std::string, std::less<>> known_;
};

} // namespace z360::sim
