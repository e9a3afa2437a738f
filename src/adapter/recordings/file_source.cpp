// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/recordings/file_source.hpp"

#include <z360/port/errors.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace z360::adapter::recordings {
namespace {

constexpr std::uint64_t k_piece = 262'144;

} // namespace

file_source::file_source(
    rt::blocking_pool& pool, std::shared_ptr<const descriptor> file, port::byte_range part
)
    : pool_(pool), file_(std::move(file)), part_(part) {}

file_source::~file_source() {
    pool_.run_unawaited([file = std::move(file_)]() mutable noexcept { file.reset(); });
}

boost::asio::awaitable<std::string> file_source::read(std::size_t most) {
    const auto wanted = std::min({part_.length - given_, std::uint64_t{most}, k_piece});
    if (wanted == 0) co_return std::string();
    auto work = [file = file_, at = part_.first + given_, size = static_cast<std::size_t>(wanted)] {
        return read_at(*file, at, size);
    };
    std::string piece = co_await pool_.run(std::move(work));
    if (piece.empty()) throw port::unavailable("recordings: a file became shorter while it was read");
    given_ += piece.size();
    co_return piece;
}

void check_range(port::byte_range part, std::uint64_t bytes) {
    if (part.first > bytes || part.length > bytes - part.first)
        throw std::invalid_argument("the part of a recording does not lie within it");
}

} // namespace z360::adapter::recordings
