#include "coordinator/place_script.hpp"

#include "coordinator/host/deploy_script.hpp"
#include "coordinator/vsphere/named_datastore.hpp"

#include <memory>
#include <mutex>

namespace xcopy {

namespace {

using Act = Result<void> (*)(const Call&, SshHost&, const OpenDatastore&, Log&);

EnsureScript for_each_host(Toolbox& tools, Act act)
{
    // One host after the other: the datastore is mostly the same.
    return [&tools, act, turn = std::make_shared<std::mutex>()](const Call& call, SshHost& host) -> Result<void> {
        const std::lock_guard lock(*turn);
        NamedDatastore datastore(tools.config.vsphere, *tools.transport, *tools.log, host.place().datastore);
        OpenDatastore open;
        // Where vCenter does not say that the host has the datastore mounted, a new file there would not help it.
        if (tools.config.vsphere.is_given() && tools.config.host_ids.contains(host.name()))
            open = [&](const Call& opening) { return datastore.open(opening); };
        return act(call, host, open, *tools.log);
    };
}

Result<void> put(const Call& call, SshHost& host, const OpenDatastore& open, Log& log)
{
    const auto there = deploy_script(call, host, open, log);
    return there ? Result<void>() : there.error();
}

} // namespace

EnsureScript script_placement(Toolbox& tools)
{
    return for_each_host(tools, put);
}

EnsureScript script_foresight(Toolbox& tools)
{
    return for_each_host(tools, foresee_script);
}

} // namespace xcopy
