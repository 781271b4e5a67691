// The file that goes onto a boot bank.
#include "tests/bench/measurements.hpp"

namespace bench {

std::vector<Figure> agent_binary(const Build& build)
{
    const auto bytes = std::filesystem::file_size(build.programs.agent);
    return {{"agent_binary_bytes", static_cast<double>(bytes), "B", 7'500'000}};
}

} // namespace bench
