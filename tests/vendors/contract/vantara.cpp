#include "tests/vendors/contract/subject.hpp"

namespace xcopy::contract {

Subject vantara_subject()
{
    return {
        .vendor = "vantara",
        .initiators = {{.kind = Initiator::Kind::fc, .wwnn = "20000024ff8f5296", .wwpn = "21000024ff8f5296"},
                       {.kind = Initiator::Kind::fc, .wwnn = "20000024ff8f5297", .wwpn = "21000024ff8f5297"}},
        .required_keys = {"STORAGE_USERNAME", "STORAGE_PASSWORD"},
        .naa_examples = {{{{"ldev", 258}, {"name", "pvc-22222222-7a41-4c1b-9a2e-1b3c4d5e6f70"}},
                          "naa.60060e8008757e005040757e00000102"}},
        .foreign = Errc::conflict,
        .creates_hosts = false, // the administrator's: a host group on every port
        .copies = true,
        .requests = {.sign_in = 3, .find = 1, .ensure = 2, .mappings = 1, .used = 2, .map = 7, .unmap = 7},
    };
}

} // namespace xcopy::contract
