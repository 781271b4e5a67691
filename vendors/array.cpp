#include "vendors/array.hpp"

#include "vendors/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

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

Owner owner_of(const std::vector<ArrayHost>& hosts, const std::vector<std::string>& wanted)
{
    Owner owner{.free = wanted};
    std::ptrdiff_t most = 0;
    for (const ArrayHost& host : hosts) {
        const auto has = [&](const std::string& id) { return std::ranges::count(host.initiator_ids, id) > 0; };
        const auto count = std::ranges::count_if(wanted, has);
        if (count == 0 || host.name.empty())
            continue;
        std::erase_if(owner.free, has);
        if (count > most || (count == most && host.name < owner.host.name)) {
            most = count;
            owner.host = host;
        }
    }
    return owner;
}

std::string hex_in(const DiskBacking& backing)
{
    auto id = lower(trim(backing.id));
    const auto prefix = id.substr(0, id.find('.'));
    id.erase(0, prefix.size() + 1);
    if (prefix == "rfc4122" && is_uuid(id))
        std::erase(id, '-');
    else if (prefix == "vml" && id.size() > 10) // 02, type, LUN, reserve; then the NAA name, whose first digit tells
        id = id.substr(10, id[10] == '6' ? 32 : 16); // its length; then letters of the model
    else if (prefix != "naa")
        return {};
    return is_hex(id) && (id.size() == 32 || id.size() == 16) ? id : "";
}

Result<void> check_sizes(const ArrayCopy& copy)
{
    const auto what = fmt::format("copy {} ({} bytes) to {} ({} bytes)", copy.source.name, copy.source.size_bytes,
                                  copy.target.name, copy.target.size_bytes);
    if (copy.source.id == copy.target.id || copy.source.naa == copy.target.naa)
        return Error{Errc::unsupported, what + ": they are the same volume",
                     "the PersistentVolume must be a volume of its own", "same_volume"};
    if (copy.source.size_bytes > copy.target.size_bytes)
        return Error{Errc::unsupported, what + ": the target is smaller",
                     "make the PersistentVolume as large as the disk", "target_too_small"};
    return {};
}

Result<void> check_unmapped_target(Array& array, const Call& call, const ArrayCopy& copy)
{
    if (auto checked = check_sizes(copy); !checked)
        return checked;
    const auto mappings = array.mappings_of(call, copy.target);
    if (!mappings)
        return mappings.error();
    if (mappings->empty())
        return {};
    return Error{Errc::unsupported,
                 fmt::format("{} is mapped to {}, and the array copies only onto a volume that nobody sees",
                             copy.target.name, mappings->front().host.name),
                 "stop the pod that uses the PersistentVolume, or let a host copy the disk", "target_mapped"};
}

} // namespace xcopy
