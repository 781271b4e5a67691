#include "coordinator/place_script.hpp"

#include "coordinator/host/deploy_script.hpp"
#include "coordinator/vsphere/named_datastore.hpp"

#include <memory>
#include <mutex>

namespace xcopy {

EnsureScript script_placement(Toolbox& tools)
{
    // One host after the other: the datastore is mostly the same.
    return [&tools, turn = std::make_shared<std::mutex>()](const Call& call, SshHost& host) -> Result<void> {
        const std::lock_guard lock(*turn);
        NamedDatastore datastore(tools.config.vsphere, *tools.transport, *tools.log, host.place().datastore);
        OpenDatastore open;
        // Where vCenter does not say that the host has the datastore mounted, a new file there would not help it.
        if (tools.config.vsphere.is_given() && tools.config.host_ids.contains(host.name()))
            open = [&](const Call& opening) { return datastore.open(opening); };
        const auto there = deploy_script(call, host, open, *tools.log);
        return there ? Result<void>() : there.error();
    };
}

} // namespace xcopy
