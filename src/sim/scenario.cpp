// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "sim/scenario.hpp"

#include "sim/json_keys.hpp"
#include "sim/push_desk.hpp"

#include <fstream>
#include <utility>

namespace z360::sim {

namespace {

struct fault_lists {
    std::vector<webhook_fault> webhooks;
    std::vector<command_fault> commands;
    std::vector<push_fault> pushes;
};

fault_lists read_faults(const json& j) {
    fault_lists out;
    key_reader r(j, "faults");
    if (const auto* list = r.take("webhooks")) {
        if (!list->is_array()) r.fail("webhooks", "an array");
        for (const auto& f : *list)
            out.webhooks.push_back(webhook_fault::from_json(f));
    }
    if (const auto* list = r.take("commands")) {
        if (!list->is_array()) r.fail("commands", "an array");
        for (const auto& f : *list)
            out.commands.push_back(command_fault::from_json(f));
    }
    if (const auto* list = r.take("pushes")) {
        if (!list->is_array()) r.fail("pushes", "an array");
        for (const auto& f : *list)
            out.pushes.push_back(push_fault::from_json(f));
    }
    r.done();
    return out;
}

scripted_call read_call(const json& j) {
    scripted_call c;
    key_reader r(j, "call");
    r.ms("at_ms", c.at);
    r.text("from", c.from);
    r.text("to", c.to);
    if (j.contains("hangs_up_after_ms")) {
        millis after{0};
        r.ms("hangs_up_after_ms", after);
        c.hangs_up_after = after;
    }
    r.done();
    if (c.from.empty()) r.fail("from", "given");
    if (c.to.empty()) r.fail("to", "given");
    return c;
}

} // namespace

void add_faults(carrier& c, const json& faults, time_point now, push_desk* pushes) {
    auto lists = read_faults(faults);
    if (pushes == nullptr && !lists.pushes.empty())
        throw std::invalid_argument("faults.pushes: there are no push services here");
    for (auto& f : lists.webhooks)
        c.add_fault(std::move(f), now);
    for (auto& f : lists.commands)
        c.add_fault(std::move(f), now);
    for (auto& f : lists.pushes)
        pushes->add_fault(std::move(f), now);
}

scenario scenario::from_json(const json& j) {
    scenario s;
    key_reader r(j, "scenario");
    if (const auto* phones = r.take("phones")) {
        if (!phones->is_object()) r.fail("phones", "an object by SIP username");
        for (const auto& item : phones->items())
            s.phones[item.key()] = phone::from_json(item.value());
    }
    if (const auto* p = r.take("default_phone")) s.default_phone = phone::from_json(*p);
    if (const auto* f = r.take("faults")) {
        (void)read_faults(*f);
        s.faults = *f;
    }
    if (const auto* u = r.take("unknowns")) s.unknown = unknowns::from_json(*u);
    if (const auto* calls = r.take("calls")) {
        if (!calls->is_array()) r.fail("calls", "an array");
        for (const auto& c : *calls)
            s.calls.push_back(read_call(c));
    }
    r.done();
    return s;
}

scenario scenario::from_file(const std::string& path) {
    std::ifstream in(path);
    if (!in) throw std::invalid_argument("cannot read scenario file " + path);
    const auto j = json::parse(in, nullptr, false);
    if (j.is_discarded()) throw std::invalid_argument(path + " is not valid JSON");
    return from_json(j);
}

void scenario::apply(carrier& c, time_point now, push_desk* pushes) const {
    for (const auto& [user, p] : phones)
        c.set_phone(user, p);
    if (default_phone) c.set_default_phone(*default_phone);
    add_faults(c, faults, now, pushes);
}

} // namespace z360::sim
