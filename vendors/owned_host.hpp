// ensure_host() for arrays where an initiator belongs to one host object only: whoever has most of them is used as he is,
// and our own object, known by its name, is made or completed where nobody has any.
#pragma once

#include "vendors/array.hpp"
#include "vendors/settle.hpp"

#include <functional>
#include <string>
#include <vector>

namespace xcopy {

struct OwnedHosts {
    std::string own_name; // of the object that is ours and may be changed
    // The objects that hold any of the initiators; with `everyone` all objects there are, asked for after a refusal: a
    // filter may have hidden one, or our own may hold none of them any more.
    std::function<Result<std::vector<ArrayHost>>(bool everyone)> list;
    // Makes our own object with these initiators, or adds them to it. It is called again for those that are still
    // missing then, so it may take some of them only.
    std::function<Result<void>(bool exists, const std::vector<std::string>& ids)> write;
};

// `wanted` as the array spells them. An object of another name is never changed.
Result<ArrayHost> ensure_owned_host(const Settling& how, const std::vector<std::string>& wanted,
                                    const OwnedHosts& hosts);

// "xcopy-" and the end of the UUID, where machines of one make differ, in lower case and without dashes; at most `longest`
// characters. Empty where the UUID is.
std::string own_host_name(std::string_view uuid, std::size_t longest);

} // namespace xcopy
