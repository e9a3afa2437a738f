// SPDX-License-Identifier: LicenseRef-z360-proprietary
// HTTP/1.1 as far as clients of Google's services need it: one request after the other, bodies of a known
// length.
#include "sim/push_protocol.hpp"

#include <z360/http/message.hpp>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace z360::sim {

namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
        text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
        text.remove_suffix(1);
    return text;
}

std::string_view line_of(std::string_view& head) {
    const auto end = std::min(head.find("\r\n"), head.size());
    const auto line = head.substr(0, end);
    head.remove_prefix(std::min(end + 2, head.size()));
    return line;
}

std::optional<push_request> read_head(std::string_view head) {
    push_request out;
    auto first = line_of(head);
    const auto one = first.find(' ');
    const auto two = first.rfind(' ');
    if (one == std::string_view::npos || two == one || !first.substr(two + 1).starts_with("HTTP/1."))
        return std::nullopt;
    out.method = first.substr(0, one);
    out.path = first.substr(one + 1, two - one - 1);
    while (!head.empty()) {
        const auto line = line_of(head);
        const auto colon = line.find(':');
        if (colon == std::string_view::npos || colon == 0) return std::nullopt;
        out.fields.emplace_back(lower(line.substr(0, colon)), std::string(trimmed(line.substr(colon + 1))));
    }
    return out;
}

class http1 final : public push_protocol {
  public:
    explicit http1(push_limits limits) : limits_(limits) {}

    [[nodiscard]] bool feed(std::string_view bytes) override {
        if (over_) return false;
        in_.append(bytes);
        return advance();
    }
    [[nodiscard]] std::vector<incoming> take_requests() override { return std::exchange(complete_, {}); }

    void finish(std::int32_t, const push_exchange& e) override {
        const bool ends = e.course.how == push_course::ending::goaway;
        switch (e.course.how) {
        case push_course::ending::stall: return;
        case push_course::ending::drop:
        case push_course::ending::reset: // there are no streams
            dropped_ = true;
            return;
        case push_course::ending::goaway:
            if (!e.course.processed) {
                dropped_ = true;
                return;
            }
            break;
        case push_course::ending::answer: break;
        }
        answer(e.answer.reply, ends || closes_);
        busy_ = false;
        if (!over_) over_ = !advance();
    }
    void allow_streams(unsigned) override {}
    [[nodiscard]] std::string take_output() override { return std::exchange(out_, {}); }
    [[nodiscard]] bool over() const override { return dropped_ || (over_ && out_.empty()); }
    [[nodiscard]] bool dropped() const override { return dropped_; }

  private:
    void answer(const push_reply& r, bool last) {
        out_ += "HTTP/1.1 " + std::to_string(r.status) + " " + std::string(http::reason(r.status)) + "\r\n";
        for (const auto& [name, value] : r.fields)
            out_ += name + ": " + value + "\r\n";
        out_ += "content-length: " + std::to_string(r.body.size()) + "\r\n";
        if (last) out_ += "connection: close\r\n";
        out_ += "\r\n" + r.body;
        over_ = over_ || last;
    }
    /// Answers what cannot be read, and ends.
    bool refuse(int status) {
        push_reply r;
        r.status = status;
        answer(r, true);
        return false;
    }
    bool advance() {
        if (busy_) return in_.size() <= limits_.header_bytes + limits_.body_bytes;
        const auto end = in_.find("\r\n\r\n");
        if (end == std::string::npos) return in_.size() <= limits_.header_bytes || refuse(431);
        if (end > limits_.header_bytes) return refuse(431);
        auto head = read_head(std::string_view(in_).substr(0, end));
        if (!head) return refuse(400);
        if (head->find("transfer-encoding") != nullptr) return refuse(411);
        std::size_t length = 0;
        if (const auto* text = head->find("content-length")) {
            const auto* last = text->data() + text->size();
            const auto read = std::from_chars(text->data(), last, length);
            if (read.ec != std::errc{} || read.ptr != last) return refuse(400);
        }
        if (length > limits_.body_bytes) return refuse(413);
        if (in_.size() < end + 4 + length) return true;
        head->body = in_.substr(end + 4, length);
        in_.erase(0, end + 4 + length);
        const auto* connection = head->find("connection");
        closes_ = connection != nullptr && lower(*connection) == "close";
        busy_ = true;
        complete_.push_back({++serial_, std::move(*head)});
        return true;
    }

    push_limits limits_;
    std::string in_;
    std::string out_;
    std::vector<incoming> complete_;
    std::int32_t serial_ = 0;
    bool busy_ = false;   ///< a request is out; the next waits
    bool closes_ = false; ///< the client wants no more after this one
    bool over_ = false;
    bool dropped_ = false;
};

} // namespace

std::unique_ptr<push_protocol> make_http1(push_limits limits) {
    return std::make_unique<http1>(limits);
}

} // namespace z360::sim
