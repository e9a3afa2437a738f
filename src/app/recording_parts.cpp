// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "app/recording_parts.hpp"

#include "adapter/recordings/recordings.hpp"
#include "adapter/telnyx/recordings_client.hpp"

#include <utility>

namespace z360::app {
namespace {

constexpr std::size_t k_file_threads = 2;
constexpr millis k_day{86'400'000};

std::unique_ptr<port::recording_vault> vault_of(
    const config::recordings_t& c, rt::blocking_pool* files, http::client& client, const port::clock& clock
) {
    if (files == nullptr) return nullptr;
    if (c.s3_bucket.empty()) return adapter::recordings::make_folder_vault(*files, c.folder);
    adapter::recordings::s3_settings s;
    s.endpoint = c.s3_endpoint;
    s.region = c.s3_region;
    s.bucket = c.s3_bucket;
    s.access_key_id = c.s3_access_key_id;
    s.secret_access_key = c.s3_secret_access_key;
    s.path_style = c.s3_path_style;
    s.prefix = c.s3_prefix;
    s.work_folder = c.folder;
    return adapter::recordings::make_s3_vault(*files, client, clock, std::move(s));
}

recording_keeper::settings keeper_settings(const config::recordings_t& c, const config::retention_t& calls) {
    recording_keeper::settings s;
    s.parallel = c.parallel;
    s.remove_originals = c.remove_originals;
    s.keep_for = k_day * c.keep_days;
    s.keep_at_most = k_day * calls.calls_days;
    return s;
}

} // namespace

recording_parts::recording_parts(
    const boost::asio::any_io_executor& ex, const config& c, adapter::postgres::database& db,
    push_parts& pushes, http::client& client, const port::clock& clock, port::metrics& metrics
)
    : links_(c.telnyx.client_state_key, c.telnyx.api_key),
      files_(c.recordings.configured() ? std::make_unique<rt::blocking_pool>(k_file_threads) : nullptr),
      vault_(vault_of(c.recordings, files_.get(), client, clock)),
      carrier_(adapter::telnyx::make_carrier_recordings(
          adapter::telnyx::recordings_settings_from(c.telnyx), client, metrics
      )),
      store_(adapter::postgres::make_recording_store(db)),
      reader_(adapter::postgres::make_recording_reader(db)),
      keeper_(recording_keeper::make_keeper(
          ex,
          {*store_, *carrier_, vault_.get(), pushes.orders(), [&pushes] { pushes.order_placed(); }, metrics},
          keeper_settings(c.recordings, c.retention)
      )) {}

recording_parts::~recording_parts() = default;

} // namespace z360::app
