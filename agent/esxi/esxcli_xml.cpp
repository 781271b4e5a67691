#include "agent/esxi/esxcli_xml.hpp"

#include "protocol/number.hpp"

#include <fmt/format.h>
#include <pugixml.hpp>

#include <algorithm>

namespace xcopy {

namespace {

char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lower(std::string_view text)
{
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](char c) { return lower(c); });
    return out;
}

std::string normalised(std::string_view key)
{
    std::string out;
    for (char c : key)
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
            out += lower(c);
    return out;
}

std::string trimmed(std::string_view text)
{
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos)
        return {};
    return std::string(text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1));
}

std::string field_text(const pugi::xml_node& field)
{
    const auto value = field.first_child();
    if (std::string_view(value.name()) != "list")
        return trimmed(value.child_value());
    std::string joined;
    for (const auto& item : value.children())
        joined += (joined.empty() ? "" : ", ") + trimmed(item.child_value());
    return joined;
}

EsxcliRecord record_of(const pugi::xml_node& structure)
{
    EsxcliRecord record;
    for (const auto& field : structure.children("field"))
        record.set(field.attribute("name").value(), field_text(field));
    return record;
}

} // namespace

void EsxcliRecord::set(std::string_view key, std::string value)
{
    fields_.insert_or_assign(normalised(key), std::move(value));
}

std::string EsxcliRecord::text(std::string_view key) const
{
    const auto found = fields_.find(std::string(key));
    return found == fields_.end() ? std::string() : found->second;
}

std::optional<std::int64_t> EsxcliRecord::number(std::string_view key) const
{
    return whole_number<std::int64_t>(text(key));
}

bool EsxcliRecord::flag(std::string_view key) const
{
    const std::string value = lower(text(key));
    const bool absent = !has(key) || value.empty();
    return !absent && value != "false" && value != "0" && value != "no";
}

Result<EsxcliReply> parse_esxcli_xml(std::string_view xml)
{
    if (xml.size() > max_esxcli_xml_bytes)
        return Error{Errc::failed, fmt::format("esxcli's answer has {} bytes, too many to be one", xml.size())};
    pugi::xml_document document;
    // No document types, no entities but the five of XML: hostile text cannot grow. The parser does not recurse.
    const auto read = document.load_buffer(
        xml.data(), xml.size(), pugi::parse_escapes | pugi::parse_eol | pugi::parse_cdata, pugi::encoding_utf8);
    const auto root = document.child("output").child("root");
    if (!read || !root)
        return Error{Errc::failed, fmt::format("esxcli's answer is not its XML: {}",
                                               read ? "no <output><root>" : read.description())};
    EsxcliReply reply;
    for (const auto& node : root.children()) {
        const std::string_view kind = node.name();
        if (kind == "structure") {
            reply.records.push_back(record_of(node));
        } else if (kind == "list") {
            for (const auto& item : node.children("structure"))
                reply.records.push_back(record_of(item));
        } else if (kind == "string" || kind == "integer" || kind == "boolean") {
            reply.text = trimmed(node.child_value());
        }
    }
    return reply;
}

} // namespace xcopy
