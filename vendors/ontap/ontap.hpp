// NetApp ONTAP: handles, names and JSON to our values (facts/arrays/ontap.md).
#pragma once

#include "vendors/array.hpp"
#include "vendors/rest/json.hpp"
#include "vendors/rest/transport.hpp"

namespace xcopy::ontap {

// Where a LUN is: `name` is /vol/<volume>/<lun>, or a plain name on ASA r2. `svm` may be empty. `folder`, when set: the
// name is a guess, and the only LUN below that folder is meant too (Trident keeps the name of an imported LUN).
struct LunPlace {
    std::string svm;
    std::string name;
    std::string folder;
};
Result<LunPlace> place_of(const VolumeHandle& handle); // from internalID or internalName

// ONTAP reads query values as patterns; one with a special character is quoted. What comes back is compared anyway.
std::string literal(std::string_view value);

// Errc::unavailable with reason "no_serial" when the record came without one, which is worth reading again.
Result<Volume> parse_lun(const rest::Json& record);

// Nothing: the record is not a map of this LUN, or one of another SVM than that.
std::optional<Mapping> parse_map(const rest::Json& record, std::string_view lun_uuid, std::string_view svm_uuid = "");

struct Igroup {
    std::string name; // "xcopy-<host uuid>-iscsi", "-fcp" or "-mixed"
    std::string protocol;
    std::vector<std::string> initiators;
};
Result<Igroup> igroup_for(const HostIdentity& host);

std::optional<Error> decode_error(const rest::Reply& reply, const rest::Json* json); // reason: "ontap_" + code

} // namespace xcopy::ontap
