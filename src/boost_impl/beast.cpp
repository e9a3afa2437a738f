// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <boost/beast/src.hpp>
