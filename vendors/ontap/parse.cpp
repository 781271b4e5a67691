#include "vendors/ontap/parse.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>
#include <utility>

namespace xcopy::ontap {

using rest::Json;
using rest::text_at;

namespace {

constexpr std::string_view naa_prefix = "naa.600a0980"; // NetApp's OUI, ONTAP 9
constexpr std::size_t serial_length = 12;
constexpr std::size_t max_igroup_name = 96;

std::string lower(std::string_view text)
{
    std::string result(text);
    std::ranges::transform(result, result.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return result;
}

std::string hex_of(std::string_view bytes)
{
    std::string hex;
    for (char byte : bytes)
        hex += fmt::format("{:02x}", static_cast<unsigned char>(byte));
    return hex;
}

// Takes "/name/" off the front and returns what follows up to the next '/', or all of it.
std::optional<std::string_view> take(std::string_view& text, std::string_view prefix, bool rest = false)
{
    if (!text.starts_with(prefix))
        return std::nullopt;
    text.remove_prefix(prefix.size());
    const auto value = text.substr(0, rest ? text.size() : text.find('/'));
    text.remove_prefix(value.size());
    if (value.empty())
        return std::nullopt;
    return value;
}

} // namespace

std::string literal(std::string_view value)
{
    if (value.find_first_of("*|,!<>{}\" ") == std::string_view::npos && value.find("..") == std::string_view::npos)
        return std::string(value);
    if (value.find('"') == std::string_view::npos)
        return fmt::format("\"{}\"", value);
    return fmt::format("{{{}}}", value);
}

Result<LunPlace> parse_internal_id(std::string_view internal_id)
{
    std::string_view rest = internal_id;
    const auto svm = take(rest, "/svm/");
    const auto volume = svm ? take(rest, "/flexvol/") : std::nullopt;
    const auto lun = svm ? take(rest, "/lun/", true) : std::nullopt;
    if (!lun)
        return Error{
            Errc::unsupported,
            fmt::format("internalID '{}' names no LUN (expected /svm/…/flexvol/…/lun/… or /svm/…/lun/…)", internal_id),
            "only volumes of the drivers ontap-san and ontap-san-economy over iSCSI or FC can be copied to"};
    return LunPlace{std::string(*svm), volume ? fmt::format("/vol/{}/{}", *volume, *lun) : std::string(*lun)};
}

Result<std::string> volume_of_internal_name(std::string_view internal_name)
{
    const auto is_legal = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; };
    if (internal_name.empty() || !std::ranges::all_of(internal_name, is_legal))
        return Error{Errc::bad_request, fmt::format("internalName '{}' is not the name of a FlexVol", internal_name),
                     "the PersistentVolume must have been made by Trident (csi.trident.netapp.io)"};
    return std::string(internal_name);
}

Result<std::string> naa_of_serial(std::string_view serial)
{
    if (serial.size() != serial_length)
        return Error{Errc::failed, fmt::format("serial number '{}' is not {} characters long", serial, serial_length)};
    return std::string(naa_prefix) + hex_of(serial);
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
        return refuse(Errc::unsupported, fmt::format("class {} cannot be mapped", kind));
    if (const auto state = text_at(record, "status.state"); !state.empty() && state != "online")
        return refuse(Errc::unavailable, fmt::format("it is {}", state), "bring the LUN online");
    if (lun.serial.empty())
        return refuse(Errc::unavailable, "the array gave no serial number", "", "no_serial");
    const auto naa = naa_of_serial(lun.serial);
    if (!naa)
        return refuse(naa.error().code, naa.error().message);
    lun.naa = *naa;
    if (const auto hex = lower(text_at(record, "serial_number_hex"));
        !hex.empty() && std::string(naa_prefix) + hex != lun.naa)
        return refuse(Errc::failed, fmt::format("serial number '{}' and its hex form {} differ", lun.serial, hex));
    const auto size = rest::number_at(record, "space.size");
    if (!size || *size <= 0)
        return refuse(Errc::failed, "the array gave no size");
    lun.size_bytes = static_cast<std::uint64_t>(*size);
    return lun;
}

std::vector<std::string> initiators_of(const Json& igroup)
{
    std::vector<std::string> names;
    for (const Json& initiator : rest::list_at(igroup, "initiators")) {
        auto name = initiator.is_string() ? initiator.get<std::string>() : text_at(initiator, "name");
        if (!name.empty())
            names.push_back(lower(name));
    }
    return names;
}

bool share_an_initiator(const std::vector<std::string>& some, const std::vector<std::string>& others)
{
    return std::ranges::find_first_of(some, others) != some.end();
}

Igroup parse_igroup(const Json& record)
{
    return {text_at(record, "uuid"), text_at(record, "name"), text_at(record, "svm.uuid"), text_at(record, "os_type"),
            initiators_of(record)};
}

std::optional<Mapping> parse_map(const Json& record, const Svm& svm, std::string_view lun_uuid)
{
    const auto svm_uuid = text_at(record, "svm.uuid");
    if (text_at(record, "lun.uuid") != lun_uuid || (!svm_uuid.empty() && svm_uuid != svm.uuid))
        return std::nullopt;
    const Json* igroup = rest::find(record, "igroup");
    if (igroup == nullptr || text_at(*igroup, "uuid").empty())
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
    bool iscsi = false;
    bool fc = false;
    for (const Initiator& initiator : host.initiators) {
        iscsi = iscsi || initiator.kind == Initiator::Kind::iscsi;
        fc = fc || initiator.kind == Initiator::Kind::fc;
    }
    if (!iscsi && !fc)
        return Error{Errc::unsupported, fmt::format("host {} has neither an iSCSI nor an FC adapter", host.name),
                     "use a host that is connected to the array", "no_initiators"};
    const auto is_legal = [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.'; };
    auto name = fmt::format("xcopy-{}-{}", host.uuid, iscsi && fc ? "mixed" : iscsi ? "iscsi" : "fcp");
    if (host.uuid.empty() || !std::ranges::all_of(host.uuid, is_legal) || name.size() > max_igroup_name)
        return Error{Errc::bad_request,
                     fmt::format("host {}: UUID '{}' cannot be part of an igroup's name", host.name, host.uuid)};
    return IgroupKind{std::move(name), iscsi && fc ? "mixed" : iscsi ? "iscsi" : "fcp"};
}

rest::Page split_page(rest::Answer answer)
{
    Json& reply = answer.body;
    rest::Page page{.records = {}, .next = text_at(reply, "_links.next.href")};
    if (reply.is_object() && reply.contains("records") && reply["records"].is_array())
        for (Json& record : reply["records"])
            page.records.push_back(std::move(record));
    return page;
}

ArrayInfo parse_cluster(const Json& cluster)
{
    const auto part = [&](std::string_view path) { return text_at(cluster, path); };
    return {.vendor = "NetApp",
            .product = "ONTAP",
            .model = "",
            .version =
                fmt::format("{}.{}.{}", part("version.generation"), part("version.major"), part("version.minor"))};
}

} // namespace xcopy::ontap
