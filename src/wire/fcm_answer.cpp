// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What FCM and Google's token service say.
#include "wire/fcm.hpp"
#include "wire/lenient_json.hpp"
#include "wire/push_text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>

namespace z360::wire {
namespace {

using json = nlohmann::json;

constexpr std::size_t k_longest_reply = std::size_t{256} * 1024;
constexpr std::size_t k_longest_word = 64;
constexpr std::size_t k_longest_name = 256;
constexpr std::size_t k_longest_token = std::size_t{8} * 1024;
constexpr double k_longest_pause = 86'400;

const json* member(const json& parent, const char* key) {
    if (!parent.is_object()) return nullptr;
    const auto it = parent.find(key);
    return it == parent.end() ? nullptr : &*it;
}

std::string_view text_in(const json& parent, const char* key) {
    const auto* it = member(parent, key);
    return it != nullptr && it->is_string() ? std::string_view(it->get_ref<const std::string&>())
                                            : std::string_view{};
}

bool is_type(const json& detail, std::string_view type) {
    return text_in(detail, "@type").ends_with(type);
}

const json& list_in(const json& parent, const char* key) {
    static const json k_none = json::array();
    const auto* it = member(parent, key);
    return it != nullptr && it->is_array() ? *it : k_none;
}

bool names_the_token(std::string_view field) {
    return field == "message.token" || field == "message.fid";
}

// All that is wrong is the token. A request with two faults is ours to mend first.
bool blames_only_the_token(const json& detail) {
    const auto& violations = list_in(detail, "fieldViolations");
    if (violations.empty()) return false;
    for (const auto& v : violations)
        if (!names_the_token(text_in(v, "field"))) return false;
    return true;
}

push::quota whose(const json& detail) {
    for (const auto& v : list_in(detail, "violations")) {
        const auto subject = text_in(v, "subject");
        if (subject.find("device") != std::string_view::npos) return push::quota::device;
        if (subject.find("project") != std::string_view::npos) return push::quota::project;
    }
    return push::quota::unknown;
}

// Of google.protobuf.Duration: "1.500s".
std::optional<millis> duration(std::string_view text) {
    if (text.size() < 2 || text.size() > 24 || text.back() != 's') return std::nullopt;
    text.remove_suffix(1);
    if (text.find_first_not_of("0123456789.") != std::string_view::npos) return std::nullopt;
    const double seconds = std::strtod(std::string(text).c_str(), nullptr);
    if (!std::isfinite(seconds) || seconds > k_longest_pause) return std::nullopt;
    return millis{static_cast<millis::rep>(seconds * 1000.0)};
}

void read_details(const json& error, push::answer& out, bool& violations, bool& token_only) {
    for (const auto& d : list_in(error, "details")) {
        if (is_type(d, "google.firebase.fcm.v1.FcmError")) {
            if (auto code = plain_word(text_in(d, "errorCode"), k_longest_word); !code.empty())
                out.reason = std::move(code);
        } else if (is_type(d, "google.rpc.BadRequest")) {
            token_only = (!violations || token_only) && blames_only_the_token(d);
            violations = true;
        } else if (is_type(d, "google.rpc.QuotaFailure")) {
            out.limit = whose(d);
        } else if (is_type(d, "google.rpc.RetryInfo") && !out.retry_after) {
            out.retry_after = duration(text_in(d, "retryDelay"));
        }
    }
}

} // namespace

push::answer read_fcm(const fcm_reply& r, time_point now) {
    push::answer out;
    out.status = r.status;
    out.retry_after = read_retry_after(r.retry_after, now);
    if (r.body.empty() || r.body.size() > k_longest_reply) return out;
    const auto root = read_json(r.body);
    out.id = plain_word(text_in(root, "name"), k_longest_name);
    const auto* error = member(root, "error");
    if (error == nullptr || !error->is_object()) return out;
    out.reason = plain_word(text_in(*error, "status"), k_longest_word);
    bool violations = false;
    bool token_only = false;
    read_details(*error, out, violations, token_only);
    // Without details its sentence is what there is; it quotes nothing of ours.
    const bool said =
        text_in(*error, "message").find("not a valid FCM registration token") != std::string_view::npos;
    out.names_token = violations ? token_only : said;
    return out;
}

secret token_form(const secret& assertion) {
    // A JWT consists of characters that a form leaves as they are.
    return secret(
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=" +
        std::string(assertion.reveal())
    );
}

token_grant read_token_grant(int status, std::string_view body) {
    token_grant out;
    const auto root = body.size() <= k_longest_reply ? read_json(body) : json();
    if (status != 200) {
        // e.g. "invalid_grant: Invalid JWT Signature."; what follows is Google's, bounded and printable
        out.error = plain_word(text_in(root, "error"), k_longest_word);
        const auto more = one_line(text_in(root, "error_description"), 200);
        if (out.error.empty()) out.error = "status " + std::to_string(status);
        if (!more.empty()) out.error += ": " + more;
        return out;
    }
    auto token = plain_word(text_in(root, "access_token"), k_longest_token);
    const auto* life = member(root, "expires_in");
    const double seconds = life != nullptr && life->is_number() ? life->get<double>() : 0.0;
    if (token.empty() || !std::isfinite(seconds) || seconds < 1.0) {
        out.error = token.empty() ? "an answer without an access_token" : "an access_token without a life";
        return out;
    }
    out.token = secret(std::move(token));
    out.life = millis{static_cast<millis::rep>(std::min(seconds, k_longest_pause) * 1000.0)};
    return out;
}

} // namespace z360::wire
