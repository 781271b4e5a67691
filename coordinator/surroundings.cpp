#include "coordinator/surroundings.hpp"

#include "coordinator/file_journal.hpp"
#include "coordinator/kube/claim.hpp"
#include "coordinator/kube/host_lease.hpp"
#include "coordinator/kube/lease_journal.hpp"
#include "coordinator/kube/settings.hpp"
#include "coordinator/verdict.hpp"

#include <fmt/format.h>

namespace xcopy {

namespace {

using kube::JournalChoice;

Result<kube::Access> access_to(const kube::Options& options, const Environment& environment)
{
    auto access =
        options.kubeconfig.empty() ? kube::in_cluster(environment) : kube::read_kubeconfig(options.kubeconfig);
    if (access && !options.master.empty())
        access->server = options.master;
    return access;
}

// What the flags say of the target and what the cluster says must be one.
Result<void> take_target(CopyOrder& order, kube::ClaimTarget found)
{
    if (!order.target.handle.empty() && order.target.handle != found.volume.handle.handle)
        return Error{Errc::conflict,
                     fmt::format("PersistentVolume {} has the volume handle '{}', --volume-handle says '{}'",
                                 found.volume.name, found.volume.handle.handle, order.target.handle),
                     "give one of --owner-name and --volume-handle", "target_contradiction"};
    order.job = found.claim.uid;
    order.target = std::move(found.volume.handle);
    if (order.expected_size == 0)
        order.expected_size = found.claim.size_bytes;
    return {};
}

class LeasePermit final : public RescanPermit {
public:
    explicit LeasePermit(std::unique_ptr<kube::HostPermit> held) : held_(std::move(held)) {}
    std::stop_token lost() const override { return held_->lost(); }

private:
    std::unique_ptr<kube::HostPermit> held_;
};

} // namespace

RescanLocks rescan_locks(const Toolbox& tools, const Surroundings& around)
{
    if (!around.cluster)
        return {};
    const auto& options = tools.config.kube;
    const auto leases =
        std::make_shared<kube::HostLeases>(kube::Leases(*around.cluster, options.host_lease_namespace), *tools.log,
                                           kube::HostLeaseRules{.duration = options.host_lease_duration});
    return [leases](const std::string& host_id) -> RescanLock {
        return [leases, id = kube::host_lease_id(host_id)](const Call& call) -> Result<std::unique_ptr<RescanPermit>> {
            auto permit = leases->enter(call, id);
            if (!permit)
                return permit.error();
            return std::unique_ptr<RescanPermit>(std::make_unique<LeasePermit>(std::move(*permit)));
        };
    };
}

Result<Surroundings> look_around(Toolbox& tools)
{
    auto& config = tools.config;
    Surroundings around;
    std::map<std::string, kube::Owner> owners;
    const auto environment = environment_of_process();
    if (kube::asks_for_cluster(config, environment)) {
        auto access = access_to(config.kube, environment);
        if (!access)
            return access.error().in("reach the cluster");
        around.cluster = kube::connect(*access, *tools.transport);
        around.name_space = config.kube.name_space.empty() ? access->name_space : config.kube.name_space;
        if (around.name_space.empty())
            around.name_space = "default";
        if (!config.kube.claim.empty()) {
            auto found = kube::find_claim_target(tools.call().within(config.order.limits.look_up), *around.cluster,
                                                 around.name_space, config.kube.claim, config.order.job);
            if (!found)
                return found.error().in(fmt::format("find the volume of PersistentVolumeClaim {}/{}", around.name_space,
                                                    config.kube.claim));
            owners.emplace(found->claim.uid, found->claim.owner());
            tools.log->info("target found", {{"job", found->claim.uid},
                                             {"claim", around.name_space + '/' + config.kube.claim},
                                             {"volume", found->volume.name},
                                             {"driver", found->volume.driver},
                                             {"handle", found->volume.handle.handle}});
            if (auto taken = take_target(config.order, std::move(*found)); !taken)
                return taken.error();
        }
    }

    if (around.cluster && config.kube.journal != JournalChoice::file) {
        around.journal = std::make_unique<kube::LeaseJournal>(kube::Leases(*around.cluster, around.name_space),
                                                              std::move(owners), *tools.log, tools.stop);
        return around;
    }
    auto journal = FileJournal::open(config.state_dir);
    if (!journal)
        return journal.error();
    around.journal = std::move(*journal);
    return around;
}

int complain_of_surroundings(const Error& error)
{
    switch (error.code) {
    case Errc::cancelled:
        return complain(error, exit_cancelled);
    case Errc::conflict: // nothing was changed
    case Errc::unsupported:
    case Errc::not_found:
    case Errc::denied:
    case Errc::unavailable:
    case Errc::busy:
    case Errc::timed_out:
        return complain(error, exit_refused);
    default:
        return complain(error, exit_usage);
    }
}

} // namespace xcopy
