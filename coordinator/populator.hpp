// The command line as Forklift's controller writes it: `--name=value` words and no command (facts/forklift-contract.md 1.2, 5.2).
#pragma once

#include "coordinator/config.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace xcopy {

struct PopulatorWords {
    Values flags;
    Environment secrets{};             // what flags said that a variable should: they go before it
    bool version = false;              // --version: print it and end
    std::vector<std::string> warnings; // flags that have no effect here, each with the reason
};

// Nothing where the first word is a command or asks for help. A flag that no release we know of has is never an error:
// Forklift gains flags between releases.
// Metrics are on :8443 unless a flag or XCOPY_METRICS_LISTEN says otherwise.
std::optional<PopulatorWords> read_populator_words(const std::vector<std::string>& words,
                                                   const Environment& environment = {});

// Makes the values of such flags unreadable for whoever lists processes from now on.
void blank_secrets(std::span<char* const> words);

} // namespace xcopy
