#include "tests/lab/esxcli/other_tools.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lab {

namespace {

ToolResult all_vms(const HostState& host)
{
    std::string out =
        fmt::format("{:<7}{:<20}{:<45}{:<18}{:<10}{}\n", "Vmid", "Name", "File", "Guest OS", "Version", "Annotation");
    for (const auto& vm : host.vms)
        out += fmt::format("{:<7}{:<20}{:<45}{:<18}{:<10}\n", vm.id, vm.name,
                           fmt::format("[{}] {}", vm.datastore, vm.vmx), "debian12_64Guest", "vmx-20");
    return {0, out, ""};
}

ToolResult power_state(const HostState& host, const std::string& id)
{
    const auto vm =
        std::find_if(host.vms.begin(), host.vms.end(), [&](const auto& v) { return std::to_string(v.id) == id; });
    if (vm == host.vms.end())
        return {1,
                fmt::format("(vim.fault.NotFound) {{\n   faultCause = (vmodl.MethodFault) null, \n   msg = \"Unable to "
                            "find a VM corresponding to \"{}\"\"\n}}\n",
                            id),
                ""};
    return {0, std::string("Retrieved runtime info\n") + (vm->powered_on ? "Powered on\n" : "Powered off\n"), ""};
}

ToolResult datastores(const HostState& host)
{
    std::string out;
    for (const auto& d : host.datastores)
        out += fmt::format("(vim.Datastore.Summary) {{\n   datastore = 'vim.Datastore:{}', \n   name = \"{}\", \n   "
                           "url = \"/vmfs/volumes/{}\", \n"
                           "   capacity = {}, \n   freeSpace = {}, \n   accessible = true, \n   type = \"{}\"\n}}\n",
                           d.uuid, d.name, d.uuid, d.capacity, d.free, d.block() ? "VMFS" : d.type);
    return {0, out, ""};
}

} // namespace

ToolResult run_vim_cmd(HostState& host, std::span<const std::string> argv)
{
    const std::string command = argv.size() > 1 ? argv[1] : "";
    const std::lock_guard lock(host.mutex);
    if (command == "vmsvc/getallvms")
        return all_vms(host);
    if (command == "vmsvc/power.getstate" && argv.size() == 3)
        return power_state(host, argv[2]);
    if (command == "hostsvc/datastore/listsummary")
        return datastores(host);
    if (host.management && (command == "hostsvc/enable_ssh" || command == "hostsvc/start_ssh"))
        return {0, "", ""};
    return {1, fmt::format("Invalid command '{}'.\n", command), ""};
}

} // namespace lab
