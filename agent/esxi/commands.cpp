#include "agent/esxi/commands.hpp"

namespace xcopy::commands {

Words version()
{
    return {"system", "version", "get"};
}

Words host_uuid()
{
    return {"system", "uuid", "get"};
}

Words host_name()
{
    return {"system", "hostname", "get"};
}

Words ipv4_addresses()
{
    return {"network", "ip", "interface", "ipv4", "get"};
}

Words ipv6_addresses()
{
    return {"network", "ip", "interface", "ipv6", "address", "list"};
}

Words advanced_option(const std::string& path)
{
    return {"system", "settings", "advanced", "list", "-o", path};
}

Words adapters()
{
    return {"storage", "core", "adapter", "list"};
}

Words module_parameters(const std::string& module)
{
    return {"system", "module", "parameters", "list", "-m", module};
}

Words devices()
{
    return {"storage", "core", "device", "list"};
}

Words device(const std::string& name)
{
    return {"storage", "core", "device", "list", "-d", name};
}

Words paths()
{
    return {"storage", "core", "path", "list"};
}

Words paths_of(const std::string& device)
{
    return {"storage", "core", "path", "list", "-d", device};
}

Words vaai()
{
    return {"storage", "core", "device", "vaai", "status", "get"};
}

Words vaai_of(const std::string& device)
{
    return {"storage", "core", "device", "vaai", "status", "get", "-d", device};
}

Words vmfs_extents()
{
    return {"storage", "vmfs", "extent", "list"};
}

Words filesystems()
{
    return {"storage", "filesystem", "list"};
}

Words detached()
{
    return {"storage", "core", "device", "detached", "list"};
}

// One adapter at a time: a rescan of all of them blocks on the first dead device of any (facts/esxi.md 6.3).
Words rescan(const std::string& adapter, RescanKind kind)
{
    return {"storage", "core", "adapter", "rescan", "-A", adapter, "-t", std::string(name(kind))};
}

Words set_device_state(const std::string& device, bool on)
{
    return {"storage", "core", "device", "set", on ? "--state=on" : "--state=off", "-d", device};
}

Words forget_detached(const std::string& device)
{
    return {"storage", "core", "device", "detached", "remove", "-d", device};
}

Words with_xml(const std::string& program, const Words& words)
{
    Words argv{program, "--formatter=xml"};
    argv.insert(argv.end(), words.begin(), words.end());
    return argv;
}

Words memory_group(const std::string& localcli, const std::string& group)
{
    return {localcli, "--plugin-dir=/usr/lib/vmware/esxcli/int", "sched", "group", "list", "--group-path=" + group};
}

Words counters(const std::string& vsish, const std::string& device)
{
    return {vsish, "-e", "cat", "/storage/scsifw/devices/" + device + "/stats"};
}

// rdm:, not rdmp: — vmkfstools refuses to clone into a physical-mode mapping (facts/esxi.md 6.1).
Words clone(const std::string& vmkfstools, const JobOrder& order)
{
    return {vmkfstools,        "-i", order.source_path, "-d", "rdm:/vmfs/devices/disks/" + order.request.target_naa,
            order.pointer_path};
}

Words supervise(const std::string& agent, const std::string& job_dir, const ToolPaths& tools, int lock_fd)
{
    Words argv{agent,          "supervise", job_dir,     "--esxcli",     tools.esxcli,    "--localcli",
               tools.localcli, "--vsish",   tools.vsish, "--vmkfstools", tools.vmkfstools};
    if (lock_fd >= 0) {
        argv.emplace_back("--lock-fd");
        argv.push_back(std::to_string(lock_fd));
    }
    return argv;
}

} // namespace xcopy::commands
