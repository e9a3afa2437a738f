// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "node.hpp"

#include "world.hpp"

#include <algorithm>
#include <utility>

namespace z360::testing {

void node::start() {
    process_ = std::make_unique<process>(w_, *this);
    process_->start();
}

void node::kill() {
    ++life_;
    process_->kill();
    dying_.push_back(std::move(process_));
}

void node::accept(std::string body, std::function<void(bool)> answer) {
    process_->accept(std::move(body), std::move(answer));
}

void node::submit(engine::request r, request_answer answer) {
    process_->submit(std::move(r), std::move(answer));
}

bool node::buried() {
    std::erase_if(dying_, [](const auto& p) { return p->gone(); });
    return dying_.empty();
}

} // namespace z360::testing
