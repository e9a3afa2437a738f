// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/http/h2.hpp>

namespace z360::http::h2 {

std::string_view name(cause c) {
    switch (c) {
    case cause::none: return "none";
    case cause::bad_request: return "bad_request";
    case cause::headers_too_large: return "headers_too_large";
    case cause::line_full: return "line_full";
    case cause::stopping: return "stopping";
    case cause::timeout: return "timeout";
    case cause::connect_failed: return "connect_failed";
    case cause::refused: return "refused";
    case cause::goaway: return "goaway";
    case cause::reset: return "reset";
    case cause::silent: return "silent";
    case cause::lost: return "lost";
    case cause::protocol: return "protocol";
    case cause::drained: return "drained";
    }
    return "other";
}

std::string_view name(outcome o) {
    switch (o) {
    case outcome::replied: return "replied";
    case outcome::not_processed: return "not_processed";
    case outcome::unknown: return "unknown";
    }
    return "other";
}

} // namespace z360::http::h2
