#include "tests/lab/arrays/switches.hpp"

#include <algorithm>
#include <stdexcept>

namespace lab {

using nlohmann::json;

std::optional<std::string> Switches::set(const json& values)
{
    auto next = all_;
    for (const auto& [name, value] : values.items()) {
        const auto found = std::ranges::find(next, name, &Switch::name);
        if (found == next.end())
            return "no such switch: " + name;
        if (value.type() != found->value.type() && !(value.is_number() && found->value.is_number()))
            return "switch " + name + " does not take " + value.dump();
        found->value = value;
    }
    all_ = std::move(next);
    return std::nullopt;
}

json Switches::uncertain() const
{
    json choices = json::object();
    for (const auto& one : all_)
        if (!one.also.empty()) {
            choices[one.name] = json::array({one.value});
            for (const auto& other : one.also)
                choices[one.name].push_back(other);
        }
    return choices;
}

const Switch& Switches::find(const std::string& name) const
{
    const auto found = std::ranges::find(all_, name, &Switch::name);
    if (found == all_.end())
        throw std::logic_error("no such switch: " + name);
    return *found;
}

} // namespace lab
