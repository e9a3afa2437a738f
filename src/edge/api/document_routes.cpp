// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "edge/api/documents.hpp"
#include "edge/api/route_tables.hpp"

#include <string>

namespace z360::edge::api {
namespace {

awaitable<http::response> get_document(service&, ask) {
    auto r = http::response::json(200, std::string(openapi_document()));
    r.headers.set("Cache-Control", "public, max-age=300");
    co_return r;
}

awaitable<http::response> get_page(service&, ask) {
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
