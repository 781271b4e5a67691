// The storage network of the lab: which volume is shown to which initiator under which LUN number. Array simulators
// change it; simulated hosts look at it when they rescan. Nothing here knows an array's API or an ESXi command.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace lab {

// A volume of some array. Its content is a sparse file.
struct Volume {
    std::string array; // "ontap-a"; volumes of one array can XCOPY to each other
    std::string naa;   // "naa.600a0980…", lower case
    std::uint64_t size_bytes = 0;
    std::filesystem::path file;
    std::string vendor; // as INQUIRY shows it: "NETAPP"
    std::string model;  // "LUN C-Mode"
};

struct Presentation {
    std::string naa;
    std::string initiator; // lower case: "iqn.…", or the WWPN as 16 hex digits
    int lun = 0;
};

// Thread-safe. One per lab.
class Fabric {
public:
    virtual ~Fabric() = default;

    virtual void add_volume(Volume) = 0; // creates the file when it is not there
    virtual void remove_volume(const std::string& naa) = 0;
    virtual std::optional<Volume> volume(const std::string& naa) const = 0;
    virtual std::vector<Volume> volumes() const = 0;

    virtual void present(const Presentation&) = 0; // replaces one with the same naa and initiator
    virtual void withdraw(const std::string& naa, const std::string& initiator) = 0;
    virtual std::vector<Presentation> presentations() const = 0;
};

} // namespace lab
