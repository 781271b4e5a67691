#include "tests/lab/esxcli/other_tools.hpp"

#include <fmt/format.h>

namespace lab {

namespace {

const std::string devices_node = "/storage/scsifw/devices/";

ToolResult stats(HostState& host, const std::string& name, bool hexadecimal)
{
    const auto* device = host.storage.find(name);
    if (device == nullptr)
        return {1, "", fmt::format("VSISHCmdGetInt():Get failed: Not found\n")};
    const auto& c = device->counters;
    const std::pair<const char*, std::uint64_t> values[] = {
        {"commands", c.read_ops + c.write_ops + c.clone_read_ops + c.clone_write_ops},
        {"blocksRead", c.blocks_read},
        {"blocksWritten", c.blocks_written},
        {"readOps", c.read_ops},
        {"writeOps", c.write_ops},
        {"reserveOps", 0},
        {"reservationConflicts", 0},
        {"cloneReadOps", c.clone_read_ops},
        {"cloneWriteOps", c.clone_write_ops},
        {"cloneBlocksRead", c.clone_blocks_read},
        {"cloneBlocksWritten", c.clone_blocks_written},
        {"failedCloneOps", c.failed_clone_ops},
    };
    std::string out = "Statistics {\n";
    for (const auto& [field, value] : values)
        out += hexadecimal ? fmt::format("   {}:0x{:016x}\n", field, value) : fmt::format("   {}:{}\n", field, value);
    return {0, out + "}\n", ""};
}

ToolResult list(HostState& host, const std::string& node)
{
    std::string out;
    if (node == "/storage/scsifw/devices" || node == devices_node) {
        for (const auto& [name, device] : host.storage.devices())
            out += name + "/\n";
        return {0, out, ""};
    }
    if (node == "/sched/groups" || node == "/sched/groups/")
        return {0, "0/\n1/\n4711/\n", ""};
    return {1, "", "VSISHCmdGetInt():Get failed: Not found\n"};
}

} // namespace

ToolResult run_vsish(HostState& host, std::span<const std::string> argv)
{
    bool hexadecimal = false;
    std::size_t i = 1;
    for (; i < argv.size() && argv[i].starts_with("-"); ++i) {
        if (argv[i] == "-r")
            hexadecimal = true;
        else if (argv[i] == "-e" || argv[i] == "-re" || argv[i] == "-er")
            hexadecimal = hexadecimal || argv[i].size() == 3;
        else
            return {1, "", fmt::format("vsish: unknown option {}\n", argv[i])};
    }
    if (argv.size() != i + 2)
        return {1, "", "usage: vsish [-r] -e {ls|get|cat} NODE\n"};
    const auto& verb = argv[i];
    const auto& node = argv[i + 1];
    const std::lock_guard lock(host.mutex);
    if (verb == "ls")
        return list(host, node);
    if (verb != "get" && verb != "cat")
        return {1, "", fmt::format("vsish: unknown command {}\n", verb)};
    if (node.starts_with(devices_node) && node.ends_with("/stats"))
        return stats(host, node.substr(devices_node.size(), node.size() - devices_node.size() - 6), hexadecimal);
    if (node == "/sched/groups/4711/groupName")
        return {0, "xcopyagent\n", ""};
    if (node == "/sched/groups/4711/memAllocation")
        return {
            0,
            "sched-allocation {\n   min:0\n   max:1048576\n   shares:-3\n   minLimit:-1\n   units:units: 3 -> kb\n}\n",
            ""};
    return {1, "", "VSISHCmdGetInt():Get failed: Not found\n"};
}

} // namespace lab
