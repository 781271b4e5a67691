// Forklift's own pods in the same cluster, on hosts that have no agent: while they rescan a host, ours does not.
#include "tests/dropin/rig.hpp"
#include "tests/kube/storage_objects.hpp"

#include <fmt/chrono.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace dropin {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* locks = "openshift-mtv";

std::string now() // with six decimals, or the API server refuses it
{
    using std::chrono::floor;
    const auto time = floor<std::chrono::microseconds>(std::chrono::system_clock::now());
    const auto second = floor<std::chrono::seconds>(time);
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z", second, (time - second).count());
}

std::string lock_of(const Rig& rig, int slot)
{
    return fmt::format("esxi-lock-hostsystem-{}-slot-{}", rig.vcenter->id("host esx1"), slot);
}

// Contract 5.4: both places on a host are taken.
void upstream_locks(Rig& rig)
{
    for (const int slot : {0, 1})
        rig.api.create(kube_test::lease_path(locks), {{"metadata", {{"name", lock_of(rig, slot)}}},
                                                      {"spec",
                                                       {{"holderIdentity", "populate-upstream"},
                                                        {"leaseDurationSeconds", 3},
                                                        {"acquireTime", now()},
                                                        {"renewTime", now()}}}});
}

void upstream_renews(Rig& rig)
{
    for (const int slot : {0, 1})
        rig.api.merge(kube_test::lease_path(locks, lock_of(rig, slot)), {{"spec", {{"renewTime", now()}}}});
}

int rescans(const Rig& rig)
{
    int count = 0;
    for (const auto& event : rig.site.list({{"do", "events"}}, "events"))
        if (event.at("what").get<std::string>().starts_with("rescan "))
            ++count;
    return count;
}

TEST(BesideUpstream, ItsLockOnAHostsRescansIsWaitedFor)
{
    Rig rig({.vms = {{"web", {{"web/web.vmdk"}}}}, .over_ssh = true});
    upstream_locks(rig);
    rig.migrate_all({.migration_host = "esx1"});
    rig.until("the pod waits", [&] {
        upstream_renews(rig);
        return rig.log_of(rig.copy()).find("waiting for the lock on the host's rescans") != std::string::npos;
    });
    EXPECT_EQ(rescans(rig), 0);
    EXPECT_EQ(rig.starts_on(rig.copy()), 0);
    rig.until_settled(); // upstream renews no more
    expect_all_copied(rig);
    EXPECT_GT(rescans(rig), 0);
    EXPECT_THAT(rig.api.get(kube_test::lease_path(locks, lock_of(rig, 0))).at("spec").at("holderIdentity"),
                StartsWith("populate-"))
        << "ours, by its pod's name";
}

} // namespace
} // namespace dropin
