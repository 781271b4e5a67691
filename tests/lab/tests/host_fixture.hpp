// A host's state without a host: what the tools would see and change.
#pragma once

#include "tests/lab/esxcli/command.hpp"
#include "tests/lab/esxcli/other_tools.hpp"
#include "tests/lab/event_log.hpp"
#include "tests/lab/memory_fabric.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>

namespace lab {

class HostFixture : public testing::Test {
protected:
    static constexpr const char* lun = "naa.600a0980383034000000000000000077";
    static constexpr const char* iqn = "iqn.1998-01.com.vmware:esx1-00000001";
    static constexpr const char* wwpn = "21000024ff000001";

    HostFixture()
    {
        std::string name = (std::filesystem::temp_directory_path() / "lab-host-XXXXXX").string();
        directory = ::mkdtemp(name.data());
        const auto scenario = scenario_from_json(nlohmann::json::object(), "127.1.1");
        datastores = {scenario.datastores[0], scenario.datastores[1]};
        datastores[0].name = "data store 1";
        datastores[0].naa = "naa.600a0980383034000000000000000001";
        fabric.add_volume({"ontap-a", datastores[0].naa, 1 << 20, directory / "v" / "ds", "NETAPP", "LUN C-Mode"});
        fabric.present({datastores[0].naa, iqn, 201});
        fabric.add_volume({"ontap-a", lun, 10 << 20, directory / "v" / "lun", "NETAPP", "LUN C-Mode"});
        host = std::make_unique<HostState>(scenario.hosts[0], datastores, fabric, events, directory / "devices");
    }
    ~HostFixture() override { std::filesystem::remove_all(directory); }

    ToolResult run(std::vector<std::string> words) { return run_esxcli(*host, words); }
    ToolResult rescan(const std::string& adapter, const std::string& type)
    {
        return run({"esxcli", "storage", "core", "adapter", "rescan", "-A", adapter, "-t", type});
    }
    bool sees(const std::string& device)
    {
        return run({"esxcli", "storage", "core", "device", "list", "-d", device}).exit == 0;
    }
    std::string status(const std::string& device)
    {
        const auto* found = host->storage.find(device);
        return found == nullptr ? "absent" : host->storage.status(*found);
    }

    std::filesystem::path directory;
    MemoryFabric fabric;
    EventLog events;
    std::vector<DatastoreConfig> datastores;
    std::unique_ptr<HostState> host;
};

} // namespace lab
