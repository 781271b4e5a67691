// A host that may have an agent: by its agent, else by SSH. The first answer of a run decides, and the decision stays: an agent
// that comes or goes in the middle of a copy must not move it to a transport that knows nothing of its clone.
#pragma once

#include "coordinator/host/host.hpp"
#include "coordinator/log.hpp"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace xcopy {

class EitherHost final : public Host {
public:
    // `datastore` is where a job found the script; empty: wherever it is to be now.
    using MakeSsh = std::function<std::unique_ptr<Host>(const std::string& datastore)>;
    struct Ways {
        std::unique_ptr<Host> agent{}; // null: none
        std::string no_agent{};        // why
        MakeSsh ssh{};                 // called when SSH is first needed; empty: none
    };

    EitherHost(std::string name, TransportChoice choice, Ways ways, Log& log);

    std::string name() const override { return name_; }
    HostTransport transport() const override;
    Result<Host*> through(const HostTransport& begun) override;

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
    template <class Ask> auto ask(const Call& call, const Ask& question) -> decltype(question(std::declval<Host&>()));
    Result<Host*> by_choice(); // null: the agent's answer decides
    Host& by_ssh(const std::string& datastore = {});
    Host& settle(Host& host, std::string why);
    Error explained(Error said_by_agent) const;

    const std::string name_;
    const TransportChoice choice_;
    const Ways ways_;
    Log& log_;

    mutable std::mutex mutex_{};                         // of all below
    std::map<std::string, std::unique_ptr<Host>> ssh_{}; // by datastore
    Host* settled_ = nullptr;
    std::string why_{};
};

} // namespace xcopy
