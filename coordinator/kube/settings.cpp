#include "coordinator/kube/settings.hpp"

#include "coordinator/kube/access.hpp"
#include "coordinator/setting_readers.hpp"

#include <fmt/format.h>

namespace xcopy::kube {

namespace {

using namespace setting;

Result<void> set_journal(Config& config, const Texts& given)
{
    return one_of<JournalChoice>(
        {{"auto", JournalChoice::automatic}, {"lease", JournalChoice::lease}, {"file", JournalChoice::file}},
        config.kube.journal, given);
}

Result<void> set_master(Config& config, const Texts& given)
{
    config.kube.master = given.front();
    while (config.kube.master.ends_with('/'))
        config.kube.master.pop_back();
    if (!config.kube.master.starts_with("https://"))
        return Error{Errc::bad_request, fmt::format("'{}' is not an https address", given.front())};
    return {};
}

// As upstream reads it: what is no number leaves the default.
Result<void> set_lease_duration(Config& config, const Texts& given)
{
    if (const auto seconds = number_between(given.front(), 1, 3600); seconds)
        config.kube.host_lease_duration = std::chrono::seconds(*seconds);
    return {};
}

} // namespace

std::vector<Setting> settings()
{
    return {
        {"kubeconfig", "KUBECONFIG", "FILE", "how the cluster is reached; in a pod its service account is used", false,
         &Needs::state, text<&Config::kube, &Options::kubeconfig>},
        {"master", "", "URL", "another address for the API server", false, &Needs::state, set_master},
        {"target-namespace", "", "NAME", "namespace of the PersistentVolumeClaim and of the journal", false,
         &Needs::state, text<&Config::kube, &Options::name_space>},
        {"owner-name", "", "NAME", "the target: a PersistentVolumeClaim, instead of --volume-handle", false,
         &Needs::copy, text<&Config::kube, &Options::claim>},
        {"journal", "", "auto|lease|file",
         "where the journal is kept; auto: a Lease where the target is a PersistentVolumeClaim, else files in "
         "--state-dir",
         false, &Needs::state, set_journal},
        {"host-lease-namespace", "HOST_LEASE_NAMESPACE", "NAME", "where Forklift locks the rescans of hosts", false,
         &Needs::state, text<&Config::kube, &Options::host_lease_namespace>},
        {"host-lease-duration-seconds", "HOST_LEASE_DURATION_SECONDS", "SECONDS", "how long such a lock lasts (10)",
         false, &Needs::state, set_lease_duration},
    };
}

bool asks_for_cluster(const Config& config, const Environment& environment)
{
    const auto& options = config.kube;
    const bool reachable = !options.kubeconfig.empty() || is_in_cluster(environment);
    if (options.journal == JournalChoice::lease)
        return true;
    return reachable && (!options.claim.empty() || !options.name_space.empty());
}

void check(const Config& config, const Environment& environment, Needs needs, std::vector<std::string>& problems)
{
    const auto& options = config.kube;
    if (!needs.state)
        return;
    const bool reachable = !options.kubeconfig.empty() || is_in_cluster(environment);
    const bool needed = options.journal == JournalChoice::lease ||
                        (needs.copy && !options.claim.empty() && config.order.target.handle.empty());
    if (needed && !reachable)
        problems.emplace_back("no cluster is given; use --kubeconfig, or run in a pod");
    if (needs.copy && options.journal == JournalChoice::lease && options.claim.empty())
        problems.emplace_back(
            "--journal lease needs --owner-name, the PersistentVolumeClaim that the Lease belongs to");
}

} // namespace xcopy::kube
