// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <boost/asio/buffer.hpp>

#include <cstddef>
#include <cstring>
#include <string_view>
#include <vector>

namespace z360::http {

/// Bytes read from a connection and not parsed yet. Keeps its memory between requests.
class input_buffer {
  public:
    [[nodiscard]] std::string_view readable() const { return {data_.data() + begin_, end_ - begin_}; }
    [[nodiscard]] std::size_t size() const { return end_ - begin_; }

    void consume(std::size_t n) {
        begin_ += n;
        if (begin_ == end_) begin_ = end_ = 0;
    }
    /// Room for at least `n` more bytes.
    [[nodiscard]] boost::asio::mutable_buffer prepare(std::size_t n) {
        if (begin_ > 0 && data_.size() - end_ < n) {
            std::memmove(data_.data(), data_.data() + begin_, size());
            end_ -= begin_;
            begin_ = 0;
        }
        if (data_.size() - end_ < n) data_.resize(end_ + n);
        return boost::asio::buffer(data_.data() + end_, data_.size() - end_);
    }
    void commit(std::size_t n) { end_ += n; }
    /// Gives memory back that one large request needed; only when nothing is buffered.
    void shrink(std::size_t keep) {
        if (size() == 0 && data_.size() > keep) {
            data_.resize(keep);
            data_.shrink_to_fit();
        }
    }

  private:
    std::vector<char> data_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

} // namespace z360::http
