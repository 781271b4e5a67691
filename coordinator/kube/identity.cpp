#include "coordinator/kube/identity.hpp"

#include <fmt/format.h>

#include <array>
#include <random>
#include <unistd.h>

namespace xcopy::kube {

std::string pod_name()
{
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0')
        return "xcopy-coordinator";
    return name.data();
}

std::string process_name()
{
    std::random_device random;
    return fmt::format("{}/{:08x}{:08x}", pod_name(), random(), random());
}

} // namespace xcopy::kube
