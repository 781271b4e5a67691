#include "tests/vendors/contract/subject.hpp"

namespace xcopy::contract {

Subject powerstore_subject()
{
    return {
        .vendor = "powerstore",
        .initiators = {{.kind = Initiator::Kind::fc, .wwnn = "2000000e1e1d2b3c", .wwpn = "2100000e1e1d2b3c"},
                       {.kind = Initiator::Kind::fc, .wwnn = "2000000e1e1d2b3d", .wwpn = "2100000e1e1d2b3d"}},
        .required_keys = {"STORAGE_USERNAME", "STORAGE_PASSWORD"},
        .naa_examples = {{{{"naa", "naa.68ccf098003ceb5e4577a20be6d11bf9"}}, "naa.68ccf098003ceb5e4577a20be6d11bf9"}},
        .foreign = Errc::conflict,
        .requests = {.sign_in = 2, .find = 1, .ensure = 1, .mappings = 1, .used = 1, .map = 3, .unmap = 1},
    };
}

} // namespace xcopy::contract
