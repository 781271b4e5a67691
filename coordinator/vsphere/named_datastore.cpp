#include "coordinator/vsphere/named_datastore.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace xcopy {

NamedDatastore::NamedDatastore(const VsphereOptions& options, rest::Transport& transport, Log& log,
                               std::string name_or_uuid)
    : options_(options), transport_(transport), log_(log), wanted_(std::move(name_or_uuid))
{}

Result<vsphere::DatastoreFiles> NamedDatastore::open(const Call& call)
{
    if (!session_) {
        auto endpoint = vsphere_endpoint(options_);
        if (!endpoint)
            return endpoint.error();
        session_.emplace(transport_, std::move(*endpoint), log_);
    }
    const auto all = vsphere::all_datastores(*session_, call);
    if (!all)
        return all.error();
    const auto found = find_datastore(*all, wanted_);
    if (!found)
        return found.error();
    return vsphere::DatastoreFiles::of(*session_, call, *found);
}

Result<vsphere::DatastoreView> find_datastore(const std::vector<vsphere::DatastoreView>& all,
                                              const std::string& name_or_uuid)
{
    const auto is_wanted = [&](const auto& each) { return each.uuid == name_or_uuid || each.name == name_or_uuid; };
    const auto found = std::ranges::find_if(all, is_wanted);
    if (found == all.end())
        return Error{Errc::not_found, fmt::format("vCenter knows no datastore '{}'", name_or_uuid),
                     "is it the datastore of another vCenter? Name one with --ssh-datastore", "unknown_datastore"};
    if (std::ranges::count_if(all, is_wanted) > 1)
        return Error{Errc::conflict, fmt::format("vCenter knows several datastores '{}'", name_or_uuid),
                     "name it by its UUID (esxcli storage filesystem list)", "ambiguous_datastore"};
    return *found;
}

} // namespace xcopy
