// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "edge/api/documents.hpp"
#include "edge/api/route_tables.hpp"

#include <string>

namespace z360::edge::api {
namespace {

constexpr std::string_view k_written_cookie = "\"name\": \"z360_session\"";
constexpr std::string_view k_written_server = "\"url\": \"https://voip.example.com\"";

void put(std::string& text, std::string_view written, const std::string& here) {
    if (const auto at = text.find(written); at != std::string::npos) text.replace(at, written.size(), here);
}

/// As it lies in contract/api, but for what each installation has of its own.
awaitable<http::response> get_document(api_context& s, request_context in) {
    std::string text(openapi_document());
    put(text, k_written_server, "\"url\": " + json(in.base).dump());
    put(text, k_written_cookie, "\"name\": " + json(s.ports.settings.auth.cookie_name).dump());
    auto r = http::response::json(200, std::move(text));
    r.headers.set("Cache-Control", "public, max-age=300");
    co_return r;
}

awaitable<http::response> get_page(api_context&, request_context) {
    auto r = http::response::text(200, std::string(document_page()), "text/html; charset=utf-8");
    r.headers.set("Cache-Control", "public, max-age=300");
    // Everything the page needs is in it, but for the document next to it.
    r.headers.set(
        "Content-Security-Policy",
        "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    r.headers.set("Referrer-Policy", "no-referrer");
    co_return r;
}

} // namespace

std::vector<entry> document_entries() {
    return {
        {"GET", "/api/openapi.json", get_document, any_of(via::nobody), rate_class::none},
        {"GET", "/api/docs", get_page, any_of(via::nobody), rate_class::none},
    };
}

} // namespace z360::edge::api
