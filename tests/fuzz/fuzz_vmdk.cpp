// A descriptor comes from a customer's datastore: whatever it holds, it is refused or its size is what its extents say.
#include "agent/esxi/vmdk.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto disk = xcopy::parse_vmdk_descriptor({reinterpret_cast<const char*>(data), size});
    if (!disk)
        return 0;
    std::uint64_t sectors = 0;
    for (const auto& extent : disk->extents)
        if (__builtin_add_overflow(sectors, extent.sectors, &sectors))
            std::abort();
    if (disk->extents.empty() || disk->size_bytes() / 512 != sectors)
        std::abort();
    return 0;
}
