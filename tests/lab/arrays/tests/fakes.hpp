// A fabric and events in memory, for the tests of simulated arrays.
#pragma once

#include "tests/lab/events.hpp"
#include "tests/lab/fabric.hpp"

#include <algorithm>
#include <fstream>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace lab {

class MemoryFabric : public Fabric {
public:
    void add_volume(Volume volume) override
    {
        std::lock_guard lock(mutex_);
        if (!std::filesystem::exists(volume.file))
            std::ofstream(volume.file).close();
        std::filesystem::resize_file(volume.file, volume.size_bytes);
        volumes_.push_back(std::move(volume));
    }
    void remove_volume(const std::string& naa) override
    {
        std::lock_guard lock(mutex_);
        std::erase_if(volumes_, [&](const Volume& volume) { return volume.naa == naa; });
    }
    std::optional<Volume> volume(const std::string& naa) const override
    {
        std::lock_guard lock(mutex_);
        auto found = std::ranges::find(volumes_, naa, &Volume::naa);
        return found == volumes_.end() ? std::nullopt : std::optional(*found);
    }
    std::vector<Volume> volumes() const override
    {
        std::lock_guard lock(mutex_);
        return volumes_;
    }
    void present(const Presentation& shown) override
    {
        withdraw(shown.naa, shown.initiator);
        std::lock_guard lock(mutex_);
        shown_.push_back(shown);
    }
    void withdraw(const std::string& naa, const std::string& initiator) override
    {
        std::lock_guard lock(mutex_);
        std::erase_if(shown_, [&](const Presentation& p) { return p.naa == naa && p.initiator == initiator; });
    }
    std::vector<Presentation> presentations() const override
    {
        std::lock_guard lock(mutex_);
        return shown_;
    }

    std::set<std::tuple<std::string, std::string, int>> paths() const // (naa, initiator, LUN number)
    {
        std::set<std::tuple<std::string, std::string, int>> paths;
        for (const auto& shown : presentations())
            paths.emplace(shown.naa, shown.initiator, shown.lun);
        return paths;
    }

private:
    mutable std::mutex mutex_;
    std::vector<Volume> volumes_;
    std::vector<Presentation> shown_;
};

class ScriptedEvents : public Events {
public:
    std::optional<Fault> before(const Event& event) override { return raised("before", event); }
    std::optional<Fault> after(const Event& event) override { return raised("after", event); }

    // The next event of that moment and text meets the fault, once.
    void fault(const std::string& moment_and_what, Fault fault)
    {
        std::lock_guard lock(mutex_);
        faults_.emplace_back(moment_and_what, std::move(fault));
    }
    std::vector<std::string> seen() const
    {
        std::lock_guard lock(mutex_);
        return seen_;
    }

private:
    std::optional<Fault> raised(const std::string& moment, const Event& event)
    {
        std::lock_guard lock(mutex_);
        seen_.push_back(moment + " " + event.where + " " + event.what);
        const auto found = std::ranges::find_if(
            faults_, [&](const auto& planned) { return planned.first == moment + " " + event.what; });
        if (found == faults_.end())
            return std::nullopt;
        auto fault = found->second;
        faults_.erase(found);
        return fault;
    }

    mutable std::mutex mutex_;
    std::vector<std::pair<std::string, Fault>> faults_;
    std::vector<std::string> seen_;
};

} // namespace lab
