// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Recordings after the call: what the carrier has of them, what we keep of them, who asks for them.
#pragma once

#include <z360/base/ids.hpp>
#include <z360/base/time.hpp>
#include <z360/call/state.hpp>
#include <z360/port/byte_stream.hpp>
#include <z360/port/recording_vault.hpp>
#include <z360/port/scope.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace z360::port {

// ---- at the carrier

/// A recording as the carrier has it on record.
struct carrier_recording {
    std::string id;
    std::string url;    ///< where it can be fetched, for minutes; empty: nowhere
    std::string format; ///< "mp3" or "wav"; empty: not said
    std::optional<time_point> began_at, ended_at;
    std::string call_control_id = {}; ///< of the leg that was recorded; empty: not said
};

/// How fetching one ended.
enum class fetched : std::uint8_t {
    done,
    refused, ///< the address does not give it (any more): ask for a fresh one
};

/// The carrier's recordings (Telnyx: GET, DELETE /recordings/{id}). Every function throws unavailable when
/// the carrier gave no usable answer. Paced and bounded in time by the adapter.
class carrier_recordings {
  public:
    virtual ~carrier_recordings() = default;
    /// With a fresh address. nullopt: the carrier has none of this id.
    virtual boost::asio::awaitable<std::optional<carrier_recording>> find(std::string id) = 0;
    /// All of a session, at most a page.
    virtual boost::asio::awaitable<std::vector<carrier_recording>> of_session(std::string call_session_id
    ) = 0;
    /// Fetches the content, without our API key: the address bears its own right. What `to` throws is thrown
    /// on.
    virtual boost::asio::awaitable<fetched> fetch(std::string url, byte_sink& to) = 0;
    /// Idempotent: one that is not there counts as removed.
    virtual boost::asio::awaitable<void> remove(std::string id) = 0;
};

// ---- our rows, for whoever makes the copies

/// How a recording stands.
enum class recording_status : std::uint8_t {
    waiting,  ///< at the carrier alone
    kept,     ///< a copy of ours is in the vault
    lost,     ///< the carrier has none any more, and neither have we
    removing, ///< nobody gets it any more; it is still to be removed from the vault or at the carrier
    removed,  ///< nothing of it is left but this row
};
[[nodiscard]] constexpr std::string_view name(recording_status s) {
    switch (s) {
    case recording_status::waiting: return "waiting";
    case recording_status::kept: return "kept";
    case recording_status::lost: return "lost";
    case recording_status::removing: return "removing";
    case recording_status::removed: return "removed";
    }
    return "?";
}
[[nodiscard]] constexpr std::optional<recording_status> recording_status_named(std::string_view word) {
    for (const auto s :
         {recording_status::waiting, recording_status::kept, recording_status::lost,
          recording_status::removing, recording_status::removed})
        if (name(s) == word) return s;
    return std::nullopt;
}

/// Where our copy is.
struct copy_place {
    std::string vault; ///< kind of vault, "folder" or "s3"; empty: there is no copy
    std::string key;
};

/// One that somebody is to look at, claimed.
struct due_recording {
    uuid id;
    std::uint32_t claim = 0; ///< with `id` it says whose it is
    call_id call;
    org_id org;
    user_id user; ///< whose call it is; none: nobody's
    std::string carrier_id;
    std::string carrier_url; ///< as it was told at `told_at`; empty: not told
    std::string format;
    call::recording_purpose purpose = call::recording_purpose::talk;
    recording_status status = recording_status::waiting;
    std::uint32_t attempts = 0; ///< that failed, one after the other
    millis told_ago{};          ///< since the carrier told of it, by the database's clock
    millis length{-1};          ///< of what was recorded; negative: not known
    std::string caller;         ///< of the call: number, or empty
    std::string caller_name;    ///< what the organisation calls them, or empty
    bool notified = false;
    bool at_carrier = true;
    copy_place copy;
    time_point began_at{}; ///< of the call
};

/// What has come of a look.
struct looked {
    uuid id;
    std::uint32_t claim = 0;
    recording_status status = recording_status::waiting;
    std::optional<millis> again_after; ///< nullopt: there is nothing more to do
    bool failed = false;               ///< one more attempt failed; else they are counted anew
    std::string error;                 ///< for people; kept until the next one
    bool notified = false;             ///< from now on; never taken back
    bool at_carrier = true;            ///< false from now on; never taken back
    copy_place copy;                   ///< of `kept`
    kept_copy content;                 ///< of `kept`
    std::string format;                ///< of it, where it was learnt since; empty: as it was
};

/// A call that ought to have been recorded, and of which no recording is known.
struct silent_call {
    call_id call;
    org_id org;
    std::string session;           ///< of the carrier
    std::string caller_control_id; ///< the caller's leg: what is recorded there is a message
    std::uint32_t tries = 0;       ///< questions so far
    bool of_message = false;       ///< a message is missing; else a talk
};

struct recording_figures {
    std::uint64_t waiting = 0; ///< for a copy or a removal
    millis oldest{};           ///< since the carrier told of the oldest of them
    std::uint64_t failing = 0; ///< of them whose last attempt failed
};

/// For whoever makes copies and removes them. Times are by the database's clock. Every function throws
/// unavailable.
class recording_store {
  public:
    virtual ~recording_store() = default;
    /// At most `most` that are due, the longest due first, for `length`; then others get them.
    virtual boost::asio::awaitable<std::vector<due_recording>> claim(std::size_t most, millis length) = 0;
    /// Holds a claim for `length` from now on; false: it is somebody else's, or nobody wants it any more.
    virtual boost::asio::awaitable<bool> hold(uuid id, std::uint32_t claim, millis length) = 0;
    /// false: it is somebody else's by now, or is being removed, and nothing was written.
    virtual boost::asio::awaitable<bool> settle(looked l) = 0;
    /// Rows of recordings that a program of the version before was told of, in calls that ended at most
    /// `back` ago, or, while there is no row at all, `first_back`. Returns how many were made; idempotent.
    virtual boost::asio::awaitable<std::size_t> adopt(millis back, millis first_back) = 0;
    /// Those that rest at the carrier because nobody had a vault become due: somebody has one now. At most
    /// `most`; returns how many.
    virtual boost::asio::awaitable<std::size_t> wake(std::size_t most) = 0;
    /// What is older than its organisation, or else `usual` (0: for ever), lets it be is to be removed, and
    /// whatever is older than `at_most` (0: nothing). At most `most`; returns how many.
    virtual boost::asio::awaitable<std::size_t> expire(millis usual, millis at_most, std::size_t most) = 0;
    virtual boost::asio::awaitable<recording_figures> figures() = 0;

    /// Calls that ended between `oldest` and `youngest` ago, ought to have been recorded and have no
    /// recording are to be asked about. Returns how many are new; idempotent.
    virtual boost::asio::awaitable<std::size_t> note_silent(millis oldest, millis youngest) = 0;
    /// At most `most` of them that are due, for `length`.
    virtual boost::asio::awaitable<std::vector<silent_call>>
    claim_silent(std::size_t most, millis length) = 0;
    /// The carrier has these: they are rows from now on, as if it had told of them. Returns how many are new.
    virtual boost::asio::awaitable<std::size_t> found(silent_call of, std::vector<carrier_recording> all) = 0;
    /// It has none; nullopt: that is believed.
    virtual boost::asio::awaitable<void> search_again(call_id of, std::optional<millis> after) = 0;
};

// ---- for people

/// A recording as people see it.
struct recording_view {
    uuid id;
    call_id call;
    std::string session; ///< of the carrier
    org_id org;
    user_id user;
    call::recording_purpose purpose = call::recording_purpose::talk;
    recording_status status = recording_status::waiting;
    std::string carrier_id;
    std::string format;         ///< "mp3" or "wav"; empty: not known yet
    std::string caller, dialed; ///< E.164, or empty
    std::string caller_name;    ///< or empty
    time_point told_at{};
    std::optional<time_point> began_at, ended_at;
    std::optional<time_point> heard_at;
    std::uint64_t bytes = 0; ///< of our copy
    std::string sha256;      ///< of it
    copy_place copy;
    std::string transcript; ///< of a message: what it says, as far as somebody has told; empty: nobody has
    std::optional<time_point> transcribed_at;
};

/// A page ends before this one.
struct recording_cursor {
    time_point told_at{};
    uuid id;
};

/// Under row-level security of the scope. Every function throws unavailable. What was removed, or is being
/// removed, does not exist.
class recording_reader {
  public:
    virtual ~recording_reader() = default;
    /// Messages left for a person, newest first; `only_new`: not heard yet.
    virtual boost::asio::awaitable<std::vector<recording_view>> messages(
        tenant_scope who, user_id of, bool only_new, std::optional<recording_cursor> before, std::size_t limit
    ) = 0;
    /// How many of them they have not heard, at most `most`.
    virtual boost::asio::awaitable<std::size_t> unheard(tenant_scope who, user_id of, std::size_t most) = 0;
    virtual boost::asio::awaitable<std::optional<recording_view>> find(tenant_scope who, uuid id) = 0;
    /// All of a call of the organisation, by our id or the carrier's session.
    virtual boost::asio::awaitable<std::vector<recording_view>>
    of_call(tenant_scope who, org_id org, std::string call) = 0;
    /// Of a message; nullopt: there is none. Again is no change.
    virtual boost::asio::awaitable<std::optional<recording_view>>
    mark_heard(tenant_scope who, uuid id, bool heard) = 0;
    /// What a message says; another text takes its place, and the carrier's never does. nullopt: there is no
    /// such message. Again is no change. `text`: valid UTF-8, 1 to 60,000 bytes.
    virtual boost::asio::awaitable<std::optional<recording_view>>
    transcribe(tenant_scope who, uuid id, std::string text) = 0;
    /// From now on nobody gets it; false: there is none.
    virtual boost::asio::awaitable<bool> remove(tenant_scope who, uuid id) = 0;
};

} // namespace z360::port
