// What a lab consists of, as its scenario file says it. Every value has a default; an empty file is the default lab.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace lab {

struct AdapterConfig {
    std::string name;       // vmhba64
    std::string driver;     // iscsi_vmk
    std::string uid;        // as esxcli shows it: iqn.…, fc.WWNN:WWPN, sata.vmhba0
    std::string link_state; // online, link-up, link-down, link-n/a …
    std::string
        transport; // iscsi, fc, sata, scini (PowerFlex: uid is the SDC's GUID, which esxcli does not show there)
    std::string description;

    bool san() const { return transport == "iscsi" || transport == "fc" || transport == "scini"; }
    std::string shown_uid() const { return transport == "scini" ? "pscsi." + name : uid; } // by adapter list
    std::string initiator() const; // as the fabric spells it; empty for a local adapter
};

struct VmConfig {
    int id = 1;
    std::string name;
    std::string datastore;
    std::string vmx; // "web/web.vmx", below the datastore
    bool powered_on = false;
};

struct HostConfig {
    std::string name;
    std::string uuid;
    std::string address;
    std::string version = "8.0.2";
    std::string build = "Releasebuild-22380479";
    std::vector<AdapterConfig> adapters;
    std::vector<VmConfig> vms;
    std::map<std::string, std::string> vaai; // defaults of every SAN device: plugin, ats, clone, zero, delete
    int max_lun = 1024;
    int tool_latency_ms = 0;
    bool agent = true;           // started with the host, when the lab has an agent program
    nlohmann::json agent_config; // laid over the default config.json
    bool managed = false;        // an SSH server, software, firewall, services; no agent until somebody installs one
    bool ssh = false;            // an SSH server; a managed host has one anyway
    int ssh_port = 2222;
};

struct DatastoreConfig {
    std::string name;
    std::string uuid;
    std::string type = "VMFS-6"; // VMFS-5, VMFS-6, NFS, NFS41, vsan
    std::string naa;             // backing volume; empty for NFS and vSAN, and where the array or the lab chooses it
    std::string array;           // whose volume that is
    int lun = 0;
    std::uint64_t capacity = std::uint64_t{1} << 40;
    std::uint64_t free = std::uint64_t{1} << 39;
    std::vector<std::string> hosts; // empty: all

    bool block() const { return type.starts_with("VMFS"); }
};

struct Scenario {
    std::vector<HostConfig> hosts;
    std::vector<DatastoreConfig> datastores;
    std::vector<nlohmann::json> arrays; // each with "name" and "kind", for make_array
    std::uint64_t copy_speed = 0;       // bytes per second; 0: as fast as it goes
};

// `network` is the first three bytes of the lab's addresses, "127.7.9". Throws std::invalid_argument with a sentence.
Scenario scenario_from_json(const nlohmann::json&, const std::string& network);

} // namespace lab
