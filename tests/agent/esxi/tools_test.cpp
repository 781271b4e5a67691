// The tools as they are run: a scripted esxcli, localcli and vsish.
#include "tests/agent/esxi/esxcli_samples.hpp"
#include "tests/agent/esxi/fake_host.hpp"

#include <gtest/gtest.h>

namespace xcopy {
namespace {

using std::chrono::milliseconds;
using test::list;
using test::output;
using test::structure;

class HostTools : public testing::Test {
protected:
    // A script that prints the XML, which has line ends of its own.
    static std::string printing(const std::string& xml)
    {
        std::string line;
        for (char c : xml)
            line += c == '\n' ? "\\n" : std::string(1, c);
        return "out " + line + "\nexit 0\n";
    }

    std::string asked(const std::string& tool) const
    {
        const auto calls = host.calls(tool);
        return calls.empty() ? "" : calls.back().substr(calls.back().find(' ') + 1);
    }

    test::FakeHost host;
    Tools tools{host.tools()};
    RunLimits limits;
    const std::string naa = "naa.60000000000000000000000000000002";
};

TEST_F(HostTools, ADeviceIsAskedForByName)
{
    host.script("esxcli", printing(list(structure({{"string:Device", naa}, {"integer:Size", "10"}}))));
    const auto device = tools.device(naa, limits);
    ASSERT_TRUE(device);
    EXPECT_EQ((*device)->size_bytes, 10U * 1024 * 1024);
    EXPECT_EQ(asked("esxcli"), "--formatter=xml storage core device list -d " + naa);
}

TEST_F(HostTools, AnUnknownDeviceIsNoError)
{
    host.script("esxcli", "out Unable to find device with name naa.X\\n\nexit 1\n");
    const auto device = tools.device(naa, limits);
    ASSERT_TRUE(device);
    EXPECT_FALSE(*device);
}

TEST_F(HostTools, AnotherDeviceThanTheOneAskedForIsNotTaken)
{
    host.script("esxcli", printing(list(structure({{"string:Device", "naa.60000000000000000000000000000009"}}))));
    EXPECT_FALSE(tools.device(naa, limits).value());
}

TEST_F(HostTools, NamesThatWouldBecomeOptionsAreRefused)
{
    for (const char* name : {"", "-a", "--all", "naa.1 -a", "naa.1;reboot", "naa.1\n"}) {
        EXPECT_EQ(tools.device(name, limits).error().code, Errc::bad_request) << name;
        EXPECT_EQ(tools.rescan(name, RescanKind::add, limits).error().code, Errc::bad_request) << name;
        EXPECT_EQ(tools.set_device_state(name, false, limits).error().code, Errc::bad_request) << name;
    }
    EXPECT_TRUE(host.calls("esxcli").empty());
}

TEST_F(HostTools, LocalcliAnswersWhenHostdDoesNot)
{
    host.script("esxcli", "err Connect to localhost failed: Connection failure.\\n\nexit 1\n");
    host.script("localcli", printing(output("<string>5f3a-17</string>")));
    EXPECT_EQ(tools.host_uuid(limits).value(), "5f3a-17");
    EXPECT_EQ(asked("localcli"), "--formatter=xml system uuid get");
}

TEST_F(HostTools, LocalcliAnswersWhenEsxcliHangs)
{
    host.script("esxcli", "wait never\n");
    host.script("localcli", printing(list("")));
    limits.time = milliseconds(200);
    EXPECT_TRUE(tools.adapters(limits).value().empty());
}

TEST_F(HostTools, WhereBothFailBothAreQuoted)
{
    host.script("esxcli", "err Connect to localhost failed: Connection failure.\nexit 1\n");
    host.script("localcli", "err broken too\nexit 1\n");
    const auto uuid = tools.host_uuid(limits);
    ASSERT_FALSE(uuid);
    EXPECT_EQ(uuid.error().code, Errc::unavailable);
    EXPECT_NE(uuid.error().message.find("broken too"), std::string::npos);
}

TEST_F(HostTools, OrdersDoNotGoRoundHostd)
{
    host.script("esxcli", "err Connect to localhost failed: Connection failure.\nexit 1\n");
    EXPECT_EQ(tools.rescan("vmhba64", RescanKind::add, limits).error().code, Errc::unavailable);
    EXPECT_EQ(tools.set_device_state(naa, false, limits).error().code, Errc::unavailable);
    EXPECT_TRUE(host.calls("localcli").empty());
}

TEST_F(HostTools, ARescanBesideAnotherIsBusy)
{
    host.script("esxcli", "err A rescan is already in progress\nexit 1\n");
    EXPECT_EQ(tools.rescan("vmhba64", RescanKind::add, limits).error().code, Errc::busy);
    EXPECT_EQ(asked("esxcli"), "--formatter=xml storage core adapter rescan -A vmhba64 -t add");
}

TEST_F(HostTools, ForgettingWhatIsNotRememberedSucceeds)
{
    host.script("esxcli", 1, "err Some wording of an unknown version\nexit 1\n");
    host.script("esxcli", 2, printing(list(structure({{"string:DeviceUID", "naa.1"}, {"string:State", "off"}}))));
    EXPECT_TRUE(tools.forget_detached(naa, limits));
}

TEST_F(HostTools, ForgettingThatDidNotWorkIsAnError)
{
    host.script("esxcli", 1, "err Some wording of an unknown version\nexit 1\n");
    host.script("esxcli", 2, printing(list(structure({{"string:DeviceUID", naa}, {"string:State", "off"}}))));
    EXPECT_FALSE(tools.forget_detached(naa, limits));
}

TEST_F(HostTools, NothingDetachedMayBeSaidByNothing)
{
    host.script("esxcli", "exit 0\n");
    EXPECT_TRUE(tools.detached_devices(limits).value().empty());
    EXPECT_FALSE(tools.vmfs_extents(limits)) << "that no device holds a datastore must be said in so many words";
    EXPECT_FALSE(tools.devices(limits));
}

TEST_F(HostTools, VersionNameAndOptionAreRead)
{
    host.script("esxcli", 1,
                printing(output(structure({{"string:Product", "VMware ESXi"},
                                           {"string:Version", "8.0.2"},
                                           {"string:Build", "Releasebuild-22380479"}}))));
    host.script("esxcli", 2, printing(output(structure({{"string:HostName", "esx1"}, {"string:DomainName", ""}}))));
    host.script(
        "esxcli", 3,
        printing(list(structure(
            {{"string:Path", "/Disk/MaxLUN"}, {"integer:IntValue", "256"}, {"integer:DefaultIntValue", "1024"}}))));
    EXPECT_EQ(tools.version(limits)->build, "Releasebuild-22380479");
    EXPECT_EQ(tools.host_name(limits).value(), "esx1");
    const auto option = tools.advanced_option("/Disk/MaxLUN", limits);
    EXPECT_EQ(option->value, 256);
    EXPECT_EQ(option->default_value, 1024);
}

TEST_F(HostTools, CountersOfTwoDevicesAreReadTogether)
{
    host.set_counters(naa, "Statistics {\n   cloneWriteOps:7\n}\n");
    const auto counters = tools.counters_of({naa, "naa.absent"}, limits);
    ASSERT_EQ(counters.size(), 2U);
    EXPECT_EQ(counters[0]->at("cloneWriteOps"), 7U);
    EXPECT_FALSE(counters[1]);
}

} // namespace
} // namespace xcopy
