// ONTAP's JSON and names to our values and back. Nothing here talks to an array.
#pragma once

#include "protocol/error.hpp"
#include "vendors/array.hpp"
#include "vendors/rest/json.hpp"
#include "vendors/rest/pages.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xcopy::ontap {

struct Svm {
    std::string uuid;
    std::string name;
};

struct Igroup {
    std::string uuid;
    std::string name;
    std::string svm_uuid;
    std::string os_type;
    std::vector<std::string> initiators; // lower case
};

// Where a LUN is: `name` is /vol/<volume>/<lun>, or a plain name on ASA r2. `svm` may be empty.
struct LunPlace {
    std::string svm;
    std::string name;
};

constexpr int highest_lun_number = 4095;

constexpr std::string_view luns_path = "/api/storage/luns";
constexpr std::string_view igroups_path = "/api/protocols/san/igroups";
constexpr std::string_view maps_path = "/api/protocols/san/lun-maps";

// The fields of a LUN that parse_lun() reads.
constexpr std::string_view lun_fields =
    "name,uuid,serial_number,serial_number_hex,class,space.size,status.state,svm.uuid";

// ONTAP reads query values as patterns; one with a special character is quoted. What comes back is compared anyway.
std::string literal(std::string_view value);

Result<LunPlace> parse_internal_id(std::string_view internal_id); // /svm/S/flexvol/V/lun/L or /svm/S/lun/L
Result<std::string> volume_of_internal_name(std::string_view internal_name);

Result<std::string> naa_of_serial(std::string_view serial);

// Errc::unavailable with reason "no_serial" when the record came without one, which is worth reading again.
Result<Volume> parse_lun(const rest::Json& record);

Igroup parse_igroup(const rest::Json& record);
std::vector<std::string> initiators_of(const rest::Json& igroup); // lower case; ["iqn"] or [{"name": "iqn"}]

bool share_an_initiator(const std::vector<std::string>& some, const std::vector<std::string>& others);

// Nothing: the record is not a map of this LUN in this SVM.
std::optional<Mapping> parse_map(const rest::Json& record, const Svm& svm, std::string_view lun_uuid);

// "xcopy-<host uuid>-iscsi", "-fcp" or "-mixed".
struct IgroupKind {
    std::string name;
    std::string protocol;
};
Result<IgroupKind> igroup_for(const HostIdentity& host);

rest::Page split_page(rest::Answer answer); // {"records":[…],"_links":{"next":{"href":…}}}

ArrayInfo parse_cluster(const rest::Json& cluster);

} // namespace xcopy::ontap
