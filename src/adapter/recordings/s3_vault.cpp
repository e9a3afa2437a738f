// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/recordings/file_source.hpp"
#include "adapter/recordings/intake_file.hpp"
#include "adapter/recordings/key.hpp"
#include "adapter/recordings/recordings.hpp"
#include "adapter/recordings/s3_store.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <utility>

namespace z360::adapter::recordings {
namespace asio = boost::asio;
namespace {

constexpr std::uint64_t k_piece = 1'048'576;
constexpr std::chrono::hours k_leftover_age{1};

// A file first: the signature holds the digest of all that is sent, so that nothing else can be stored.
class s3_intake final : public port::vault_intake {
  public:
    s3_intake(
        rt::blocking_pool& pool, std::shared_ptr<s3_store> store, std::string key,
        std::shared_ptr<intake_file> file
    )
        : pool_(pool), store_(std::move(store)), key_(std::move(key)), file_(std::move(file)) {}
    // A worker removes it; one that is still writing has a share in it, and the last of them does.
    ~s3_intake() override {
        pool_.run_unawaited([file = std::move(file_)]() mutable noexcept { file.reset(); });
    }
    s3_intake(const s3_intake&) = delete;
    s3_intake& operator=(const s3_intake&) = delete;

    asio::awaitable<void> write(std::string piece) override {
        auto work = [file = file_, held = std::move(piece)] { file->write(held); };
        co_await pool_.run(std::move(work));
    }
    asio::awaitable<port::kept_copy> keep() override {
        auto work = [file = file_] { return file->finish(); };
        auto copy = co_await pool_.run(std::move(work));
        port::byte_range all;
        all.length = copy.bytes;
        file_source content(pool_, file_->file(), all);
        co_await store_->put(key_, content, copy.sha256);
        co_return copy;
    }

  private:
    rt::blocking_pool& pool_;
    std::shared_ptr<s3_store> store_;
    std::string key_;
    std::shared_ptr<intake_file> file_;
};

// A request for each piece: bounded memory, and a reader that pauses holds no connection.
class s3_source final : public port::byte_source {
  public:
    s3_source(std::shared_ptr<s3_store> store, std::string key, s3_object object, port::byte_range part)
        : store_(std::move(store)), key_(std::move(key)), object_(std::move(object)), part_(part) {}

    [[nodiscard]] std::uint64_t size() const override { return part_.length; }

    asio::awaitable<std::string> read(std::size_t most) override {
        if (taken_ == piece_.size()) {
            port::byte_range next;
            next.first = part_.first + fetched_;
            next.length = std::min(k_piece, part_.length - fetched_);
            if (next.length == 0) co_return std::string();
            std::string piece = co_await store_->get(key_, object_, next);
            piece_ = std::move(piece);
            taken_ = 0;
            fetched_ += next.length;
        }
        std::string out = piece_.substr(taken_, most);
        taken_ += out.size();
        co_return out;
    }

  private:
    std::shared_ptr<s3_store> store_;
    std::string key_;
    s3_object object_;
    port::byte_range part_;
    std::string piece_;
    std::size_t taken_ = 0;     ///< of the piece
    std::uint64_t fetched_ = 0; ///< of the part
};

class s3_vault final : public port::recording_vault {
  public:
    s3_vault(rt::blocking_pool& pool, std::shared_ptr<s3_store> store, std::filesystem::path work_folder)
        : pool_(pool), store_(std::move(store)), work_folder_(std::move(work_folder)) {
        pool_.run_unawaited([f = work_folder_]() noexcept { (void)remove_leftovers(f, k_leftover_age); });
    }

    [[nodiscard]] std::string_view kind() const override { return "s3"; }

    asio::awaitable<std::unique_ptr<port::vault_intake>> begin(std::string key) override {
        check_key(key);
        auto work = [folder = work_folder_] { return intake_file::begin(folder); };
        auto file = co_await pool_.run(std::move(work));
        co_return std::make_unique<s3_intake>(pool_, store_, std::move(key), std::move(file));
    }

    asio::awaitable<std::optional<std::uint64_t>> size_of(std::string key) override {
        check_key(key);
        const auto found = co_await store_->look(std::move(key));
        if (!found) co_return std::nullopt;
        co_return found->bytes;
    }

    asio::awaitable<std::unique_ptr<port::byte_source>>
    open(std::string key, port::byte_range part) override {
        check_key(key);
        auto found = co_await store_->look(key);
        if (!found) co_return nullptr;
        check_range(part, found->bytes);
        co_return std::make_unique<s3_source>(store_, std::move(key), std::move(*found), part);
    }

    [[nodiscard]] std::optional<std::string> link(std::string key, millis valid) const override {
        check_key(key);
        return store_->link(key, valid);
    }

    asio::awaitable<void> remove(std::string key) override {
        check_key(key);
        co_await store_->remove(std::move(key));
    }

  private:
    rt::blocking_pool& pool_;
    std::shared_ptr<s3_store> store_;
    std::filesystem::path work_folder_;
};

} // namespace

std::unique_ptr<port::recording_vault>
make_s3_vault(rt::blocking_pool& pool, http::client& client, const port::clock& clock, s3_settings settings) {
    if (settings.work_folder.empty())
        throw std::invalid_argument("recordings: the S3 work folder is missing");
    auto folder = settings.work_folder;
    if (!folder.has_filename()) folder = folder.parent_path(); // "folder/"
    auto store = std::make_shared<s3_store>(client, clock, std::move(settings));
    return std::make_unique<s3_vault>(pool, std::move(store), std::move(folder));
}

} // namespace z360::adapter::recordings
