#include "coordinator/config_files.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>

namespace xcopy {

namespace {

using nlohmann::json;

constexpr std::size_t longest_file = 1024 * 1024;

Result<std::string> read_text(const std::string& path)
{
    std::ifstream file(path, std::ios::binary);
    if (!file)
        return Error{Errc::bad_request, fmt::format("cannot read {}: {}", path, std::strerror(errno))};
    std::string text(longest_file + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    if (file.bad() || text.size() > longest_file)
        return Error{Errc::bad_request, fmt::format("{} is larger than {} bytes or not a file", path, longest_file)};
    return text;
}

Result<json> parse(const std::string& text, const std::string& path, json::value_t kind)
{
    auto parsed = json::parse(text, nullptr, false);
    if (parsed.is_discarded() || parsed.type() != kind) // the text may hold secrets: it is not repeated
        return Error{Errc::bad_request, fmt::format("{} is not a JSON {} of the expected form", path,
                                                    kind == json::value_t::array ? "list" : "object")};
    return {boost::system::in_place_value, std::move(parsed)};
}

std::optional<std::string> as_text(const json& value)
{
    if (value.is_string())
        return value.get<std::string>();
    if (value.is_number_unsigned())
        return std::to_string(value.get<std::uint64_t>());
    if (value.is_number_integer())
        return std::to_string(value.get<std::int64_t>());
    if (value.is_boolean())
        return value.get<bool>() ? "true" : "false";
    return std::nullopt;
}

Error wrong_type(const std::string& path, const std::string& key)
{
    return {Errc::bad_request, fmt::format("{}: '{}' is not a text or a number", path, key)};
}

std::string_view trim(std::string_view text)
{
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
        text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
        text.remove_suffix(1);
    return text;
}

Result<Environment> secret_lines(const std::string& text, const std::string& path)
{
    Environment found;
    std::istringstream lines(text);
    int number = 0;
    for (std::string raw; std::getline(lines, raw);) {
        ++number;
        const auto line = trim(raw);
        if (line.empty() || line.front() == '#')
            continue;
        const auto equals = line.find('=');
        if (equals == std::string_view::npos || equals == 0)
            return Error{Errc::bad_request, fmt::format("{} line {} is not KEY=value", path, number)};
        found.insert_or_assign(std::string(trim(line.substr(0, equals))), std::string(line.substr(equals + 1)));
    }
    return found;
}

} // namespace

Result<Values> read_config_file(const std::string& path)
{
    auto text = read_text(path);
    if (!text)
        return text.error();
    auto parsed = parse(*text, path, json::value_t::object);
    if (!parsed)
        return parsed.error();
    Values values;
    for (const auto& [key, value] : parsed->items()) {
        const json list = value.is_array() ? value : json::array({value});
        for (const auto& item : list) {
            auto one = as_text(item);
            if (!one)
                return wrong_type(path, key);
            values[key].push_back(std::move(*one));
        }
    }
    return values;
}

Result<Environment> read_secret_file(const std::string& path)
{
    auto text = read_text(path);
    if (!text)
        return text.error();
    if (!trim(*text).starts_with('{'))
        return secret_lines(*text, path);
    auto parsed = parse(*text, path, json::value_t::object);
    if (!parsed)
        return parsed.error();
    Environment found;
    for (const auto& [key, value] : parsed->items()) {
        auto one = as_text(value);
        if (!one)
            return wrong_type(path, key);
        found.emplace(key, std::move(*one));
    }
    return found;
}

Result<Secret> read_secret_text(const std::string& path)
{
    auto text = read_text(path);
    if (!text)
        return text.error();
    return Secret(std::move(*text));
}

Result<std::vector<AgentAddress>> read_agents_file(const std::string& path)
{
    auto text = read_text(path);
    if (!text)
        return text.error();
    auto parsed = parse(*text, path, json::value_t::array);
    if (!parsed)
        return parsed.error();
    std::vector<AgentAddress> agents;
    for (const auto& item : *parsed) {
        const auto field = [&](const char* key) {
            return item.is_object() && item.contains(key) ? as_text(item[key]).value_or("") : std::string();
        };
        const std::string address = field("address");
        const bool bare_ipv6 = address.find(':') != address.rfind(':') && !address.starts_with('[');
        std::string written = bare_ipv6 ? '[' + address + ']' : address;
        if (const auto port = field("port"); !port.empty())
            written += ':' + port;
        auto agent = parse_agent(written);
        if (!agent)
            return agent.error().in(path);
        if (const auto name = field("name"); !name.empty())
            agent->name = name;
        agent->uuid = field("uuid");
        agents.push_back(std::move(*agent));
    }
    return agents;
}

} // namespace xcopy
