// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/metrics/prometheus_metrics.hpp"

#include <z360/log.hpp>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <functional>
#include <mutex>
#include <string>
#include <unordered_map>
#include <variant>

namespace z360::adapter::metrics {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;

const Histogram::BucketBoundaries k_buckets{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                            0.1,    0.25,  0.5,    1.0,   2.5,  5.0,   10.0};

/// Of opinion scores, which lie between 1 and 5; finer where people begin to complain.
const Histogram::BucketBoundaries k_scores{1.0, 2.0, 2.5, 3.0, 3.5, 3.8, 4.0, 4.2, 4.4};

struct text_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const noexcept { return std::hash<std::string_view>{}(s); }
};
template <class V>
using text_map = std::unordered_map<std::string, V, text_hash, std::equal_to<>>;

/// All series of one name, found by their label values. Null when the name cannot be used: logged once.
template <class Metric>
struct metric_family {
    Family<Metric>* family = nullptr;
    text_map<Metric*> series;
};

using any_family = std::variant<metric_family<Counter>, metric_family<Gauge>, metric_family<Histogram>>;

// One prefix for all of ours, so that a dashboard finds them; what is said of any process keeps its usual
// name.
std::string exported(std::string_view name) {
    const bool named = name.starts_with("z360_") || name.starts_with("process_");
    return named ? std::string(name) : "z360_" + std::string(name);
}

prometheus::Labels to_labels(port::labels l, bool overflow) {
    prometheus::Labels out;
    for (const auto& [name, value] : l)
        out.emplace(std::string(name), overflow ? "other" : std::string(value));
    return out;
}

class prometheus_metrics final : public port::metrics {
  public:
    void count(std::string_view name, port::labels l, double n) override {
        with<Counter>(name, l, [n](Counter& c) { c.Increment(n); });
    }
    void gauge(std::string_view name, double value, port::labels l) override {
        with<Gauge>(name, l, [value](Gauge& g) { g.Set(value); });
    }
    void observe(std::string_view name, double seconds, port::labels l) override {
        with<Histogram>(name, l, [seconds](Histogram& h) { h.Observe(seconds); });
    }
    std::string text() const override { return prometheus::TextSerializer().Serialize(registry_.Collect()); }

  private:
    template <class Metric, class F>
    void with(std::string_view name, port::labels l, F&& update) {
        try {
            const std::lock_guard lock(mutex_);
            if (Metric* m = find<Metric>(name, l)) update(*m);
        } catch (const std::exception& e) { // a figure must never cost a call
            log::error("metric_failed", {{"metric", name}, {"error", e.what()}});
        }
    }

    /// The usual case, a series that exists, costs two look-ups and no memory.
    template <class Metric>
    Metric* find(std::string_view name, port::labels l) {
        auto* f = find_family<Metric>(name);
        if (!f || !f->family) return nullptr;
        key_.clear();
        for (const auto& [label, value] : l) {
            key_ += label;
            key_ += '\x1f';
            key_ += value;
            key_ += '\x1e';
        }
        if (const auto it = f->series.find(key_); it != f->series.end()) return it->second;
        const bool overflow = f->series.size() >= k_max_series;
        if (overflow) {
            key_.clear();
            for (const auto& [label, value] : l) {
                key_ += label;
                key_ += "\x1fother\x1e";
            }
            if (const auto it = f->series.find(key_); it != f->series.end()) return it->second;
            log::warn("metric_has_too_many_label_values", {{"metric", name}, {"limit", k_max_series}});
        }
        Metric* made = add(*f->family, to_labels(l, overflow));
        f->series.emplace(key_, made);
        return made;
    }

    static Counter* add(Family<Counter>& f, const prometheus::Labels& l) { return &f.Add(l); }
    static Gauge* add(Family<Gauge>& f, const prometheus::Labels& l) { return &f.Add(l); }
    static Histogram* add(Family<Histogram>& f, const prometheus::Labels& l) {
        return &f.Add(l, f.GetName().ends_with("_mos") ? k_scores : k_buckets);
    }

    template <class Metric>
    metric_family<Metric>* find_family(std::string_view name) {
        auto it = families_.find(name);
        if (it == families_.end()) {
            // Registered before it is built: a name that is not valid fails, and is logged, only once.
            it = families_.emplace(std::string(name), metric_family<Metric>{}).first;
            auto& made = std::get<metric_family<Metric>>(it->second);
            made.family = &build<Metric>(exported(name));
        }
        auto* f = std::get_if<metric_family<Metric>>(&it->second);
        if (!f && !mismatch_logged_) {
            mismatch_logged_ = true;
            log::error("metric_used_as_two_kinds", {{"metric", name}});
        }
        return f;
    }

    template <class Metric>
    Family<Metric>& build(const std::string& name) {
        if constexpr (std::is_same_v<Metric, Counter>)
            return prometheus::BuildCounter().Name(name).Register(registry_);
        else if constexpr (std::is_same_v<Metric, Gauge>)
            return prometheus::BuildGauge().Name(name).Register(registry_);
        else
            return prometheus::BuildHistogram().Name(name).Register(registry_);
    }

    std::mutex mutex_;
    prometheus::Registry registry_;
    text_map<any_family> families_;
    std::string key_;
    bool mismatch_logged_ = false;
};

} // namespace

std::unique_ptr<port::metrics> make_prometheus_metrics() {
    return std::make_unique<prometheus_metrics>();
}

} // namespace z360::adapter::metrics
