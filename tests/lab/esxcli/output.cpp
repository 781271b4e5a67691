#include "tests/lab/esxcli/output.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lab {

namespace {

std::string api_name(const std::string& label)
{
    std::string name = label;
    std::erase(name, ' ');
    return name;
}

bool is_number(const Value& value)
{
    return std::holds_alternative<std::int64_t>(value);
}

std::string plain(const Value& value)
{
    if (const auto* text = std::get_if<std::string>(&value))
        return *text;
    if (const auto* number = std::get_if<std::int64_t>(&value))
        return std::to_string(*number);
    if (const auto* flag = std::get_if<bool>(&value))
        return *flag ? "true" : "false";
    std::string joined;
    for (const auto& item : std::get<std::vector<std::string>>(value))
        joined += (joined.empty() ? "" : ", ") + item;
    return joined;
}

std::vector<std::pair<std::string, const Value*>> sorted(const Record& record)
{
    std::vector<std::pair<std::string, const Value*>> fields;
    for (const auto& [label, value] : record.fields)
        fields.emplace_back(api_name(label), &value);
    std::sort(fields.begin(), fields.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    return fields;
}

std::string text_list(const Output& output)
{
    std::string out = output.title.empty() ? "" : output.title + "\n";
    for (const auto& record : output.records) {
        if (&record != &output.records.front())
            out += '\n';
        bool heading = output.heading;
        for (const auto& [label, value] : record.fields) {
            if (heading)
                out += plain(value) + "\n";
            if (!heading || output.heading_repeated)
                out += fmt::format("   {}: {}\n", label, plain(value));
            heading = false;
        }
    }
    return out;
}

std::string text_table(const Output& output)
{
    if (output.records.empty())
        return "";
    const auto& first = output.records.front().fields;
    std::vector<std::size_t> width;
    for (std::size_t column = 0; column < first.size(); ++column) {
        width.push_back(first[column].first.size());
        for (const auto& record : output.records)
            width[column] = std::max(width[column], plain(record.fields[column].second).size());
    }
    const auto row = [&](auto cell, auto right) {
        std::string line;
        for (std::size_t c = 0; c < width.size(); ++c) {
            const std::string text = cell(c);
            const std::string blanks(width[c] - text.size(), ' ');
            line += (c == 0 ? "" : "  ") + (right(c) ? blanks + text : c + 1 < width.size() ? text + blanks : text);
        }
        return line + "\n";
    };
    const auto numeric = [&](std::size_t c) { return is_number(first[c].second); };
    auto out = row([&](std::size_t c) { return first[c].first; }, numeric);
    out += row([&](std::size_t c) { return std::string(width[c], '-'); }, numeric);
    for (const auto& record : output.records)
        out += row([&](std::size_t c) { return plain(record.fields[c].second); }, numeric);
    return out;
}

std::string xml_escaped(const std::string& text)
{
    std::string out;
    for (const char c : text)
        out += c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '"' ? "&quot;" : std::string(1, c);
    return out;
}

std::string xml_value(const Value& value)
{
    if (const auto* items = std::get_if<std::vector<std::string>>(&value)) {
        std::string out = "<list type=\"string\">";
        for (const auto& item : *items)
            out += "<string>" + xml_escaped(item) + "</string>";
        return out + "</list>";
    }
    const char* type = is_number(value) ? "integer" : std::holds_alternative<bool>(value) ? "boolean" : "string";
    return fmt::format("<{0}>{1}</{0}>", type, xml_escaped(plain(value)));
}

std::string xml(const Output& output)
{
    std::string out = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
                      "<output xmlns=\"http://www.vmware.com/Products/ESX/5.0/esxcli\">\n<root>\n";
    if (output.shape == Shape::text)
        out += "   <string>" + xml_escaped(output.text) + "</string>\n";
    const bool listed = output.shape == Shape::list || output.shape == Shape::table;
    if (listed)
        out += "   <list type=\"structure\">\n";
    for (const auto& record : output.records) {
        out += fmt::format("      <structure typeName=\"{}\">\n", output.type);
        for (const auto& [name, value] : sorted(record))
            out += fmt::format("         <field name=\"{}\">\n            {}\n         </field>\n", name,
                               xml_value(*value));
        out += "      </structure>\n";
    }
    if (listed)
        out += "   </list>\n";
    return out + "</root>\n</output>\n";
}

std::string json_string(const std::string& text)
{
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\' || c == '/')
            out += '\\';
        out += c;
    }
    return out + "\"";
}

std::string json_value(const Value& value)
{
    if (const auto* text = std::get_if<std::string>(&value))
        return json_string(*text);
    if (const auto* items = std::get_if<std::vector<std::string>>(&value)) {
        std::string out = "[";
        for (const auto& item : *items)
            out += (out.size() == 1 ? "" : ", ") + json_string(item);
        return out + "]";
    }
    return plain(value);
}

std::string json(const Output& output)
{
    if (output.shape == Shape::text)
        return json_string(output.text) + "\n";
    std::string out;
    for (const auto& record : output.records) {
        std::string object;
        for (const auto& [name, value] : sorted(record))
            object += (object.empty() ? "" : ", ") + json_string(name) + ": " + json_value(*value);
        out += (out.empty() ? "{" : ", {") + object + "}";
    }
    return output.shape == Shape::structure ? out + "\n" : "[" + out + "]\n";
}

std::string csv(const Output& output)
{
    std::string out;
    for (const auto& record : output.records) {
        std::string names;
        std::string values;
        for (const auto& [name, value] : sorted(record)) {
            names += name + ",";
            const auto text = plain(*value);
            values += (text.find(',') == std::string::npos ? text : "\"" + text + "\"") + ",";
        }
        out += (out.empty() ? names + "\n" : "") + values + "\n";
    }
    return output.shape == Shape::text ? output.text + "\n" : out;
}

std::string keyvalue(const Output& output)
{
    if (output.shape == Shape::text)
        return "string=" + output.text + "\n";
    const bool listed = output.shape != Shape::structure;
    if (listed && output.records.empty())
        return "structure[] = \n";
    std::string out;
    for (std::size_t i = 0; i < output.records.size(); ++i)
        for (const auto& [name, value] : sorted(output.records[i])) {
            const char* type = is_number(*value)                      ? "integer"
                               : std::holds_alternative<bool>(*value) ? "boolean"
                                                                      : "string";
            const auto prefix = listed ? fmt::format("structure[{}].{}", i, output.type) : output.type;
            out += fmt::format("{}.{}.{}={}\n", prefix, name, type, plain(*value));
        }
    return out;
}

} // namespace

Output Output::failure(std::string sentence)
{
    Output output;
    output.error = std::move(sentence);
    return output;
}

Output Output::string(std::string text)
{
    Output output;
    output.shape = Shape::text;
    output.text = std::move(text);
    return output;
}

std::optional<Format> format_named(const std::string& name)
{
    if (name == "xml")
        return Format::xml;
    if (name == "json")
        return Format::json;
    if (name == "csv")
        return Format::csv;
    if (name == "keyvalue")
        return Format::keyvalue;
    return std::nullopt;
}

std::string print(const Output& output, Format format)
{
    if (format != Format::text && output.shape != Shape::nothing)
        return format == Format::xml    ? xml(output)
               : format == Format::json ? json(output)
               : format == Format::csv  ? csv(output)
                                        : keyvalue(output);
    switch (output.shape) {
    case Shape::nothing:
        return format == Format::xml ? xml(Output::string("true")) : "";
    case Shape::text:
        return "   " + output.text + "\n";
    case Shape::structure:
    case Shape::list:
        return text_list(output);
    case Shape::table:
        return text_table(output);
    }
    return "";
}

} // namespace lab
