// A VIB as ESXi reads one: archive, descriptor, payload, and the rules by which it is refused (facts/esxi.md 3). Shares
// nothing with vib-packaging/.
#pragma once

#include <string>
#include <variant>
#include <vector>

namespace lab {

struct VibFile {
    std::string path; // without a leading slash
    unsigned mode = 0;
    bool folder = false;
    std::string content;
};

struct Vib {
    std::string name;
    std::string version;
    std::string vendor;
    std::string summary;
    std::string acceptance; // community, partner, accepted, certified
    std::string minimum_esxi;
    std::vector<VibFile> files;

    std::string id() const { return vendor + "_bootbank_" + name + "_" + version; }
};

struct VibRefusal {
    std::string kind; // "InstallationError"
    std::string text;
};

// `esxi` is the host's version: 8 demands a checksum that 6 and 7 do not, and those stumble over another order.
std::variant<Vib, VibRefusal> read_vib(const std::string& bytes, const std::string& esxi);

} // namespace lab
