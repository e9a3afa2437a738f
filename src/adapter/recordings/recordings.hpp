// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Where our own copies of recordings are kept.
#pragma once

#include <z360/base/secret.hpp>
#include <z360/base/time.hpp>
#include <z360/http/client.hpp>
#include <z360/port/clock.hpp>
#include <z360/port/recording_vault.hpp>
#include <z360/rt/blocking_pool.hpp>

#include <filesystem>
#include <memory>
#include <string>

namespace z360::adapter::recordings {

/// A folder, made if it is missing. Copies come in at `<root>/.incoming`; what a process that died left there
/// is removed after an hour, at the next start. Readable for our user alone. `pool` outlives the vault and
/// all that came from it.
[[nodiscard]] std::unique_ptr<port::recording_vault>
make_folder_vault(rt::blocking_pool& pool, std::filesystem::path root);

/// A bucket at Amazon or whoever speaks as its S3 does.
struct s3_settings {
    std::string endpoint; ///< scheme, host and perhaps port: `https://s3.eu-central-1.amazonaws.com`
    std::string region = "us-east-1";
    std::string bucket;
    std::string access_key_id;
    secret secret_access_key;
    /// true: `endpoint/bucket/key`, as MinIO wants it; false: the bucket is the first part of the host's
    /// name.
    bool path_style = false;
    std::string prefix;                ///< of all keys, without '/' at its ends; empty: none
    std::filesystem::path work_folder; ///< copies are collected in its `.incoming` before they are sent
    millis connect_timeout{3'000};
    millis timeout{30'000};         ///< of a request without a long body
    millis upload_timeout{900'000}; ///< of a whole copy
    millis stall_timeout{30'000};   ///< as in http::client_request
};

/// Throws std::invalid_argument of one line that names the setting. The others outlive the vault and all that
/// came from it; `clock` says when a request was signed.
[[nodiscard]] std::unique_ptr<port::recording_vault>
make_s3_vault(rt::blocking_pool& pool, http::client& client, const port::clock& clock, s3_settings settings);

} // namespace z360::adapter::recordings
