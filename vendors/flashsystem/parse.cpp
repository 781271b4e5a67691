#include "vendors/flashsystem/parse.hpp"

#include "vendors/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace xcopy::flashsystem {

using rest::Json;
using rest::text_at;

Result<Handle> parse_handle(std::string_view handle)
{
    const auto halves = split(handle, ';'); // before it perhaps SVC, a system and an id; the UID is what comes last
    const auto names = split(halves.front(), ':');
    const bool has_id = halves.size() == 2;
    Handle parsed{.system = names.size() == 3 ? names[1] : "",
                  .id = has_id ? names.back() : "",
                  .uid = upper(has_id ? halves[1] : names.back())};
    const bool is_other = names.front() == "DS8K" || names.front() == "A9000";
    const bool is_known = names.front() == "SVC" && halves.size() <= 2 &&
                          (names.size() == 2 || (has_id && names.size() == 3)) && (!has_id || is_digits(parsed.id)) &&
                          (names.size() == 2 || is_hex(parsed.system)) && parsed.uid.size() == 32 &&
                          is_hex(parsed.uid) && parsed.uid.starts_with("6005076"); // NAA 6, IBM
    if (is_known)
        return parsed;
    return Error{is_other ? Errc::unsupported : Errc::bad_request,
                 fmt::format("volume handle '{}' is {}", handle,
                             is_other ? "of a DS8000 or A9000" : "none of SVC:id;uid, SVC:system:id;uid, SVC:uid"),
                 "only volumes of block.csi.ibm.com on FlashSystem or SAN Volume Controller can be copied to"};
}

Rows rows_in(const Json& reply)
{
    if (reply.is_array())
        return Rows(reply.begin(), reply.end());
    return reply.is_object() ? Rows{reply} : Rows{};
}

Result<Volume> parse_volume(const Json& row)
{
    const auto uid = text_at(row, "vdisk_UID");
    const auto bytes = rest::number_at(row, "capacity");
    Volume volume{text_at(row, "id"), text_at(row, "name"), "naa." + lower(uid), uid,
                  static_cast<std::uint64_t>(bytes.value_or(0))};
    const auto refuse = [&](Errc code, std::string_view why, std::string_view remedy) {
        return Error{code, fmt::format("volume {}: {}", volume.name, why), std::string(remedy)};
    };
    if (!is_digits(volume.id) || volume.name.empty() || bytes.value_or(0) <= 0)
        return refuse(Errc::failed, "the array gave no id, no name or no size in bytes", "");
    if (text_at(row, "status") == "offline")
        return refuse(Errc::unsupported, "it is offline", "bring the volume online");
    if (contains_ignoring_case(text_at(row, "protocol"), "nvme"))
        return refuse(Errc::unsupported, "it is mapped by NVMe", "use a volume of FC or iSCSI hosts");
    return volume;
}

std::vector<std::string> ports_of(const Json& host)
{
    std::vector<std::string> ports;
    for (const Json& node : rest::list_at(host, "nodes"))
        for (const auto& name : {upper(text_at(node, "WWPN")), lower(text_at(node, "iscsi_name"))})
            if (!name.empty())
                ports.push_back(name);
    return ports;
}

std::string port(const Initiator& initiator)
{
    return initiator.kind == Initiator::Kind::fc ? upper(initiator.wwpn) : lower(initiator.name);
}

bool is_wwpn(std::string_view port)
{
    return port.size() == 16 && is_hex(port);
}

bool Target::owns(const Json& mapping) const
{
    return (text_at(mapping, "mapping_type") == "shared") == cluster &&
           text_at(mapping, cluster ? "host_cluster_id" : "host_id") == id;
}

Result<Target> parse_target(const Volume& volume, const ArrayHost& host)
{
    const auto parts = split(host.id, ':');
    if (is_digits(volume.id) && parts.size() == 2 && (parts[0] == "host" || parts[0] == "hostcluster") &&
        is_digits(parts[1]))
        return Target{parts[0] == "hostcluster", parts[1]};
    return Error{Errc::bad_request,
                 fmt::format("'{}' is no id of a volume, or '{}' none of a host", volume.id, host.id)};
}

bool is_at_rest(const Json& copy)
{
    return text_at(copy, "status") == "idle_or_copied" || text_at(copy, "status") == "stopped";
}

ArrayCopyState state_of(const Json& copy)
{
    using Phase = ArrayCopyState::Phase;
    const auto status = text_at(copy, "status");
    const int percent = static_cast<int>(rest::number_at(copy, "progress").value_or(0));
    if (status == "idle_or_copied") // before the start too: only 100 % makes it done (facts 7)
        return {.phase = percent == 100 ? Phase::done : Phase::absent, .percent = percent};
    if (status == "copying" || status == "preparing" || status == "prepared" || status == "stopping")
        return {.phase = Phase::running, .percent = percent};
    return {Phase::failed, percent,
            fmt::format("FlashCopy mapping {} is {} at {} %", text_at(copy, "name"), status, percent)};
}

} // namespace xcopy::flashsystem
