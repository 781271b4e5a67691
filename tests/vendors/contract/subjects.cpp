#include "tests/vendors/contract/subject.hpp"

namespace xcopy::contract {

std::vector<Subject> subjects()
{
    return {
        ontap_subject(),
    };
}

} // namespace xcopy::contract
