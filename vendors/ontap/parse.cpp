#include "vendors/ontap/parse.hpp"

#include "vendors/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>

namespace xcopy::ontap {

using rest::Json;
using rest::text_at;

namespace {

constexpr std::string_view naa_prefix = "naa.600a0980"; // NetApp's OUI, ONTAP 9
constexpr std::size_t serial_length = 12;
constexpr std::size_t max_igroup_name = 96;

bool all(std::string_view text, std::string_view besides)
{
    return !text.empty() && std::ranges::all_of(text, [&](unsigned char c) {
        return std::isalnum(c) != 0 || besides.find(static_cast<char>(c)) != std::string_view::npos;
    });
}

} // namespace

std::string literal(std::string_view value)
{
    if (value.find_first_of("*|,!<>{}\" ") == std::string_view::npos && value.find("..") == std::string_view::npos)
        return std::string(value);
    return value.find('"') == std::string_view::npos ? fmt::format("\"{}\"", value) : fmt::format("{{{}}}", value);
}

Result<LunPlace> place_of(const VolumeHandle& handle)
{
    if (handle.attribute("protocol") == "file")
        return Error{Errc::unsupported, fmt::format("volume {} is a file share, not a LUN", handle.handle),
                     "use a StorageClass of the driver ontap-san or ontap-san-economy"};
    const auto id = handle.attribute("internalID");
    if (id.empty()) {
        const auto name = handle.attribute("internalName");
        if (!all(name, "_"))
            return Error{Errc::bad_request,
                         fmt::format("volume {}: internalName '{}' is not the name of a FlexVol", handle.handle, name),
                         "the PersistentVolume must have been made by Trident (csi.trident.netapp.io)"};
        return LunPlace{"", fmt::format("/vol/{}/lun0", name), fmt::format("/vol/{}/", name)};
    }
    const auto part = split(id, '/'); // /svm/S/flexvol/V/lun/L, or /svm/S/lun/L on ASA r2
    const bool named =
        part.size() >= 5 && part[0].empty() && part[1] == "svm" && !part[2].empty() && !part.back().empty();
    if (named && part.size() == 7 && part[3] == "flexvol" && !part[4].empty() && part[5] == "lun")
        return LunPlace{part[2], fmt::format("/vol/{}/{}", part[4], part[6]), ""};
    if (named && part.size() == 5 && part[3] == "lun")
        return LunPlace{part[2], part[4], ""};
    return Error{Errc::unsupported,
                 fmt::format("internalID '{}' names no LUN (expected /svm/…/flexvol/…/lun/… or /svm/…/lun/…)", id),
                 "only volumes of the drivers ontap-san and ontap-san-economy over iSCSI or FC can be copied to"};
}

Result<std::string> naa_of_serial(std::string_view serial)
{
    if (serial.size() != serial_length)
        return Error{Errc::failed, fmt::format("serial number '{}' is not {} characters long", serial, serial_length)};
    std::string naa(naa_prefix);
    for (char byte : serial)
        naa += fmt::format("{:02x}", static_cast<unsigned char>(byte));
    return naa;
}

Result<Volume> parse_lun(const Json& record)
{
    Volume lun{
        .id = text_at(record, "uuid"), .name = text_at(record, "name"), .serial = text_at(record, "serial_number")};
    const auto refuse = [&lun](Errc code, std::string_view why, std::string_view remedy = "",
                               std::string_view reason = "") {
        return Error{code, fmt::format("LUN {}: {}", lun.name, why), std::string(remedy), std::string(reason)};
    };
    if (lun.id.empty() || lun.name.empty())
        return refuse(Errc::failed, "the record has no uuid or no name");
    if (const auto kind = text_at(record, "class"); !kind.empty() && kind != "regular")
        return refuse(Errc::unsupported, fmt::format("class {} cannot be mapped", kind),
                      "use a volume of the driver ontap-san or ontap-san-economy");
    if (const auto state = text_at(record, "status.state"); !state.empty() && state != "online")
        return refuse(Errc::unavailable, fmt::format("it is {}", state), "bring the LUN online");
    if (lun.serial.empty())
        return refuse(Errc::unavailable, "the array gave no serial number", "run again", "no_serial");
    const auto naa = naa_of_serial(lun.serial);
    if (!naa)
        return refuse(naa.error().code, naa.error().message);
    lun.naa = *naa;
    const auto size = rest::number_at(record, "space.size").value_or(0);
    if (size <= 0)
        return refuse(Errc::failed, "the array gave no size");
    lun.size_bytes = static_cast<std::uint64_t>(size);
    return lun;
}

std::vector<std::string> initiators_of(const Json& igroup)
{
    std::vector<std::string> names;
    for (const Json& initiator : rest::list_at(igroup, "initiators"))
        if (auto name = initiator.is_string() ? initiator.get<std::string>() : text_at(initiator, "name");
            !name.empty())
            names.push_back(lower(name));
    return names;
}

std::optional<Mapping> parse_map(const Json& record, const Svm& svm, std::string_view lun_uuid)
{
    const auto svm_uuid = text_at(record, "svm.uuid");
    const Json* igroup = rest::find(record, "igroup");
    if (text_at(record, "lun.uuid") != lun_uuid || (!svm_uuid.empty() && svm_uuid != svm.uuid) || igroup == nullptr ||
        text_at(*igroup, "uuid").empty())
        return std::nullopt;
    Mapping mapping{.host = {text_at(*igroup, "uuid"), text_at(*igroup, "name"), initiators_of(*igroup)},
                    .lun = std::nullopt};
    const auto number = rest::number_at(record, "logical_unit_number");
    if (number && *number >= 0 && *number <= highest_lun_number)
        mapping.lun = static_cast<int>(*number);
    return mapping;
}

Result<IgroupKind> igroup_for(const HostIdentity& host)
{
    const auto has = [&](Initiator::Kind kind) {
        return std::ranges::count(host.initiators, kind, &Initiator::kind) > 0;
    };
    const bool iscsi = has(Initiator::Kind::iscsi);
    const bool fc = has(Initiator::Kind::fc);
    if (!iscsi && !fc)
        return Error{Errc::unsupported, fmt::format("host {} has neither an iSCSI nor an FC adapter", host.name),
                     "use a host that is connected to the array", "no_initiators"};
    const std::string protocol = iscsi && fc ? "mixed" : iscsi ? "iscsi" : "fcp";
    auto name = fmt::format("xcopy-{}-{}", host.uuid, protocol);
    if (!all(host.uuid, "-_.") || name.size() > max_igroup_name)
        return Error{Errc::bad_request,
                     fmt::format("host {}: UUID '{}' cannot be part of an igroup's name", host.name, host.uuid)};
    return IgroupKind{std::move(name), protocol};
}

rest::Page split_page(rest::Answer answer)
{
    rest::Page page{.records = {}, .next = text_at(answer.body, "_links.next.href")};
    for (const Json& record : rest::list_at(answer.body, "records"))
        page.records.push_back(record);
    return page;
}

} // namespace xcopy::ontap
