#include "coordinator/vsphere/fault.hpp"

#include "vendors/rest/url.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace xcopy::vsphere {

namespace {

// What the type's own element holds, wherever it was found.
Fault details_of(std::string type, const pugi::xml_node& detail, std::string text)
{
    Fault fault{.type = std::move(type),
                .text = std::move(text),
                .object = text_of(detail, "object"),
                .privilege = text_of(detail, "privilegeId"),
                .subject = {}};
    for (const char* where : {"name", "invalidProperty", "obj", "file"})
        if (fault.subject.empty())
            fault.subject = text_of(detail, where);
    // 7.0.3 and later: a list of objects with the privileges missing there.
    if (const auto missing = child(detail, "missingPrivileges"); missing && fault.privilege.empty()) {
        fault.object = text_of(missing, "entity");
        fault.privilege = text_of(missing, "privilegeIds");
    }
    // The deepest cause says most.
    for (auto cause = child(detail, "faultCause"); cause; cause = child(cause, "fault.faultCause"))
        if (auto deeper = text_of(cause, "localizedMessage"); !deeper.empty())
            fault.text = std::move(deeper);
    return fault;
}

bool is_one_of(std::string_view type, std::initializer_list<std::string_view> list)
{
    return std::ranges::count(list, type) > 0;
}

} // namespace

Fault read_fault(const pugi::xml_node& fault)
{
    const auto inside = elements(child(fault, "detail"));
    auto text = text_of(fault, "faultstring");
    if (inside.empty())
        return {.type = {}, .text = std::move(text), .object = {}, .privilege = {}, .subject = {}};
    const auto& detail = inside.front();
    std::string type(xsi_type(detail));
    if (type.empty()) { // the element's own name ends in one `Fault` more than the type's
        type = local_name(detail);
        if (type.ends_with("Fault"))
            type.resize(type.size() - 5);
    }
    return details_of(std::move(type), detail, std::move(text));
}

Fault read_localized(const pugi::xml_node& localized)
{
    const auto detail = child(localized, "fault");
    return details_of(std::string(xsi_type(detail)), detail, text_of(localized, "localizedMessage"));
}

Meaning meaning_of(const Fault& fault)
{
    if (fault.type == "NotAuthenticated")
        return Meaning::session_gone;
    if (fault.type.empty() ||
        is_one_of(fault.type,
                  {"HostNotConnected", "HostNotReachable", "HostCommunication", "HostConnectFault", "InvalidState",
                   "TaskInProgress", "ResourceInUse", "ConcurrentAccess", "SystemError", "RuntimeFault"}))
        return Meaning::passing;
    return Meaning::stands;
}

std::string reason_of(std::string_view fault_type)
{
    std::string reason = "vsphere";
    for (char c : fault_type) {
        const bool capital = c >= 'A' && c <= 'Z';
        if (capital)
            reason += '_';
        reason += capital ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return fault_type.empty() ? "vsphere_fault" : reason;
}

Error error_of(const Fault& fault)
{
    const auto text = rest::one_line(fault.text);
    auto said = fault.type.empty() ? text : fmt::format("{}{}{}", fault.type, text.empty() ? "" : ": ", text);
    if (!fault.subject.empty())
        said += fmt::format(" ('{}')", rest::one_line(fault.subject));
    const auto reason = reason_of(fault.type);
    if (fault.type == "InvalidLogin")
        return {Errc::denied, "vCenter refuses the account: " + said,
                "check GOVMOMI_USERNAME and GOVMOMI_PASSWORD; it is not tried again, for accounts lock", reason};
    if (fault.type == "NoPermission")
        return {Errc::denied,
                fmt::format("the vCenter account lacks the privilege '{}' on '{}'",
                            fault.privilege.empty() ? "(not named)" : rest::one_line(fault.privilege),
                            rest::one_line(fault.object)),
                "grant it in the role of the account, propagating from the vCenter's root; docs/vsphere.md lists all",
                reason};
    if (fault.type == "NotAuthenticated")
        return {Errc::denied, "vCenter no longer knows our session: " + said,
                "it was ended by an administrator, or vCenter's connection to the host is being made anew: run again",
                reason};
    if (is_one_of(fault.type, {"ManagedObjectNotFound", "NotFound", "FileNotFound"}))
        return {Errc::not_found, "vCenter does not know it (any more): " + said,
                "ids change when a machine is removed from the inventory and registered again", reason};
    if (is_one_of(fault.type, {"NotSupported", "NotImplemented", "MethodNotFound", "InvalidRequest"}))
        return {Errc::unsupported, "vCenter does not offer this: " + said,
                "check that --vsphere-hostname is a vCenter 6.5 or later", reason};
    if (meaning_of(fault) == Meaning::passing)
        return {Errc::unavailable, "vCenter cannot answer now: " + (said.empty() ? "no reason given" : said),
                "see the events of the host in vCenter, then run again", reason};
    return {Errc::failed, "vCenter refuses: " + said, "", reason};
}

} // namespace xcopy::vsphere
