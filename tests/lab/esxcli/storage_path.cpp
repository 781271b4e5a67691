// storage core path *
#include "tests/lab/esxcli/command.hpp"

#include <fmt/format.h>

namespace lab {

namespace {

Record path_record(const HostStorage& storage, const Device& device, const Path& path)
{
    const auto* adapter = storage.adapter(path.adapter);
    const std::string uid = adapter == nullptr ? "" : adapter->uid;
    const bool iscsi = adapter != nullptr && adapter->transport == "iscsi";
    const std::string target = device.local ? "sata." + path.adapter + ":0:0"
                               : iscsi      ? fmt::format("iqn.1992-08.com.{}:{},t,1", "lab", device.array)
                                            : "fc.500a098000000001:500a098100000001";
    return {{{"UID", fmt::format("{}-{}-{}", uid, target, device.name)},
             {"Runtime Name", fmt::format("{}:C0:T0:L{}", path.adapter, path.lun)},
             {"Device", device.name},
             {"Device Display Name", fmt::format("{} Disk ({})", device.vendor, device.name)},
             {"Adapter", path.adapter},
             {"Channel", std::int64_t{0}},
             {"Target", std::int64_t{0}},
             {"LUN", std::int64_t{path.lun}},
             {"Plugin", device.local ? "HPP" : "NMP"},
             {"State", storage.path_alive(device, path) ? (device.off ? "off" : "active") : "dead"},
             {"Transport", adapter == nullptr ? "unknown" : adapter->transport},
             {"Adapter Identifier", uid},
             {"Target Identifier", target},
             {"Adapter Transport Details", "Unavailable or path is unclaimed"},
             {"Target Transport Details", "Unavailable or path is unclaimed"},
             {"Maximum IO Size", std::int64_t{33553920}}}};
}

Output list_paths(HostState& host, const Arguments& arguments)
{
    const std::lock_guard lock(host.mutex);
    if (arguments.has("device") && host.storage.find(arguments.get("device")) == nullptr)
        return Output::failure(fmt::format("Unable to find device with name {}", arguments.get("device")));
    Output out{.shape = Shape::list, .type = "PathInfo", .heading = true, .heading_repeated = true, .records = {}};
    for (const auto& [name, device] : host.storage.devices())
        if (!arguments.has("device") || arguments.get("device") == name)
            for (const auto& path : device.paths)
                out.records.push_back(path_record(host.storage, device, path));
    return out;
}

} // namespace

std::vector<Command> path_commands()
{
    return {{"storage core path list", {{"d", "device"}, {"p", "path"}}, list_paths}};
}

} // namespace lab
