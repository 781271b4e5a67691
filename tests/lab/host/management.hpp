// What an administrator does to a managed host beside storage: software, firewall, services, memory groups. A host is
// managed when its scenario says so; the others have an agent that the lab starts.
#pragma once

#include "tests/lab/host/image.hpp"

#include <filesystem>
#include <functional>
#include <set>
#include <string>

namespace lab {

struct Management {
    HostImage image;
    std::filesystem::path root;
    std::filesystem::path datastores;

    std::set<std::string> groups;       // memory groups; gone at reboot
    std::set<std::string> switched_off; // services, by chkconfig

    // An init script with one word, to its end; its exit status. Called without the lock.
    std::function<int(const std::string& script, const std::string& word)> run_script;
    std::function<bool(const std::string& program)> runs; // any process of it

    // Faults, and facts that are not certain.
    bool secure_boot = false;
    bool exec_installed_only = false; // the boot option
    bool exec_refused = false;        // nevertheless a program of an unsigned VIB does not start
    bool no_space = false;            // for an installation
    bool acceptance_fixed = false;    // the acceptance level cannot be changed
    bool init_words = false;          // scripts are called with install, upgrade and remove too
    bool update_keeps_config = true;  // edited sticky files survive an update
    bool refresh_on_install = false;  // the firewall is read again after an installation
    bool replaces_running = true;     // a VIB whose program runs can be replaced
    int clock_skew_s = 0;             // of `esxcli system time get`
};

} // namespace lab
