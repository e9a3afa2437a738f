// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <z360/port/token_store.hpp>

#include <pqxx/pqxx>

namespace z360::adapter::postgres {

/// A new row of api_tokens, with the rights that the transaction has at that moment.
token_id insert_token(pqxx::transaction_base& tx, const port::new_token& t);

} // namespace z360::adapter::postgres
