// What is not certain about an array, and what goes wrong only sometimes: each is a switch with a name, so that drivers
// are tested against both sides. Set by config ("switches") and at run time by the control verb "set".
#pragma once

#include <nlohmann/json.hpp>

#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

namespace lab {

struct Switch {
    std::string name;
    nlohmann::json value; // the default, which also fixes the type
    std::string why;      // the fact it stands for
    // The other values that the facts leave possible. Every driver must work with each of them, and the contract suite
    // tries them all. Empty: a fault or a condition that is not normal.
    std::vector<nlohmann::json> also{};
};

class Switches {
public:
    Switches(std::initializer_list<Switch> all) : all_(all) {}

    template <class T> T get(const std::string& name) const { return find(name).value.get<T>(); }
    bool on(const std::string& name) const { return get<bool>(name); }

    // The sentence says which name or value is wrong; nothing is changed then.
    std::optional<std::string> set(const nlohmann::json& values);

    nlohmann::json uncertain() const; // {name: [the default, the others…]}

private:
    const Switch& find(const std::string& name) const; // throws std::logic_error

    std::vector<Switch> all_;
};

} // namespace lab
