#include "tests/vendors/contract/subject.hpp"

namespace xcopy::contract {

Subject primera3par_subject()
{
    return {
        .vendor = "primera3par",
        .initiators = {{.kind = Initiator::Kind::fc, .wwnn = "20000024ff1a2b3c", .wwpn = "21000024ff1a2b3c"},
                       {.kind = Initiator::Kind::fc, .wwnn = "20000024ff1a2b3d", .wwpn = "21000024ff1a2b3d"}},
        .required_keys = {"STORAGE_USERNAME", "STORAGE_PASSWORD"},
        .naa_examples = {{{{"naa", "naa.60002ac0000000000000182d00021f6b"}}, "naa.60002ac0000000000000182d00021f6b"},
                         {{{"naa", "naa.50002ac000001c9f"}}, "naa.50002ac000001c9f"}},
        .foreign = Errc::not_found, // a handle names no array, and Alletra 6000 shares the CSI driver (facts 4)
        .copies = true,
        .requests = {.sign_in = 1, .find = 1, .ensure = 1, .mappings = 1, .used = 2, .map = 2, .unmap = 2},
    };
}

} // namespace xcopy::contract
