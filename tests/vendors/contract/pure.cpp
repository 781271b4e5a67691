#include "tests/vendors/contract/subject.hpp"

namespace xcopy::contract {

Subject pure_subject()
{
    return {
        .vendor = "pureFlashArray",
        .initiators = {{.kind = Initiator::Kind::fc, .wwnn = "20000024ff1a2b3c", .wwpn = "21000024ff1a2b3c"},
                       {.kind = Initiator::Kind::fc, .wwnn = "20000024ff1a2b3d", .wwpn = "21000024ff1a2b3d"}},
        .required_keys = {"STORAGE_TOKEN", "STORAGE_USERNAME", "STORAGE_PASSWORD"},
        .naa_examples = {{{{"naa", "naa.624a93709714b5cb91634c470002b2c8"}}, "naa.624a93709714b5cb91634c470002b2c8"}},
        .foreign = Errc::not_found, // nothing in the handle names an array
        .copies = true,
        .requests = {.sign_in = 3, .find = 1, .ensure = 1, .mappings = 1, .used = 1, .map = 2, .unmap = 1},
    };
}

} // namespace xcopy::contract
