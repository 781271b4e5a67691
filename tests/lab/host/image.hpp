// What is installed on a simulated host: VIBs and where their files are, what of /etc survives a reboot, the acceptance
// level, the firewall. Knows files, starts nothing. Not thread-safe; HostState guards it.
#pragma once

#include "tests/lab/host/vib.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace lab {

struct Ruleset {
    std::vector<std::string> rules; // "inbound tcp dst 18443"
    bool enabled = false;
    bool allowed_all = true;
    std::vector<std::string> allowed;
};

class HostImage {
public:
    // `listen` goes into a fresh config.json that names no address, for all simulated hosts share one network.
    HostImage(std::filesystem::path root, std::string listen);

    const std::map<std::string, Vib>& installed() const { return installed_; }
    void mount(const Vib&);                                  // an older one of that name goes first
    void unmount(const std::string& name, bool keep_edited); // `keep_edited`: for an update
    bool comes_from_vib(const std::string& path) const;

    void back_up(); // /sbin/auto-backup.sh: sticky files that were edited in place
    void boot();    // the files of a fresh boot: mounted VIBs and what was saved

    void refresh_firewall(); // reads /etc/vmware/firewall/*.xml
    std::map<std::string, Ruleset>& firewall() { return firewall_; }

    std::string acceptance = "PartnerSupported";

private:
    std::filesystem::path inside(const std::string& path) const { return root_ / path; }
    void write(const VibFile&, const std::string& content);
    std::string original(const VibFile&) const;

    std::filesystem::path root_;
    std::string listen_;
    std::map<std::string, Vib> installed_;     // by name
    std::map<std::string, std::string> saved_; // path to content
    std::map<std::string, Ruleset> firewall_;
};

} // namespace lab
