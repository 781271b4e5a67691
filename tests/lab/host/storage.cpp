#include "tests/lab/host/storage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

namespace lab {

HostStorage::HostStorage(const HostConfig& config, const Fabric& fabric, std::filesystem::path devices)
    : adapters_(config.adapters), vaai_(config.vaai), fabric_(fabric), directory_(std::move(devices)),
      local_name_("t10.ATA_____LABDISK____" + config.name), max_lun_at_boot_(config.max_lun)
{
    std::filesystem::create_directories(directory_);
}

void HostStorage::boot()
{
    devices_.clear();
    open_.clear();
    for (const auto& entry : std::filesystem::directory_iterator(directory_))
        std::filesystem::remove(entry.path());

    Device local;
    local.name = local_name_;
    local.vendor = "ATA";
    local.model = "LABDISK";
    local.size = std::uint64_t{8} << 30;
    local.local = local.boot = true;
    local.vaai = {{"plugin", ""},
                  {"ats", "unsupported"},
                  {"clone", "unsupported"},
                  {"zero", "supported"},
                  {"delete", "unsupported"}};
    local.paths = {{"vmhba0", 0}};
    const auto file = directory_ / local.name;
    std::ofstream(file, std::ios::binary).flush();
    std::filesystem::resize_file(file, local.size);
    devices_.emplace(local.name, local);

    for (const auto& adapter : adapters_)
        add(adapter, max_lun_at_boot_);
}

void HostStorage::rescan(const std::string& name, RescanKind kind, int max_lun)
{
    max_lun_at_boot_ = max_lun; // the option is persistent
    const auto* a = adapter(name);
    if (a == nullptr)
        return;
    if (kind == RescanKind::remove || kind == RescanKind::all)
        drop_dead(*a);
    if (kind == RescanKind::add || kind == RescanKind::all)
        add(*a, max_lun);
    if (kind == RescanKind::update || kind == RescanKind::all)
        refresh();
}

Device* HostStorage::find(const std::string& name)
{
    const auto found = devices_.find(name);
    return found == devices_.end() ? nullptr : &found->second;
}

const AdapterConfig* HostStorage::adapter(const std::string& name) const
{
    const auto found = std::find_if(adapters_.begin(), adapters_.end(), [&](const auto& a) { return a.name == name; });
    return found == adapters_.end() ? nullptr : &*found;
}

bool HostStorage::path_alive(const Device& device, const Path& path) const
{
    const auto* a = adapter(path.adapter);
    if (dead_paths_.contains({device.name, path.adapter}))
        return false;
    if (device.local)
        return true;
    if (a == nullptr || a->link_state == "link-down" || a->link_state == "offline")
        return false;
    const auto shown = fabric_.presentations();
    return std::any_of(shown.begin(), shown.end(), [&](const Presentation& p) {
        return p.naa == device.name && p.initiator == a->initiator() && p.lun == path.lun;
    });
}

std::string HostStorage::status(const Device& device) const
{
    if (const auto forced = forced_status_.find(device.name); forced != forced_status_.end())
        return forced->second;
    if (device.off)
        return "off";
    const bool alive = std::any_of(device.paths.begin(), device.paths.end(),
                                   [&](const Path& path) { return path_alive(device, path); });
    return alive ? "on" : "dead";
}

bool HostStorage::usable(const std::string& name)
{
    const auto* device = find(name);
    return device != nullptr && status(*device) == "on";
}

std::optional<std::string> HostStorage::switch_off(const std::string& name)
{
    auto* device = find(name);
    if (device == nullptr)
        return fmt::format("Unable to find device with name {}", name);
    if (device->off)
        return fmt::format("Unable to set device {} state: invalid state, the device is already off", name);
    if (in_use(name))
        return fmt::format("Unable to set device {} state: device is busy", name);
    device->off = true;
    detached_.insert(name);
    return std::nullopt;
}

std::optional<std::string> HostStorage::switch_on(const std::string& name)
{
    auto* device = find(name);
    if (device == nullptr)
        return fmt::format("Unable to find device with name {}", name);
    device->off = false;
    detached_.erase(name);
    return std::nullopt;
}

void HostStorage::opened(const void* who, const std::string& name, std::function<bool()> alive)
{
    open_[who] = {name, std::move(alive)};
}

bool HostStorage::in_use(const std::string& name) const
{
    return backing_.contains(name) || name == local_name_ ||
           std::any_of(open_.begin(), open_.end(),
                       [&](const auto& entry) { return entry.second.device == name && entry.second.alive(); });
}

void HostStorage::set_link(const std::string& name, const std::string& state)
{
    for (auto& a : adapters_)
        if (a.name == name)
            a.link_state = state;
}

void HostStorage::set_path_dead(const std::string& name, const std::string& adapter_name, bool dead)
{
    if (dead)
        dead_paths_.emplace(name, adapter_name);
    else
        dead_paths_.erase({name, adapter_name});
}

void HostStorage::force_status(const std::string& name, const std::string& text)
{
    if (text.empty())
        forced_status_.erase(name);
    else
        forced_status_[name] = text;
}

void HostStorage::set_vaai(const std::string& name, const std::map<std::string, std::string>& values)
{
    auto& kept = name.empty() ? vaai_ : vaai_of_[name];
    for (const auto& [key, value] : values)
        kept[key] = value;
    if (auto* device = find(name))
        for (const auto& [key, value] : values)
            device->vaai[key] = value;
}

// A LUN whose number is not below Disk.MaxLUN stays invisible and nobody is told (facts/esxi.md 6.7).
void HostStorage::add(const AdapterConfig& adapter, int max_lun)
{
    const bool up = adapter.link_state != "link-down" && adapter.link_state != "offline";
    if (!adapter.san() || !up)
        return;
    for (const auto& shown : fabric_.presentations()) {
        if (shown.initiator != adapter.initiator() || shown.lun >= max_lun)
            continue;
        const auto volume = fabric_.volume(shown.naa);
        if (!volume)
            continue;
        auto& device = appear(*volume);
        const auto same = [&](const Path& p) { return p.adapter == adapter.name && p.lun == shown.lun; };
        if (std::none_of(device.paths.begin(), device.paths.end(), same))
            device.paths.push_back({adapter.name, shown.lun});
    }
}

// The state "off" is remembered by name: it comes back with the device until the name is forgotten (6.4).
Device& HostStorage::appear(const Volume& volume)
{
    auto [entry, fresh] = devices_.try_emplace(volume.naa);
    auto& device = entry->second;
    if (fresh) {
        device.name = volume.naa;
        device.array = volume.array;
        device.vendor = volume.vendor;
        device.model = volume.model;
        device.size = volume.size_bytes;
        device.vaai = vaai_;
        for (const auto& [key, value] : vaai_of_[volume.naa])
            device.vaai[key] = value;
        std::filesystem::create_hard_link(volume.file, directory_ / volume.naa);
    }
    device.off = detached_.contains(volume.naa);
    return device;
}

void HostStorage::drop_dead(const AdapterConfig& adapter)
{
    for (auto entry = devices_.begin(); entry != devices_.end();) {
        auto& device = entry->second;
        if (device.local || in_use(device.name)) {
            ++entry;
            continue;
        }
        std::erase_if(device.paths, [&](const Path& p) { return p.adapter == adapter.name && !path_alive(device, p); });
        if (!device.paths.empty()) {
            ++entry;
            continue;
        }
        std::filesystem::remove(directory_ / device.name);
        entry = devices_.erase(entry);
    }
}

void HostStorage::refresh()
{
    for (auto& [name, device] : devices_)
        if (const auto volume = fabric_.volume(name))
            device.size = volume->size_bytes;
}

} // namespace lab
