#include "tests/vsphere/migration.hpp"

namespace e2e {

using nlohmann::json;

json inventory_of(const Site& site, const std::vector<json>& vms, const std::vector<json>& more_datastores)
{
    json inventory{{"datacenter", "DC 0"},
                   {"folder", "Europe"},
                   {"vms", vms},
                   {"hosts", json::array()},
                   {"datastores", more_datastores}};
    for (const auto& [name, host] : site.lab.ready().at("hosts").items())
        inventory["hosts"].push_back(
            {{"name", name}, {"uuid", host.at("uuid")}, {"addresses", json::array({host.at("address")})}});
    for (const auto& [name, store] : site.lab.ready().at("datastores").items()) {
        const auto type = store.at("type").get<std::string>();
        const auto naa = store.at("naa").get<std::string>();
        inventory["datastores"].push_back({{"name", name},
                                           {"uuid", store.at("uuid")},
                                           {"type", type.starts_with("VMFS") ? "VMFS" : type},
                                           {"devices", naa.empty() ? json::array() : json::array({naa})}});
    }
    return inventory;
}

json vm(const std::string& name, const std::string& power, const std::vector<json>& disks, const std::string& host)
{
    return {{"name", name}, {"host", host}, {"power", power}, {"folder", "team a/übung"}, {"disks", disks}};
}

json flat(const std::string& file, const std::vector<std::string>& parents, std::uint64_t size)
{
    return {{"file", file}, {"kind", "flat"}, {"size", size}, {"parents", parents}, {"allocated", size / 2}};
}

Migration::Migration(const std::vector<json>& vms, const json& scenario, const std::vector<json>& more_datastores,
                     const Programs& programs)
    : site(scenario, programs), vcenter(inventory_of(site, vms, more_datastores)),
      coordinator_(programs.coordinator.string())
{}

std::map<std::string, std::string> Migration::environment() const
{
    auto all = site.environment();
    all.erase("XCOPY_AGENTS");
    all["GOVMOMI_HOSTNAME"] = vcenter.host_and_port();
    all["GOVMOMI_USERNAME"] = vcenter.user();
    all["GOVMOMI_PASSWORD"] = vcenter.password();
    all["XCOPY_VSPHERE_CA_FILE"] = vcenter.ca_file();
    all["XCOPY_LOG_LEVEL"] = "debug";
    return all;
}

std::vector<std::string> Migration::flags(const Disk& disk, const Target& target, const std::string& named_vm,
                                          const std::vector<std::string>& more) const
{
    auto all = site.flags_for(disk, target);
    all.insert(all.begin(), {coordinator_, "populate"});
    all.push_back("--source-vm-id=" + named_vm);
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

Ran Migration::populate(const Disk& disk, const Target& target, const std::string& named_vm,
                        const std::vector<std::string>& more) const
{
    return run(flags(disk, target, named_vm, more), environment(), site.work());
}

std::unique_ptr<Process> Migration::begin_and_hold_half(const Disk& disk, const Target& target,
                                                        const std::string& named_vm) const
{
    site.lab.call({{"do", "vmkfstools.set"}, {"hold_at", 50}, {"hold_name", "half"}});
    auto first = std::make_unique<Process>(flags(disk, target, named_vm), environment(), site.work());
    first->go();
    site.lab.call({{"do", "hold.wait"}, {"name", "half"}});
    return first;
}

} // namespace e2e
