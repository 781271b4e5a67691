// What vCenter says when it refuses, and what that means for us.
#pragma once

#include "coordinator/vsphere/xml.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace xcopy::vsphere {

struct Fault {
    std::string type;      // NotAuthenticated, NoPermission …; empty: none was given (a proxy's or a parser's)
    std::string text;      // for people; may be empty
    std::string object;    // NoPermission: on what …
    std::string privilege; // … which privilege is missing
    std::string subject;   // the property, name or argument it is about
};

enum class Meaning : std::uint8_t {
    session_gone, // sign in again, once
    passing,      // the host is not reached, something is busy: the same read may succeed a little later
    stands,
};

// Of a SOAP fault: the `Fault` element of a body.
Fault read_fault(const pugi::xml_node& fault);
// Of what a property read reports inside a good answer: missingSet/fault, a LocalizedMethodFault.
Fault read_localized(const pugi::xml_node& localized);

Meaning meaning_of(const Fault& fault);
Error error_of(const Fault& fault);

// The slug of an error made of a fault: "vsphere_" and its type.
std::string reason_of(std::string_view fault_type);

} // namespace xcopy::vsphere
