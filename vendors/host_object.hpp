// Which of an array's host objects stands for an ESXi host, where an initiator belongs to one object only: the one that
// owns most of its initiators, whoever made it; else one of our own, "xcopy-<host uuid>".
#pragma once

#include "protocol/error.hpp"
#include "vendors/array.hpp"
#include "vendors/settle.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace xcopy {

using Spellings = std::vector<std::string>; // of initiators, as the array spells them

// How many of `some` are among `others`.
std::ptrdiff_t common_initiators(const Spellings& some, const Spellings& others);

struct HostObjects {
    std::function<std::string(const Initiator&)> spell;
    bool one_protocol = true; // an object holds FC or iSCSI, not both: then one of ours is made for FC where there is any

    // Objects that own any of these, each with all that it owns. An error is never "nobody".
    std::function<Result<std::vector<ArrayHost>>(const Spellings& wanted)> owners;
    std::function<Result<std::optional<ArrayHost>>(const std::string& name)> named; // asked where nobody owns any
    std::function<Result<void>(const std::string& name, const Spellings&)> create;
    std::function<Result<void>(const ArrayHost& own, const Spellings& missing)> add;
    // add() was refused for good: somebody who does not show has one of them, so ours stays as it is.
    std::function<bool(const Error&)> is_taken;
};

// The object, with initiator_ids being all those of the host, so that a mapping through another object is recognised.
Result<ArrayHost> ensure_host_object(const Settling& how, const HostIdentity& host, const HostObjects& objects);

} // namespace xcopy
