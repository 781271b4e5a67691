// An ESXi host as the copy procedure sees it, whatever carries the words: its agent, or SSH.
#pragma once

#include "coordinator/host/transport.hpp"
#include "protocol/error.hpp"
#include "protocol/messages.hpp"
#include "vendors/call.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace xcopy {

// An agent gathers its health once in a few seconds; `fresh` has it look again before it answers.
enum class HealthAge : std::uint8_t { cached, fresh };

// The reason of an error that only says that the host's agent is older than the call.
constexpr std::string_view unknown_call_reason = "unknown_call";

// The reason of an error that only says that the host's script is not there yet, and that populate will bring it.
constexpr std::string_view script_awaited_reason = "script_awaited";

// The host itself has looked, and there is no such clone or device. Nothing else that was not found says so: the script or its datastore
// may be what is missing, and the writer lives.
inline bool is_absent_there(const Error& error)
{
    return error.code == Errc::not_found && (error.reason == "no_such_clone" || error.reason == "no_such_device");
}

class Host {
public:
    Host() = default;
    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;
    virtual ~Host() = default;

    virtual std::string name() const = 0; // for people: the address or name it was configured with

    // What carries the words. Where the first call of a run decides that, it is known after that call.
    virtual HostTransport transport() const { return {}; }
    // This host by the very transport that a job was begun through; refused where that cannot be had.
    virtual Result<Host*> through(const HostTransport& begun);

    virtual Result<Health> health(const Call&, HealthAge) = 0; // also checks that protocol versions meet
    virtual Result<std::vector<Adapter>> adapters(const Call&) = 0;
    virtual Result<std::vector<Datastore>> datastores(const Call&) = 0;
    virtual Result<Source> source(const Call&, const std::string& path) = 0; // refuses what it would not clone
    virtual Result<Device> device(const Call&, const std::string& naa) = 0;

    virtual Result<Device> attach(const Call&, const std::string& naa, const AttachRequest&) = 0;
    virtual Result<void> detach(const Call&, const std::string& naa, const std::string& job) = 0;
    virtual Result<void> rescan(const Call&, const RescanRequest&) = 0;

    // Same id and same content: the same clone. Errc::conflict when the id stands for another order.
    virtual Result<CloneStatus> start_clone(const Call&, const std::string& id, const CloneRequest&) = 0;
    // Answers when the revision is above `after` or `wait` is over.
    virtual Result<CloneStatus> watch_clone(const Call&, const std::string& id, std::uint64_t after,
                                            std::chrono::seconds wait) = 0;
    virtual Result<CloneStatus> cancel_clone(const Call&, const std::string& id) = 0; // answers when vmkfstools is gone
    virtual Result<void> forget_clone(const Call&, const std::string& id) = 0;        // forgetting the unknown succeeds
    virtual Result<std::vector<CloneStatus>> clones(const Call&) = 0;
};

} // namespace xcopy
