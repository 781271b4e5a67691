#include "coordinator/metrics/exposition.hpp"

#include <algorithm>
#include <cmath>
#include <prometheus/text_serializer.h>
#include <utility>
#include <vector>

namespace xcopy {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using Labels = std::vector<std::pair<std::string, std::string>>; // in alphabetical order: patterns rely on it

// A quote ends a value for Forklift and a brace ends the list, escaped or not.
std::string harmless(std::string value)
{
    for (char& c : value)
        if (c == '"' || c == '{' || c == '}' || c == '\\' || static_cast<unsigned char>(c) < ' ')
            c = '_';
    return value;
}

std::string or_not_available(const std::string& value)
{
    return value.empty() ? "n/a" : value;
}

class Text {
public:
    void gauge(const std::string& name, const char* help, const Labels& labels, double value)
    {
        if (families_.empty() || families_.back().name != name)
            families_.push_back({name, help, prometheus::MetricType::Gauge, {}});
        ClientMetric metric;
        for (const auto& [label, text] : labels)
            metric.label.push_back({label, harmless(text)});
        metric.gauge.value = value;
        families_.back().metric.push_back(std::move(metric));
    }
    std::string str() const { return prometheus::TextSerializer().Serialize(families_); }

private:
    std::vector<MetricFamily> families_;
};

const std::string prefix = "vsphere_xcopy_volume_populator_";

} // namespace

std::string exposition(const CopyFigures& figures)
{
    Text text;
    const auto& uid = figures.owner_uid;
    const auto protocol = or_not_available(figures.storage_protocol);
    const double percent = std::clamp(figures.percent, 0, 100);
    text.gauge(prefix + "progress", "Progress of the copy in percent", {{"owner_uid", uid}}, percent);
    text.gauge(prefix + "legacy_progress", "The same as Forklift 2.9 to 2.11 look for it", {{"ownerUID", uid}},
               percent);
    if (figures.xcopy_used)
        text.gauge(
            prefix + "xcopy_used", "Whether the array copied by itself",
            {{"clone_method", figures.clone_method}, {"owner_uid", uid}, {"storage_vendor", figures.storage_vendor}},
            *figures.xcopy_used ? 1 : 0);
    if (!figures.agent_version.empty())
        text.gauge(prefix + "vib_version", "Version of the agent on the host",
                   {{"owner_uid", uid}, {"version", figures.agent_version}}, 1);
    if (figures.array)
        text.gauge(prefix + "storage_array_info", "The array",
                   {{"storage_array_model", or_not_available(figures.array->model)},
                    {"storage_array_product", or_not_available(figures.array->product)},
                    {"storage_array_vendor", or_not_available(figures.array->vendor)},
                    {"storage_array_version", or_not_available(figures.array->version)},
                    {"storage_vendor", figures.storage_vendor}},
                   1);
    const auto size = [&](const char* type, const std::optional<std::uint64_t>& bytes) {
        if (bytes)
            text.gauge(prefix + "source_disk_bytes", "Size of the source disk",
                       {{"clone_method", figures.clone_method},
                        {"owner_uid", uid},
                        {"storage_protocol", protocol},
                        {"storage_vendor", figures.storage_vendor},
                        {"type", type}},
                       static_cast<double>(*bytes));
    };
    size("provisioned", figures.provisioned_bytes);
    size("datastore_allocated", figures.allocated_bytes);
    if (figures.end)
        text.gauge(prefix + "copy_duration_seconds", "How long the copy took; there is none before its end",
                   {{"clone_method", figures.clone_method},
                    {"owner_uid", uid},
                    {"result", figures.end->success ? "success" : "failure"},
                    {"storage_protocol", figures.end->success ? protocol : "n/a"},
                    {"storage_vendor", figures.storage_vendor},
                    {"xcopy_used", figures.xcopy_used.value_or(false) ? "1" : "0"}},
                   std::round(figures.end->seconds * 1000) / 1000);
    return text.str();
}

} // namespace xcopy
