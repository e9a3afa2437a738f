// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Keys of copies of recordings.
#include "app/key_builders.hpp"

namespace z360::app {
namespace {

std::string check_bucket(std::string_view v) {
    constexpr std::string_view k_letters = "abcdefghijklmnopqrstuvwxyz0123456789.-";
    if (v.size() >= 3 && v.size() <= 63 && v.find_first_not_of(k_letters) == std::string_view::npos)
        return {};
    return "no bucket name; it has 3 to 63 small letters, digits, dots and hyphens";
}
std::string check_region(std::string_view v) {
    constexpr std::string_view k_letters = "abcdefghijklmnopqrstuvwxyz0123456789-";
    if (v.size() <= 64 && v.find_first_not_of(k_letters) == std::string_view::npos) return {};
    return "no region; give e.g. eu-central-1";
}
std::string check_key_prefix(std::string_view v) {
    constexpr std::string_view k_letters =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-";
    const bool ends = v.front() == '/' || v.back() == '/' || v.find("//") != std::string_view::npos;
    if (!ends && v.size() <= 100 && v.find_first_not_of(k_letters) == std::string_view::npos) return {};
    return "no prefix; give up to 100 letters, digits and . _ - /, without a slash at its ends";
}
std::string check_access_key(std::string_view v) {
    for (const char c : v)
        if (c <= 0x20 || c >= 0x7F) return "blanks or control characters in it; give the key alone";
    return v.size() <= 512 ? "" : "longer than 512 characters; give the key alone";
}

} // namespace

void add_recording_keys(std::vector<key_spec>& k) {
    k.push_back(text(
        "recordings.folder",
        "Where copies of recordings are kept, or, with a bucket, collected first. Empty: recordings stay at "
        "Telnyx.",
        "path", true, check_path, [](auto& c) -> auto& { return c.recordings.folder; }
    ));
    k.push_back(text(
        "recordings.s3_bucket", "Bucket of an S3-compatible store that keeps them instead of the folder.",
        "bucket name", true, check_bucket, [](auto& c) -> auto& { return c.recordings.s3_bucket; }
    ));
    k.push_back(text(
        "recordings.s3_endpoint", "Where that store is, e.g. https://s3.eu-central-1.amazonaws.com.",
        "https://host[:port]", true, check_origin, [](auto& c) -> auto& { return c.recordings.s3_endpoint; }
    ));
    k.push_back(text(
        "recordings.s3_region", "Its region.", "name", false, check_region,
        [](auto& c) -> auto& { return c.recordings.s3_region; }
    ));
    k.push_back(text(
        "recordings.s3_prefix", "In front of every key, for a bucket that others use as well.", "path", true,
        check_key_prefix, [](auto& c) -> auto& { return c.recordings.s3_prefix; }
    ));
    k.push_back(text(
        "recordings.s3_access_key_id", "Who we are there.", "key id", true, check_access_key,
        [](auto& c) -> auto& { return c.recordings.s3_access_key_id; }
    ));
    k.push_back(secret_key(
        "recordings.s3_secret_access_key", "The secret that goes with it.", "at most 512 characters",
        key_kind::secret, check_access_key, [](auto& c) -> auto& { return c.recordings.s3_secret_access_key; }
    ));
    k.push_back(boolean(
        "recordings.s3_path_style", "The bucket stands in the path, not in the host's name (MinIO).",
        [](auto& c) -> auto& { return c.recordings.s3_path_style; }
    ));
    k.push_back(boolean(
        "recordings.remove_originals", "Telnyx's recording is deleted once a copy of ours is kept.",
        [](auto& c) -> auto& { return c.recordings.remove_originals; }
    ));
    k.push_back(number(
        "recordings.keep_days", "How long they are kept where the organisation says nothing; 0: for ever.",
        "days", 0, 3'650, [](auto& c) -> auto& { return c.recordings.keep_days; }
    ));
    k.push_back(number(
        "recordings.parallel", "Copies that are made at once.", "", 1, 64,
        [](auto& c) -> auto& { return c.recordings.parallel; }
    ));
    k.push_back(duration(
        "recordings.link_life_ms", "How long an address that we give for a recording is good.", 60'000,
        86'400'000, [](auto& c) -> auto& { return c.recordings.link_life; }
    ));
}

} // namespace z360::app
