#include "protocol/datastores.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace xcopy {

namespace {

constexpr std::array<std::string_view, 4> without_mappings{"NFS", "NFS41", "VSAN", "VVOL"};

bool is_same_word(std::string_view text, std::string_view upper)
{
    return std::equal(text.begin(), text.end(), upper.begin(), upper.end(),
                      [](unsigned char a, char b) { return std::toupper(a) == b; });
}

} // namespace

Result<void> check_holds_mappings(std::string_view datastore, std::string_view type)
{
    const bool holds_none = std::any_of(without_mappings.begin(), without_mappings.end(),
                                        [&](std::string_view one) { return is_same_word(type, one); });
    if (!holds_none)
        return {};
    return Error{Errc::unsupported,
                 fmt::format("datastore '{}' is of type {} and cannot hold the raw device mapping through which "
                             "vmkfstools writes to a volume; only VMFS can",
                             datastore, type),
                 "move the disk to a VMFS datastore first (Storage vMotion), or migrate it without copy offload",
                 "datastore_not_vmfs"};
}

} // namespace xcopy
