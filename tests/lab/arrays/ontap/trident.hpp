// How Trident names what it makes, and what it writes into a PersistentVolume.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace lab::ontap {

enum class Kind {
    san,       // driver ontap-san: one FlexVol per volume
    economy,   // driver ontap-san-economy: many LUNs in one FlexVol
    asar2,     // ASA r2: LUNs without FlexVols, with plain names
    nas,       // driver ontap-nas: no LUN at all
    vvol,      // not Trident's: a virtual volume of vSphere
    datastore, // not Trident's: a LUN that backs a VMFS datastore
};
std::optional<Kind> parse_kind(std::string_view);

std::string internal_name(std::string_view volume);  // "pvc-1" gives "trident_pvc_1"
std::string lun_path(Kind, std::string_view volume); // "/vol/…", or a plain name

// {"driver", "volumeHandle", "volumeAttributes"} of the PV's spec.csi, or null for what is not Trident's.
nlohmann::json csi_of(Kind, const std::string& volume, const std::string& svm, const std::string& backend_uuid);

} // namespace lab::ontap
