// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/http/gzip.hpp>

#include <zlib.h>

#include <algorithm>
#include <array>
#include <memory>

namespace z360::http {
namespace {

constexpr std::size_t k_most_times = 100; // reports of apps: ten to forty times
constexpr std::size_t k_free = 64 * 1024;
constexpr std::size_t k_piece = 16 * 1024;
constexpr int k_gzip_alone = 16 + MAX_WBITS; // zlib's way to say so

struct ender {
    void operator()(z_stream* s) const { (void)inflateEnd(s); }
};

} // namespace

inflated gunzip(std::string_view sent, std::size_t most) {
    most = std::min(most, std::max(k_free, sent.size() * k_most_times));
    z_stream stream{};
    // zlib reads from it only; its type says otherwise unless the whole program is compiled with ZLIB_CONST.
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(sent.data()));
    stream.avail_in = static_cast<uInt>(std::min<std::size_t>(sent.size(), UINT32_MAX));
    if (stream.avail_in != sent.size()) return {inflation::too_large, {}};
    if (inflateInit2(&stream, k_gzip_alone) != Z_OK) throw std::bad_alloc();
    const std::unique_ptr<z_stream, ender> owner(&stream);
    inflated out;
    std::array<char, k_piece> piece;
    for (;;) {
        stream.next_out = reinterpret_cast<Bytef*>(piece.data());
        stream.avail_out = static_cast<uInt>(piece.size());
        const int how = inflate(&stream, Z_NO_FLUSH);
        if (how == Z_MEM_ERROR) throw std::bad_alloc();
        if (how != Z_OK && how != Z_STREAM_END) return {};
        const auto made = piece.size() - stream.avail_out;
        if (out.bytes.size() + made > most) return {inflation::too_large, {}};
        out.bytes.append(piece.data(), made);
        if (how == Z_STREAM_END) break;
    }
    if (stream.avail_in != 0) return {};
    out.how = inflation::whole;
    return out;
}

} // namespace z360::http
