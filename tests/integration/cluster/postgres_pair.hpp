// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A primary and a streaming standby of its own, and what can happen to them. Not thread-safe.
#pragma once

#include <z360/base/time.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <vector>

namespace z360::testing {

/// Which of the two servers.
enum class place : std::size_t { first, second };

class postgres_pair {
  public:
    /// Takes the pair that lives below the folder Z360_TEST_CLUSTER_DIR, and repairs or makes it: afterwards
    /// one is a primary, the other streams from it, and no commit waits for it. Throws std::runtime_error.
    postgres_pair();
    /// Nobody is left frozen, no commit left waiting.
    ~postgres_pair();
    postgres_pair(const postgres_pair&) = delete;
    postgres_pair& operator=(const postgres_pair&) = delete;

    /// False: Z360_TEST_CLUSTER_DIR is not set; tests skip then.
    [[nodiscard]] static bool available();

    [[nodiscard]] place primary() const { return primary_; }
    [[nodiscard]] place standby() const;
    [[nodiscard]] const std::string& url(place p) const { return urls_.at(static_cast<std::size_t>(p)); }

    /// SIGSTOP and SIGCONT for every process of a server.
    void freeze(place p);
    void thaw(place p);
    /// kill -9 for every process of a server; the next pair makes it anew, as a standby.
    void kill(place p);
    /// The standby gets no commit any more; returns when it has stopped asking for them.
    void cut_replication();
    /// Waits until the standby has everything that is committed.
    void await_standby();
    /// The standby becomes the primary; returns when it takes writes. The old one is to be dead or frozen,
    /// and is made anew by the next pair.
    void promote();
    /// Commits wait for our standby, for one that does not exist, or for none.
    void commits_wait_for_standby();
    void commits_wait_for_nobody_there();
    void commits_wait_no_more();

    /// Rows of a statement's first column, at this server's own database `postgres`.
    [[nodiscard]] std::string ask(place p, const std::string& statement) const;

  private:
    [[nodiscard]] std::string folder(place p) const;
    [[nodiscard]] std::string run(const std::string& verb, place p, const std::string& more = {}) const;
    [[nodiscard]] bool is_primary(place p) const;
    [[nodiscard]] bool streams() const;

    std::string root_;
    place primary_ = place::first;
    std::array<std::string, 2> urls_;
    std::array<bool, 2> frozen_{};
};

} // namespace z360::testing
