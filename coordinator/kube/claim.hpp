// From a PersistentVolumeClaim to the CSI volume that is to be overwritten, and every reason not to.
#pragma once

#include "coordinator/kube/lease.hpp"
#include "vendors/array.hpp"
#include "vendors/call.hpp"
#include "vendors/rest/api.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace xcopy::kube {

struct Claim {
    std::string name_space;
    std::string name;
    std::string uid;
    std::string volume_mode;
    std::string volume; // spec.volumeName; empty: not bound
    std::string phase;
    std::uint64_t size_bytes = 0; // asked for
    bool is_being_deleted = false;

    Owner owner() const { return {name, uid}; }
};

struct PersistentVolume {
    std::string name;
    std::string phase;
    std::string driver; // empty: no CSI volume
    VolumeHandle handle;
    std::string claim_name_space; // spec.claimRef
    std::string claim_name;
    std::string claim_uid;
    std::string populated_from; // set by a populator when it handed the volume over: <prefix>/populated-from
    bool is_being_deleted = false;
};

Result<Claim> parse_claim(const rest::Json&);
Result<PersistentVolume> parse_volume(const rest::Json&);

// A populator fills the volume of a claim of its own and then gives it to the claim that asked (contract 1.4).
std::string prime_name(const std::string& uid);

Result<void> check_claim(const Claim&, const std::string& expected_uid);
Result<void> check_volume(const PersistentVolume&, const Claim& holder);

struct ClaimTarget {
    Claim claim;
    PersistentVolume volume;
};

// At most three requests. `expected_uid` empty: whichever claim has the name now.
Result<ClaimTarget> find_claim_target(const Call&, rest::Api&, const std::string& name_space, const std::string& name,
                                      const std::string& expected_uid);

// True when that very claim is gone or going: then nobody waits for the copy any more.
Result<bool> is_claim_going(const Call&, rest::Api&, const std::string& name_space, const std::string& name,
                            const std::string& uid);

} // namespace xcopy::kube
