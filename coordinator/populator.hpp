// The command line as Forklift's controller writes it: `--name=value` words and no command (facts/forklift-contract.md 1.2, 5.2).
#pragma once

#include "coordinator/config.hpp"

#include <optional>
#include <string>
#include <vector>

namespace xcopy {

struct PopulatorWords {
    Values flags;
    bool version = false;              // --version: print it and end
    std::vector<std::string> warnings; // flags that have no effect here, each with the reason
};

// Nothing where the first word is a command or asks for help. A flag that no release we know of has is never an error:
// Forklift gains flags between releases.
std::optional<PopulatorWords> read_populator_words(const std::vector<std::string>& words);

} // namespace xcopy
