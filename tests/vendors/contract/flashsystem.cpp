#include "tests/vendors/contract/subject.hpp"

namespace xcopy::contract {

Subject flashsystem_subject()
{
    return {
        .vendor = "flashsystem",
        .initiators = {{.kind = Initiator::Kind::fc, .wwnn = "20000024ff2f3266", .wwpn = "21000024ff2f3266"},
                       {.kind = Initiator::Kind::fc, .wwnn = "20000024ff2f3267", .wwpn = "21000024ff2f3267"}},
        .required_keys = {"STORAGE_USERNAME", "STORAGE_PASSWORD"},
        .naa_examples = {{{{"naa", "naa.6005076810ca0166c00000000000019f"}}, "naa.6005076810ca0166c00000000000019f"},
                         {{{"naa", "naa.600507681088804cb800000000ab1074"}}, "naa.600507681088804cb800000000ab1074"}},
        .foreign = Errc::conflict,
        .signs_out = false, // no such call is known: facts 2
        .copies = true,
        .requests = {.sign_in = 1, .find = 2, .ensure = 3, .mappings = 2, .used = 1, .map = 3, .unmap = 2},
    };
}

} // namespace xcopy::contract
