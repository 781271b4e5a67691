#include "tests/lab/arrays/arrays.hpp"

#include "tests/lab/arrays/ontap/ontap.hpp"

#include <nlohmann/json.hpp>

#include <stdexcept>

namespace lab {

std::unique_ptr<ArraySim> make_array(const nlohmann::json& config, Fabric& fabric, Events& events, Pki& pki)
{
    try {
        const auto kind = config.at("kind").get<std::string>();
        if (kind == "ontap")
            return std::make_unique<ontap::Ontap>(config, fabric, events, pki);
        throw std::runtime_error("no such kind of array: " + kind);
    } catch (const nlohmann::json::exception& wrong) {
        throw std::runtime_error(std::string("the array's config is wrong: ") + wrong.what());
    }
}

} // namespace lab
