#include "tests/vendors/contract/subject.hpp"

namespace xcopy::contract {

Subject infinibox_subject()
{
    return {
        .vendor = "infinibox",
        .initiators = {{.kind = Initiator::Kind::fc, .wwnn = "20000024ff3dcd10", .wwpn = "21000024ff3dcd10"},
                       {.kind = Initiator::Kind::fc, .wwnn = "20000024ff3dcd11", .wwpn = "21000024ff3dcd11"}},
        .required_keys = {"STORAGE_USERNAME", "STORAGE_PASSWORD"},
        .naa_examples = {{{{"id", 6507}, {"system", 3005}}, "naa.6742b0f000000bbd000000000000196b"},
                         {{{"id", 363506}, {"system", 1093}}, "naa.6742b0f0000004450000000000058bf2"}},
        .foreign = Errc::conflict,
        .requests = {.sign_in = 0, .find = 1, .ensure = 1, .mappings = 1, .used = 1, .map = 2, .unmap = 1},
    };
}

} // namespace xcopy::contract
