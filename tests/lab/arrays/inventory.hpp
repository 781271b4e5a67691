// What most arrays hold: volumes, hosts with their initiators, groups of hosts, and mappings of a volume to one of these.
// Only a container: which changes are allowed is each model's affair. The fabric follows at publish().
#pragma once

#include "tests/lab/fabric.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace lab {

struct StoredVolume {
    std::string id;
    std::string name;
    std::string naa;
    std::uint64_t size = 0;
    nlohmann::json more = nlohmann::json::object(); // what else the vendor keeps of it
    std::filesystem::path file;                     // its bytes
};

struct StoredHost {
    std::string id;
    std::string name;
    std::vector<std::string> initiators; // as the fabric spells them: "iqn.…", 16 lower-case hex digits, an SDC's GUID
    std::string group;                   // id; empty: in none
    nlohmann::json more = nlohmann::json::object();
};

struct StoredGroup {
    std::string id;
    std::string name;
    nlohmann::json more = nlohmann::json::object();
};

struct StoredMap {
    std::string id;
    std::string volume; // id
    std::string host;   // id; empty: the group's
    std::string group;  // id; empty: the host's
    int number = 0;
    nlohmann::json more = nlohmann::json::object();
};

class Inventory {
public:
    // `vendor` and `model` as SCSI INQUIRY shows them.
    Inventory(std::string array, std::filesystem::path directory, Fabric&, std::string vendor, std::string model);

    std::vector<StoredVolume> volumes;
    std::vector<StoredHost> hosts;
    std::vector<StoredGroup> groups;
    std::vector<StoredMap> maps;

    StoredVolume& add_volume(StoredVolume volume); // makes its file and shows it to the fabric; `file` is chosen here
    void remove_volume(const std::string& id);     // with its maps
    void resize_volume(const std::string& id, std::uint64_t size);

    StoredVolume* volume(const std::string& id); // null: there is none
    StoredVolume* volume_named(const std::string& name);
    StoredVolume* volume_with_naa(const std::string& naa);
    StoredHost* host(const std::string& id);
    StoredHost* host_named(const std::string& name);
    StoredHost* owner_of(const std::string& initiator); // ignoring case
    StoredGroup* group(const std::string& id);
    StoredGroup* group_named(const std::string& name);

    std::vector<const StoredHost*> hosts_of(const StoredMap&) const; // the one, or the group's members
    std::set<int> numbers_seen_by(const StoredHost&) const;          // through itself and its group
    std::set<int> numbers_used_by(const std::string& host, const std::string& group) const; // by id; one may be empty

    // The fabric shows what the maps say: every initiator of every host of a map sees its volume.
    void publish();

    // For the control verb "mappings": {"naa", "host", "initiators", "number"} of every map; a group's by its own name.
    nlohmann::json mappings() const;
    nlohmann::json host_list() const; // for "hosts": {"name", "initiators"}

private:
    const std::string array_;
    const std::filesystem::path directory_;
    Fabric& fabric_;
    const std::string vendor_;
    const std::string model_;
    std::map<std::pair<std::string, std::string>, int> shown_; // (naa, initiator) to number
};

} // namespace lab
