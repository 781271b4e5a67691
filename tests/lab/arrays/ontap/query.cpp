#include "tests/lab/arrays/ontap/query.hpp"

#include "tests/lab/arrays/ontap/pattern.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace lab::ontap {

using nlohmann::json;

namespace {

constexpr std::string_view position = "start.order"; // of the next page; clients must not know this name

std::vector<std::string> split(std::string_view text, char separator)
{
    std::vector<std::string> parts;
    while (!text.empty()) {
        const auto part = text.substr(0, text.find(separator));
        text.remove_prefix(std::min(text.size(), part.size() + 1));
        if (!part.empty())
            parts.emplace_back(part);
    }
    return parts;
}

std::string first_part(const std::string& path)
{
    return path.substr(0, path.find('.'));
}

bool within(const std::string& path, const std::string& tree)
{
    return path == tree || path.starts_with(tree + ".");
}

bool generic(const std::string& parameter)
{
    constexpr std::array<std::string_view, 7> names = {
        "fields", "max_records", "return_records", "return_timeout", "ignore_unknown_fields", "order_by", position};
    return std::ranges::find(names, parameter) != names.end();
}

// Trident asks for names with hyphens and copes with their absence.
bool known(const Schema& schema, const std::string& path)
{
    return schema.known.contains(first_part(path)) || path.find('-') != std::string::npos;
}

Refusal unknown_value(const std::string& value, const std::string& field)
{
    return {"2", "The value \"" + value + "\" is invalid for field \"" + field + "\".", field};
}

bool has_path(const json& from, const std::vector<std::string>& path, std::size_t at)
{
    if (from.is_array())
        return std::ranges::any_of(from, [&](const json& item) { return has_path(item, path, at); });
    return at == path.size() || (from.is_object() && from.contains(path[at]) && has_path(from[path[at]], path, at + 1));
}

// Copies what is at the path; arrays are gone through element by element and keep their length.
void copy_path(const json& from, json& to, const std::vector<std::string>& path, std::size_t at)
{
    if (at == path.size()) {
        to = from;
    } else if (from.is_array()) {
        if (!to.is_array())
            to = json::array();
        for (std::size_t i = 0; i < from.size(); ++i) {
            if (to.size() <= i)
                to.push_back(json::object());
            copy_path(from[i], to[i], path, at);
        }
    } else if (from.is_object() && from.contains(path[at])) {
        copy_path(from[path[at]], to[path[at]], path, at + 1);
    }
}

void erase_path(json& from, const std::vector<std::string>& path, std::size_t at)
{
    if (!from.is_object() || !from.contains(path[at]))
        return;
    if (at + 1 == path.size())
        from.erase(path[at]);
    else
        erase_path(from[path[at]], path, at + 1);
}

void values_at(const json& from, const std::vector<std::string>& path, std::size_t at, std::vector<std::string>& values)
{
    if (from.is_array()) {
        for (const auto& item : from)
            values_at(item, path, at, values);
    } else if (at < path.size()) {
        if (from.is_object() && from.contains(path[at]))
            values_at(from[path[at]], path, at + 1, values);
    } else if (from.is_object()) {
        if (from.contains("name"))
            values_at(from["name"], path, at, values);
    } else {
        values.push_back(from.is_string() ? from.get<std::string>() : from.dump());
    }
}

bool passes(const json& record, const Request& request)
{
    return std::ranges::all_of(request.query, [&](const auto& parameter) {
        if (generic(parameter.first))
            return true;
        std::vector<std::string> values;
        values_at(record, split(parameter.first, '.'), 0, values);
        return std::ranges::any_of(values, [&](const auto& value) { return matches(parameter.second, value); });
    });
}

// "order_by=name" or "order_by=name desc": places are then counted in that order.
std::vector<Record> in_order(const Request& request, const std::vector<Record>& records)
{
    auto sorted = records;
    const auto by = request.parameter("order_by");
    if (!by)
        return sorted;
    const bool descending = by->ends_with(" desc");
    const auto path = split(by->substr(0, by->find(' ')), '.');
    auto key = [&](const Record& record) {
        std::vector<std::string> values;
        values_at(record.value, path, 0, values);
        return values;
    };
    std::ranges::stable_sort(sorted, [&](const Record& left, const Record& right) {
        return descending ? key(right) < key(left) : key(left) < key(right);
    });
    for (std::size_t i = 0; i < sorted.size(); ++i)
        sorted[i].order = i + 1;
    return sorted;
}

std::string next_page(const Request& request, std::uint64_t order)
{
    std::string href = request.path + "?";
    for (const auto& [name, value] : request.query) {
        if (name != position)
            href += percent_encode(name) + "=" + percent_encode(value) + "&";
    }
    return href + std::string(position) + "=" + std::to_string(order);
}

Answer<std::uint64_t> unsigned_parameter(const Request& request, const std::string& name, std::uint64_t otherwise)
{
    const auto text = request.parameter(name);
    if (!text)
        return otherwise;
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error != std::errc() || end != text->data() + text->size())
        return unknown_value(*text, name);
    return value;
}

} // namespace

bool flag(const Request& request, const std::string& parameter)
{
    return request.parameter(parameter) == "true";
}

Answer<Success> select_fields(const Request& request, const Schema& schema, const Switches& switches,
                              const json& record, bool one_object)
{
    auto paths = split(request.parameter("fields").value_or(one_object ? "*" : ""), ',');
    const bool all = std::erase(paths, "**") > 0;
    const bool cheap = std::erase(paths, "*") > 0;
    if (switches.reject_unknown_fields && !flag(request, "ignore_unknown_fields")) {
        for (const auto& path : paths) {
            if (!known(schema, path))
                return unknown_value(path, "fields");
        }
    }

    json affordable = record;
    for (const auto& costly : schema.expensive) {
        auto named = [&](const std::string& path) { return within(path, costly); };
        if (!all && std::ranges::none_of(paths, named))
            erase_path(affordable, split(costly, '.'), 0);
    }
    if (all || cheap)
        return Success{.status = 200, .body = std::move(affordable), .location = ""};

    json selected = json::object();
    paths.insert(paths.end(), schema.identity.begin(), schema.identity.end());
    for (const auto& path : paths) {
        if (const auto parts = split(path, '.'); has_path(affordable, parts, 0))
            copy_path(affordable, selected, parts, 0);
    }
    return Success{.status = 200, .body = std::move(selected), .location = ""};
}

Answer<Success> list(const Request& request, const Schema& schema, const Switches& switches,
                     const std::vector<Record>& records)
{
    if (!flag(request, "ignore_unknown_fields")) {
        for (const auto& [name, value] : request.query) {
            if (!generic(name) && !known(schema, name))
                return Refusal{"2", "Unexpected argument \"" + name + "\".", name};
        }
    }
    auto wanted = unsigned_parameter(request, "max_records", switches.largest_page);
    auto start = unsigned_parameter(request, std::string(position), 0);
    if (!wanted || !start)
        return wanted ? start.error() : wanted.error();
    auto size = std::min(*wanted, switches.largest_page);
    if (switches.short_page)
        size = request.query.contains(std::string(position)) ? 1 : 0;

    json page = json::array();
    std::optional<std::uint64_t> next;
    for (const auto& record : in_order(request, records)) {
        if (record.order < *start || !passes(record.value, request))
            continue;
        if (page.size() >= size) {
            next = record.order;
            break;
        }
        auto selected = select_fields(request, schema, switches, record.value, false);
        if (!selected)
            return selected.error();
        page.push_back(std::move(selected->body));
    }
    // Names of fields are judged even when nothing is found.
    if (auto checked = select_fields(request, schema, switches, json::object(), false); !checked)
        return checked.error();

    json answer = {{"num_records", page.size()}, {"records", std::move(page)}};
    if (next)
        answer["_links"]["next"]["href"] = next_page(request, *next);
    return Success{.status = 200, .body = std::move(answer), .location = ""};
}

} // namespace lab::ontap
