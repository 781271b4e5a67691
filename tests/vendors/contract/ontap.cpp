#include "tests/vendors/contract/subject.hpp"

namespace xcopy::contract {

Subject ontap_subject()
{
    return {
        .vendor = "ontap",
        .initiators = {{.kind = Initiator::Kind::fc, .wwnn = "20000024ff1a2b3c", .wwpn = "21000024ff1a2b3c"},
                       {.kind = Initiator::Kind::fc, .wwnn = "20000024ff1a2b3d", .wwpn = "21000024ff1a2b3d"}},
        .required_keys = {"STORAGE_USERNAME", "STORAGE_PASSWORD"},
        .naa_examples = {{{{"naa", "naa.600a098038313954492458313032502d"}}, "naa.600a098038313954492458313032502d"}},
        .foreign = Errc::conflict,
        .reuses_owner = false, // one igroup per host of our own: facts 5
        .requests = {.sign_in = 1, .find = 1, .ensure = 1, .mappings = 1, .used = 2, .map = 2, .unmap = 1},
    };
}

} // namespace xcopy::contract
