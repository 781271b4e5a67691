// The command line of vmkfstools, as far as it is simulated: -i SRC -d FORMAT OUT, -q FILE, -U FILE, -D FILE.
#pragma once

#include <optional>
#include <span>
#include <string>

namespace lab {

struct VmkfstoolsArguments {
    char mode = 0;           // i, q, U, D; 0 when nothing was asked
    std::string source;      // of -i
    std::string disk_format; // of -d
    std::string file;        // the operand
};

// nullopt: vmkfstools would print its usage.
std::optional<VmkfstoolsArguments> read_vmkfstools(std::span<const std::string> argv);

// "rdm:/vmfs/devices/disks/naa.X" → "naa.X"; nullopt for every other format.
std::optional<std::string> rdm_device(const std::string& disk_format);

} // namespace lab
