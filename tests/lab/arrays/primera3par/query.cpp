#include "tests/lab/arrays/primera3par/query.hpp"

#include <algorithm>
#include <regex>

namespace lab::primera3par {

using nlohmann::json;

namespace {

bool is(const json& record, const Condition& condition)
{
    const auto value = record.find(condition.field);
    return value != record.end() && value->is_string() && *value == condition.value;
}

} // namespace

std::optional<std::vector<Condition>> parse_query(const std::string& text)
{
    static const std::regex quoted(R"re("\s*(.+?)\s*")re");
    static const std::regex nested(R"re((\w+)\[(\w+)\s*(?:==|\s+EQ\s+)\s*([^\s\[\]]+)\])re");
    static const std::regex plain(R"re((\w+)(?:\s*==\s*|\s+EQ\s+)([^\s\[\]"]+))re");
    std::smatch parts;
    if (!std::regex_match(text, parts, quoted))
        return std::nullopt;
    std::vector<Condition> conditions;
    std::string rest = parts[1].str() + " OR ";
    for (auto end = rest.find(" OR "); end != std::string::npos; end = rest.find(" OR ")) {
        const auto one = rest.substr(0, end);
        rest.erase(0, end + 4);
        if (std::regex_match(one, parts, nested))
            conditions.push_back({parts[1], parts[2], parts[3]});
        else if (std::regex_match(one, parts, plain))
            conditions.push_back({"", parts[1], parts[2]});
        else
            return std::nullopt;
    }
    return conditions;
}

bool matches(const json& record, const std::vector<Condition>& any_of)
{
    return std::ranges::any_of(any_of, [&](const Condition& condition) {
        if (condition.list.empty())
            return is(record, condition);
        const auto list = record.find(condition.list);
        return list != record.end() &&
               std::ranges::any_of(*list, [&](const json& element) { return is(element, condition); });
    });
}

} // namespace lab::primera3par
