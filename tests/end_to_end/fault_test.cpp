// What goes wrong while a copy runs: the right verdict, the reason said, everything put back.
#include "tests/end_to_end/site.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace e2e {
namespace {

using nlohmann::json;

class Fault : public testing::Test {
protected:
    Site site;
    Disk disk = site.make_disk("vm 1/disk.vmdk", 32 * mib);
    Target target = site.make_target(32 * mib);
    json before = site.presentations(target);

    void vmkfstools(json settings)
    {
        settings["do"] = "vmkfstools.set";
        site.lab.call(settings);
    }

    // The run failed, its message says `why`, and nothing is left.
    json expect_failed(const Ran& ran, int exit, const std::string& why)
    {
        EXPECT_EQ(ran.exit, exit) << ran.err << ran.out;
        const auto result = result_of(ran);
        const auto error = result.value("error", json::object());
        EXPECT_NE(error.value("message", "").find(why), std::string::npos) << result;
        EXPECT_FALSE(error.value("remedy", "").empty()) << result;
        expect_nothing_left(site, target, before);
        return result;
    }
};

TEST_F(Fault, ACancelledCopyEndsTheWriterAndSaysSo)
{
    vmkfstools({{"hold_at", 50}, {"hold_name", "half"}});
    auto run = site.prepare_populate(disk, target);
    run->go();
    site.lab.wait_held("half");
    run->signal(SIGINT);
    const auto ended = run->wait();
    EXPECT_EQ(ended.exit, 4) << ended.err << ended.out;
    EXPECT_EQ(result_of(ended).at("result"), "cancelled");
    expect_nothing_left(site, target, before);
}

TEST_F(Fault, VmkfstoolsFailingAt43PercentIsAFailure)
{
    vmkfstools(
        {{"fail_at", 43}, {"fail_exit", 1}, {"fail_text", "Failed to clone disk: Input/output error (327689)."}});
    const auto result = expect_failed(site.populate(disk, target), 1, "Input/output error");
    EXPECT_NE(result.at("error").at("message").get<std::string>().find("43"), std::string::npos) << result;
}

TEST_F(Fault, AHundredPercentWithAFailureIsAFailure)
{
    vmkfstools({{"fail_at", 100},
                {"fail_exit", 1},
                {"fail_text", "Failed to clone disk: No such device or address (393225)."}});
    expect_failed(site.populate(disk, target), 1, "No such device");
}

TEST_F(Fault, AFullDatastoreIsNamed)
{
    vmkfstools(
        {{"fail_at", 0},
         {"fail_exit", 1},
         {"fail_text",
          "Failed to clone disk: There is not enough space on the file system for the selected operation (13)."}});
    expect_failed(site.populate(disk, target), 1, "space");
}

TEST_F(Fault, ALockedSourceIsWaitedForAWhile)
{
    site.lab.call(
        {{"do", "datastore.lock"}, {"datastore", "datastore1"}, {"file", "vm 1/disk.vmdk"}, {"locked", true}});
    auto run = site.prepare_populate(disk, target);
    run->go();
    site.lab.call({{"do", "events.wait"}, {"what", "^vmkfstools -i"}, {"count", 2}});
    site.lab.call(
        {{"do", "datastore.lock"}, {"datastore", "datastore1"}, {"file", "vm 1/disk.vmdk"}, {"locked", false}});
    const auto ended = run->wait();
    EXPECT_EQ(ended.exit, 0) << ended.err << ended.out;
    EXPECT_TRUE(same_bytes(disk.flat, target.file, disk.size));
    expect_nothing_left(site, target, before);
}

void drain(const Site& site, const std::string& host, bool on)
{
    const auto ran = run({"/usr/bin/curl", "-sS", "--fail", "--noproxy", "*", "--cacert", site.lab.ca(), "--cert",
                          site.lab.operator_cert(), "--key", site.lab.operator_key(), "--data",
                          json{{"on", on}, {"seconds", 600}}.dump(), site.lab.agent_url(host) + "/v1/drain"},
                         {{"PATH", "/usr/bin:/bin"}}, site.work());
    EXPECT_EQ(ran.exit, 0) << ran.err;
}

TEST_F(Fault, ADrainedHostIsPassedOverAndWhereAllAreTheCopyWaitsWithNothingMapped)
{
    drain(site, "esx1", true);
    const auto other = site.populate(disk, target);
    EXPECT_EQ(other.exit, 0) << other.err << other.out;
    EXPECT_EQ(result_of(other).at("host"), "esx2");

    drain(site, "esx2", true);
    const auto second = site.make_target(disk.size);
    const auto as_found = site.presentations(second);
    auto waiting = site.prepare_populate(disk, second);
    waiting->go();
    const auto says_so = [&] {
        return waiting->errors_so_far().find("the copy waits for a host") != std::string::npos;
    };
    for (int i = 0; i < 2000 && !says_so(); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10)); // between two looks
    EXPECT_TRUE(says_so()) << waiting->errors_so_far();
    EXPECT_EQ(site.presentations(second), as_found);
    EXPECT_EQ(site.starts_on(second), 0);
    drain(site, "esx1", false);
    const auto ended = waiting->wait();
    EXPECT_EQ(ended.exit, 0) << ended.err << ended.out;
    EXPECT_EQ(result_of(ended).at("host"), "esx1");
    EXPECT_TRUE(same_bytes(disk.flat, second.file, disk.size));
    expect_nothing_left(site, second, as_found);
}

TEST_F(Fault, ADeviceThatNeverAppearsIsSaidSoWithWhatWasTried)
{
    // The rescan says it went well and finds nothing, as with wrong zoning.
    site.lab.add_rule(
        {{"where", "host:"}, {"what", "adapter rescan.*-t add"}, {"count", 0}, {"fault", {{"tool_exit", 0}}}});
    const auto result = expect_failed(site.populate(disk, target, {"--attach-timeout=2"}), 1, target.naa);
    EXPECT_EQ(site.starts_on(target), 0);
}

TEST_F(Fault, ALunNumberAboveMaxLunIsRefusedWithBothNumbers)
{
    for (const char* host : {"esx1", "esx2"})
        site.lab.call({{"do", "host.set"}, {"host", host}, {"max_lun", 64}});
    const auto ran = site.populate(disk, target, {"--lun=200"});
    EXPECT_NE(ran.exit, 0);
    const auto message = result_of(ran).at("error").at("message").get<std::string>();
    EXPECT_NE(message.find("200"), std::string::npos) << message;
    EXPECT_NE(message.find("64"), std::string::npos) << message;
    expect_nothing_left(site, target, before);
    EXPECT_EQ(site.starts_on(target), 0);
}

TEST_F(Fault, TwoOrdersForOneDeviceNeverMakeTwoWriters)
{
    vmkfstools({{"hold_at", 50}, {"hold_name", "half"}});
    auto first = site.prepare_populate(disk, target);
    first->go();
    site.lab.wait_held("half");
    auto other = target;
    other.job = "6b0b2f7e-0000-4000-8000-999999999999";
    const auto second = site.populate(disk, other);
    EXPECT_NE(second.exit, 0) << second.out;
    EXPECT_EQ(site.starts_on(target), 1);
    site.lab.release("half");
    const auto ended = first->wait();
    EXPECT_EQ(ended.exit, 0) << ended.err << ended.out;
    EXPECT_TRUE(same_bytes(disk.flat, target.file, disk.size));
    expect_nothing_left(site, target, before);
}

TEST_F(Fault, TheSameOrderGivenTwiceAtOnceIsOneCopy)
{
    vmkfstools({{"hold_at", 50}, {"hold_name", "half"}});
    auto first = site.prepare_populate(disk, target);
    first->go();
    site.lab.wait_held("half");
    const auto second = site.populate(disk, target);
    EXPECT_NE(second.exit, 0) << second.out;
    site.lab.release("half");
    EXPECT_EQ(first->wait().exit, 0);
    EXPECT_EQ(site.starts_on(target), 1);
    expect_nothing_left(site, target, before);
}

// Each array request fails once in every way it can: the run either succeeds by retrying or fails and leaves nothing.
TEST_F(Fault, AnyArrayRequestMayFailAndNothingIsLeft)
{
    const auto small = site.make_disk("vm 2/small.vmdk", mib);
    const std::vector<json> ways{
        {{"http_status", 503}},
        {{"http_status", 500}, {"http_body", R"({"error":{"message":"internal","code":"1"}})"}},
        {{"drop_connection", true}}};
    for (const auto& way : ways) {
        for (const char* when : {"before", "after"}) {
            for (int nth = 1; nth < 60; ++nth) {
                SCOPED_TRACE(way.dump() + " " + when + " request " + std::to_string(nth));
                const auto volume = site.make_target(mib);
                const auto mapped = site.presentations(volume);
                site.lab.call({{"do", "rule.clear"}});
                const auto requests = site.requests("");
                site.lab.add_rule({{"where", "array:"}, {"nth", nth}, {"when", when}, {"fault", way}});
                const auto ran = site.populate(small, volume, {"--cleanup-timeout=20"});
                const bool faulted = site.requests("") - requests >= nth;
                if (ran.exit == 0) {
                    EXPECT_TRUE(same_bytes(small.flat, volume.file, small.size));
                } else {
                    EXPECT_FALSE(result_of(ran).at("error").at("message").get<std::string>().empty());
                }
                if (ran.exit == 5) { // it says what it left, and a second run puts it back
                    EXPECT_FALSE(result_of(ran).at("left_behind").empty());
                    EXPECT_EQ(site.populate(small, volume).exit, 0);
                }
                expect_nothing_left(site, volume, mapped);
                if (HasFailure())
                    return;
                if (!faulted)
                    break;
            }
        }
    }
}

// Each tool call on the host fails once.
TEST_F(Fault, AnyToolOnTheHostMayFailAndNothingIsLeft)
{
    const auto small = site.make_disk("vm 2/small.vmdk", mib);
    for (int nth = 1; nth < 120; ++nth) {
        SCOPED_TRACE("tool call " + std::to_string(nth));
        const auto volume = site.make_target(mib);
        const auto mapped = site.presentations(volume);
        site.lab.call({{"do", "rule.clear"}});
        const auto since = site.last_event();
        site.lab.add_rule(
            {{"where", "host:esx1"},
             {"nth", nth},
             {"fault", {{"tool_exit", 1}, {"tool_stderr", "Connect to localhost failed: Connection failure.\n"}}}});
        const auto ran = site.populate(small, volume, {"--migration-host=esx1", "--cleanup-timeout=20"});
        int tools = 0;
        for (const auto& event : site.list({{"do", "events"}, {"after", since}}, "events"))
            if (event.at("where") == "host:esx1" && event.at("when") == "before")
                ++tools;
        if (ran.exit == 0) {
            EXPECT_TRUE(same_bytes(small.flat, volume.file, small.size));
        }
        if (ran.exit == 5) {
            EXPECT_EQ(site.populate(small, volume, {"--migration-host=esx1"}).exit, 0);
        }
        expect_nothing_left(site, volume, mapped);
        if (HasFailure())
            return;
        if (tools < nth)
            break;
    }
}

// Somebody starts vmkfstools on the host as soon as the mapped volume shows up there.
TEST_F(Fault, AVmkfstoolsByHandOnTheTargetIsNotJoinedByASecondWriter)
{
    site.lab.add_rule(
        {{"where", "host:esx1"}, {"what", "adapter rescan.*-t add"}, {"when", "after"}, {"hold", "seen"}});
    vmkfstools({{"hold_at", 10}, {"hold_name", "by hand"}});
    auto run = site.prepare_populate(disk, target, {"--migration-host=esx1"});
    run->go();
    site.lab.wait_held("seen");
    const std::string folder = "/vmfs/volumes/datastore1/";
    site.lab.call({{"do", "host.spawn"},
                   {"host", "esx1"},
                   {"argv",
                    {"/bin/vmkfstools", "-i", folder + disk.vmdk.substr(disk.vmdk.find(' ') + 1), "-d",
                     "rdm:/vmfs/devices/disks/" + target.naa, folder + "by-hand.vmdk"}}});
    site.lab.wait_held("by hand");
    site.lab.release("seen");
    site.lab.call({{"do", "events.wait"}, {"what", "device set --state=off"}, {"count", 1}}); // it puts back
    EXPECT_EQ(site.starts_on(target), 1);
    vmkfstools({{"hold_at", nullptr}});
    site.lab.release("by hand");
    const auto refused = run->wait();
    EXPECT_NE(refused.exit, 0) << refused.out;
    EXPECT_NE(refused.err.find("a vmkfstools that this agent did not start uses " + target.naa), std::string::npos)
        << refused.err;
    EXPECT_NE(refused.err.find("by-hand.vmdk"), std::string::npos) << refused.err;
    EXPECT_EQ(site.starts_on(target), 1);
    site.lab.run("esx1", {"/bin/rm", "-f", folder + "by-hand.vmdk", folder + "by-hand-rdm.vmdk"});
    expect_nothing_left(site, target, before);

    const auto copied = site.populate(disk, target, {"--migration-host=esx1"});
    EXPECT_EQ(copied.exit, 0) << copied.err << copied.out;
    EXPECT_EQ(site.starts_on(target), 2);
    EXPECT_TRUE(same_bytes(disk.flat, target.file, disk.size));
}

} // namespace
} // namespace e2e
