// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Whatever a device writes into client_state: nothing but our own text may be taken for ours.
#include "adapter/crypto/client_state.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

using namespace z360;
using namespace z360::adapter::crypto;

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

std::string without_space(std::string_view text) {
    std::string out;
    for (const char c : text)
        if (c != ' ' && c != '\t' && c != '\r' && c != '\n') out.push_back(c);
    return out;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const client_state_codec codec(secret{std::string("fuzz")}, secret{});
    static const client_state ours{call_id{uuid{1, 2}}, leg_id{uuid{3, 4}}, org_id{7}};
    static const std::string genuine = codec.sign(ours);
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    if (const auto got = codec.open(input)) require(codec.sign(*got) == without_space(input));
    // The genuine text with the input laid over it at some place.
    if (size >= 2) {
        std::string altered = genuine;
        const std::size_t at = data[0] % altered.size();
        altered.replace(at, std::min(size - 1, altered.size() - at), input.substr(1));
        const auto got = codec.open(altered);
        require(!got || (*got == ours && without_space(altered) == genuine));
    }
    return 0;
}
