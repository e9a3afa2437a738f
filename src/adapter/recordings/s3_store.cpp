// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/recordings/s3_store.hpp"

#include "adapter/recordings/s3_answer.hpp"

#include <z360/port/errors.hpp>

#include <charconv>
#include <chrono>
#include <utility>

namespace z360::adapter::recordings {
namespace asio = boost::asio;
namespace {

std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t out = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return out;
}

// So that who follows a link gets something that plays.
std::string content_type(std::string_view key) {
    if (key.ends_with(".mp3")) return "audio/mpeg";
    if (key.ends_with(".wav")) return "audio/wav";
    return "application/octet-stream";
}

} // namespace

s3_store::s3_store(http::client& client, const port::clock& clock, s3_settings settings)
    : client_(client), clock_(clock), settings_(std::move(settings)), address_(settings_),
      key_{settings_.access_key_id, settings_.secret_access_key, settings_.region} {}

http::client_request
s3_store::request(std::string method, std::string path, name_values headers, std::string_view sha256) const {
    http::client_request r;
    r.url = address_.url(path);
    r.connect_timeout = settings_.connect_timeout;
    r.timeout = settings_.timeout;
    r.stall_timeout = settings_.stall_timeout;
    headers.emplace_back("host", address_.host());
    signable s{std::move(method), std::move(path), {}, std::move(headers), std::string(sha256)};
    r.method = s.method;
    for (auto& [name, value] : sign(std::move(s), key_, clock_.now()))
        if (name != "host") r.headers.add(name, std::move(value)); // the client sends the same
    return r;
}

void s3_store::refuse(const http::client_response& answer, std::string_view doing) const {
    throw port::unavailable(why_not(answer, doing, settings_.bucket));
}

asio::awaitable<void> s3_store::put(std::string key, port::byte_source& content, std::string sha256) {
    name_values headers;
    headers.emplace_back("content-type", content_type(key));
    auto r = request("PUT", address_.path_of(key), std::move(headers), sha256);
    r.timeout = settings_.upload_timeout;
    r.upload = &content;
    const auto answer = co_await client_.perform(std::move(r));
    if (answer.status != 200) refuse(answer, "store a new one");
}

asio::awaitable<std::optional<s3_object>> s3_store::look(std::string key) {
    auto r = request("HEAD", address_.path_of(key), {}, k_sha256_of_nothing);
    const auto answer = co_await client_.perform(std::move(r));
    if (answer.status == 404) {
        // Without a body it does not say what is missing: is it the bucket, they all seem to be gone.
        auto again = request("HEAD", address_.bucket_path(), {}, k_sha256_of_nothing);
        auto bucket = co_await client_.perform(std::move(again));
        if (bucket.status == 404) bucket.body = "<Code>NoSuchBucket</Code>";
        if (bucket.status == 404 || bucket.status == 0 || bucket.status >= 500) refuse(bucket, "look one up");
        co_return std::nullopt;
    }
    if (answer.status != 200) refuse(answer, "look one up");
    const auto bytes = number(answer.headers.get("Content-Length"));
    if (!bytes) throw port::unavailable("recordings: the store does not say how long one is");
    s3_object found;
    found.bytes = *bytes;
    const auto etag = answer.headers.get("ETag");
    if (!etag.starts_with("W/")) found.etag = etag; // a weak one never matches
    co_return found;
}

asio::awaitable<std::string> s3_store::get(std::string key, s3_object object, port::byte_range part) {
    name_values headers;
    headers.emplace_back(
        "range", "bytes=" + std::to_string(part.first) + "-" + std::to_string(part.first + part.length - 1)
    );
    if (!object.etag.empty()) headers.emplace_back("if-match", object.etag);
    auto r = request("GET", address_.path_of(key), std::move(headers), k_sha256_of_nothing);
    auto answer = co_await client_.perform(std::move(r));
    if (answer.status == 412 || answer.status == 404)
        throw port::unavailable("recordings: one was replaced or removed while it was read");
    if (answer.status != 206) refuse(answer, "read one");
    if (answer.body.size() != part.length)
        throw port::unavailable("recordings: the store gives another part than was asked for");
    co_return std::move(answer.body);
}

asio::awaitable<void> s3_store::remove(std::string key) {
    auto r = request("DELETE", address_.path_of(key), {}, k_sha256_of_nothing);
    const auto answer = co_await client_.perform(std::move(r));
    const bool absent = answer.status == 404 && error_code(answer.body) != "NoSuchBucket";
    if (answer.status != 204 && answer.status != 200 && !absent) refuse(answer, "remove one");
}

std::string s3_store::link(std::string_view key, millis valid) const {
    signable s;
    s.method = "GET";
    s.path = address_.path_of(key);
    s.headers.emplace_back("host", address_.host());
    const auto query =
        presign(std::move(s), key_, clock_.now(), std::chrono::ceil<std::chrono::seconds>(valid));
    return address_.url(address_.path_of(key)) + "?" + query;
}

} // namespace z360::adapter::recordings
