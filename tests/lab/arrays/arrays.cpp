#include "tests/lab/arrays/arrays.hpp"

#include "tests/lab/arrays/flashsystem/flashsystem.hpp"
#include "tests/lab/arrays/infinibox/infinibox.hpp"
#include "tests/lab/arrays/ontap/ontap.hpp"
#include "tests/lab/arrays/powerflex/powerflex.hpp"
#include "tests/lab/arrays/powermax/powermax.hpp"
#include "tests/lab/arrays/powerstore/powerstore.hpp"
#include "tests/lab/arrays/primera3par/primera3par.hpp"
#include "tests/lab/arrays/pure/pure.hpp"
#include "tests/lab/arrays/simulated_array.hpp"
#include "tests/lab/arrays/vantara/vantara.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iterator>
#include <stdexcept>

namespace lab {

namespace {

template <class Model> std::unique_ptr<VendorModel> make(const ModelConfig& config)
{
    return std::make_unique<Model>(config);
}

struct Kind {
    const char* name;
    SimulatedArray::Maker make;
};

constexpr Kind kinds[] = {
    {"flashsystem", make<flashsystem::FlashSystem>},
    {"infinibox", make<infinibox::InfiniBox>},
    {"ontap", make<ontap::Ontap>},
    {"powerflex", make<powerflex::PowerFlex>},
    {"powermax", make<powermax::PowerMax>},
    {"powerstore", make<powerstore::PowerStore>},
    {"primera3par", make<primera3par::Primera3par>},
    {"pureFlashArray", make<pure::FlashArray>},
    {"vantara", make<vantara::Vantara>},
};

} // namespace

std::vector<std::string> kinds_of_arrays()
{
    std::vector<std::string> names;
    std::ranges::transform(kinds, std::back_inserter(names), &Kind::name);
    return names;
}

std::unique_ptr<ArraySim> make_array(const nlohmann::json& config, Fabric& fabric, Events& events, Pki& pki)
{
    try {
        const auto name = config.at("kind").get<std::string>();
        const auto kind = std::ranges::find_if(kinds, [&](const Kind& one) { return one.name == name; });
        if (kind == std::end(kinds))
            throw std::runtime_error("no such kind of array: " + name);
        return std::make_unique<SimulatedArray>(config, kind->make, fabric, events, pki);
    } catch (const nlohmann::json::exception& wrong) {
        throw std::runtime_error(std::string("the array's config is wrong: ") + wrong.what());
    }
}

} // namespace lab
