// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/base/secret.hpp>

namespace z360 {

void secret::wipe() noexcept {
    // volatile keeps the stores: the optimiser would drop writes to memory that is about to be freed.
    volatile char* p = value_.data();
    for (std::size_t i = 0; i < value_.size(); ++i)
        p[i] = 0;
    value_.clear();
}

} // namespace z360
