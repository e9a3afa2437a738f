// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What is on a recording: made up while it is fetched, the same each time.
#include "sim/query.hpp"
#include "sim/simulator_core.hpp"

#include <z360/port/byte_stream.hpp>

#include <algorithm>
#include <utility>

namespace z360::sim {
namespace {

class made_up final : public port::byte_source {
  public:
    explicit made_up(std::uint64_t bytes) : bytes_(bytes) {}
    [[nodiscard]] std::uint64_t size() const override { return bytes_; }
    rt::awaitable<std::string> read(std::size_t most) override {
        const auto n = std::min<std::uint64_t>(most, bytes_ - given_);
        std::string piece(static_cast<std::size_t>(n), '\0');
        for (std::size_t i = 0; i < piece.size(); ++i)
            piece[i] = static_cast<char>((given_ + i) * 31 + ((given_ + i) >> 8));
        given_ += n;
        co_return piece;
    }

  private:
    std::uint64_t bytes_;
    std::uint64_t given_ = 0;
};

std::string value_of(const query_fields& q, const char* key) {
    const auto it = q.find(key);
    return it == q.end() ? std::string{} : it->second;
}

} // namespace

// By the right that the address bears: our API key is nobody's business there (as of any store's address).
rt::awaitable<http::response> simulator::core::recording_file(http::request req) {
    if (!req.headers.get("Authorization").empty())
        co_return http::response::text(400, "Only one way to sign a request is allowed.");
    if (const int status = carrier_.recording_fault(); status != 0)
        co_return http::response::text(status, "Scripted fault.");
    const auto q = parse_query(req.query);
    const auto bytes = carrier_.recording_bytes(
        req.params.find("file")->second, value_of(q, "expires"), value_of(q, "signature"), now()
    );
    if (!bytes) co_return http::response::text(403, "Request has expired");
    http::response out;
    out.headers.set("Content-Type", "application/octet-stream");
    out.stream = std::make_shared<made_up>(static_cast<std::uint64_t>(*bytes));
    co_return out;
}

} // namespace z360::sim
