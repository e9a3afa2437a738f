// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/crypto/client_state.hpp"

#include "adapter/crypto/base64.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <stdexcept>

namespace z360::adapter::crypto {
namespace {

using json = nlohmann::json;

constexpr int k_of_dial = 1;    // names a leg
constexpr int k_of_command = 2; // names a command, and a leg unless it is the caller's
constexpr std::string_view k_key_context = "z360-voip client_state key 1|";

// Text of the checked type, or empty.
std::string_view text_in(const json& object, const char* key) {
    const auto it = object.find(key);
    return it != object.end() && it->is_string() ? std::string_view(it->get_ref<const std::string&>())
                                                 : std::string_view{};
}

int version_of(const client_state& s) {
    return s.command.empty() ? k_of_dial : k_of_command;
}

const secret& source_of(const secret& key, const secret& api_key) {
    const secret& source = key.empty() ? api_key : key;
    if (source.empty())
        throw std::invalid_argument("telnyx.client_state_key and telnyx.api_key are both empty: set one of "
                                    "them, legs are marked with a "
                                    "MAC made from it.");
    return source;
}

// What the MAC is over: the meaning, not the JSON text: fixed order, fixed widths, no two states share it.
std::string meaning_of(const client_state& s) {
    std::string text = "v" + std::to_string(version_of(s)) + "|" + s.call.text() + "|" +
                       (s.leg ? s.leg->text() : "caller") + "|" + std::to_string(s.org.value);
    if (!s.command.empty()) text += "|" + s.command;
    return text;
}

std::optional<std::int64_t> number_in(const json& object, const char* key) {
    const auto it = object.find(key);
    if (it == object.end() || !it->is_number_integer()) return std::nullopt;
    return it->get<std::int64_t>();
}

} // namespace

client_state_codec::client_state_codec(const secret& key, const secret& api_key)
    : mac_(k_key_context, source_of(key, api_key)) {}

std::string client_state_codec::sign(const client_state& s) const {
    if (s.command.size() > k_longest_marked_command || (!s.leg && s.command.empty()))
        throw std::invalid_argument("no mark can be made of this command");
    const auto m = mac_.of(meaning_of(s));
    // By hand: made for each command and, to compare, for each webhook.
    std::string out = "{\"v\":" + std::to_string(version_of(s)) + ",\"c\":\"" + s.call.text() + '"';
    if (s.leg) out += ",\"l\":\"" + s.leg->text() + '"';
    out += ",\"o\":" + std::to_string(s.org.value);
    if (!s.command.empty()) out += ",\"k\":" + json(s.command).dump();
    out += ",\"m\":\"" + base64({reinterpret_cast<const char*>(m.data()), m.size()}) + "\"}";
    return base64(out);
}

std::optional<client_state> client_state_codec::open(std::string_view text) const {
    if (text.empty() || text.size() > 2 * k_max_client_state) return std::nullopt;
    std::string compact;
    compact.reserve(text.size());
    for (const char c : text)
        if (c != ' ' && c != '\t' && c != '\r' && c != '\n') compact.push_back(c);
    const auto raw = unbase64(compact, k_max_client_state);
    if (!raw) return std::nullopt;
    const json object = json::parse(raw->begin(), raw->end(), nullptr, false);
    if (!object.is_object()) return std::nullopt;
    const auto version = number_in(object, "v");
    if (version != k_of_dial && version != k_of_command) return std::nullopt;
    const auto call = call_id::parse(text_in(object, "c"));
    const auto leg = leg_id::parse(text_in(object, "l"));
    const auto org = number_in(object, "o");
    const auto claimed = unbase64(text_in(object, "m"), sizeof(keyed_mac::bytes));
    const auto command = text_in(object, "k");
    if (!call || !org || !claimed || claimed->size() != sizeof(keyed_mac::bytes)) return std::nullopt;
    if (version == k_of_dial ? !leg || !command.empty() : command.empty()) return std::nullopt;
    if (command.size() > k_longest_marked_command || leg.has_value() != object.contains("l"))
        return std::nullopt;
    const client_state out{*call, leg, org_id{*org}, std::string(command)};
    if (!mac_.is_of({reinterpret_cast<const char*>(claimed->data()), claimed->size()}, meaning_of(out)))
        return std::nullopt;
    // One text per meaning: other spellings of the same values (case, order, extra members) are not ours.
    if (sign(out) != compact) return std::nullopt;
    return out;
}

} // namespace z360::adapter::crypto
