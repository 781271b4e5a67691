// What one host knows about storage: its devices and paths, as its last rescans left them. Looks at the fabric, knows
// no command. Not thread-safe; the host guards it.
#pragma once

#include "tests/lab/fabric.hpp"
#include "tests/lab/scenario.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace lab {

struct Path {
    std::string adapter;
    int lun = 0;
};

struct Counters {
    std::uint64_t blocks_read = 0;
    std::uint64_t blocks_written = 0;
    std::uint64_t read_ops = 0;
    std::uint64_t write_ops = 0;
    std::uint64_t clone_read_ops = 0;
    std::uint64_t clone_write_ops = 0;
    std::uint64_t clone_blocks_read = 0;
    std::uint64_t clone_blocks_written = 0;
    std::uint64_t failed_clone_ops = 0;
};

struct Device {
    std::string name; // naa.…, t10.… for the local one
    std::string array;
    std::string vendor;
    std::string model;
    std::uint64_t size = 0;
    bool local = false;
    bool boot = false;
    bool off = false;
    std::map<std::string, std::string> vaai;
    std::vector<Path> paths;
    Counters counters;
};

struct OpenFile {
    std::string device;
    std::function<bool()> alive;
};

enum class RescanKind { add, remove, path, update, all };

class HostStorage {
public:
    // `devices` is the directory the host sees as /vmfs/devices/disks.
    HostStorage(const HostConfig&, const Fabric&, std::filesystem::path devices);

    void boot(); // forget everything but the detached list, then find what is there
    void rescan(const std::string& adapter, RescanKind, int max_lun);

    const std::map<std::string, Device>& devices() const { return devices_; }
    Device* find(const std::string& name);
    bool path_alive(const Device&, const Path&) const;
    std::string status(const Device&) const; // on, off, dead, or what was forced
    bool usable(const std::string& name);    // present, on, with a live path

    // Both answer with the sentence of the refusal, or nothing.
    std::optional<std::string> switch_off(const std::string& name);
    std::optional<std::string> switch_on(const std::string& name);
    const std::set<std::string>& detached() const { return detached_; }
    bool forget_detached(const std::string& name) { return detached_.erase(name) != 0; }

    void set_backing(std::set<std::string> names) { backing_ = std::move(names); } // devices under mounted datastores
    // A process that died holds nothing open, even before whoever watches it has noticed.
    void opened(const void* who, const std::string& name, std::function<bool()> alive);
    void closed(const void* who) { open_.erase(who); }
    bool in_use(const std::string& name) const;

    void set_link(const std::string& adapter, const std::string& state);
    void set_path_dead(const std::string& name, const std::string& adapter, bool dead);
    void force_status(const std::string& name, const std::string& status);             // "" takes it back
    void set_vaai(const std::string& name, const std::map<std::string, std::string>&); // name "": default of new ones
    const std::vector<AdapterConfig>& adapters() const { return adapters_; }
    const AdapterConfig* adapter(const std::string& name) const;

private:
    void add(const AdapterConfig&, int max_lun);
    void drop_dead(const AdapterConfig&);
    void refresh();
    Device& appear(const Volume&);

    std::vector<AdapterConfig> adapters_;
    std::map<std::string, std::string> vaai_;
    std::map<std::string, std::map<std::string, std::string>> vaai_of_;
    const Fabric& fabric_;
    std::filesystem::path directory_;
    std::string local_name_;
    int max_lun_at_boot_;
    std::map<std::string, Device> devices_;
    std::set<std::string> detached_;
    std::set<std::string> backing_;
    std::map<const void*, OpenFile> open_;
    std::set<std::pair<std::string, std::string>> dead_paths_; // device, adapter
    std::map<std::string, std::string> forced_status_;
};

} // namespace lab
