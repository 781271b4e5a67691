#include "agent/esxi/vmkfstools_errors.hpp"

#include "protocol/number.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace xcopy {

namespace {

struct Meaning {
    std::uint32_t number;
    std::string_view words; // as vmkfstools puts it, for versions that leave the number out
    Errc code;
    std::string_view sentence;
    std::string_view remedy;
    std::string_view reason;
};

// Small numbers are the disk library's own, large ones (errno << 16 | class).
constexpr std::array meanings{
    Meaning{16392, "Failed to lock the file", Errc::busy, "the source disk is locked",
            "power the VM off on every host, or copy a disk below its snapshot; after a power-off the lock is held for "
            "some seconds",
            "source_locked"},
    Meaning{1048585, "Device or resource busy", Errc::busy, "the target device or the source file is in use",
            "find what else uses them on this host", "target_busy"},
    Meaning{393225, "No such device or address", Errc::unavailable, "the target device is missing or dead",
            "check the device and its paths with `esxcli storage core path list`, then rescan", "device_missing"},
    Meaning{327689, "Input/output error", Errc::failed, "reading the source or writing the target failed",
            "look for the SCSI errors in /var/log/vmkernel.log and check the array", "io_error"},
    Meaning{13, "There is not enough space", Errc::failed, "the datastore has no room for the two small pointer files",
            "free some space on the source's datastore", "no_space"},
    Meaning{1835017, "No space left on device", Errc::failed,
            "the datastore has no room for the two small pointer files", "free some space on the source's datastore",
            "no_space"},
    Meaning{25, "The system cannot find the file specified", Errc::not_found,
            "the source disk, or a file it names, is missing", "check the path and the VM's files on the datastore",
            "source_missing"},
    Meaning{131081, "No such file or directory", Errc::not_found, "the source disk, or a file it names, is missing",
            "check the path and the VM's files on the datastore", "source_missing"},
    Meaning{39, "The file already exists", Errc::conflict, "a pointer file of this name is already there",
            "remove the pointer files an earlier copy left beside the source", "pointer_exists"},
    Meaning{1, "One of the parameters supplied is invalid", Errc::unsupported,
            "the target does not fit: it is smaller than the disk, or not fit for a raw device mapping",
            "compare the sizes of disk and volume", "target_unfit"},
    Meaning{24, "The specified feature is not supported", Errc::unsupported, "this kind of disk cannot be cloned",
            "consolidate or convert the disk first", "disk_kind_unsupported"},
};

// The number in the last "(…)" of the line.
std::optional<std::uint32_t> number_in(std::string_view line)
{
    const auto close = line.rfind(')');
    if (close == std::string_view::npos)
        return std::nullopt;
    const auto open = line.rfind('(', close);
    if (open == std::string_view::npos)
        return std::nullopt;
    return whole_number<std::uint32_t>(line.substr(open + 1, close - open - 1));
}

} // namespace

std::optional<Error> explain_vmkfstools(std::string_view line)
{
    const auto number = number_in(line);
    const auto fits = [&](const Meaning& meaning) {
        return number ? meaning.number == *number : line.find(meaning.words) != std::string_view::npos;
    };
    const auto found = std::find_if(meanings.begin(), meanings.end(), fits);
    if (found == meanings.end())
        return std::nullopt;
    return Error{found->code, fmt::format("{} ({})", found->sentence, line), std::string(found->remedy),
                 std::string(found->reason)};
}

bool may_pass_by_itself(const Error& error)
{
    return error.reason == "source_locked" || error.reason == "target_busy";
}

} // namespace xcopy
