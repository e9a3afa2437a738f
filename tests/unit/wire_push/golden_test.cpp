// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Whole requests as they are sent, in contract/push: what apps and gateways may rely on.
// Z360_WRITE_GOLDEN=1 writes them anew; the difference is then for a person to judge.
#include "bed.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <utility>
#include <vector>

using namespace z360;
using namespace z360::testing;
using json = nlohmann::ordered_json;
using push::kind;
using push::token_kind;

namespace {

const std::filesystem::path& folder() {
    static const std::filesystem::path k_folder =
        std::filesystem::path(Z360_SOURCE_DIR) / "contract" / "push";
    return k_folder;
}

struct sample {
    std::string file;
    std::string says;
    push::message m;
    token_kind to = token_kind::fcm_token;
};

const std::vector<sample>& samples() {
    static const auto k_all = [] {
        std::vector<sample> out;
        const auto add = [&out](std::string file, std::string says, push::message m, token_kind to) {
            out.push_back({std::move(file), std::move(says), std::move(m), to});
        };
        const auto alert = token_kind::alert;
        const auto fcm = token_kind::fcm_token;
        add("incoming_call.apns_voip", "A call rings: PushKit", call_message(), token_kind::voip);
        add("incoming_call.apns_alert", "A call rings, and the iPhone has no PushKit token", call_message(),
            alert);
        add("incoming_call.fcm", "A call rings: Android", call_message(), fcm);
        add("incoming_call.fcm_fid", "The same to a Firebase installation's id", call_message(),
            token_kind::fcm_fid);
        auto unknown = call_message();
        unknown.call.caller_number = "withheld";
        unknown.call.caller_name.clear();
        unknown.call.caller_avatar.clear();
        unknown.device.notification_fallback = true;
        add("incoming_call.fcm_withheld", "Nobody known calls, on a phone without full-screen calls", unknown,
            fcm);
        add("call_ended.apns_alert", "Another device has the call: iPhone", call_message(kind::call_ended),
            alert);
        add("call_ended.fcm", "Another device has the call: Android", call_message(kind::call_ended), fcm);
        auto gone = call_message(kind::call_ended);
        gone.reason = push::ended_reason::caller_gone;
        gone.winner_device.clear();
        add("call_ended.fcm_caller_gone", "The caller hung up", gone, fcm);
        add("missed_call.apns_alert", "Nobody answered: iPhone", call_message(kind::missed_call), alert);
        add("missed_call.fcm", "Nobody answered: Android", call_message(kind::missed_call), fcm);
        add("session_warning.apns_alert", "25 days without life: iPhone", notice(kind::session_warning),
            alert);
        add("session_warning.fcm", "25 days without life: Android", notice(kind::session_warning), fcm);
        add("push_token_required.apns_background", "The PushKit token is dead",
            notice(kind::push_token_required), alert);
        add("push_token_required.fcm", "One of its tokens is dead", notice(kind::push_token_required), fcm);
        add("business.apns_alert", "A notification of the web product: iPhone", business(), alert);
        add("business.fcm", "A notification of the web product: Android", business(), fcm);
        return out;
    }();
    return k_all;
}

std::string request_of(const sample& s) {
    const auto to = target_of(s.to);
    const auto built = push::provider_of(s.to) == push::provider::apns ? to_apns(s.m, to) : to_fcm(s.m, to);
    if (!built.request) return built.why;
    json headers = json::object();
    for (const auto& h : built.request->headers)
        headers[h.name] = h.value.reveal();
    const json out{
        {"what", s.says},
        {"authority", built.request->authority},
        {"path", built.request->path.reveal()},
        {"headers", std::move(headers)},
        {"body", json::parse(built.request->body.reveal())}
    };
    return out.dump(2) + "\n";
}

} // namespace

TEST(push_golden, push_01_each_push_is_the_one_that_is_promised) {
    const bool write = std::getenv("Z360_WRITE_GOLDEN") != nullptr;
    if (write) std::filesystem::create_directories(folder());
    std::set<std::string> known{"README.md"};
    for (const auto& s : samples()) {
        const auto path = folder() / (s.file + ".json");
        known.insert(path.filename().string());
        const auto now = request_of(s);
        if (write) std::ofstream(path, std::ios::binary) << now;
        std::ifstream in(path, std::ios::binary);
        const std::string promised((std::istreambuf_iterator<char>(in)), {});
        EXPECT_EQ(promised, now) << path
                                 << ": write it anew with Z360_WRITE_GOLDEN=1, if the change is meant";
    }
    for (const auto& entry : std::filesystem::directory_iterator(folder()))
        EXPECT_TRUE(known.contains(entry.path().filename().string())) << entry.path() << " is of no push";
}

TEST(push_golden, push_01_every_kind_is_promised_for_both_providers) {
    std::set<std::pair<kind, push::provider>> seen;
    for (const auto& s : samples())
        seen.emplace(s.m.what, push::provider_of(s.to));
    EXPECT_EQ(seen.size(), 2U * push::k_kind_count);
}
