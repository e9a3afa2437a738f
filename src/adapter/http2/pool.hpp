// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include "adapter/http2/connection.hpp"

#include <z360/http/h2.hpp>
#include <z360/log.hpp>
#include <z360/rt/pacer.hpp>
#include <z360/rt/retry.hpp>
#include <z360/rt/supervisor.hpp>

#include <array>
#include <list>
#include <memory>
#include <string>
#include <string_view>

namespace z360::adapter::http2 {

class pool final : public h2::pool, private connection_owner {
  public:
    pool(asio::any_io_executor ex, h2::pool_settings settings, port::metrics& metrics);

    [[nodiscard]] asio::awaitable<h2::result> perform(h2::request r) override;
    void retire(std::uint64_t connection) override;
    [[nodiscard]] asio::awaitable<void> stop(millis limit) override;
    [[nodiscard]] figures now() const override;

  private:
    class seat;

    // requests
    [[nodiscard]] exchange_ptr enter(h2::request r, h2::cause* refused);
    void leave(exchange& x);
    void expire(exchange& x);
    void answer(exchange& x, h2::result r);
    void answer(exchange& x, h2::outcome what, h2::cause why);
    void count(const h2::result& r);
    [[nodiscard]] bool again(const exchange& x, const h2::result& r) const;

    // connections, as their owner
    exchange_ptr next() override;
    void settled(session::finished f) override;
    void said_goaway(connection& c, const h2::goaway& g) override;
    void opened(connection& c) override;
    void changed(connection& c) override;

    void pump();
    [[nodiscard]] connection* least_busy(moment now) const;
    void open_more();
    [[nodiscard]] bool another_wanted() const;
    [[nodiscard]] std::size_t connecting() const;
    [[nodiscard]] std::size_t usable() const;
    asio::awaitable<void> live(std::shared_ptr<connection> c);
    void ended(connection& c);
    void came_to_nothing(const connection& c);
    [[nodiscard]] moment next_connect() const;
    void give_up_hopeless();
    [[nodiscard]] std::string_view reason_of(const h2::goaway& g) const;

    asio::awaitable<void> look();
    [[nodiscard]] duration until_look();
    void show();

    asio::any_io_executor ex_;
    const h2::pool_settings settings_;
    port::metrics& metrics_;
    connection_setup setup_;
    waiting_line line_;
    std::list<std::shared_ptr<connection>> connections_;
    std::uint64_t ids_ = 0;
    rt::pacer connects_;
    rt::chance_source chance_;
    unsigned failures_ = 0; ///< connections in a row that came to nothing
    moment pause_until_{};
    moment look_at_{}; ///< when look() comes next
    static constexpr std::size_t k_causes = static_cast<std::size_t>(h2::cause::drained) + 1;
    std::array<std::array<std::uint64_t, k_causes>, 3> counts_{}; ///< of results, since the last show()
    bool stopping_ = false;
    log::sparse failures_told_;
    rt::event wake_; ///< of look()
    rt::event gone_; ///< a connection, for stop()
    rt::task_group tasks_;
    rt::supervisor loops_;
};

} // namespace z360::adapter::http2
