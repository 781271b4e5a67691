// Whatever a tool of the host prints, reading it ends, and every name that comes out of it is one.
#include "agent/esxi/inventory.hpp"
#include "agent/esxi/vsish.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace xcopy;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    parse_vsish_counters(text);
    const auto reply = parse_esxcli_xml(text);
    if (!reply)
        return 0;
    inventory::version(*reply);
    inventory::host_name(*reply);
    inventory::advanced_option("/Disk/MaxLUN", *reply);
    inventory::adapters(*reply);
    inventory::paths(*reply);
    inventory::vaai(*reply);
    inventory::filesystems(*reply);
    inventory::detached(*reply);
    inventory::devices(*reply);
    const auto extents = inventory::extents(*reply);
    if (extents && extents->size() != reply->records.size())
        std::abort(); // an extent that goes unseen could be overwritten
    return 0;
}
