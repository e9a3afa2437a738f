// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A folder of its own, a loop, workers; contents in and out of a vault.
#pragma once

#include "adapter/recordings/recordings.hpp"

#include <z360/port/errors.hpp>
#include <z360/rt/sync.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <utility>

namespace z360::testing {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using asio::awaitable;
using port::byte_range;
using port::recording_vault;
using namespace std::chrono_literals;

/// Bytes that tell where they are.
inline std::string content_of(std::size_t size) {
    std::string out(size, '\0');
    for (std::size_t i = 0; i < size; ++i)
        out[i] = static_cast<char>((i * 31 + i / 251) & 0xFFU);
    return out;
}

/// All that a source gives; `largest`: its largest piece.
inline awaitable<std::string>
read_all(port::byte_source& from, std::size_t most = 100'000, std::size_t* largest = nullptr) {
    std::string out;
    while (true) {
        const std::string piece = co_await from.read(most);
        if (piece.empty()) co_return out;
        EXPECT_LE(piece.size(), most);
        if (largest != nullptr) *largest = std::max(*largest, piece.size());
        out += piece;
    }
}

/// What is kept under the key; "(nothing)" if nothing is.
inline awaitable<std::string> kept(recording_vault& vault, std::string key) {
    const auto size = co_await vault.size_of(key);
    if (!size) co_return "(nothing)";
    byte_range all;
    all.length = *size;
    auto source = co_await vault.open(key, all);
    if (!source) co_return "(nothing)";
    EXPECT_EQ(source->size(), *size);
    co_return co_await read_all(*source);
}

inline awaitable<void> write_all(port::byte_sink& to, std::string content, std::size_t piece = 10'000) {
    for (std::size_t at = 0; at < content.size(); at += piece)
        co_await to.write(content.substr(at, piece));
}

inline awaitable<port::kept_copy> put(recording_vault& vault, std::string key, std::string content) {
    auto intake = co_await vault.begin(std::move(key));
    co_await write_all(*intake, std::move(content));
    co_return co_await intake->keep();
}

/// The text of the port::unavailable it throws; "(worked)" if it throws nothing.
template <class T>
awaitable<std::string> trouble(awaitable<T> op) {
    try {
        (void)co_await std::move(op);
    } catch (const port::unavailable& e) {
        co_return e.what();
    }
    co_return "(worked)";
}
inline awaitable<std::string> trouble(awaitable<void> op) {
    try {
        co_await std::move(op);
    } catch (const port::unavailable& e) {
        co_return e.what();
    }
    co_return "(worked)";
}

template <class F>
awaitable<bool> eventually(F condition) {
    const auto until = std::chrono::steady_clock::now() + 10s;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > until) co_return false;
        co_await rt::sleep_for(2ms);
    }
    co_return true;
}

class recordings_bed : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string name = (fs::temp_directory_path() / "z360-recordings-XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        folder_ = name;
        root_ = folder_ / "kept";
    }
    void TearDown() override { fs::remove_all(folder_); }

    void run(awaitable<void> test) {
        std::exception_ptr error;
        bool finished = false;
        asio::co_spawn(io_, std::move(test), [&](std::exception_ptr e) {
            error = e;
            finished = true;
        });
        io_.restart();
        io_.run_for(60s);
        ASSERT_TRUE(finished) << "the test hangs";
        if (error) std::rethrow_exception(error);
    }
    /// Below the root, those that come in not counted.
    [[nodiscard]] std::set<std::string> files() const { return files_in(root_); }
    [[nodiscard]] std::set<std::string> incoming() const { return files_in(root_ / ".incoming"); }
    /// Folders below the root, but for that of what comes in.
    [[nodiscard]] std::set<std::string> folders() const {
        std::set<std::string> out;
        for (const auto& e : fs::recursive_directory_iterator(root_))
            if (e.is_directory() && e.path().filename() != ".incoming")
                out.insert(e.path().lexically_relative(root_).string());
        return out;
    }
    static void make_file(const fs::path& file, const std::string& content = "left") {
        fs::create_directories(file.parent_path());
        std::ofstream(file, std::ios::binary) << content;
    }
    static std::string read_file(const fs::path& file) {
        std::ifstream in(file, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }

    fs::path folder_;
    fs::path root_;
    rt::blocking_pool pool_{3};
    asio::io_context io_{1};

  private:
    static std::set<std::string> files_in(const fs::path& where) {
        std::set<std::string> out;
        if (!fs::exists(where)) return out;
        for (auto e = fs::recursive_directory_iterator(where); e != fs::recursive_directory_iterator(); ++e) {
            if (e->path().filename() == ".incoming")
                e.disable_recursion_pending();
            else if (!e->is_directory())
                out.insert(e->path().lexically_relative(where).string());
        }
        return out;
    }
};

} // namespace z360::testing
