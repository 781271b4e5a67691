#include "agent/esxi/vsish.hpp"

#include "protocol/number.hpp"

#include <string>
#include <vector>

namespace xcopy {

namespace {

constexpr std::size_t max_depth = 8;

std::string_view trimmed(std::string_view text)
{
    const auto first = text.find_first_not_of(" \t\r");
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::optional<std::uint64_t> number(std::string_view text)
{
    const bool is_hex = text.starts_with("0x") || text.starts_with("0X");
    if (is_hex)
        text.remove_prefix(2);
    return whole_number<std::uint64_t>(text, is_hex ? 16 : 10);
}

std::string plain(std::string_view name)
{
    std::string out;
    for (char c : name)
        if (c != '_' && c != '-' && c != ' ')
            out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return out;
}

// Names of the open blocks below the outermost one.
std::string qualified(const std::vector<std::string>& blocks, std::string_view name)
{
    std::string out;
    for (std::size_t i = 1; i < blocks.size(); ++i)
        out += blocks[i] + ".";
    return out + std::string(name);
}

} // namespace

Result<DeviceCounters> parse_vsish_counters(std::string_view text)
{
    DeviceCounters counters;
    std::vector<std::string> blocks;
    while (!text.empty()) {
        const auto end = text.find('\n');
        const std::string_view line = trimmed(text.substr(0, end));
        text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);

        const auto colon = line.find(':');
        if (line.ends_with('{')) {
            if (blocks.size() == max_depth)
                return Error{Errc::failed, "vsish's answer is nested too deeply"};
            const auto name_end = std::min(colon, line.size() - 1);
            blocks.emplace_back(trimmed(line.substr(0, name_end)));
        } else if (line.starts_with('}')) {
            if (!blocks.empty())
                blocks.pop_back();
        } else if (colon != std::string_view::npos) {
            if (auto value = number(trimmed(line.substr(colon + 1))))
                counters[qualified(blocks, trimmed(line.substr(0, colon)))] = *value;
        }
    }
    if (counters.empty())
        return Error{Errc::failed, "vsish's answer holds no counters", "", "no_counters"};
    return counters;
}

std::optional<std::uint64_t> counter(const DeviceCounters& counters, std::initializer_list<std::string_view> names)
{
    for (std::string_view wanted : names)
        for (const auto& [name, value] : counters)
            if (plain(name) == plain(wanted))
                return value;
    return std::nullopt;
}

} // namespace xcopy
