// Makes an ESXi host known to an array where an initiator belongs to one object only: the object that owns most of its
// initiators is used as it is, whoever made it; else one of our own is made, or completed.
#pragma once

#include "vendors/array.hpp"
#include "vendors/rest/json.hpp"
#include "vendors/settle.hpp"

#include <functional>
#include <string>
#include <vector>

namespace xcopy {

using Spellings = std::vector<std::string>; // initiators as the array spells them

// Those of the host's FC and iSCSI adapters, sorted, so that the order in which it reports them does not matter.
// Errc::unsupported where it has none.
Result<Spellings> spelled(const HostIdentity&, const std::function<std::string(const Initiator&)>& spell);

struct HostObjects {
    std::size_t longest_name = 64; // ours is "xcopy-<host uuid>"; cut to its end, where machines of one make differ
    bool one_protocol = false;     // an object holds FC or iSCSI: ours is made for FC where the host has any
    std::function<std::string(const Initiator&)> spell = &Initiator::plain;

    // The objects that hold any of `wanted`, and ours, called `own`; with `everyone` all objects there are, asked for after
    // a refusal, for a filter may have hidden one. An error is never "nobody".
    std::function<Result<std::vector<ArrayHost>>(const Spellings& wanted, const std::string& own, bool everyone)> list;

    // Adds these to our object, or makes it with them (`own` is null). It is called again for those that are still
    // missing then, so it may take some of them only.
    std::function<Result<void>(const ArrayHost* own, const std::string& name, const Spellings&)> write;
};

// With initiator_ids being all those of the host beside those of the object, so that a mapping through another object is
// recognised. An initiator that somebody else has is left where it is.
Result<ArrayHost> ensure_host_object(const Settling& how, const HostIdentity& host, const HostObjects& objects);

// For HostObjects::list where an array's list of hosts does not say what each holds, so that hosts are read one by one.
struct HostSearch {
    struct Rows { // each names a host
        std::function<Result<std::vector<rest::Json>>()> list;
        std::string_view name_field; // its name or id; where that is empty the row is skipped
    };
    std::vector<Rows> hints; // those that show one of `wanted` lead to a host; the cheapest first
    // The array has no such list; any other error ends the search.
    std::function<bool(const Error&)> is_no_hint = [](const Error&) { return false; };
    Rows everyone; // asked where the hints lead to nobody
    std::function<Spellings(const std::vector<rest::Json>& rows)> initiators_in;
    std::function<Result<std::optional<ArrayHost>>(const std::string& name)> read;
};

// Those that hold any of `wanted`: read until each is found, the likely ones (by `host`'s name) first. Where there are
// none: the one called `own`, if there is one.
Result<std::vector<ArrayHost>> holders_of(const Spellings& wanted, const std::string& own, const HostIdentity& host,
                                          const HostSearch& search);

// The name of what is ours: "xcopy-<id>", cut to the id's end.
std::string own_name(std::string_view id, std::size_t longest);

} // namespace xcopy
