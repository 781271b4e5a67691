// ONTAP's JSON and names to our values and back. Nothing here talks to an array.
#pragma once

#include "protocol/error.hpp"
#include "vendors/array.hpp"
#include "vendors/rest/pages.hpp"
#include "vendors/settle.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xcopy::ontap {

struct Svm {
    std::string uuid;
    std::string name;
};

// Where a LUN is: `name` is /vol/<volume>/<lun>, or a plain name on ASA r2. `svm` may be empty. `folder`, when set: the
// name is a guess, and the only LUN below that folder is meant too (Trident keeps the name of an imported LUN).
struct LunPlace {
    std::string svm;
    std::string name;
    std::string folder;
};

// "xcopy-<host uuid>-iscsi", "-fcp" or "-mixed".
struct IgroupKind {
    std::string name;
    std::string protocol;
};

constexpr int highest_lun_number = 4095;

// The fields of a LUN that parse_lun() reads.
constexpr std::string_view lun_fields = "name,uuid,serial_number,class,space.size,status.state,svm.uuid";

// ONTAP reads query values as patterns; one with a special character is quoted. What comes back is compared anyway.
std::string literal(std::string_view value);

Result<LunPlace> place_of(const VolumeHandle& handle); // from internalID or internalName

// Errc::unavailable with reason "no_serial" when the record came without one, which is worth reading again.
Result<Volume> parse_lun(const rest::Json& record);
Result<std::string> naa_of_serial(std::string_view serial);

std::vector<std::string> initiators_of(const rest::Json& igroup); // lower case; ["iqn"] or [{"name": "iqn"}]

// Nothing: the record is not a map of this LUN, or one of another SVM than that.
std::optional<Mapping> parse_map(const rest::Json& record, std::string_view lun_uuid, std::string_view svm_uuid = "");

Result<IgroupKind> igroup_for(const HostIdentity& host);

rest::Page split_page(const rest::Answer& answer); // {"records":[…],"_links":{"next":{"href":…}}}

std::optional<Error> decode_error(const rest::Reply& reply, const rest::Json* json); // reason: "ontap_" + code
Afterwards afterwards(const Error& error);                                           // of a change

} // namespace xcopy::ontap
