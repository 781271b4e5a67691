#include "tests/lab/memory_fabric.hpp"

#include <fstream>

namespace lab {

void MemoryFabric::add_volume(Volume volume)
{
    const std::lock_guard lock(mutex_);
    std::filesystem::create_directories(volume.file.parent_path());
    if (!std::filesystem::exists(volume.file))
        std::ofstream(volume.file, std::ios::binary).flush();
    if (std::filesystem::file_size(volume.file) < volume.size_bytes)
        std::filesystem::resize_file(volume.file, volume.size_bytes);
    auto naa = volume.naa;
    volumes_.insert_or_assign(std::move(naa), std::move(volume));
}

void MemoryFabric::remove_volume(const std::string& naa)
{
    const std::lock_guard lock(mutex_);
    volumes_.erase(naa);
    std::erase_if(presentations_, [&](const auto& entry) { return entry.first.first == naa; });
}

std::optional<Volume> MemoryFabric::volume(const std::string& naa) const
{
    const std::lock_guard lock(mutex_);
    const auto found = volumes_.find(naa);
    return found == volumes_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<Volume> MemoryFabric::volumes() const
{
    const std::lock_guard lock(mutex_);
    std::vector<Volume> all;
    for (const auto& [naa, volume] : volumes_)
        all.push_back(volume);
    return all;
}

void MemoryFabric::present(const Presentation& presentation)
{
    const std::lock_guard lock(mutex_);
    presentations_.insert_or_assign({presentation.naa, presentation.initiator}, presentation);
}

void MemoryFabric::withdraw(const std::string& naa, const std::string& initiator)
{
    const std::lock_guard lock(mutex_);
    presentations_.erase({naa, initiator});
}

std::vector<Presentation> MemoryFabric::presentations() const
{
    const std::lock_guard lock(mutex_);
    std::vector<Presentation> all;
    for (const auto& [key, presentation] : presentations_)
        all.push_back(presentation);
    return all;
}

} // namespace lab
