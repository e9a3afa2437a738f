// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/http/bodies.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace z360::adapter::http {

bodies::bodies(port::byte_source* from, port::byte_sink* to, millis stall)
    : source(from), sink(to), stall_(stall), unread_(from != nullptr ? from->size() : 0) {}

bool bodies::take_in(const char* data, std::size_t n) {
    touch();
    if (!incoming_.empty() && incoming_.size() + n > k_held) {
        paused |= CURLPAUSE_RECV;
        return false;
    }
    incoming_.append(data, n);
    return true;
}

std::size_t bodies::give_out(char* to, std::size_t room) {
    touch();
    const std::size_t n = std::min(room, outgoing_.size() - given_);
    if (n == 0 && unread_ > 0) {
        paused |= CURLPAUSE_SEND;
        return CURL_READFUNC_PAUSE;
    }
    std::memcpy(to, outgoing_.data() + given_, n);
    given_ += n;
    return n;
}

std::string bodies::take_incoming() {
    return std::exchange(incoming_, {});
}

std::size_t bodies::wanted() const {
    const std::size_t held = outgoing_.size() - given_;
    if (held + k_piece > k_held) return 0;
    return static_cast<std::size_t>(std::min<std::uint64_t>(k_piece, unread_));
}

void bodies::add_outgoing(std::string piece) {
    if (piece.empty())
        throw std::runtime_error(
            "the source of an upload ended " + std::to_string(unread_) + " bytes before its size"
        );
    if (piece.size() > unread_) piece.resize(static_cast<std::size_t>(unread_)); // never more than announced
    unread_ -= piece.size();
    outgoing_.erase(0, std::exchange(given_, 0));
    outgoing_ += piece;
}

} // namespace z360::adapter::http
