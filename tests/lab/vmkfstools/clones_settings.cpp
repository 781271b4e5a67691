// The switches and the records of clones, for the control interface.
#include "tests/lab/vmkfstools/clones.hpp"

#include <nlohmann/json.hpp>

#include <stdexcept>

namespace lab {

namespace fs = std::filesystem;
using nlohmann::json;

json Clones::set(const json& wanted)
{
    const std::lock_guard lock(mutex_);
    for (const auto& [key, value] : wanted.items()) {
        if (key == "do")
            continue;
        if (key == "speed")
            settings_.speed = value.get<std::uint64_t>();
        else if (key == "fail_at")
            settings_.fail_at = value.is_null() ? std::nullopt : std::optional(value.get<int>());
        else if (key == "fail_times")
            settings_.fail_times = value.get<int>();
        else if (key == "fail_text")
            settings_.fail_text = value.get<std::string>();
        else if (key == "fail_exit")
            settings_.fail_exit = value.get<int>();
        else if (key == "hold_at")
            settings_.hold_at = value.is_null() ? std::nullopt : std::optional(value.get<int>());
        else if (key == "hold_name")
            settings_.hold_name = value.get<std::string>();
        else if (key == "xcopy_fails")
            settings_.xcopy_fails = value.get<double>();
        else
            throw std::invalid_argument("vmkfstools.set does not know " + key);
    }
    const auto number = [](const std::optional<int>& n) { return n ? json(*n) : json(nullptr); };
    return {{"speed", settings_.speed},           {"fail_at", number(settings_.fail_at)},
            {"fail_times", settings_.fail_times}, {"fail_text", settings_.fail_text},
            {"fail_exit", settings_.fail_exit},   {"hold_at", number(settings_.hold_at)},
            {"hold_name", settings_.hold_name},   {"xcopy_fails", settings_.xcopy_fails}};
}

void Clones::lock_disk(const fs::path& descriptor, bool locked)
{
    const std::lock_guard lock(mutex_);
    if (locked)
        locked_.insert(descriptor);
    else
        locked_.erase(descriptor);
}

json Clones::starts() const
{
    const std::lock_guard lock(mutex_);
    auto list = json::array();
    for (const auto& s : starts_)
        list.push_back({{"host", s.host},
                        {"argv", s.argv},
                        {"pid", s.pid},
                        {"ms", s.us / 1000},
                        {"us", s.us},
                        {"target", s.target},
                        {"end", s.end},
                        {"exit", s.exit}});
    return list;
}

json Clones::violations() const
{
    const std::lock_guard lock(mutex_);
    return violations_;
}

} // namespace lab
