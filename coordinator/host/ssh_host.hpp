// A host without an agent, through SSH and the script on one of its datastores (coordinator/host/script, docs/ssh.md). It gives
// what the agent gives, in the same messages.
#pragma once

#include "coordinator/host/host.hpp"
#include "coordinator/host/rescan_lock.hpp"
#include "coordinator/host/script_deployment.hpp"
#include "coordinator/ssh/ssh_session.hpp"

#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace xcopy {

struct ScriptPlace {
    std::string datastore; // in whose root the script lies: its UUID, or its name where that has no blanks
    std::string uuid{};    // when known, the host must say that it is this one
};

struct SshHostParts {
    std::string public_key{}; // for the line that an administrator has to add; may be empty
    EnsureScript ensure_script{};
    RescanLock rescan_lock{}; // empty: nobody else rescans
};

class SshHost final : public Host {
public:
    // One session for all disks of that host; it must outlive this.
    SshHost(SshSession& session, ScriptPlace place, SshHostParts parts = {});

    std::string name() const override { return session_.host().name; }
    const ScriptPlace& place() const { return place_; }
    HostTransport transport() const override;
    Result<Host*> through(const HostTransport& begun) override;

    // Which script answers. Reasons of a refusal that a new script mends: no_script, broken_script, foreign_script.
    Result<ScriptVersion> script_version(const Call&);

    Result<Health> health(const Call&, HealthAge) override;
    Result<std::vector<Adapter>> adapters(const Call&) override;
    Result<std::vector<Datastore>> datastores(const Call&) override;
    Result<Source> source(const Call&, const std::string& path) override;
    Result<Device> device(const Call&, const std::string& naa) override;
    Result<Device> attach(const Call&, const std::string& naa, const AttachRequest&) override;
    Result<void> detach(const Call&, const std::string& naa, const std::string& job) override;
    Result<void> rescan(const Call&, const RescanRequest&) override;
    Result<CloneStatus> start_clone(const Call&, const std::string& id, const CloneRequest&) override;
    Result<CloneStatus> watch_clone(const Call&, const std::string& id, std::uint64_t after,
                                    std::chrono::seconds wait) override;
    Result<CloneStatus> cancel_clone(const Call&, const std::string& id) override;
    Result<void> forget_clone(const Call&, const std::string& id) override;
    Result<std::vector<CloneStatus>> clones(const Call&) override;

private:
    using Words = std::vector<std::pair<std::string_view, std::string>>;

    Result<std::string> ask(const Call&, std::string_view verb, const Words&, std::chrono::milliseconds limit);
    Result<std::string> ask_once(const Call&, std::string_view verb, const Words&);
    Result<std::string> ask_locked(const Call&, std::string_view verb, const Words&, std::chrono::milliseconds limit);
    Result<void> ensure_script(const Call&);
    template <class Message> Result<Message> read(const Result<std::string>& text, std::string_view verb) const;
    template <class Message>
    Result<Message> ask_for(const Call&, std::string_view verb, const Words&, std::chrono::milliseconds limit);

    SshSession& session_;
    const ScriptPlace place_;
    const SshHostParts parts_;
    std::mutex ensuring_{};
    bool ensured_ = false;
};

// "DS=<datastore>;CMD=--xcopy VERB KEY=VALUE …": every byte of a value that could be syntax is %XX. Errc::bad_request for a
// datastore that the forced command would cut.
Result<std::string> script_line(std::string_view datastore, std::string_view verb,
                                const std::vector<std::pair<std::string_view, std::string>>& words);

// The reasons of script_answer() with which certainly nothing ran: there was no script of ours to run.
bool is_script_missing(const Error& error);

// What a host said on stdout and stderr: the JSON, the script's refusal, or why that is no answer of the script.
Result<std::string> script_answer(const SshOutput& output, const SshAddress& host, std::string_view public_key);

// Step by step, what an administrator does on that host so that it takes the key.
std::string steps_to_authorize(const SshAddress& host, std::string_view public_key);

// What stands before the key in /etc/ssh/keys-root/authorized_keys (facts/forklift-contract.md 7.2), with the key.
std::string authorized_keys_line(std::string_view public_key);

} // namespace xcopy
