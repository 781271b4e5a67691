#include "coordinator/kube/host_lease.hpp"
#include "coordinator/kube/lease.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace xcopy::kube {
namespace {

using namespace std::chrono_literals;

constexpr const char* lease_text = R"({"kind":"Lease","apiVersion":"coordination.k8s.io/v1","metadata":{"name":
 "esxi-lock-hostsystem-host-12-slot-0","namespace":"openshift-mtv","uid":"u","resourceVersion":"7","finalizers":["a/b"],
 "annotations":{"k":"v"},"managedFields":[{"manager":"x"}],"ownerReferences":[{"apiVersion":"v1","kind":
 "PersistentVolumeClaim","name":"c","uid":"1"}]},"spec":{"holderIdentity":"populate-1","leaseDurationSeconds":10,
 "acquireTime":"2026-01-02T03:04:05.000006Z","renewTime":"2026-01-02T03:04:08.000000Z","strategy":"OldestEmulationVersion"}})";

Lease lease()
{
    return *parse_lease(nlohmann::json::parse(lease_text));
}

TEST(Lease, IsReadWhole)
{
    const auto read = lease();
    EXPECT_EQ(read.holder, "populate-1");
    EXPECT_EQ(read.duration, 10s);
    EXPECT_EQ(read.version, "7");
    EXPECT_EQ(read.owner->uid, "1");
    EXPECT_EQ(read.finalizers, std::set<std::string>{"a/b"});
    EXPECT_EQ(read.annotations.at("k"), "v");
    EXPECT_FALSE(parse_lease(nlohmann::json::parse(R"({"kind":"Status"})")));
}

TEST(Lease, KeepsInAnUpdateWhatWeDoNotKnow)
{
    auto changed = lease();
    changed.holder = "me";
    const auto written = to_json(changed);
    EXPECT_EQ(written["spec"]["strategy"], "OldestEmulationVersion");
    EXPECT_EQ(written["metadata"]["ownerReferences"].size(), 1U) << "the owner is not written twice";
    EXPECT_EQ(written["metadata"]["resourceVersion"], "7") << "an update without it would overwrite anything";
    EXPECT_EQ(written["metadata"]["uid"], "u");
    EXPECT_EQ(written["spec"]["holderIdentity"], "me");
    changed.holder.clear();
    EXPECT_FALSE(to_json(changed)["spec"].contains("holderIdentity")) << "an empty one is not valid";
}

TEST(Lease, ExpiresAfterItsDurationAndNeverWithoutTimes)
{
    auto read = lease();
    EXPECT_FALSE(has_expired(read, *read.renewed + 10s));
    EXPECT_TRUE(has_expired(read, *read.renewed + 10s + 1us));
    read.renewed.reset();
    EXPECT_FALSE(has_expired(read, now()));
}

TEST(Lease, TwoWritesAreOneOnlyWhenHolderTimesAndContentAgree)
{
    EXPECT_TRUE(is_same_write(lease(), lease()));
    auto other = lease();
    other.renewed = *other.renewed + 1us;
    EXPECT_FALSE(is_same_write(lease(), other));
    other = lease();
    other.annotations["k"] = "w";
    EXPECT_FALSE(is_same_write(lease(), other));
}

TEST(HostLease, IsNamedAsUpstreamNamesIt)
{
    EXPECT_EQ(host_lease_name(host_lease_id("host-123"), 1), "esxi-lock-hostsystem-host-123-slot-1");
    EXPECT_EQ(host_lease_id("Host:7"), "hostsystem-host-7");
    for (const std::string& bad : {std::string(), std::string("a b"), std::string("x-"), std::string(60, 'a')})
        EXPECT_EQ(host_lease_id(bad), "") << bad;
}

} // namespace
} // namespace xcopy::kube
