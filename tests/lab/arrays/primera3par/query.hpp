// What stands in ?query="…": comparisons joined by OR.
#pragma once

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <vector>

namespace lab::primera3par {

struct Condition {
    std::string list;  // "FCPaths" of FCPaths[wwn==…]; empty: a field of the record itself
    std::string field; // "wwn"
    std::string value;
};

// Nothing: it is no query. The quotes are part of it.
std::optional<std::vector<Condition>> parse_query(const std::string& text);
bool matches(const nlohmann::json& record, const std::vector<Condition>& any_of);

} // namespace lab::primera3par
