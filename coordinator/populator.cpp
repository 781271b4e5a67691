#include "coordinator/populator.hpp"

#include "protocol/number.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <iterator>

namespace xcopy {

namespace {

// Where Forklift scrapes; any certificate, the pod's own address.
constexpr const char* default_metrics = "8443";

// Flags of Forklift's own image that are no settings of ours.
struct Foreign {
    std::string_view name;
    bool is_switch = false;         // it stands alone: the word after it is no value
    std::string_view warning{};     // empty: nobody has to be told
    const char* variable = nullptr; // a secret: the variable that should carry it
};

constexpr std::string_view logs_to_stderr = "has no effect: the log goes to stderr";

constexpr Foreign foreign[] = {
    {.name = "cr-name"},
    {.name = "cr-namespace"},
    {.name = "secret-name"}, // the kubelet has put it into the environment
    {.name = "http-endpoint", .warning = "has no effect: nothing else is served than /metrics (--metrics-listen)"},
    {.name = "metrics-path", .warning = "has no effect: metrics are at /metrics"},
    {.name = "storage-password", .variable = "STORAGE_PASSWORD"},
    {.name = "storage-token", .variable = "STORAGE_TOKEN"},
    {.name = "vsphere-password", .variable = "GOVMOMI_PASSWORD"},
    {.name = "v"},
    {.name = "logtostderr", .is_switch = true},
    {.name = "alsologtostderr", .is_switch = true},
    {.name = "stderrthreshold", .warning = "has no effect: --log-level=debug says more"},
    {.name = "vmodule", .warning = "has no effect: --log-level=debug says more"},
    {.name = "log_dir", .warning = logs_to_stderr},
    {.name = "log_file", .warning = logs_to_stderr},
    {.name = "log_file_max_size", .warning = logs_to_stderr},
    {.name = "log_backtrace_at", .warning = "has no effect"},
    {.name = "add_dir_header", .is_switch = true, .warning = "has no effect"},
    {.name = "one_output", .is_switch = true, .warning = "has no effect"},
    {.name = "skip_headers", .is_switch = true, .warning = "has no effect"},
    {.name = "skip_log_headers", .is_switch = true, .warning = "has no effect"},
};

const Foreign* find_foreign(std::string_view name)
{
    const auto* found = std::ranges::find(foreign, name, &Foreign::name);
    return found == std::end(foreign) ? nullptr : found;
}

std::string seen_secret(const char* variable)
{
    return fmt::format("could be read by everybody on this node who lists processes; set {} instead", variable);
}

// `-v=4` and more of Forklift's logger: requests are shown.
bool is_verbose(const std::string& level)
{
    constexpr int shows_requests = 4;
    return whole_number<int>(level).value_or(0) >= shows_requests;
}

} // namespace

std::optional<PopulatorWords> read_populator_words(const std::vector<std::string>& words,
                                                   const Environment& environment)
{
    if (words.empty() || !words.front().starts_with("-") || words.front() == "--help" || words.front() == "-h")
        return std::nullopt;
    PopulatorWords read;
    if (!environment.contains("XCOPY_METRICS_LISTEN"))
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
        const auto* other = find_foreign(name);
        const bool takes_next = equals == std::string::npos && i + 1 < words.size() && !words[i + 1].starts_with("-") &&
                                !(other && other->is_switch);
        if (name == "version") {
            read.version = true;
            continue;
        }
        const auto value = equals != std::string::npos ? word.substr(equals + 1) : takes_next ? words[++i] : "";
        const bool known = std::ranges::any_of(settings(), [&](const Setting& one) { return name == one.name; });
        if (other && other->variable && !value.empty()) {
            read.secrets[other->variable] = value;
            read.warnings.push_back(fmt::format("--{} {}", name, seen_secret(other->variable)));
        } else if (other && !other->warning.empty())
            read.warnings.push_back(fmt::format("--{} {}", name, other->warning));
        else if (name == "v" && is_verbose(value))
            read.flags.insert({"log-level", {"debug"}});
        else if (known && !value.empty())
            read.flags[name] = {value};
        else if (!known && !other)
            read.warnings.push_back(fmt::format("unknown flag --{} is left out", name));
    }
    return read;
}

void blank_secrets(std::span<char* const> words)
{
    bool is_value = false;
    for (char* const word : words) {
        std::string_view text = word;
        if (is_value) {
            std::ranges::fill(word, word + text.size(), '*');
            is_value = false;
            continue;
        }
        text.remove_prefix(std::min(text.find_first_not_of('-'), text.size()));
        const auto equals = text.find('=');
        const auto* other = find_foreign(text.substr(0, equals));
        if (!other || !other->variable)
            continue;
        is_value = equals == std::string_view::npos;
        if (!is_value)
            std::ranges::fill(word + (text.data() - word) + equals + 1, word + std::strlen(word), '*');
    }
}

} // namespace xcopy
