// The arrays of a lab, and the volumes below its datastores.
#include "tests/lab/world.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace lab {

using nlohmann::json;

namespace {

std::string vendor_of(const std::string& naa)
{
    return naa.starts_with("naa.600a0980") ? "NETAPP" : naa.starts_with("naa.624a9370") ? "PURE" : "LAB";
}

std::string model_of(const std::string& naa)
{
    return naa.starts_with("naa.600a0980") ? "LUN C-Mode" : naa.starts_with("naa.624a9370") ? "FlashArray" : "VOLUME";
}

} // namespace

void World::make_arrays()
{
#ifdef XCOPY_LAB_ARRAYS
    int number = 0;
    for (auto config : scenario_.arrays) {
        const auto name = config.at("name").get<std::string>();
        const auto preset = [&](const char* key, const json& value) {
            if (!config.contains(key))
                config[key] = value;
        };
        preset("address", fmt::format("{}.{}", network_, 100 + ++number));
        preset("port", 8443);
        preset("user", "admin");
        preset("password", array_password);
        preset("directory", (directory / "volumes" / name).string());
        arrays[name] = make_array(config, fabric, events, pki_);
    }
#endif
}

std::vector<std::string> World::initiators_on(const DatastoreConfig& store, const HostConfig& host) const
{
    std::vector<std::string> names;
    if (store.hosts.empty() || std::find(store.hosts.begin(), store.hosts.end(), host.name) != store.hosts.end())
        for (const auto& adapter : host.adapters)
            if (adapter.san())
                names.push_back(adapter.initiator());
    return names;
}

// A simulated array knows the volume it holds; without one it is put onto the fabric by hand.
void World::make_datastore_volume(DatastoreConfig& store)
{
    if (made_by_array(store))
        return;
    if (store.naa.empty())
        store.naa = fmt::format("naa.60000000000000000000000000{:06x}", fabric.volumes().size());
    fabric.add_volume({store.array, store.naa, store.capacity, directory / "volumes" / store.array / store.naa,
                       vendor_of(store.naa), model_of(store.naa)});
    for (const auto& host : scenario_.hosts)
        for (const auto& initiator : initiators_on(store, host))
            fabric.present({store.naa, initiator, store.lun});
}

#ifdef XCOPY_LAB_ARRAYS
namespace {

void must(const json& answer, const std::string& what)
{
    if (answer.contains("error"))
        throw std::runtime_error(what + ": " + answer.at("error").dump());
}

} // namespace

bool World::made_by_array(DatastoreConfig& store)
{
    const auto array = arrays.find(store.array);
    if (array == arrays.end())
        return false;
    json order = {{"verb", "volume.create"}, {"kind", "datastore"}, {"name", store.name}, {"size", store.capacity}};
    if (!store.naa.empty())
        order["naa"] = store.naa;
    const auto volume = array->second->handle_control(order);
    must(volume, "datastore " + store.name);
    store.naa = volume.at("naa");
    for (const auto& host : scenario_.hosts) {
        const auto initiators = initiators_on(store, host);
        if (!initiators.empty())
            must(array->second->handle_control({{"verb", "map"},
                                                {"volume", store.naa},
                                                {"host", "lab-" + host.name},
                                                {"number", store.lun},
                                                {"os_type", "vmware"},
                                                {"initiators", initiators}}),
                 "datastore " + store.name + " to " + host.name);
    }
    return true;
}
#else
bool World::made_by_array(DatastoreConfig&)
{
    return false;
}
#endif

} // namespace lab
