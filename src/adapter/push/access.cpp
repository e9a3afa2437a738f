// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/push/access.hpp"

#include <utility>

namespace z360::adapter::push {

namespace h2 = http::h2;

std::shared_ptr<const crypto::apns_key> open_key(const apns_settings& s) {
    return crypto::apns_key::open("push.apns_key_file", s.key_file, {s.key_id, s.team_id});
}

std::shared_ptr<const crypto::service_account> open_account(const fcm_settings& s) {
    using hosts = crypto::service_account::token_hosts;
    return crypto::service_account::open(
        "push.fcm_service_account_file", s.service_account_file, s.any_token_host ? hosts::any : hosts::google
    );
}

h2::pool_settings pool_of(const settings& s, std::string name, const place& at, std::string_view host) {
    h2::pool_settings out;
    out.name = std::move(name);
    out.host = at.host.empty() ? std::string(host) : at.host;
    out.port = at.port;
    out.tls = s.tls;
    out.ca_file = s.ca_file;
    out.proxy = s.proxy;
    return out;
}

h2::request request_of(const wire::push_request& from, const secret& token) {
    h2::request out;
    out.path = std::string(from.path.reveal());
    for (const auto& f : from.headers)
        out.fields.push_back({f.name, std::string(f.value.reveal()), !f.never_index});
    out.bearer = token;
    out.body = std::string(from.body.reveal());
    return out;
}

} // namespace z360::adapter::push
