// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

namespace z360 {

/// One visitor out of several lambdas, for std::visit over the core's variants.
template <class... Fs>
struct overloaded : Fs... {
    using Fs::operator()...;
};
template <class... Fs>
overloaded(Fs...) -> overloaded<Fs...>;

} // namespace z360
