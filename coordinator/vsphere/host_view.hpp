// ESXi hosts and datastores as vCenter describes them. Pure readers of properties.
#pragma once

#include "coordinator/vsphere/properties.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace xcopy::vsphere {

struct HostInfo {
    Ref ref;
    std::string name;       // usually what it was added as: unique in a vCenter
    std::string connection; // connected, notResponding, disconnected
    bool in_maintenance = false;
    std::string hardware_uuid;
    std::vector<std::string> addresses; // of its management network, in vCenter's order; none while disconnected

    bool is_usable() const { return connection == "connected"; }
};

const std::vector<std::string>& host_paths();
HostInfo read_host(const Object& object);
std::vector<std::string> management_addresses(const pugi::xml_node& net_config);

struct HostAdapter {
    std::string key;
    std::string name; // vmhba64
    std::string type; // HostFibreChannelHba …
    std::string status;
    std::string driver;
    bool is_nvme = false;
    std::string uid; // as the host's own tools spell it: iqn.…, fc.WWNN:WWPN; empty where it has none

    bool is_powerflex() const { return driver == "scini"; }
};

struct HostDevice {
    std::string key;
    std::string uuid;
    std::string name; // naa.…
    std::uint64_t size = 0;
    struct Path {
        std::string adapter; // a key
        std::string state;
    };
    std::vector<Path> paths;
};

// Each takes a list of elements, whatever they are called: an ArrayOf… asked for alone, or a field inside its parent.
std::vector<HostAdapter> read_adapters(const std::vector<pugi::xml_node>& list);
std::vector<HostDevice> read_devices(const std::vector<pugi::xml_node>& luns,
                                     const std::vector<pugi::xml_node>& multipath);

// Names of the adapters with an active path to any of the devices, in the order of the adapters.
std::vector<std::string> active_adapters(const std::vector<HostAdapter>& adapters,
                                         const std::vector<HostDevice>& devices, const std::vector<std::string>& names);

// A world-wide name is a signed number there: -2305843631894451702 is dfffff6f0555aa0a.
std::string wwn(std::int64_t value);

struct DatastoreView {
    Ref ref;
    std::string name;                 // as people write it: vCenter's %2f is a slash
    std::string type;                 // VMFS, NFS, NFS41, vsan, VVOL …
    std::string uuid;                 // as hosts name its folder below /vmfs/volumes
    std::vector<std::string> devices; // of all extents
    std::string unreadable{};         // why its devices are not known, where the account may not see them
};

const std::vector<std::string>& datastore_paths();
DatastoreView read_datastore(const Object& object);

struct Mount {
    Ref host;
    bool is_accessible = false;
};
std::vector<Mount> read_mounts(const pugi::xml_node& list);

// %2f, %5c and %25 of vCenter's names; anything else stays.
std::string unescaped_name(std::string_view name);

// "IoctlIniGuidStr=… IoctlMdmIPStr=…": the GUID of the PowerFlex client.
std::optional<std::string> guid_in_options(std::string_view options);

} // namespace xcopy::vsphere
