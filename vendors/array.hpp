// All that a copy needs from any array. Every verb is idempotent: mapping what is mapped and unmapping what is not
// mapped succeed, so a copy that crashed is simply run again.
#pragma once

#include "protocol/error.hpp"
#include "vendors/call.hpp"
#include "vendors/initiator.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace xcopy {

// What Kubernetes knows of a volume: PersistentVolume.spec.csi.
struct VolumeHandle {
    std::string handle;
    std::map<std::string, std::string> attributes;

    std::string attribute(const std::string& key) const // empty when there is none
    {
        const auto found = attributes.find(key);
        return found == attributes.end() ? std::string() : found->second;
    }
};

// The array's object behind it.
struct Volume {
    std::string id;   // what the array's API addresses it by
    std::string name; // what the array's administrator calls it
    std::string naa;  // "naa." + lower-case hex, as ESXi will show it ("eui." on PowerFlex)
    std::string serial;
    std::uint64_t size_bytes = 0;
};

struct ArrayInfo {
    std::string vendor;
    std::string product;
    std::string model;
    std::string version;
};

// An ESXi host as the coordinator knows it.
struct HostIdentity {
    std::string uuid;
    std::string name;
    Initiators initiators;
};

// The array's object that stands for that host: igroup, host, SDC …
struct ArrayHost {
    std::string id;
    std::string name;
    std::vector<std::string> initiator_ids{}; // as the array spells them
    std::vector<std::string> warnings{};      // what keeps copies slow, found by ensure_host(); for the log
};

struct Mapping {
    ArrayHost host;
    std::optional<int> lun; // LUN number, where the array has one
};

bool share_an_initiator(const std::vector<std::string>& some, const std::vector<std::string>& others);

// The mapping through which a volume reaches that host: its own object's comes first, then one through any object that
// holds one of its initiators.
std::optional<Mapping> mapping_that_reaches(const std::vector<Mapping>& mappings, const ArrayHost& host);

// For arrays where an initiator belongs to one object only: the object that has most of those wanted (the first by name
// where several have as many; its id is empty where none has any), and those wanted that nobody has. An object without
// a name is none: some arrays list so what is logged in and belongs to nobody.
struct Owner {
    ArrayHost host;
    std::vector<std::string> free;
};
Owner owner_of(const std::vector<ArrayHost>& hosts, const std::vector<std::string>& wanted);

class LunNumbers;
class VolumeCopier;

class Array {
public:
    Array() = default;
    Array(const Array&) = delete;
    Array& operator=(const Array&) = delete;
    virtual ~Array() = default;

    virtual Result<ArrayInfo> info(const Call&) = 0;

    // Errc::not_found when the array has no such volume, Errc::conflict when the handle names another array or is
    // ambiguous, Errc::unsupported for what cannot be mapped (NAS, NVMe, vVol).
    virtual Result<Volume> find_volume(const Call&, const VolumeHandle&) = 0;

    // The object for this host: found by its initiators or name, else created. Never takes initiators away.
    virtual Result<ArrayHost> ensure_host(const Call&, const HostIdentity&) = 0;

    // Everyone the volume is mapped to, ours or not.
    virtual Result<std::vector<Mapping>> mappings_of(const Call&, const Volume&) = 0;

    // `lun` is honoured by arrays that offer lun_numbers(); Errc::busy when that number is taken (choose another).
    // A volume that already reaches the host, through this object or another with the same initiator, is success; the
    // mapping returned is the one that exists.
    virtual Result<Mapping> map(const Call&, const Volume&, const ArrayHost&, std::optional<int> lun) = 0;

    virtual Result<void> unmap(const Call&, const Volume&, const ArrayHost&) = 0;

    // Optional abilities; null where the array has none.
    virtual LunNumbers* lun_numbers() { return nullptr; }
    virtual VolumeCopier* volume_copier() { return nullptr; }
};

// An array that lets us choose the LUN number.
class LunNumbers {
public:
    virtual ~LunNumbers() = default;

    virtual int highest() const = 0;                                          // the array's own limit
    virtual Result<std::set<int>> used_by(const Call&, const ArrayHost&) = 0; // numbers this host already sees
};

// What a disk that is not a file on VMFS or NFS is made of, as VMware names it.
struct DiskBacking {
    enum class Kind : std::uint8_t { rdm, vvol };

    Kind kind = Kind::rdm;
    std::string id; // rdm: "naa.…" or "vml.…"; vvol: its backing object id, "rfc4122.<uuid>" or "naa.…"
};

// The WWN or UUID in that name, as lower-case hex digits; empty where there is none.
std::string hex_in(const DiskBacking& backing);

// One copy inside the array. `id` is the job's: what the array keeps of the copy is named after it, so that any later
// run finds it.
struct ArrayCopy {
    std::string id;
    Volume source;
    Volume target;
};

// What no array may do: Errc::unsupported for a volume onto itself or onto a smaller one.
Result<void> check_sizes(const ArrayCopy& copy);

// That, and for arrays that write only onto a volume that nobody sees: Errc::unsupported where the target is mapped.
Result<void> check_unmapped_target(Array& array, const Call& call, const ArrayCopy& copy);

struct ArrayCopyState {
    enum class Phase : std::uint8_t {
        absent,  // never started, forgotten, or taken away by somebody
        running, // the target's content is undefined
        done,    // the array says that every byte is on the target
        failed,
    };

    Phase phase = Phase::absent;
    int percent = 0;
    std::string message{}; // why it failed, in the array's words
};

// An array that fills one existing volume with the content of another. Verbs are idempotent like those of Array.
class VolumeCopier {
public:
    virtual ~VolumeCopier() = default;

    virtual bool copies(DiskBacking::Kind) const = 0;

    // Errc::not_found when this array holds no such volume: the disk may live on another one.
    virtual Result<Volume> find_source(const Call&, const DiskBacking&) = 0;

    // Errc::unsupported with the remedy where the array would refuse or lose bytes: sizes, a target that is smaller,
    // source and target the same. Changes nothing.
    virtual Result<void> check(const Call&, const ArrayCopy&) = 0;

    // Starts the copy, or finds the one of this id running; its state right after.
    virtual Result<ArrayCopyState> start(const Call&, const ArrayCopy&) = 0;
    virtual Result<ArrayCopyState> look(const Call&, const ArrayCopy&) = 0;

    // True where the array keeps no record of a finished copy, so that `absent` after a start that succeeded means done
    // as long as the same run has seen no failure.
    virtual bool forgets_when_done() const { return false; }

    // Ends a running copy and removes what start() left on the array, but never source or target. Errc::unsupported
    // where the array cannot stop it: then it has to be waited for.
    virtual Result<void> cancel(const Call&, const ArrayCopy&) = 0;

    // Removes what a finished copy left on the array. Nothing there is success.
    virtual Result<void> forget(const Call&, const ArrayCopy&) = 0;
};

} // namespace xcopy
