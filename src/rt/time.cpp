// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/rt/time.hpp>

namespace z360::rt {
namespace {

time_source* g_source = nullptr; // written before anybody reads

} // namespace

clock::time_point clock::now() noexcept {
    if (g_source != nullptr) return g_source->now();
    return time_point(std::chrono::steady_clock::now().time_since_epoch());
}

void use_time_source(time_source* source) noexcept {
    g_source = source;
}

time_source* used_time_source() noexcept {
    return g_source;
}

} // namespace z360::rt
