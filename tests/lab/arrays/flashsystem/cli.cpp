#include "tests/lab/arrays/flashsystem/cli.hpp"

#include <algorithm>
#include <charconv>
#include <set>
#include <sstream>

namespace lab::flashsystem {

using nlohmann::json;

Command::Command(std::string the_name, std::string the_object, json options)
    : name(std::move(the_name)), object(std::move(the_object)), options_(std::move(options))
{}

void Command::takes(const std::vector<std::string>& options) const
{
    for (const auto& [option, value] : options_.items()) {
        if (std::ranges::count(options, option) == 0)
            throw Refused("CMMVC5709E", "[-" + option + "] is not a supported parameter.");
        if (!value.is_string() && !value.is_number_integer() && value != true)
            throw Refused("CMMVC5716E", "Non-numeric data was entered for the parameter [-" + option + "].");
    }
}

const std::string& Command::needs_object() const
{
    if (object.empty())
        throw Refused("CMMVC5701E", "No object ID was specified.");
    return object;
}

std::optional<std::string> Command::text(const std::string& option) const
{
    const auto found = options_.find(option);
    if (found == options_.end())
        return std::nullopt;
    if (found->is_boolean())
        throw Refused("CMMVC5707E", "A value is missing for the parameter [-" + option + "].");
    return found->is_string() ? found->get<std::string>() : found->dump();
}

std::string Command::need(const std::string& option) const
{
    const auto value = text(option);
    if (!value || value->empty())
        throw Refused("CMMVC5707E", "Required parameters are missing: [-" + option + "].");
    return *value;
}

bool Command::flag(const std::string& option) const
{
    const auto found = options_.find(option);
    if (found != options_.end() && *found != true)
        throw Refused("CMMVC5709E", "[-" + option + "] takes no value.");
    return found != options_.end();
}

std::optional<int> Command::number(const std::string& option, int lowest, int highest, const char* code) const
{
    const auto value = text(option);
    if (!value)
        return std::nullopt;
    int number = 0;
    const auto [end, problem] = std::from_chars(value->data(), value->data() + value->size(), number);
    if (problem != std::errc{} || end != value->data() + value->size() || number < lowest || number > highest)
        throw Refused(code, "The value for the parameter [-" + option + "] is not valid.");
    return number;
}

json filtered(const json& rows, const std::optional<std::string>& filter, const std::vector<std::string>& attributes)
{
    if (!filter)
        return rows;
    json left = rows;
    std::istringstream conditions(*filter);
    for (std::string condition; std::getline(conditions, condition, ':');) {
        const auto equals = condition.find('=');
        const auto attribute = condition.substr(0, equals);
        if (equals == std::string::npos || std::ranges::count(attributes, attribute) == 0)
            throw Refused("CMMVC5741E", "The filter value specified is not valid: " + condition);
        auto value = condition.substr(equals + 1);
        const bool open = value.ends_with('*');
        if (open)
            value.pop_back();
        json next = json::array();
        for (const auto& row : left)
            if (const auto has = row.value(attribute, ""); open ? has.starts_with(value) : has == value)
                next.push_back(row);
        left = std::move(next);
    }
    return left;
}

// On older code a JSON string at 500, on newer one at 409; others give plain text.
Response refusal_in(const std::string& style, const Refused& refused)
{
    const auto words = refused.code + " " + refused.what();
    if (style == "legacy")
        return {500, json("Command error occurred; error code 1: " + words).dump(), {}};
    if (style == "new")
        return {409, json("error code: 1, error text: " + words).dump(), {}};
    static const std::set<std::string> missing = {"CMMVC5753E", "CMMVC5754E", "CMMVC5804E", "CMMVC5868E"};
    return {missing.contains(refused.code) ? 404 : 400, words + "\n", {{"Content-Type", "text/plain"}}};
}

} // namespace lab::flashsystem
