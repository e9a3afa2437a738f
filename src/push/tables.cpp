// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Both providers' words, one line each.
#include <z360/push/verdict.hpp>

#include <array>

namespace z360::push {
namespace {

constexpr std::array k_apns{
    table_row{200, "", rule::accepted},
    // What was sent is wrong, or was sent in the wrong way.
    table_row{400, "BadCollapseId", rule::our_request},
    table_row{400, "BadExpirationDate", rule::our_request},
    table_row{400, "BadMessageId", rule::our_request},
    table_row{400, "BadPriority", rule::our_request},
    table_row{400, "BadTopic", rule::our_request},
    table_row{400, "DuplicateHeaders", rule::our_request},
    table_row{400, "InvalidPushType", rule::our_request},
    table_row{400, "MissingDeviceToken", rule::our_request},
    table_row{400, "MissingTopic", rule::our_request},
    table_row{400, "PayloadEmpty", rule::our_request},
    table_row{400, "TopicDisallowed", rule::our_request},
    table_row{404, "BadPath", rule::our_request},
    table_row{405, "MethodNotAllowed", rule::our_request},
    table_row{413, "PayloadTooLarge", rule::too_large},
    // The topic is ours, made from what is allowed: a token that does not fit it is a fault of settings, and
    // taking it from its device would take all of them (CFG-01).
    table_row{400, "DeviceTokenNotForTopic", rule::our_request},
    table_row{400, "BadDeviceToken", rule::token_of_another},
    table_row{410, "Unregistered", rule::token_gone},
    table_row{410, "ExpiredToken", rule::token_gone},
    // Key, certificate, right.
    table_row{403, "BadCertificate", rule::our_credential},
    table_row{403, "BadCertificateEnvironment", rule::our_credential},
    table_row{403, "BadEnvironmentKeyIdInToken", rule::our_credential},
    table_row{403, "BadEnvironmentKeyInToken", rule::our_credential}, // as seen in the field
    table_row{403, "Forbidden", rule::our_credential},
    table_row{403, "InvalidProviderToken", rule::our_credential},
    table_row{403, "MissingProviderToken", rule::our_credential},
    table_row{403, "ExpiredProviderToken", rule::fresh_token},
    table_row{403, "UnrelatedKeyIdInToken", rule::other_key},
    table_row{429, "TooManyProviderTokenUpdates", rule::token_updates},
    table_row{429, "TooManyRequests", rule::too_fast},
    table_row{400, "IdleTimeout", rule::trouble_here},
    table_row{500, "InternalServerError", rule::trouble},
    table_row{503, "ServiceUnavailable", rule::trouble},
    table_row{503, "Shutdown", rule::trouble_here},
};

// FCM's own error code where there is one, else the word of `error.status`.
constexpr std::array k_fcm{
    table_row{200, "", rule::accepted},
    table_row{400, "INVALID_ARGUMENT", rule::token_if_named},
    table_row{400, "FAILED_PRECONDITION", rule::our_request},
    table_row{401, "THIRD_PARTY_AUTH_ERROR", rule::our_request}, // of APNs or web push behind FCM
    table_row{401, "UNAUTHENTICATED", rule::fresh_token},
    table_row{403, "SENDER_ID_MISMATCH", rule::token_dead},
    table_row{403, "PERMISSION_DENIED", rule::our_credential},
    table_row{404, "UNREGISTERED", rule::token_dead},
    table_row{404, "NOT_FOUND", rule::our_request}, // without a code of FCM: no such project
    table_row{413, "INVALID_ARGUMENT", rule::too_large},
    table_row{429, "QUOTA_EXCEEDED", rule::too_fast},
    table_row{429, "RESOURCE_EXHAUSTED", rule::too_fast},
    table_row{500, "INTERNAL", rule::trouble},
    table_row{503, "UNAVAILABLE", rule::trouble},
    table_row{504, "DEADLINE_EXCEEDED", rule::trouble},
};

} // namespace

std::span<const table_row> apns_table() {
    return k_apns;
}
std::span<const table_row> fcm_table() {
    return k_fcm;
}

} // namespace z360::push
