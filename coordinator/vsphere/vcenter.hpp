// The questions this program asks a vCenter. Each is one or a few requests of a Session.
#pragma once

#include "coordinator/vsphere/disks.hpp"
#include "coordinator/vsphere/host_view.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace xcopy::vsphere {

struct VmView {
    Ref ref;
    std::string name;
    std::optional<Ref> host;
    std::string power; // poweredOn, poweredOff, suspended
    std::string connection;
    std::vector<VmDisk> disks;
    Objects kept; // of the answer
    pugi::xml_node layout;
};

// How a VM may be named.
enum class VmNaming : std::uint8_t { id, path, name };
VmNaming naming_of(std::string_view text); // "vm-62" (or VirtualMachine:vm-62), "DC/vm/folder/web", "web"

// By id, inventory path or name. A name that several VMs have is a conflict; it names their ids.
Result<Ref> find_vm(Session& session, const Call& call, std::string_view text);
Result<VmView> look_at_vm(Session& session, const Call& call, const Ref& vm);

Result<std::vector<HostInfo>> look_at_hosts(Session& session, const Call& call, const std::vector<Ref>& hosts);
// Of one datacenter by its path or name, of all where `datacenter` is empty.
Result<std::vector<HostInfo>> hosts_of(Session& session, const Call& call, std::string_view datacenter);
// By id (host-21, HostSystem:host-21), name or management address.
const HostInfo* find_host(const std::vector<HostInfo>& hosts, std::string_view text);

Result<std::vector<DatastoreView>> all_datastores(Session& session, const Call& call);
Result<std::vector<Mount>> mounts_of(Session& session, const Call& call, const Ref& datastore);

struct HostStorage {
    std::vector<HostAdapter> adapters;
    std::vector<HostDevice> devices;
};
Result<HostStorage> storage_of(Session& session, const Call& call, const Ref& host);
// The PowerFlex client's GUID; nothing: the host runs none.
Result<std::optional<std::string>> sdc_guid(Session& session, const Call& call, const Ref& host);

struct Datacenter {
    Ref ref;
    std::string path; // "Europe/DC 0", as /folder wants it
};
// The one that holds the object.
Result<Datacenter> datacenter_of(Session& session, const Call& call, const Ref& object);

} // namespace xcopy::vsphere
