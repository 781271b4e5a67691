// Makes an ESXi host known to an array where an initiator belongs to one object only: the object that owns most of its
// initiators is used, whoever made it; else one of our own, "xcopy-<host uuid>".
#pragma once

#include "vendors/array.hpp"
#include "vendors/settle.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace xcopy {

using Spellings = std::vector<std::string>; // initiators as the array spells them

struct HostObjects {
    std::string (*spell)(const Initiator&) = nullptr;
    // Objects that own any of these, each with all that it owns. An error is never "nobody".
    std::function<Result<std::vector<ArrayHost>>(const Spellings& wanted)> owners;
    std::function<Result<std::optional<ArrayHost>>(const std::string& name)> named; // asked where nobody owns any
    std::function<Result<void>(const std::string& name, const Spellings&)> create;
    std::function<Result<void>(const ArrayHost& own, const Spellings& missing)> add;
    bool one_protocol = true; // an object holds FC or iSCSI: ours is made for FC where the host has any
};

// With initiator_ids being all those of the host, so that a mapping through another object is recognised.
// An initiator that cannot be added to our own object because somebody has it is left where it is.
Result<ArrayHost> ensure_host_object(const Settling& how, const HostIdentity& host, const HostObjects& objects);

} // namespace xcopy
