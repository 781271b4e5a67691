#include "tests/vendors/contract/subject.hpp"

namespace xcopy::contract {

Subject powermax_subject()
{
    return {
        .vendor = "powermax",
        .initiators = {{.kind = Initiator::Kind::fc, .wwnn = "20000000c9f3adff", .wwpn = "10000000c9f3adff"},
                       {.kind = Initiator::Kind::fc, .wwnn = "20000000c9f3adfe", .wwpn = "10000000c9f3adfe"}},
        .required_keys = {"STORAGE_USERNAME", "STORAGE_PASSWORD", "POWERMAX_SYMMETRIX_ID", "POWERMAX_PORT_GROUP_NAME"},
        .naa_examples = {{{{"device", "002E9"}}, "naa.60000970000197900046533030324539"}},
        .foreign = Errc::conflict,
        .creates_hosts = false, // the administrator's: an ESXi host has one for its datastores
        .requests = {.sign_in = 1, .find = 1, .ensure = 3, .mappings = 3, .used = 0, .map = 7, .unmap = 4},
    };
}

} // namespace xcopy::contract
