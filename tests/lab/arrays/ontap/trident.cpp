#include "tests/lab/arrays/ontap/trident.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <utility>

namespace lab::ontap {

using nlohmann::json;

namespace {

constexpr std::string_view economy_pool = "trident_lun_pool_lab_ASVRVZBSPB";

} // namespace

std::optional<Kind> parse_kind(std::string_view text)
{
    constexpr std::array<std::pair<std::string_view, Kind>, 6> kinds = {{{"san", Kind::san},
                                                                         {"economy", Kind::economy},
                                                                         {"asar2", Kind::asar2},
                                                                         {"nas", Kind::nas},
                                                                         {"vvol", Kind::vvol},
                                                                         {"datastore", Kind::datastore}}};
    for (const auto& [name, kind] : kinds) {
        if (name == text)
            return kind;
    }
    return std::nullopt;
}

std::string internal_name(std::string_view volume)
{
    std::string name = "trident";
    for (const char letter : "_" + std::string(volume)) {
        const char written = letter == '-' || letter == '.' ? '_' : letter;
        if (written != '_' || name.back() != '_')
            name += written;
    }
    return name;
}

std::string lun_path(Kind kind, std::string_view volume)
{
    switch (kind) {
    case Kind::economy:
        return "/vol/" + std::string(economy_pool) + "/" + internal_name(volume);
    case Kind::asar2:
        return internal_name(volume);
    case Kind::vvol:
        return "/vol/vvols/" + std::string(volume) + ".vmdk";
    case Kind::datastore:
        return "/vol/" + std::string(volume) + "/lun0";
    case Kind::san:
    case Kind::nas:
        break;
    }
    return "/vol/" + internal_name(volume) + "/lun0";
}

json csi_of(Kind kind, const std::string& volume, const std::string& svm, const std::string& backend_uuid)
{
    if (kind == Kind::vvol || kind == Kind::datastore)
        return nullptr;
    json attributes = {{"backendUUID", backend_uuid},
                       {"name", volume},
                       {"internalName", internal_name(volume)},
                       {"protocol", kind == Kind::nas ? "file" : "block"},
                       {"storage.kubernetes.io/csiProvisionerIdentity", "1760000000000-8081-csi.trident.netapp.io"}};
    if (kind == Kind::economy)
        attributes["internalID"] =
            "/svm/" + svm + "/flexvol/" + std::string(economy_pool) + "/lun/" + internal_name(volume);
    if (kind == Kind::asar2)
        attributes["internalID"] = "/svm/" + svm + "/lun/" + internal_name(volume);
    return {{"driver", "csi.trident.netapp.io"}, {"volumeHandle", volume}, {"volumeAttributes", attributes}};
}

} // namespace lab::ontap
