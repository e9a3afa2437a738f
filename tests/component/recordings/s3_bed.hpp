// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A vault at a store of the tests, by real HTTP.
#pragma once

#include "bed.hpp"
#include "support/s3_server.hpp"

#include <string>
#include <utility>

namespace z360::testing {

class set_clock final : public port::clock {
  public:
    [[nodiscard]] time_point now() const override { return at; }
    time_point at{millis{1'780'000'000'000}};
};

class s3_bed : public recordings_bed {
  protected:
    static adapter::recordings::signing_key key() {
        return {"AKIATEST", secret("do not show this"), "eu-central-1"};
    }
    adapter::recordings::s3_settings settings() {
        adapter::recordings::s3_settings s;
        s.endpoint = "http://127.0.0.1:" + std::to_string(server_.port());
        s.region = "eu-central-1";
        s.bucket = "our-bucket";
        s.access_key_id = "AKIATEST";
        s.secret_access_key = secret("do not show this");
        s.path_style = true;
        s.work_folder = root_;
        s.timeout = 5s;
        return s;
    }
    std::unique_ptr<recording_vault> vault(adapter::recordings::s3_settings s) {
        return make_s3_vault(pool_, *client_, clock_, std::move(s));
    }
    std::unique_ptr<recording_vault> vault() { return vault(settings()); }
    /// The test, then the end of the store.
    void play(awaitable<void> test) { run(whole(std::move(test))); }
    void at_the_store(const std::string& name, std::string bytes) {
        desk_.objects[name] = {std::move(bytes), "audio/mpeg", "\"one\""};
    }

    set_clock clock_;
    s3_desk desk_{"our-bucket", key(), clock_};
    s3_server server_{io_.get_executor(), desk_};
    std::unique_ptr<http::client> client_ = http::make_client(io_.get_executor());

  private:
    awaitable<void> whole(awaitable<void> test) {
        std::exception_ptr error;
        try {
            co_await std::move(test);
        } catch (...) {
            error = std::current_exception();
        }
        co_await server_.stop();
        if (error) std::rethrow_exception(error);
    }
};

} // namespace z360::testing
