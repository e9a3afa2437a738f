// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/rt/retry.hpp>

#include <random>

namespace z360::rt {

chance_source random_chance() {
    return [engine = std::minstd_rand(std::random_device{}())]() mutable {
        return std::uniform_real_distribution<double>(0.0, 1.0)(engine);
    };
}

} // namespace z360::rt
