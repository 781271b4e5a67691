#include "coordinator/vsphere/xml.hpp"

#include "protocol/number.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace xcopy::vsphere {

namespace {

constexpr int deepest = 100; // snapshot chains end at 32

std::string_view without_prefix(std::string_view name)
{
    const auto colon = name.rfind(':');
    return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

struct Depth : pugi::xml_tree_walker {
    bool for_each(pugi::xml_node&) override { return depth() < deepest; }
};

Error unreadable(std::string_view why)
{
    return {Errc::failed, fmt::format("the reply is not the XML of a vCenter: {}", why),
            "check that --vsphere-hostname is a vCenter or an ESXi host", "vsphere_bad_reply"};
}

} // namespace

Result<Document> parse_xml(std::string_view text)
{
    auto document = std::make_shared<pugi::xml_document>();
    // Without parse_doctype pugixml would skip one in silence.
    const auto parsed =
        document->load_buffer(text.data(), text.size(), pugi::parse_default | pugi::parse_doctype, pugi::encoding_utf8);
    if (!parsed)
        return unreadable(parsed.description());
    for (const auto& node : *document)
        if (node.type() == pugi::node_doctype)
            return unreadable("it has a DOCTYPE");
    Depth depth;
    if (!document->traverse(depth))
        return unreadable("it is nested too deeply");
    return document;
}

std::string_view local_name(const pugi::xml_node& node)
{
    return without_prefix(node.name());
}

std::string_view xsi_type(const pugi::xml_node& node)
{
    for (const auto& attribute : node.attributes()) {
        const std::string_view name = attribute.name();
        const auto colon = name.find(':');
        if (colon != std::string_view::npos && name.substr(0, colon) != "xmlns" && name.substr(colon + 1) == "type")
            return without_prefix(attribute.value());
    }
    return {};
}

pugi::xml_node child(const pugi::xml_node& node, std::string_view path)
{
    pugi::xml_node at = node;
    while (at && !path.empty()) {
        const auto dot = std::min(path.find('.'), path.size());
        const auto name = path.substr(0, dot);
        path.remove_prefix(std::min(dot + 1, path.size()));
        at = at.find_child([&](const pugi::xml_node& each) { return local_name(each) == name; });
    }
    return at;
}

std::vector<pugi::xml_node> children(const pugi::xml_node& node, std::string_view name)
{
    auto found = elements(node);
    std::erase_if(found, [&](const auto& each) { return local_name(each) != name; });
    return found;
}

std::vector<pugi::xml_node> elements(const pugi::xml_node& node)
{
    std::vector<pugi::xml_node> found;
    for (const auto& each : node.children())
        if (each.type() == pugi::node_element)
            found.push_back(each);
    return found;
}

std::string text_of(const pugi::xml_node& node, std::string_view path)
{
    return child(node, path).text().as_string();
}

std::optional<std::int64_t> number_of(const pugi::xml_node& node, std::string_view path)
{
    return whole_number<std::int64_t>(text_of(node, path));
}

bool is_true(const pugi::xml_node& node, std::string_view path)
{
    const auto text = text_of(node, path);
    return text == "true" || text == "1";
}

std::optional<Ref> ref_of(const pugi::xml_node& node)
{
    Ref ref{node.attribute("type").as_string(), node.text().as_string()};
    if (ref.id.empty())
        return std::nullopt;
    return ref;
}

std::vector<Ref> refs_of(const pugi::xml_node& node)
{
    std::vector<Ref> all;
    for (const auto& each : elements(node))
        if (auto ref = ref_of(each))
            all.push_back(std::move(*ref));
    return all;
}

std::string escape(std::string_view text)
{
    std::string out;
    out.reserve(text.size());
    for (char c : text)
        switch (c) {
        case '&':
            out += "&amp;";
            break;
        case '<':
            out += "&lt;";
            break;
        case '>':
            out += "&gt;";
            break;
        case '"':
            out += "&quot;";
            break;
        default:
            out += c;
        }
    return out;
}

bool can_be_xml(std::string_view text)
{
    return std::ranges::none_of(text, [](unsigned char c) { return c < ' ' || c == 127; });
}

std::string element(std::string_view name, std::string_view text)
{
    return fmt::format("<{0}>{1}</{0}>", name, escape(text));
}

std::string element(std::string_view name, const Ref& ref)
{
    return fmt::format(R"(<{0} type="{1}">{2}</{0}>)", name, escape(ref.type), escape(ref.id));
}

} // namespace xcopy::vsphere
