// The root directory of a simulated host, and the bubblewrap command line that makes a host of it.
#pragma once

#include "tests/lab/scenario.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace lab {

struct HostFiles {
    std::filesystem::path directory;  // DIR/hosts/esx1; root, lab and devices are below
    std::filesystem::path datastores; // DIR/datastores
    std::filesystem::path tool;       // xcopy-lab-tool
    std::filesystem::path agent;      // xcopy-agent; empty: the host has none
    std::filesystem::path launcher;   // starts the agent as "launcher --record FILE AGENT serve"; empty: nothing does

    std::filesystem::path root() const { return directory / "root"; }
    std::filesystem::path lab() const { return directory / "lab"; }
    std::filesystem::path devices() const { return directory / "devices"; }
    std::filesystem::path inside(const std::string& path) const { return directory / "root" / path.substr(1); }
};

void build_root(const HostFiles&, const HostConfig&, const std::vector<DatastoreConfig>& mounted);
void empty_volatile_folders(const HostFiles&); // what a reboot loses: /tmp and /var/run

// Of a managed host: everything that is not in an installed VIB is made anew at boot.
void empty_for_boot(const HostFiles&);

// Process 1 takes its orders from descriptor `orders`. `more` are files of this machine that the host needs too.
std::vector<std::string> bubblewrap_argv(const HostFiles&, const std::vector<DatastoreConfig>& mounted, int orders,
                                         const std::vector<std::string>& more = {});

} // namespace lab
