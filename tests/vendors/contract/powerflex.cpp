#include "tests/vendors/contract/subject.hpp"

namespace xcopy::contract {

Subject powerflex_subject()
{
    return {
        .vendor = "powerflex",
        .initiators = {{.kind = Initiator::Kind::sdc, .name = "028888fa-502a-4fac-a888-1fa3b256358c"}},
        .required_keys = {"STORAGE_USERNAME", "STORAGE_PASSWORD", "POWERFLEX_SYSTEM_ID"},
        .naa_examples = {{{{"id", "3bd1f78800000019"}}, "eui.1250de83018c2d0f3bd1f78800000019"}},
        .foreign = Errc::conflict,
        .creates_hosts = false, // an SDC registers itself
        .requests = {.sign_in = 3, .find = 1, .ensure = 1, .mappings = 1, .used = 0, .map = 3, .unmap = 1},
    };
}

} // namespace xcopy::contract
