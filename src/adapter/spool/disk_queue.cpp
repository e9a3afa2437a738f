// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/spool/disk_queue.hpp"

#include <z360/port/errors.hpp>

#include <unistd.h>

#include <algorithm>
#include <random>
#include <system_error>
#include <utility>

namespace z360::adapter::spool {
namespace fs = std::filesystem;
using port::inbox_event;
namespace {

constexpr std::string_view k_prefix = "spool-";
constexpr std::string_view k_suffix = ".sqlite";
constexpr std::string_view k_former_name =
    "webhooks.sqlite";                    // one file for all, until processes had their own
constexpr std::size_t k_most_adopted = 4; // open at a time; others wait for their turn
constexpr std::size_t k_adopted_per_round = 2;
constexpr int k_names_tried = 3;

std::string new_name() {
    static constexpr char k_digits[] = "0123456789abcdef";
    std::random_device random;
    std::string name = std::string(k_prefix) + std::to_string(::getpid()) + "-";
    for (int i = 0; i < 12; ++i)
        name.push_back(k_digits[random() & 15U]);
    return name + std::string(k_suffix);
}

bool is_queue(const std::string& name) {
    return name == k_former_name || (name.starts_with(k_prefix) && name.ends_with(k_suffix));
}

// The oldest first, each once (two processes may have kept the same webhook); within a file in its order.
std::vector<inbox_event> merged(std::vector<std::vector<inbox_event>> parts, std::size_t limit) {
    std::vector<std::size_t> at(parts.size(), 0);
    std::vector<inbox_event> out;
    std::set<std::string> seen;
    while (out.size() < limit) {
        inbox_event* oldest = nullptr;
        std::size_t from = 0;
        for (std::size_t i = 0; i < parts.size(); ++i) {
            if (at[i] == parts[i].size()) continue;
            auto& e = parts[i][at[i]];
            if (oldest == nullptr || e.received_at < oldest->received_at) {
                oldest = &e;
                from = i;
            }
        }
        if (oldest == nullptr) break;
        ++at[from];
        if (seen.insert(oldest->event_id).second) out.push_back(std::move(*oldest));
    }
    return out;
}

} // namespace

disk_queue::disk_queue(fs::path directory, std::size_t max_bytes)
    : directory_(std::move(directory)), max_bytes_(max_bytes), dead_letters_(directory_, max_bytes) {}

disk_queue::~disk_queue() {
    for (auto* f : files())
        if ((*f)->size() == 0 && !(*f)->moved())
            delete_file((*f)->path()); // still locked: nobody adopts it now
}

// ---- the files

queue_file& disk_queue::own() {
    if (own_ && own_->moved()) {
        log::critical(
            "spool_lost", {{"file", own_->path().string()},
                           {"events", own_->size()},
                           {"why", "somebody deleted or moved the file of a running process"}}
        );
        own_.reset();
    }
    if (own_) return *own_;
    std::error_code ec;
    const bool created = fs::create_directories(directory_, ec);
    if (ec) throw port::unavailable("spool: cannot create " + directory_.string() + ": " + ec.message());
    if (created) fs::permissions(directory_, fs::perms::owner_all, ec); // bodies hold phone numbers
    for (int i = 0; i < k_names_tried; ++i) {
        const auto file = directory_ / new_name();
        try {
            auto made = std::make_unique<queue_file>(file, queue_file::how::create);
            if (made->moved()) continue; // taken for an orphan, and deleted, before it was locked
            own_ = std::move(made);
            return *own_;
        } catch (const in_use&) {
            continue; // the same, but the other still looks at it
        } catch (const port::unavailable&) {
            delete_file(file); // half made
            throw;
        }
    }
    throw port::unavailable("spool: cannot begin a queue in " + directory_.string());
}

std::vector<disk_queue::file_ptr*> disk_queue::files() {
    std::vector<file_ptr*> out;
    for (auto& f : adopted_)
        out.push_back(&f);
    out.push_back(&own_);
    std::erase_if(out, [](const file_ptr* f) { return !*f; });
    return out;
}

// Does something with a file. false: it failed, and why. A file that cannot be read any more is let go, for
// people, so that it fails once and not for ever.
bool disk_queue::with(file_ptr& f, const std::function<void(queue_file&)>& act, std::string* why) {
    try {
        act(*f);
        return true;
    } catch (const damaged& e) {
        if (why != nullptr) *why = e.what();
        const auto path = f->path();
        f.reset();
        move_aside(path);
    } catch (const port::unavailable& e) {
        if (why != nullptr) *why = e.what();
    }
    return false;
}

std::size_t disk_queue::size() const {
    std::size_t n = own_ ? own_->size() : 0;
    for (const auto& f : adopted_)
        if (f) n += f->size();
    return n - std::min(n, hidden_.size() + to_set_aside_.size());
}

std::size_t disk_queue::bytes() const {
    std::size_t n = own_ ? own_->bytes() : 0;
    for (const auto& f : adopted_)
        if (f) n += f->bytes();
    return n;
}

// ---- what is stored

void disk_queue::append(const std::vector<inbox_event>& events) {
    try {
        store(events);
        note_usable();
    } catch (const port::unavailable& e) {
        note_unusable(e.what());
        throw;
    }
}

void disk_queue::store(const std::vector<inbox_event>& events) {
    std::size_t more = 0;
    std::vector<inbox_event> fresh;
    for (const auto& e : events) {
        const bool kept =
            std::ranges::any_of(adopted_, [&](const file_ptr& f) { return f && f->holds(e.event_id); });
        if (kept) continue; // durable already
        more += queue_file::cost(e);
        fresh.push_back(e);
    }
    if (fresh.empty()) return;
    if (bytes() + more > max_bytes_)
        throw port::unavailable(
            "spool: full (" + std::to_string(bytes()) + " of " + std::to_string(max_bytes_) + " bytes)"
        );
    try {
        own().append(fresh);
    } catch (const damaged&) {
        const auto path = own_ ? own_->path() : fs::path{};
        own_.reset();
        if (!path.empty()) move_aside(path);
        own().append(fresh);
    }
}

std::vector<inbox_event> disk_queue::peek(std::size_t limit) {
    auto without = hidden_;
    for (const auto& [id, kept] : to_set_aside_)
        without.insert(id);
    std::vector<std::vector<inbox_event>> parts;
    std::string why;
    for (auto* f : files()) {
        std::vector<inbox_event> part;
        const auto look = [&](queue_file& q) { part = q.peek(limit, without); };
        if (with(*f, look, &why) && !part.empty()) parts.push_back(std::move(part));
    }
    if (parts.empty() && !why.empty()) throw port::unavailable(why);
    return merged(std::move(parts), limit);
}

// Whatever the disk says, these are out of the queue: they must not stand in the way of those behind them.
// What it refused to forget comes back after a restart at worst, and the inbox knows it then.
void disk_queue::remove(const std::vector<std::string>& event_ids) {
    hidden_.insert(event_ids.begin(), event_ids.end());
    take_away(event_ids);
}

void disk_queue::take_away(const std::vector<std::string>& event_ids) {
    std::set<std::string> left;
    for (auto* f : files()) {
        if (with(*f, [&](queue_file& q) { q.remove(event_ids); }) || !*f) continue;
        // A full disk has room for small changes, where the journal is reserved.
        for (const auto& id : event_ids) {
            bool here = *f != nullptr;
            const auto forget = [&](queue_file& q) {
                here = q.holds(id);
                if (here) q.remove({id});
            };
            if (here && !with(*f, forget) && here) left.insert(id);
        }
    }
    for (const auto& id : event_ids)
        if (!left.contains(id)) hidden_.erase(id);
}

void disk_queue::set_aside(const std::vector<std::string>& event_ids, const std::string& why) {
    for (auto* f : files()) {
        std::vector<inbox_event> found;
        if (!with(*f, [&](queue_file& q) { found = q.find(event_ids); })) continue;
        for (auto& e : found) {
            const auto id = e.event_id;
            if (!hidden_.contains(id)) to_set_aside_.try_emplace(id, dead_letter{std::move(e), why});
        }
    }
    log::error(
        "spool_set_aside",
        {{"events", event_ids.size()}, {"why", why}, {"kept_in", dead_letters_.path().string()}}
    );
    try {
        catch_up();
    } catch (const port::unavailable& e) {
        log::error("spool_set_aside_later", {{"why", e.what()}}); // tend() goes on with it
    }
}

// ---- housekeeping

// What the disk refused: first kept for people, then forgotten.
void disk_queue::catch_up() {
    if (!to_set_aside_.empty()) {
        std::vector<dead_letter> events;
        for (const auto& [id, a] : to_set_aside_)
            events.push_back(a);
        try {
            dead_letters_.add(events);
        } catch (const damaged&) {
            move_aside(dead_letters_.path());
            dead_letters_.add(events);
        }
        for (const auto& a : events)
            hidden_.insert(a.event.event_id);
        to_set_aside_.clear();
        look_at_set_aside();
    }
    if (hidden_.empty()) return;
    take_away({hidden_.begin(), hidden_.end()});
    if (!hidden_.empty())
        throw port::unavailable(
            "spool: " + std::to_string(hidden_.size()) + " events that are done with cannot be deleted"
        );
}

void disk_queue::adopt() {
    if (adopted_.size() >= k_most_adopted) return;
    std::error_code ec;
    std::vector<fs::path> found;
    for (fs::directory_iterator it(directory_, ec), end; !ec && it != end; it.increment(ec)) {
        const auto& path = it->path();
        if (!is_queue(path.filename().string()) || (own_ && path == own_->path())) continue;
        if (std::ranges::any_of(adopted_, [&](const file_ptr& f) { return f && f->path() == path; }))
            continue;
        found.push_back(path);
    }
    if (ec) throw port::unavailable("spool: cannot read " + directory_.string() + ": " + ec.message());
    std::ranges::sort(found);
    const auto before = adopted_.size();
    std::string failure;
    for (const auto& path : found) {
        if (adopted_.size() >= std::min(k_most_adopted, before + k_adopted_per_round)) break;
        try {
            take_over(path);
        } catch (const in_use&) {
            continue; // its process lives
        } catch (const damaged&) {
            move_aside(path);
        } catch (const port::unavailable& e) {
            if (!fs::exists(path, ec)) continue; // somebody else was faster
            failure = path.string() + ": " + e.what();
            if (refused_.insert(path).second)
                log::error("spool_not_adopted", {{"file", path.string()}, {"why", e.what()}});
        }
    }
    if (!failure.empty()) throw port::unavailable(failure);
}

void disk_queue::take_over(const fs::path& file) {
    auto taken = std::make_unique<queue_file>(file, queue_file::how::existing);
    if (taken->moved()) return; // adopted, drained and deleted by another process while we waited for nothing
    if (taken->size() == 0) {
        delete_file(file); // while it is locked
        return;
    }
    log::warn(
        "spool_adopted", {{"file", file.string()}, {"events", taken->size()}, {"bytes", taken->bytes()}}
    );
    adopted_.push_back(std::move(taken));
}

void disk_queue::give_room_back() {
    for (auto& f : adopted_) {
        if (!f || f->size() > 0) continue;
        delete_file(f->path());
        f.reset();
    }
    std::erase(adopted_, nullptr);
    std::string why;
    if (own_ && !with(own_, [](queue_file& q) { q.shrink(); }, &why)) throw port::unavailable(why);
}

void disk_queue::look_at_set_aside() {
    health_.set_aside = dead_letters_.count();
}

// What was refused for want of room may be welcome now; no webhook should be needed to find out.
void disk_queue::look_at_disk() {
    if (health_.usable) return;
    try {
        own().probe();
    } catch (const port::unavailable& e) {
        note_unusable(e.what());
        return;
    }
    if (bytes() < max_bytes_) note_usable();
}

void disk_queue::tend() {
    std::string failure;
    const auto part = [&](void (disk_queue::*act)()) {
        try {
            (this->*act)();
        } catch (const std::exception& e
        ) { // each part by itself: one must not keep the others from their work
            if (failure.empty()) failure = e.what();
        }
    };
    try {
        (void)own();
    } catch (const port::unavailable& e) {
        note_unusable(e.what());
    }
    part(&disk_queue::adopt);
    part(&disk_queue::catch_up);
    part(&disk_queue::give_room_back);
    part(&disk_queue::look_at_set_aside);
    part(&disk_queue::look_at_disk);
    if (!health_.usable) return; // why says it
    health_.why = failure;
    if (failure.empty()) return;
    if (const auto silent = untended_.due())
        log::warn(
            "spool_not_tended", {{"directory", directory_.string()}, {"why", failure}, {"more", *silent}}
        );
}

// ---- how it is

void disk_queue::note_usable() {
    if (!health_.usable) log::info("spool_usable_again", {{"directory", directory_.string()}});
    health_.usable = true;
    health_.why.clear();
}

void disk_queue::note_unusable(const std::string& why) {
    health_.usable = false;
    health_.why = why;
    if (const auto silent = told_.due())
        log::error(
            "spool_unusable", {{"directory", directory_.string()},
                               {"why", why},
                               {"more", *silent},
                               {"effect", "503 while Postgres is away"}}
        );
}

} // namespace z360::adapter::spool
