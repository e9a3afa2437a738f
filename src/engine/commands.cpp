// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Commands of a call: started by the node that decided, or taken over from one that is gone.
#include "engine/engine_impl.hpp"

#include <z360/log.hpp>
#include <z360/port/errors.hpp>

#include <utility>

namespace z360::engine {
namespace {

// Sent although nobody can say whether it is wanted still: it was when it was issued. A dial rings phones for
// nobody, a bridge joins people.
bool harmless_twice(call::verb v) {
    return v != call::verb::dial && v != call::verb::bridge;
}

} // namespace

// Answer and bridge have few seconds in all: whoever helps a dead node must come in time (P6). Doing them
// twice is harmless, the carrier knows the repeated command by its id.
millis engine_impl::claim_of(const call::command& cmd) const {
    const bool urgent = cmd.what() == call::verb::answer || cmd.what() == call::verb::bridge;
    return urgent ? s_.urgent_claim : s_.command_claim;
}

void engine_impl::launch(call_id id, call::command cmd, std::optional<unsigned> made) {
    if (stopping_ && cmd.what() == call::verb::dial) return; // I15: nothing new is originated while stopping
    if (!running_.insert(cmd.id).second) return;
    work_.spawn(run_command(id, std::move(cmd), made));
}

boost::asio::awaitable<void>
engine_impl::run_command(call_id id, call::command cmd, std::optional<unsigned> made) {
    const std::string key = cmd.id;
    struct forget {
        std::unordered_set<std::string>& set;
        const std::string& key;
        ~forget() { set.erase(key); }
    } guard{running_, key};
    const unsigned before = made.value_or(0);
    const bool taken_over = made.has_value();
    port::still_wanted ask = [this, id, cmd, before, taken_over](unsigned attempt) {
        return still_wanted(id, cmd, before + attempt - 1, taken_over, attempt == 1);
    };
    auto result = co_await p_.telnyx.execute(cmd, std::move(ask));
    result.attempts += before;
    p_.metrics.count(
        "commands_total", {{"verb", call::name(result.what)}, {"outcome", call::name(result.result)}}
    );
    item i{std::move(result), {}};
    post(id, std::move(i));
}

boost::asio::awaitable<bool>
engine_impl::still_wanted(call_id id, call::command cmd, unsigned made, bool taken_over, bool first) {
    std::optional<port::stored_call> stored;
    if (taken_over || !first) {
        // Keeps other nodes off, and asks what is stored: another node may have moved the call on meanwhile,
        // or this one's copy may be older than the command it repeats.
        try {
            co_await p_.store.extend_claim(cmd.id, claim_of(cmd), made);
            stored = co_await p_.store.load(id);
        } catch (const port::unavailable&) {
            // what is in memory has to do
        }
    }
    // The newer of the two counts; memory may be ahead while Postgres was away, and then stands on its
    // version.
    const auto known = actors_.find(id);
    const bool here = known != actors_.end() && known->second->box.loaded();
    const bool memory = here && (!stored || known->second->box.loaded()->version >= stored->version);
    if (!memory && !stored) co_return true;
    if (call::wanted(memory ? known->second->box.loaded()->state : stored->state, cmd)) co_return true;
    // What another node issued is judged by what is stored, not by a copy that may be older than the command.
    if (taken_over && !stored) co_return harmless_twice(cmd.what());
    // While the call is being decided again (after a conflict) the state lacks what led to this command.
    // Sending it once too often is harmless, the carrier knows its id; only a dial must not ring for nobody.
    const bool deciding = known != actors_.end() && known->second->driving;
    co_return deciding && (cmd.what() != call::verb::dial);
}

} // namespace z360::engine
