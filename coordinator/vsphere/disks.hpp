// The disks of a virtual machine: what each lies on, its snapshots, and which of them a path means. Pure.
#pragma once

#include "coordinator/vsphere/xml.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xcopy::vsphere {

// One file of a snapshot chain.
struct DiskLevel {
    std::string file; // "[datastore] folder/disk.vmdk"
    std::optional<Ref> datastore;
    std::string backing_id; // the object behind it on vVol and vSAN
};

enum class BackingType : std::uint8_t {
    file,         // a flat or sparse VMDK: on VMFS, NFS, vSAN or vVol, which only its datastore tells
    raw_mapping,  // RDM by a mapping file
    not_copyable, // hosted formats, persistent memory …
};

struct VmDisk {
    int key = 0;
    std::string label;
    BackingType type = BackingType::file;
    std::string backing_type;      // as vSphere calls it
    std::vector<DiskLevel> levels; // the one in use first, its parents after it
    std::uint64_t capacity = 0;    // bytes
    std::string lun_uuid;          // RDM: what the host's device list calls it
    std::string device;            // RDM: vml.…; empty where the host does not see it
    bool is_physical = false;      // RDM: physical compatibility mode
};

// `devices`: config.hardware.device.
std::vector<VmDisk> read_disks(const pugi::xml_node& devices);

// "[ds] a/b.vmdk" however the blanks are written; what is not of that form stays.
std::string normal_path(std::string_view text);

struct DiskMatch {
    std::size_t disk = 0;
    std::size_t level = 0; // 0: the file in use
};

// The disk and the level that this very path means; a path that is only a part of another's is not it. Names the disks there
// are where it is none.
Result<DiskMatch> match_disk(const std::vector<VmDisk>& disks, std::string_view wanted, std::string_view vm);

// Bytes the datastore gives to the disk's files, from layoutEx as vCenter last refreshed it; nothing: it does not say.
std::optional<std::uint64_t> allocated_bytes(const pugi::xml_node& layout, int disk_key);

// An RDM's NAA from its vml name, when the host's device list does not tell: 02, type, LUN number, then 32 digits.
std::optional<std::string> naa_of_vml(std::string_view vml);

} // namespace xcopy::vsphere
