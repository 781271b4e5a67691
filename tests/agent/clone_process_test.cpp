// Clones on one host, ordered as a coordinator orders them.
#include "protocol/json.hpp"
#include "tests/agent/fake_host.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <thread>

namespace xcopy::test {

namespace {

constexpr const char* target = "naa.60000000000000aa";
constexpr const char* other_target = "naa.60000000000000bb";

bool ended(const CloneStatus& status)
{
    return is_final(status.state);
}

class Clone : public ::testing::Test {
protected:
    void begin(const std::string& config = "")
    {
        host.put_disk("web server/disk one.vmdk", 64);
        host.start(config);
    }

    void attach(const std::string& job, const std::string& naa, int mib = 64)
    {
        host.map(naa, mib);
        const auto answer = host.call("POST", "/v1/devices/" + naa + "/attach", attach_body(job, mib));
        ASSERT_EQ(answer.status, 200) << answer.body;
    }

    Answer order(const std::string& job, const std::string& naa, int mib = 64, const std::string& more = "")
    {
        return host.call("PUT", "/v1/clones/" + job, clone_body("[ds1] web server/disk one.vmdk", naa, mib, more));
    }

    FakeHost host;
};

} // namespace

// As the next coordinator of a job does it; `ps` shows our own vmkfstools like anybody's.
TEST_F(Clone, ItsDeviceMayBeAttachedAgainWhileItRuns)
{
    begin();
    attach("job-1", target);
    host.write("clone-mode", "hold");
    ASSERT_LT(order("job-1", target).status, 300);
    ASSERT_TRUE(eventually([&] { return host.count("clones", target) == 1; }));
    host.write("ps", fmt::format("9  9  vmkfstools  /bin/vmkfstools -i a -d rdm:/vmfs/devices/disks/{} p\n", target));
    const auto again = host.call("POST", fmt::format("/v1/devices/{}/attach", target), attach_body("job-1", 64));
    EXPECT_EQ(again.status, 200) << again.body;
    EXPECT_LT(order("job-1", target).status, 300);
    host.write("release", "");
    EXPECT_EQ(host.wait_for("job-1", ended).state, CloneState::succeeded);
    EXPECT_EQ(host.count("clones", target), 1);

    // What the look saw has ended since: the next order looks again before it calls anybody foreign.
    host.write("ps", "");
    EXPECT_EQ(host.call("DELETE", "/v1/clones/job-1").status, 200);
    EXPECT_LT(order("job-1", target).status, 300);
    EXPECT_EQ(host.wait_for("job-1", ended).state, CloneState::succeeded);
}

TEST_F(Clone, SourceCanBeAskedForBeforeAnythingIsMapped)
{
    host.put_disk("it's \"one\" ü+%/disk.vmdk", 64);
    begin();
    const auto ask = [&](const std::string& path) {
        return host.call("GET", "/v1/sources", "", "observer", {"-G", "--data-urlencode", "path=" + path});
    };
    const auto answer = ask("[ds1] it's \"one\" ü+%/disk.vmdk");
    EXPECT_EQ(answer.status, 200) << answer.body;
    const auto source = decode<Source>(answer.body);
    ASSERT_TRUE(source);
    EXPECT_TRUE(source->path.ends_with("/volumes/uuid-1/it's \"one\" ü+%/disk.vmdk")) << source->path;
    EXPECT_EQ(source->datastore, "uuid-1");
    EXPECT_EQ(source->devices, std::vector<std::string>{"naa.6000000000000001"});
    EXPECT_EQ(source->size_bytes, 64u * 1048576);
    EXPECT_EQ(source->create_type, "vmfs");

    host.write("volumes/uuid-1/sparse.vmdk",
               "# Disk DescriptorFile\ncreateType=\"monolithicSparse\"\nRW 8192 SPARSE \"s.vmdk\"\n");
    const auto reason = [&](const std::string& path) {
        const auto refusal = decode<ErrorReply>(ask(path).body);
        return refusal ? refusal->reason : "no refusal";
    };
    EXPECT_EQ(ask("[ds1] none.vmdk").status, 404);
    EXPECT_EQ(reason("[ds1] none.vmdk"), "source_missing");
    EXPECT_EQ(reason("[ds1] sparse.vmdk"), "vmdk_kind_unsupported");
    EXPECT_NE(ask("[ds1] sparse.vmdk").body.find("monolithicSparse"), std::string::npos);
    EXPECT_EQ(reason("/etc/passwd.vmdk"), "source_outside_volumes");
    EXPECT_EQ(reason("[ds1] ../../x.vmdk"), "source_outside_volumes");
    EXPECT_EQ(reason("[ds1] disk.txt"), "bad_source");
    EXPECT_EQ(host.call("GET", "/v1/sources").status, 400);
    EXPECT_EQ(host.read("clones"), "");
}

TEST_F(Clone, OfADiskOnADatastoreWithoutRawDeviceMappingsIsRefusedWhenTheSourceIsAskedForAndWhenItIsOrdered)
{
    begin();
    attach("job-1", target);
    const auto ask = [&] {
        return host.call("GET", "/v1/sources", "", "observer",
                         {"-G", "--data-urlencode", "path=[ds1] web server/disk one.vmdk"});
    };
    host.write("extents", "");
    for (const char* type : {"NFS", "NFS41", "vsan", "VVOL"}) {
        host.write("datastore-type", type);
        host.kill_agent(); // it knows the datastores of a moment ago
        host.start();
        const auto told = decode<ErrorReply>(ask().body);
        ASSERT_TRUE(told) << type;
        EXPECT_EQ(told->reason, "datastore_not_vmfs");
        EXPECT_NE(told->message.find("'ds1' is of type " + std::string(type)), std::string::npos) << told->message;
        const auto refused = order("job-1", target);
        EXPECT_NE(refused.body.find("datastore_not_vmfs"), std::string::npos) << refused.body;
    }
    EXPECT_EQ(host.read("clones"), "");

    for (const char* type : {"OTHER", "unreadable"}) { // what is not known is tried
        host.write("datastore-type", type);
        EXPECT_EQ(ask().status, 200) << type << ask().body;
    }
    EXPECT_EQ(order("job-1", target).status, 202);
    EXPECT_EQ(host.wait_for("job-1", ended).state, CloneState::succeeded);
}

TEST_F(Clone, SucceedsOnExitStatusZero)
{
    begin();
    attach("job-1", target);
    EXPECT_EQ(order("job-1", target).status, 202);
    const auto status = host.wait_for("job-1", ended);
    EXPECT_EQ(status.state, CloneState::succeeded);
    EXPECT_EQ(status.exit_status, 0);
    EXPECT_EQ(status.percent, 100);
    EXPECT_EQ(status.source_size, 64u * 1048576);
    EXPECT_EQ(host.read("clones"), fmt::format("rdm:/vmfs/devices/disks/{}\n", target));
}

TEST_F(Clone, FailsWithVmkfstoolsOwnWords)
{
    begin();
    host.write("clone-mode", "fail");
    attach("job-1", target);
    order("job-1", target);
    const auto status = host.wait_for("job-1", ended);
    EXPECT_EQ(status.state, CloneState::failed);
    ASSERT_TRUE(status.error);
    EXPECT_NE(status.error->message.find("327689"), std::string::npos) << status.error->message;
}

TEST_F(Clone, OrderedTwiceRunsOnce)
{
    begin();
    attach("job-1", target);
    EXPECT_EQ(order("job-1", target).status, 202);
    EXPECT_EQ(order("job-1", target).status, 202);
    host.wait_for("job-1", ended);
    EXPECT_EQ(order("job-1", target).status, 202);
    EXPECT_EQ(host.count("clones", target), 1);
}

TEST_F(Clone, OrderedAtTheSameMomentRunsOnce)
{
    begin();
    attach("job-1", target);
    std::vector<std::jthread> clients;
    for (int i = 0; i < 8; ++i)
        clients.emplace_back([&, i] {
            std::this_thread::yield();
            host.call("PUT", "/v1/clones/job-1", clone_body("[ds1] web server/disk one.vmdk", target, 64), "operator",
                      {"-D", (host.folder / fmt::format("h{}", i)).string()});
        });
    clients.clear();
    host.wait_for("job-1", ended);
    EXPECT_EQ(host.count("clones", target), 1);
}

TEST_F(Clone, OfOtherContentUnderTheSameIdIsAConflict)
{
    begin();
    attach("job-1", target);
    order("job-1", target);
    const auto answer = order("job-1", target, 64, R"(,"time_limit_s":7)");
    EXPECT_EQ(answer.status, 409);
    EXPECT_NE(answer.body.find("other_order"), std::string::npos);
}

TEST_F(Clone, OntoADeviceOfAnotherJobIsRefusedBeforeAnythingRuns)
{
    begin();
    attach("job-1", target);
    const auto answer = order("job-2", target);
    EXPECT_EQ(answer.status, 409);
    EXPECT_NE(answer.body.find("attached_for_other_job"), std::string::npos) << answer.body;
    EXPECT_EQ(host.count("clones", target), 0);
}

TEST_F(Clone, OntoADeviceThatWasNotAttachedIsRefused)
{
    begin();
    host.write(std::string("devices/") + target, "64 on 3 false false");
    host.write(std::string("dev/") + target, "");
    const auto answer = order("job-1", target);
    EXPECT_NE(answer.body.find("not_attached"), std::string::npos) << answer.body;
    EXPECT_EQ(host.count("clones", target), 0);
}

TEST_F(Clone, OntoADeviceThatBecameADatastoreIsRefused)
{
    begin(R"(,"facts_max_age_ms":0)");
    attach("job-1", target);
    host.write("extents", fmt::format("ds1 uuid-1 naa.6000000000000001\nprecious uuid-2 {}\n", target));
    const auto answer = order("job-1", target);
    EXPECT_EQ(answer.status, 403);
    EXPECT_NE(answer.body.find("target_backs_datastore"), std::string::npos) << answer.body;
    EXPECT_NE(answer.body.find("precious"), std::string::npos);
    EXPECT_EQ(host.count("clones", target), 0);
}

TEST_F(Clone, OfADiskLargerThanTheTargetIsRefused)
{
    begin();
    attach("job-1", target, 32);
    const auto answer = order("job-1", target, 32);
    EXPECT_NE(answer.body.find("target_smaller_than_source"), std::string::npos) << answer.body;
    EXPECT_EQ(host.count("clones", target), 0);
}

TEST_F(Clone, OfAMissingDiskNamesIt)
{
    begin();
    attach("job-1", target);
    const auto answer = host.call("PUT", "/v1/clones/job-1", clone_body("[ds1] nowhere/x.vmdk", target, 64));
    EXPECT_EQ(answer.status, 404);
    EXPECT_NE(answer.body.find("source_missing"), std::string::npos) << answer.body;
}

TEST_F(Clone, WaitsForItsTurnAndKnowsItsPlace)
{
    begin(R"(,"max_running":1,"max_queued":1)");
    host.write("clone-mode", "hold");
    attach("job-1", target);
    attach("job-2", other_target);
    attach("job-3", "naa.60000000000000cc");
    order("job-1", target);
    const auto second = decode<CloneStatus>(order("job-2", other_target).body);
    ASSERT_TRUE(second);
    EXPECT_EQ(second->state, CloneState::queued);
    EXPECT_EQ(second->queue_position, 1);
    EXPECT_EQ(order("job-3", "naa.60000000000000cc").status, 429);
    host.write("release", "");
    EXPECT_EQ(host.wait_for("job-2", ended).state, CloneState::succeeded);
}

TEST_F(Clone, WatchedAnswersWhenSomethingChangedOrTheWaitEnds)
{
    begin();
    host.write("clone-mode", "hold");
    attach("job-1", target);
    order("job-1", target);
    const auto running = host.wait_for("job-1", [](const auto& status) { return status.percent == 10; });
    const auto same = host.call("GET", fmt::format("/v1/clones/job-1?after={}&wait=1", running.revision));
    EXPECT_EQ(decode<CloneStatus>(same.body)->revision, running.revision);
    host.write("release", "");
    const auto next = host.call("GET", fmt::format("/v1/clones/job-1?after={}&wait=60", running.revision));
    EXPECT_GT(decode<CloneStatus>(next.body)->revision, running.revision);
}

TEST_F(Clone, CancelledIsGoneWhenTheAnswerArrives)
{
    begin();
    host.write("clone-mode", "hold");
    attach("job-1", target);
    order("job-1", target);
    host.wait_for("job-1", [](const auto& status) { return status.percent == 10; });
    EXPECT_EQ(host.call("DELETE", "/v1/clones/job-1").status, 409);
    EXPECT_EQ(host.call("POST", std::string("/v1/devices/") + target + "/detach", R"({"job":"job-1"})").status, 409);
    const auto answer = host.call("POST", "/v1/clones/job-1/cancel");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(decode<CloneStatus>(answer.body)->state, CloneState::cancelled);
    EXPECT_EQ(host.call("POST", "/v1/clones/job-1/cancel").status, 200);
}

TEST_F(Clone, CancelledInTheQueueNeverRuns)
{
    begin(R"(,"max_running":1)");
    host.write("clone-mode", "hold");
    attach("job-1", target);
    attach("job-2", other_target);
    order("job-1", target);
    order("job-2", other_target);
    EXPECT_EQ(decode<CloneStatus>(host.call("POST", "/v1/clones/job-2/cancel").body)->state, CloneState::cancelled);
    host.write("release", "");
    host.wait_for("job-1", ended);
    EXPECT_EQ(host.count("clones", other_target), 0);
}

TEST_F(Clone, NobodyAsksAboutIsCancelled)
{
    begin();
    host.write("clone-mode", "hold");
    attach("job-1", target);
    order("job-1", target, 64, R"(,"orphan_ttl_s":1)");
    EXPECT_TRUE(eventually([&] { return host.count("log", "clone ended") > 0; }));
    const auto status = host.clone("job-1");
    EXPECT_EQ(status.state, CloneState::cancelled);
    ASSERT_TRUE(status.error);
    EXPECT_EQ(status.error->reason, "orphaned");
}

TEST_F(Clone, ForgottenCanBeOrderedAnew)
{
    begin();
    attach("job-1", target);
    order("job-1", target);
    host.wait_for("job-1", ended);
    EXPECT_EQ(host.call("DELETE", "/v1/clones/job-1").status, 200);
    EXPECT_EQ(host.call("GET", "/v1/clones/job-1").status, 404);
    EXPECT_FALSE(std::filesystem::exists(host.folder / "state/jobs/job-1"));
    EXPECT_EQ(order("job-1", target, 64, R"(,"time_limit_s":60)").status, 202);
    EXPECT_EQ(host.wait_for("job-1", ended).state, CloneState::succeeded);
}

} // namespace xcopy::test
