#include "vendors/flashsystem/parse.hpp"

#include "vendors/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace xcopy::flashsystem {

using rest::Json;
using rest::text_at;

namespace {

constexpr std::string_view prefix = "6005076"; // NAA 6 and IBM's OUI

bool is_uid(std::string_view uid)
{
    return uid.size() == 32 && is_hex(uid) && uid.starts_with(prefix);
}

} // namespace

Result<Handle> parse_handle(std::string_view handle)
{
    const auto refuse = [&](Errc code, std::string_view why) {
        return Error{code, fmt::format("volume handle '{}' {}", handle, why),
                     "only volumes of block.csi.ibm.com on FlashSystem or SAN Volume Controller can be copied to"};
    };
    if (handle.starts_with("DS8K:") || handle.starts_with("A9000:"))
        return refuse(Errc::unsupported, "is of a DS8000 or A9000, not of a FlashSystem");
    const auto halves = split(handle, ';');
    auto names = split(halves.front(), ':');
    if (halves.size() > 2 || names.front() != "SVC" || names.size() < 2 || names.size() > (halves.size() == 2 ? 3 : 2))
        return refuse(Errc::bad_request, "has none of the forms SVC:id;uid, SVC:system:id;uid, SVC:uid");
    Handle parsed{.system = names.size() == 3 ? names[1] : "", .id = "", .uid = upper(names.back())};
    if (halves.size() == 2) {
        parsed.id = names.back();
        parsed.uid = upper(halves[1]);
    }
    if (!is_uid(parsed.uid) || (halves.size() == 2 && !is_digits(parsed.id)) ||
        (names.size() == 3 && !is_hex(parsed.system)))
        return refuse(Errc::bad_request, "holds no UID (32 hex digits that begin with 6005076) or no id");
    return parsed;
}

// vml.02 00 LL 0000 UID …: six bytes before it
std::optional<std::string> uid_of_backing(std::string_view id)
{
    const auto uid = id.starts_with("naa.")                     ? id.substr(4)
                     : id.starts_with("vml.") && id.size() > 46 ? id.substr(14, 32)
                                                                : "";
    return is_uid(uid) ? std::optional(upper(uid)) : std::nullopt;
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
    Volume volume{.id = text_at(row, "id"), .name = text_at(row, "name"), .naa = "naa." + lower(uid), .serial = uid};
    const auto refuse = [&](Errc code, std::string_view why, std::string_view remedy = "") {
        return Error{code, fmt::format("volume {}: {}", volume.name, why), std::string(remedy)};
    };
    if (!is_uid(uid) || !is_digits(volume.id) || volume.name.empty())
        return refuse(Errc::failed, "the array gave no id, name or UID");
    if (const auto status = text_at(row, "status"); status == "offline")
        return refuse(Errc::unsupported, "it is offline", "bring the volume online");
    if (contains_ignoring_case(text_at(row, "protocol"), "nvme"))
        return refuse(Errc::unsupported, "it is mapped by NVMe", "use a volume of FC or iSCSI hosts");
    const auto bytes = rest::number_at(row, "capacity");
    if (!bytes || *bytes <= 0)
        return refuse(Errc::failed, "the array gave no size in bytes");
    volume.size_bytes = static_cast<std::uint64_t>(*bytes);
    return volume;
}

std::vector<std::string> ports_of(const Json& host)
{
    std::vector<std::string> ports;
    for (const Json& node : rest::list_at(host, "nodes")) {
        if (const auto wwpn = text_at(node, "WWPN"); !wwpn.empty())
            ports.push_back(upper(wwpn));
        if (const auto iqn = text_at(node, "iscsi_name"); !iqn.empty())
            ports.push_back(lower(iqn));
    }
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

Result<Target> parse_target(const Volume& volume, const ArrayHost& host)
{
    const auto parts = split(host.id, ':');
    if (is_digits(volume.id) && parts.size() == 2 && (parts[0] == "host" || parts[0] == "hostcluster") &&
        is_digits(parts[1]))
        return Target{parts[0] == "hostcluster", parts[1]};
    return Error{Errc::bad_request,
                 fmt::format("'{}' or '{}' is not the id of a volume or of a host", volume.id, host.id)};
}

// Only a mapping that is idle at 100 % has copied everything (facts 7).
ArrayCopyState state_of(const Json& copy)
{
    using Phase = ArrayCopyState::Phase;
    const auto status = text_at(copy, "status");
    const int percent = static_cast<int>(rest::number_at(copy, "progress").value_or(0));
    if (status == "idle_or_copied")
        return {.phase = percent == 100 ? Phase::done : Phase::absent, .percent = percent};
    if (status == "copying" || status == "preparing" || status == "prepared" || status == "stopping")
        return {.phase = Phase::running, .percent = percent};
    return {.phase = Phase::failed,
            .percent = percent,
            .message = fmt::format("FlashCopy mapping {} is {} at {} %", text_at(copy, "name"), status, percent)};
}

} // namespace xcopy::flashsystem
