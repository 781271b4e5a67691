// What a system holds, and its commands.
#pragma once

#include "tests/lab/arrays/byte_copy.hpp"
#include "tests/lab/arrays/flashsystem/cli.hpp"
#include "tests/lab/arrays/inventory.hpp"
#include "tests/lab/arrays/simulated_array.hpp"
#include "tests/lab/arrays/switches.hpp"

#include <list>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace lab::flashsystem {

struct FlashCopy {
    std::string id;
    std::string name;
    std::string source; // ids of volumes
    std::string target;
    std::string status = "idle_or_copied";
    int copy_rate = 50;
    bool autodelete = false;
    int progress = 0;
    LabClock::Time since{}; // of the status
    std::optional<ByteCopy> bytes{};
};

struct Pool {
    std::string id;
    std::string name;
};

class System {
public:
    System(const ModelConfig&, const Switches&);

    // Null: no output. Throws Refused.
    nlohmann::json run(const Command&);

    // Beside the command line.
    nlohmann::json create_volume(const nlohmann::json& order);
    void remove_volume(const std::string& naa);
    void create_host(const nlohmann::json& order);
    int map(const nlohmann::json& order);
    void unmap(const nlohmann::json& order);
    void note_io(const std::string& naa);
    nlohmann::json dump();
    Inventory& inventory() { return inventory_; }
    const std::string& id() const { return id_; }
    std::string alias() const;

private:
    using json = nlohmann::json;

    json lssystem(const Command&);
    json lsmdiskgrp(const Command&);
    json chsystem(const Command&);
    json chmdiskgrp(const Command&);
    json lsvdisk(const Command&);
    json expandvdisksize(const Command&);

    json lshost(const Command&);
    json lshostports(const Command&);
    json lsfabric(const Command&);
    json mkhost(const Command&);
    json addhostport(const Command&);
    json rmhost(const Command&);

    json mkvdiskhostmap(const Command&);
    json rmvdiskhostmap(const Command&);
    json mkvolumehostclustermap(const Command&);
    json rmvolumehostclustermap(const Command&);
    json lsvdiskhostmap(const Command&);
    json lshostvdiskmap(const Command&);

    json mkfcmap(const Command&);
    json prestartfcmap(const Command&);
    json startfcmap(const Command&);
    json stopfcmap(const Command&);
    json rmfcmap(const Command&);
    json lsfcmap(const Command&);
    json lsfcmapprogress(const Command&);

    StoredVolume& volume_in(const std::string& id_or_name);
    StoredHost& host_in(const std::string& id_or_name);
    StoredGroup& cluster_in(const std::string& id_or_name);
    FlashCopy& copy_in(const std::string& id_or_name);

    json volume_row(const StoredVolume&, bool bytes) const;
    json host_row(const StoredHost&) const;
    json host_details(const StoredHost&) const;
    json map_rows(const StoredMap&) const; // one for each host that sees it
    json copy_row(const FlashCopy&) const;

    std::vector<std::string> ports_in(const Command&); // of fcwwpn and iscsiname, free ones
    StoredMap& add_map(StoredVolume&, StoredHost*, StoredGroup*, std::optional<int> number);
    void check_protection(const StoredVolume&) const;
    bool pool_protects() const;
    void move_on(); // what has happened in the background since the last command

    const Switches& switches_;
    const LabClock& clock_;
    const std::string id_;
    const std::string name_;
    Inventory inventory_;
    std::vector<Pool> pools_;
    std::list<FlashCopy> copies_;
    std::map<std::string, LabClock::Time> last_io_; // by volume id
    std::uint64_t next_uid_ = 0x1074;
};

template <class List> std::string lowest_free_id(const List& list)
{
    for (int id = 0;; ++id) {
        bool taken = false;
        for (const auto& one : list)
            taken = taken || one.id == std::to_string(id);
        if (!taken)
            return std::to_string(id);
    }
}

// An object by its id or its name.
template <class List> auto* by_id_or_name(List& list, const std::string& text)
{
    for (auto& one : list)
        if (one.id == text || one.name == text)
            return &one;
    return static_cast<decltype(&*list.begin())>(nullptr);
}

void check_name(const std::string& name); // CMMVC6527E, CMMVC5738E
nlohmann::json created(const std::string& what, const std::string& id);
std::string upper(std::string text);
std::string lower(std::string text);

} // namespace lab::flashsystem
