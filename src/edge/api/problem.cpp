// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "edge/api/problem.hpp"

#include <utility>

namespace z360::edge::api {
namespace {

// What a client sent may be echoed: the document stays valid whatever it was.
std::string text_of(const json& j) {
    return j.dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace

http::response respond(const problem& p) {
    json body = p.more;
    body["type"] = "urn:z360:problem:" + p.code;
    body["title"] = p.title;
    body["status"] = p.status;
    if (!p.detail.empty()) body["detail"] = p.detail;
    body["code"] = p.code;
    body["success"] = false;
    body["message"] = p.title;
    json error{{"code", p.code}, {"message", p.title}, {"retry_after", nullptr}};
    if (p.retry_after) {
        body["retry_after"] = *p.retry_after;
        error["retry_after"] = *p.retry_after;
    }
    body["error"] = std::move(error);
    auto r = http::response::text(p.status, text_of(body), "application/problem+json");
    if (p.retry_after) r.headers.set("Retry-After", std::to_string(*p.retry_after));
    return r;
}

http::response success(int status, json data, std::string_view message, json meta) {
    json body{{"success", true}, {"data", std::move(data)}};
    if (!message.empty()) body["message"] = message;
    if (!meta.is_null()) body["meta"] = std::move(meta);
    return http::response::json(status, text_of(body));
}

problem not_found(std::string code, std::string title) {
    problem p;
    p.status = 404;
    p.code = std::move(code);
    p.title = std::move(title);
    return p;
}

problem call_unknown() {
    return not_found("call_unknown", "There is no such call");
}

problem access_denied() {
    problem p;
    p.status = 403;
    p.code = "access_denied";
    p.title = "Access denied";
    p.detail = "This person is not an active member of the organisation";
    return p;
}

problem unavailable_now(std::string code, long retry_after) {
    problem p;
    p.status = 503;
    p.code = std::move(code);
    p.title = "Not possible right now; try again shortly";
    p.retry_after = retry_after;
    return p;
}

} // namespace z360::edge::api
