#include "tests/vendors/contract/subject.hpp"

namespace xcopy::contract {

std::vector<Subject> subjects()
{
    return {
        flashsystem_subject(), infinibox_subject(),   ontap_subject(), powerflex_subject(), powermax_subject(),
        powerstore_subject(),  primera3par_subject(), pure_subject(),  vantara_subject(),
    };
}

std::vector<Subject> subjects_that_copy()
{
    auto all = subjects();
    std::erase_if(all, [](const Subject& subject) { return !subject.copies; });
    return all;
}

std::vector<Subject> subjects_that(bool create_hosts)
{
    auto all = subjects();
    std::erase_if(all, [&](const Subject& subject) { return subject.creates_hosts != create_hosts; });
    return all;
}

} // namespace xcopy::contract
