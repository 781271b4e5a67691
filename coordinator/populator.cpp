#include "coordinator/populator.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace xcopy {

namespace {

// Where Forklift scrapes; any certificate, the pod's own address.
constexpr const char* default_metrics = "8443";

// Of Forklift's own image, without a meaning for ours.
constexpr std::string_view without_effect[] = {
    "cr-name",           "cr-namespace",    "secret-name", "http-endpoint",   "metrics-path",
    "esxi-clone-method", "alsologtostderr", "logtostderr", "stderrthreshold", "v",
    "vmodule",           "log_file",
};
constexpr std::string_view secrets[] = {"storage-password", "storage-token", "vsphere-password"};

bool is_among(std::string_view name, const auto& names)
{
    return std::ranges::count(names, name) > 0;
}

} // namespace

std::optional<PopulatorWords> read_populator_words(const std::vector<std::string>& words)
{
    if (words.empty() || !words.front().starts_with("-") || words.front() == "--help" || words.front() == "-h")
        return std::nullopt;
    PopulatorWords read;
    read.flags["metrics-listen"] = {default_metrics};
    for (std::size_t i = 0; i < words.size(); ++i) {
        const auto& word = words[i];
        if (!word.starts_with("-")) {
            read.warnings.push_back(fmt::format("'{}' belongs to no flag and is left out", word));
            continue;
        }
        const auto equals = word.find('=');
        const auto name = word.substr(word.starts_with("--") ? 2 : 1,
                                      equals == std::string::npos ? equals : equals - (word.starts_with("--") ? 2 : 1));
        const bool takes_next = equals == std::string::npos && i + 1 < words.size() && !words[i + 1].starts_with("-");
        if (name == "version") {
            read.version = true;
            continue;
        }
        const auto value = equals != std::string::npos ? word.substr(equals + 1) : takes_next ? words[++i] : "";
        const bool known = std::ranges::any_of(settings(), [&](const Setting& one) { return name == one.name; });
        if (is_among(name, secrets))
            read.warnings.push_back(fmt::format("--{} is not read, for everybody on the node sees the arguments of a "
                                                "process; set the variable that the secret carries",
                                                name));
        else if (known && !value.empty())
            read.flags[name] = {value};
        else if (!known && !is_among(name, without_effect))
            read.warnings.push_back(fmt::format("unknown flag --{} is left out", name));
    }
    return read;
}

} // namespace xcopy
