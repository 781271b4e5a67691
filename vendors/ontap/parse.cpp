#include "vendors/ontap/parse.hpp"

#include "vendors/driver.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>

namespace xcopy::ontap {

using rest::Json;
using rest::text_at;

namespace {

constexpr std::string_view give_role = "give the account of STORAGE_USERNAME the REST role in docs/arrays/ontap.md";
constexpr std::string_view check_account =
    "check STORAGE_USERNAME and STORAGE_PASSWORD, and that the account may use the http application";

constexpr ErrorRow rows[] = {
    {"401,6691623", Errc::denied, "the account is not accepted", check_account},
    {"6", Errc::denied, "the account's role does not allow this", give_role},
    {"4", Errc::not_found, "no such object", ""},
    {"1254207", Errc::conflict, "the LUN is already mapped to this igroup", ""},
    {"1254193", Errc::conflict, "the initiator would see the LUN twice",
     "it is mapped to another igroup with the same initiator; remove one of the two maps"},
    {"1254324", Errc::busy, "the initiator would see one LUN number twice", ""},
    {"1254201", Errc::not_found, "the LUN does not exist", ""},
    {"5374329", Errc::unsupported, "a LUN of class vvol cannot be mapped", ""},
    {"5374238", Errc::unsupported, "the LUN lives in a snapshot", "use a volume, not a snapshot, as target"},
    {"5374053,5374316", Errc::busy, "the LUN is being restored or moved", "run again when it is over"},
    {"5374573,5374574,5374581,5374582,5374583,5374584", Errc::conflict, "a node of the SVM has no LIF for the protocol",
     "give every node of the SVM a LIF of the host's protocol, or use another host"},
    {"2621462", Errc::not_found, "the SVM does not exist", "check ONTAP_SVM"},
    {"5374922", Errc::not_found, "there is no such map", ""},
    {"5374875,5374878", Errc::not_found, "the LUN or the igroup is gone, or belongs to another SVM",
     "run again; if it stays so, check ONTAP_SVM"},
    {"5374852", Errc::not_found, "the igroup is gone", "run again: it is created anew"},
    {"5374023", Errc::conflict, "an igroup of this name exists", ""},
    {"5374035", Errc::conflict, "the initiator is in this igroup already", ""},
    {"5373966", Errc::conflict, "the SVM serves NVMe and refuses igroups", "use an SVM that serves iSCSI or FC"},
    {"5376488", Errc::conflict, "an NVMe subsystem has the igroup's name", "rename the NVMe subsystem"},
    {"5374732,5374734", Errc::conflict, "the initiator is in an igroup of another OS type",
     "remove the initiator from igroups of another OS type, or set them to vmware"},
    {"5373969,5373971,5373972,5373982,5373983,5373992,5373993,5374038,5374039", Errc::bad_request,
     "the initiator's name is not valid",
     "check the initiator names the host reports (esxcli storage core adapter list)"},
};

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
    if (const auto kind = text_at(record, "class"); !kind.empty() && kind != "regular")
        return about(lun, Errc::unsupported, fmt::format("class {} cannot be mapped", kind),
                     "use a volume of the driver ontap-san or ontap-san-economy");
    if (const auto state = text_at(record, "status.state"); !state.empty() && state != "online")
        return about(lun, Errc::unavailable, "it is " + state, "bring the LUN online");
    if (lun.serial.empty())
        return about(lun, Errc::unavailable, "the array gave no serial number", "run again", "no_serial");
    const auto naa = naa_of_serial(lun.serial);
    if (!naa)
        return about(lun, naa.error().code, naa.error().message);
    lun.naa = *naa;
    return proven(lun, rest::number_at(record, "space.size").value_or(0), {naa_prefix});
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

std::optional<Mapping> parse_map(const Json& record, std::string_view lun_uuid, std::string_view svm_uuid)
{
    const auto svm = text_at(record, "svm.uuid");
    const Json* igroup = rest::find(record, "igroup");
    if (text_at(record, "lun.uuid") != lun_uuid || (!svm.empty() && !svm_uuid.empty() && svm != svm_uuid) ||
        igroup == nullptr || text_at(*igroup, "uuid").empty())
        return std::nullopt;
    return Mapping{{text_at(*igroup, "uuid"), text_at(*igroup, "name"), initiators_of(*igroup)},
                   number_in(record, "logical_unit_number")};
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

rest::Page split_page(const rest::Answer& answer)
{
    return {rest::records_at(answer.body, "records"), text_at(answer.body, "_links.next.href")};
}

Afterwards afterwards(const Error& error)
{
    for (std::string_view code : {"1254207", "1254193", "5374023", "5374035", "5374852"})
        if (error.reason.ends_with(code))
            return Afterwards::look_again;
    return Afterwards::give_up;
}

std::optional<Error> decode_error(const rest::Reply& reply, const Json* json)
{
    const Json* error = json != nullptr ? rest::find(*json, "error") : nullptr;
    ArrayWords words;
    if (error != nullptr && error->is_object())
        words = {text_at(*error, "code"), text_at(*error, "message")};
    else if (reply.status != 401)
        return std::nullopt;
    if (reply.status == 401)
        words.code = "401"; // whatever code it comes with
    return explain(rows, "ontap", words, reply.status);
}

} // namespace xcopy::ontap
