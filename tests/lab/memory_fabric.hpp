// The fabric of a running lab.
#pragma once

#include "tests/lab/fabric.hpp"

#include <map>
#include <mutex>

namespace lab {

class MemoryFabric final : public Fabric {
public:
    void add_volume(Volume) override;
    void remove_volume(const std::string& naa) override;
    std::optional<Volume> volume(const std::string& naa) const override;
    std::vector<Volume> volumes() const override;

    void present(const Presentation&) override;
    void withdraw(const std::string& naa, const std::string& initiator) override;
    std::vector<Presentation> presentations() const override;

private:
    mutable std::mutex mutex_;
    std::map<std::string, Volume> volumes_;
    std::map<std::pair<std::string, std::string>, Presentation> presentations_; // by naa and initiator
};

} // namespace lab
