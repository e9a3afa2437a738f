// SPDX-License-Identifier: LicenseRef-z360-proprietary
// From the carrier into the vault.
#pragma once

#include <z360/port/metrics.hpp>
#include <z360/port/recording_vault.hpp>
#include <z360/port/recordings.hpp>
#include <z360/recording_keeper.hpp>
#include <z360/rt/time.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace z360::recording_keeper {

/// One more attempt has failed: counted, told, and tried again later.
void note_failure(
    port::metrics& metrics, const port::due_recording& r, port::looked& l, std::string_view at,
    std::string why
);

/// Makes copies, any number at once. Everything handed in must outlive it.
class copier {
  public:
    copier(
        port::recording_store& store, port::carrier_recordings& carrier, port::recording_vault& vault,
        port::metrics& metrics, const settings& s
    )
        : store_(store), carrier_(carrier), vault_(vault), metrics_(metrics), s_(s) {}

    /// Copies it and settles it; `again_after` of `l`: it is looked at once more although it is kept. Throws
    /// unavailable when the store is away: the claim runs out by itself.
    boost::asio::awaitable<void> copy(const port::due_recording& r, port::looked l);
    /// What is under way waits for nobody any more.
    void stop() { stopping_ = true; }

  private:
    boost::asio::awaitable<std::optional<port::carrier_recording>>
    address_of(const port::due_recording& r, port::looked& l, bool fresh);
    boost::asio::awaitable<void> copy_into(const port::due_recording& r, port::looked& l, std::string& made);
    boost::asio::awaitable<bool> copy_from(
        const port::due_recording& r, const port::carrier_recording& from, port::looked& l, std::string& made
    );
    boost::asio::awaitable<bool> write_down(const port::looked& l);
    boost::asio::awaitable<void> idle(millis pause);
    boost::asio::awaitable<bool> removed(std::string key);
    boost::asio::awaitable<void> forget(std::string key);

    /// What the carrier says that it does not have. Who forgets it, e.g. by a restart, asks for longer.
    struct absence {
        std::uint32_t times = 0;
        rt::clock::time_point since{};
    };
    bool surely_absent(const port::due_recording& r);

    port::recording_store& store_;
    port::carrier_recordings& carrier_;
    port::recording_vault& vault_;
    port::metrics& metrics_;
    const settings& s_;
    std::map<uuid, absence> absent_;
    bool stopping_ = false;
};

} // namespace z360::recording_keeper
