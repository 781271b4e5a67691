#include "tests/lab/scenario.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace lab {

namespace {

using nlohmann::json;

void refuse_unknown(const json& j, std::initializer_list<const char*> known, const char* where)
{
    if (!j.is_object())
        throw std::invalid_argument(fmt::format("{} must be an object", where));
    for (const auto& [key, value] : j.items())
        if (std::none_of(known.begin(), known.end(), [&](const char* k) { return key == k; }))
            throw std::invalid_argument(fmt::format("{}: unknown word {}", where, key));
}

AdapterConfig adapter_from(const json& j)
{
    refuse_unknown(j, {"name", "driver", "uid", "link_state", "transport", "description"}, "adapter");
    AdapterConfig a;
    a.name = j.at("name").get<std::string>();
    a.uid = j.at("uid").get<std::string>();
    const bool fc = a.uid.starts_with("fc.");
    const bool iscsi = a.uid.starts_with("iqn.") || a.uid.starts_with("eui.");
    a.transport = j.value("transport", fc ? "fc" : iscsi ? "iscsi" : "sata");
    const bool scini = a.transport == "scini";
    a.driver = j.value("driver", fc ? "qlnativefc" : iscsi ? "iscsi_vmk" : scini ? "scini" : "vmw_ahci");
    a.link_state = j.value("link_state", fc ? "link-up" : iscsi ? "online" : "link-n/a");
    a.description = j.value("description", fc      ? "(0000:05:00.0) QLogic Corp 2600 Series 16Gb Fibre Channel HBA"
                                           : iscsi ? "iSCSI Software Adapter"
                                                   : "(0000:00:1f.2) Intel Corporation Patsburg 6 Port SATA AHCI");
    return a;
}

std::vector<AdapterConfig> default_adapters(const std::string& host, std::size_t number)
{
    return {
        adapter_from({{"name", "vmhba0"}, {"uid", "sata.vmhba0"}}),
        adapter_from({{"name", "vmhba2"}, {"uid", fmt::format("fc.20000024ff{0:06x}:21000024ff{0:06x}", number)}}),
        adapter_from({{"name", "vmhba64"}, {"uid", fmt::format("iqn.1998-01.com.vmware:{}-0{:07x}", host, number)}})};
}

HostConfig host_from(const json& j, std::size_t number, const std::string& network)
{
    refuse_unknown(j,
                   {"name", "uuid", "version", "build", "adapters", "vms", "vaai", "max_lun", "tool_latency_ms",
                    "agent", "agent_config", "managed", "ssh", "ssh_port"},
                   "host");
    HostConfig h;
    h.name = j.value("name", fmt::format("esx{}", number));
    h.uuid = j.value("uuid", fmt::format("5f3a1b2c-{:04x}-4d5e-8f90-0025b5000{:03x}", number, number));
    h.address = fmt::format("{}.{}", network, 10 + number);
    h.version = j.value("version", h.version);
    h.build = j.value("build", h.version.starts_with("6.7")   ? "Releasebuild-14320388"
                               : h.version.starts_with("7.0") ? "Releasebuild-21930508"
                                                              : h.build);
    if (j.contains("adapters"))
        for (const auto& a : j.at("adapters"))
            h.adapters.push_back(adapter_from(a));
    else
        h.adapters = default_adapters(h.name, number);
    for (const auto& v : j.value("vms", json::array()))
        h.vms.push_back({v.value("id", 1), v.value("name", "vm"), v.value("datastore", "datastore1"),
                         v.value("vmx", "vm/vm.vmx"), v.value("powered_on", false)});
    h.vaai = {
        {"plugin", ""}, {"ats", "supported"}, {"clone", "supported"}, {"zero", "supported"}, {"delete", "supported"}};
    const auto vaai = j.value("vaai", json::object());
    for (const auto& [key, value] : vaai.items())
        h.vaai[key] = value.get<std::string>();
    h.max_lun = j.value("max_lun", h.max_lun);
    h.tool_latency_ms = j.value("tool_latency_ms", 0);
    h.agent = j.value("agent", true);
    h.agent_config = j.value("agent_config", json::object());
    h.managed = j.value("managed", false);
    h.ssh = j.value("ssh", h.managed);
    h.ssh_port = j.value("ssh_port", h.ssh_port);
    h.agent = h.agent && !h.managed;
    return h;
}

DatastoreConfig datastore_from(const json& j, std::size_t number)
{
    refuse_unknown(j, {"name", "uuid", "type", "naa", "array", "lun", "capacity", "free", "hosts"}, "datastore");
    DatastoreConfig d;
    d.name = j.at("name").get<std::string>();
    d.type = j.value("type", d.type);
    d.uuid = j.value("uuid", d.block() ? fmt::format("6543a1f{0:x}-1b2c3d4e-5f60-0025b50000{0:02x}", number)
                                       : fmt::format("9a8b7c6d-5e4f3a{:02x}", number));
    if (d.block()) {
        d.array = j.value("array", "ontap-a");
        d.naa = j.value("naa", "");
        d.lun = j.value("lun", 200 + static_cast<int>(number));
    }
    d.capacity = j.value("capacity", d.capacity);
    d.free = j.value("free", d.free);
    d.hosts = j.value("hosts", d.hosts);
    return d;
}

json default_scenario()
{
    return {{"hosts", {json::object({{"name", "esx1"}}), json::object({{"name", "esx2"}})}},
            {"datastores",
             {{{"name", "datastore1"}, {"array", "ontap-a"}},
              {{"name", "nfs1"}, {"type", "NFS"}},
              {{"name", "other-array-ds"}, {"array", "pure-b"}, {"naa", "naa.624a9370000000000000000000011b01"}}}},
            {"arrays", {{{"name", "ontap-a"}, {"kind", "ontap"}}}}};
}

template <class T, class Name> void refuse_twins(const std::vector<T>& list, Name name, const char* what)
{
    for (auto i = list.begin(); i != list.end(); ++i)
        if (std::any_of(list.begin(), i, [&](const T& other) { return name(other) == name(*i); }))
            throw std::invalid_argument(fmt::format("two {} are called {}", what, name(*i)));
}

} // namespace

std::string AdapterConfig::initiator() const
{
    if (transport == "iscsi" || transport == "scini")
        return uid;
    if (transport == "fc")
        return uid.substr(uid.find(':') + 1);
    return "";
}

Scenario scenario_from_json(const json& given, const std::string& network)
{
    refuse_unknown(given, {"hosts", "datastores", "arrays", "copy_speed"}, "scenario");
    json j = default_scenario();
    for (const auto& [key, value] : given.items())
        j[key] = value;

    Scenario s;
    for (const auto& h : j.at("hosts"))
        s.hosts.push_back(host_from(h, s.hosts.size() + 1, network));
    for (const auto& d : j.at("datastores"))
        s.datastores.push_back(datastore_from(d, s.datastores.size() + 1));
    for (const auto& a : j.at("arrays"))
        s.arrays.push_back(a);
    s.copy_speed = j.value("copy_speed", std::uint64_t{0});
    refuse_twins(
        s.hosts, [](const auto& h) { return h.name; }, "hosts");
    refuse_twins(
        s.hosts, [](const auto& h) { return h.uuid; }, "hosts' uuids");
    refuse_twins(
        s.datastores, [](const auto& d) { return d.name; }, "datastores");
    refuse_twins(
        s.datastores, [](const auto& d) { return d.uuid; }, "datastores' uuids");
    return s;
}

} // namespace lab
