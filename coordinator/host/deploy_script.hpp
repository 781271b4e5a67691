// Brings the script for hosts without an agent into the root of a datastore (docs/ssh.md, "How the script gets there").
#pragma once

#include "coordinator/host/carried_script.hpp"
#include "coordinator/host/ssh_host.hpp"
#include "coordinator/log.hpp"
#include "coordinator/vsphere/datastore_files.hpp"

#include <cstdint>
#include <functional>

namespace xcopy {

struct DeployedScript {
    ScriptVersion version; // of what the host runs now
    bool was_put = false;  // by this call
};

// Makes the host answer with the script that this program carries, or with a newer one that both understand. Call it
// once before the first word to a host; it may run twice, at once in several pods, and die anywhere.
//   host   whose place() is the root of the datastore
//   open   the same datastore through vCenter; called only where a script is to be put. Empty: there is no vCenter, and the
//          script is only looked at
// What is there is never opened for writing: a new file gets a name of its own and then takes the script's name, because
// running shells still read the old one. Errors keep the reasons of SshHost (no_forced_command, old_forced_command, …)
// and of DatastoreFiles (datastore_full, datastore_without_root …); script_too_new and script_not_seen are its own.
using OpenDatastore = std::function<Result<vsphere::DatastoreFiles>(const Call&)>;
Result<DeployedScript> deploy_script(const Call&, SshHost& host, const OpenDatastore& open, Log&);

// Whether deploy_script() could do its part, changing nothing. Success: a script of ours answers, if only an older one that would
// be replaced. script_awaited_reason: there is none, and one could be put there. Else what keeps deploy_script() from it as well.
Result<void> foresee_script(const Call&, SshHost& host, const OpenDatastore& open, Log&);

enum class ScriptFit : std::uint8_t {
    ours,    // the same bytes
    newer,   // of a newer coordinator, and we understand it
    replace, // older, or not what its number says
    unknown, // its number is ours; the host cannot tell its checksum
    too_new, // it no longer speaks our protocol, and a newer coordinator needs it
};
ScriptFit fit_of(const ScriptVersion& there, const ScriptVersion& carried);

} // namespace xcopy
