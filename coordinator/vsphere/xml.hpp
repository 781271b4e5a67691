// XML as vCenter writes it: names may have any prefix, the type of a value is an attribute of a namespace. The only XML in
// this program that comes from outside, so it is read with bounds and without entities of its own.
#pragma once

#include "protocol/error.hpp"

#include <pugixml.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xcopy::vsphere {

// A managed object's address: "vm-62" of type "VirtualMachine".
struct Ref {
    std::string type;
    std::string id;

    bool operator==(const Ref&) const = default;
    auto operator<=>(const Ref&) const = default;
};

// Nodes point into it; whoever keeps nodes keeps it.
using Document = std::shared_ptr<pugi::xml_document>;

// Refuses what is no XML, a DOCTYPE (and with it every entity of the sender's own), and nesting without end.
Result<Document> parse_xml(std::string_view text);

std::string_view local_name(const pugi::xml_node& node); // without prefix

// xsi:type: "an attribute with a prefix whose local part is type". A moref in an untyped place has a plain `type` beside
// it, in either order. The prefix of the value (xsd:string) is left out.
std::string_view xsi_type(const pugi::xml_node& node);

pugi::xml_node child(const pugi::xml_node& node, std::string_view path); // "summary.config", by local names
std::vector<pugi::xml_node> children(const pugi::xml_node& node, std::string_view name);
std::vector<pugi::xml_node>
elements(const pugi::xml_node& node); // all of them: of an array, whatever its items are called

std::string text_of(const pugi::xml_node& node, std::string_view path = "");
std::optional<std::int64_t> number_of(const pugi::xml_node& node, std::string_view path = "");
bool is_true(const pugi::xml_node& node, std::string_view path = "");
std::optional<Ref> ref_of(const pugi::xml_node& node); // nothing: no element, or an empty one
std::vector<Ref> refs_of(const pugi::xml_node& node);  // of an ArrayOfManagedObjectReference

// <name>text</name>, escaped. XML 1.0 cannot carry control characters: they are refused with can_be_xml().
std::string element(std::string_view name, std::string_view text);
std::string element(std::string_view name, const Ref& ref);
std::string escape(std::string_view text);
bool can_be_xml(std::string_view text);

} // namespace xcopy::vsphere
