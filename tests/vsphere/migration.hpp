// A lab's site whose agents nobody lists, and a vCenter that knows it.
#pragma once

#include "tests/end_to_end/site.hpp"
#include "tests/vsphere/vcsim.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace e2e {

// As vcsim's inventory writes them; the VM lies in nested folders.
nlohmann::json vm(const std::string& name, const std::string& power, const std::vector<nlohmann::json>& disks,
                  const std::string& host = "esx1");
nlohmann::json flat(const std::string& file, const std::vector<std::string>& parents = {},
                    std::uint64_t size = 16 * mib);

// vCenter's view of a lab: the same hosts, addresses, datastores and devices.
nlohmann::json inventory_of(const Site& site, const std::vector<nlohmann::json>& vms,
                            const std::vector<nlohmann::json>& more_datastores = {});

class Migration {
public:
    explicit Migration(const std::vector<nlohmann::json>& vms,
                       const nlohmann::json& scenario = nlohmann::json::object(),
                       const std::vector<nlohmann::json>& more_datastores = {}, const Programs& programs = {});

    std::map<std::string, std::string> environment() const;
    std::vector<std::string> flags(const Disk& disk, const Target& target, const std::string& named_vm,
                                   const std::vector<std::string>& more = {}) const;
    Ran populate(const Disk& disk, const Target& target, const std::string& named_vm,
                 const std::vector<std::string>& more = {}) const;
    std::unique_ptr<Process> begin_and_hold_half(const Disk& disk, const Target& target,
                                                 const std::string& named_vm) const;
    void let_go() const { site.lab.call({{"do", "hold.release"}, {"name", "half"}}); }

    Site site;
    xcopy::test::Vcsim vcenter;

private:
    std::string coordinator_;
};

} // namespace e2e
