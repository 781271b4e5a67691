// A vCenter for a test: starts our vcsim program with an inventory, talks to its remote control, leaves nothing behind.
#pragma once

#include "tests/vendors/fakes/tls_server.hpp"

#include <nlohmann/json.hpp>

#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

namespace xcopy::test {

class Vcsim {
public:
    // The inventory's form is `Inventory` in vcsim/inventory.go. Throws std::runtime_error when it does not start.
    explicit Vcsim(const nlohmann::json& inventory);
    ~Vcsim();
    Vcsim(const Vcsim&) = delete;
    Vcsim& operator=(const Vcsim&) = delete;

    std::string url() const { return ready_.at("url"); }
    std::string host_and_port() const { return url().substr(std::string("https://").size()); }
    std::string id(const std::string& what) const { return ready_.at("objects").at(what); } // "vm web", "host esx1"
    std::string ca_file() const { return ca_.file(); }
    std::string certificate_file() const { return identity_.cert_file; }
    std::string user() const { return "migrator@vsphere.local"; }
    std::string password() const { return "p&<\"'ss wörd"; } // whatever is not escaped breaks on it

    nlohmann::json order(const nlohmann::json& order);
    std::vector<std::string> requests(); // since the last question: SOAP methods, "PUT /folder/…"
    int sessions() { return static_cast<int>(order({{"do", "sessions"}}).at("sessions").size()); }
    void trouble(const nlohmann::json& what); // see Order in vcsim/main.go

    std::filesystem::path uploads() const { return folder_ / "uploads"; }
    void stop(); // as if the machine were switched off

private:
    TestCa ca_{"VMCA"};
    KeyPair identity_;
    std::filesystem::path folder_;
    nlohmann::json ready_;
    int pid_ = -1;
    std::FILE* to_ = nullptr;
    std::FILE* from_ = nullptr;
};

// A site in which everything odd occurs: FC, iSCSI and NVMe adapters, multipath, several extents, RDMs of both kinds, vVol, vSAN,
// NFS, snapshots, nested folders, odd and double names, a disconnected host.
nlohmann::json odd_site();

} // namespace xcopy::test
