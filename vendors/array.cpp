#include "vendors/array.hpp"

#include <algorithm>

namespace xcopy {

bool share_an_initiator(const std::vector<std::string>& some, const std::vector<std::string>& others)
{
    return std::ranges::find_first_of(some, others) != some.end();
}

std::optional<Mapping> mapping_that_reaches(const std::vector<Mapping>& mappings, const ArrayHost& host)
{
    const Mapping* through_another = nullptr;
    for (const Mapping& mapping : mappings) {
        if (mapping.host.id == host.id)
            return mapping;
        if (share_an_initiator(mapping.host.initiator_ids, host.initiator_ids))
            through_another = &mapping;
    }
    return through_another ? std::optional(*through_another) : std::nullopt;
}

} // namespace xcopy
