#include "tests/lab/tests/host_fixture.hpp"

#include <gmock/gmock.h>
#include <pugixml.hpp>

namespace lab {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

using Esxcli = HostFixture;

TEST_F(Esxcli, VersionInTextIsIndentedLabelsAndValues)
{
    EXPECT_EQ(run({"esxcli", "system", "version", "get"}).out,
              "   Product: VMware ESXi\n   Version: 8.0.2\n   Build: Releasebuild-22380479\n"
              "   Update: 2\n   Patch: 0\n");
}

TEST_F(Esxcli, AdapterListIsATableWhoseDashesSpanTheColumns)
{
    const auto out = run({"esxcli", "storage", "core", "adapter", "list"}).out;
    EXPECT_THAT(out, StartsWith("HBA Name  Driver      Link State  UID  "));
    EXPECT_THAT(out, HasSubstr("\n--------  ----------  ----------  ---"));
    EXPECT_THAT(
        out,
        HasSubstr("vmhba2    qlnativefc  link-up     fc.20000024ff000001:21000024ff000001  Second Level Lun ID  "));
}

TEST_F(Esxcli, XmlNamesFieldsWithoutBlanksAndSorted)
{
    pugi::xml_document document;
    ASSERT_TRUE(
        document.load_string(run({"esxcli", "--formatter=xml", "storage", "core", "adapter", "list"}).out.c_str()));
    std::vector<std::string> names;
    for (const auto field : document.child("output").child("root").child("list").child("structure").children("field"))
        names.emplace_back(field.attribute("name").value());
    EXPECT_THAT(names, testing::ElementsAre("Capabilities", "Description", "Driver", "HBAName", "LinkState", "UID"));
}

TEST_F(Esxcli, JsonIsReadableByAJsonReaderAndTyped)
{
    const auto list =
        nlohmann::json::parse(run({"esxcli", "--formatter=json", "storage", "vmfs", "extent", "list"}).out);
    EXPECT_EQ(list.at(0).at("VolumeName"), "data store 1");
    EXPECT_EQ(list.at(0).at("Partition"), 1);
    EXPECT_EQ(list.at(0).at("DeviceName"), datastores[0].naa);
}

TEST_F(Esxcli, KeyvalueNamesStructureFieldAndType)
{
    EXPECT_THAT(run({"esxcli", "--formatter=keyvalue", "system", "version", "get"}).out,
                HasSubstr("Version.Version.string=8.0.2\n"));
}

TEST_F(Esxcli, DeviceListStartsWithTheNameAndNamesItAgainInXml)
{
    const std::vector<std::string> words{"storage", "core", "device", "list", "-d", datastores[0].naa};
    auto text = words;
    text.insert(text.begin(), "esxcli");
    EXPECT_THAT(run(text).out, StartsWith(datastores[0].naa + "\n   Display Name: NETAPP iSCSI Disk"));
    EXPECT_THAT(run(text).out, HasSubstr("\n   Size: 1\n"));
    auto xml = words;
    xml.insert(xml.begin(), {"esxcli", "--formatter=xml"});
    EXPECT_THAT(run(xml).out, HasSubstr("<field name=\"IsBootDevice\">"));
    EXPECT_THAT(run(xml).out, HasSubstr("<field name=\"Device\">"));
}

TEST_F(Esxcli, PathListNamesRuntimeNameAndLun)
{
    const auto out = run({"esxcli", "storage", "core", "path", "list", "-d", datastores[0].naa}).out;
    EXPECT_THAT(out, StartsWith(std::string(iqn) + "-"));
    EXPECT_THAT(out, HasSubstr("\n   Runtime Name: vmhba64:C0:T0:L201\n"));
    EXPECT_THAT(out, HasSubstr("\n   State: active\n"));
}

TEST_F(Esxcli, AnUnknownDeviceIsRefusedOnTheChosenStream)
{
    auto refused = run({"esxcli", "storage", "core", "device", "list", "-d", "naa.0"});
    EXPECT_EQ(refused.exit, 1);
    EXPECT_EQ(refused.out, "Unable to find device with name naa.0\n");
    host->behaviour.errors_on_stderr = true;
    refused = run({"esxcli", "storage", "core", "device", "list", "-d", "naa.0"});
    EXPECT_EQ(refused.out, "");
    EXPECT_EQ(refused.err, "Unable to find device with name naa.0\n");
}

TEST_F(Esxcli, UnknownWordsAreNamed)
{
    const auto refused = run({"esxcli", "system", "uptime", "get"});
    EXPECT_EQ(refused.exit, 1);
    EXPECT_THAT(refused.out, StartsWith("Error: Unknown command or namespace system uptime get"));
}

TEST_F(Esxcli, AnAdvancedOptionIsSetWithinItsLimitsOnly)
{
    const auto set = [&](const char* value) {
        return run({"esxcli", "system", "settings", "advanced", "set", "-o", "/Disk/MaxLUN", "-i", value}).exit;
    };
    EXPECT_EQ(set("4096"), 0);
    EXPECT_EQ(set("99999"), 1);
    EXPECT_THAT(run({"esxcli", "system", "settings", "advanced", "list", "-o", "/Disk/MaxLUN"}).out,
                HasSubstr("   Int Value: 4096\n   Default Int Value: 1024\n"));
    const auto unknown = run({"esxcli", "system", "settings", "advanced", "list", "-o", "/Disk/NoSuch"});
    EXPECT_EQ(unknown.exit, 1);
    EXPECT_THAT(unknown.out, StartsWith("Unable to find option"));
}

TEST_F(Esxcli, OlderHostsHaveNoHostSpecificField)
{
    const std::vector<std::string> words{"esxcli", "system", "settings", "advanced", "list", "-o", "/Disk/MaxLUN"};
    EXPECT_THAT(run(words).out, HasSubstr("Host Specific"));
    const auto old = scenario_from_json({{"hosts", {{{"name", "esx1"}, {"version", "6.7.0"}}}}}, "127.1.1").hosts[0];
    host = std::make_unique<HostState>(old, datastores, fabric, events, directory / "devices");
    EXPECT_THAT(run(words).out, Not(HasSubstr("Host Specific")));
}

TEST_F(Esxcli, OnlyLocalcliKnowsResourceGroups)
{
    const std::string plugins = "--plugin-dir=/usr/lib/vmware/esxcli/int";
    EXPECT_EQ(run({"localcli", plugins, "sched", "group", "list", "-g", "host/vim/vimuser/xcopyagent"}).exit, 0);
    EXPECT_EQ(run({"esxcli", "sched", "group", "list"}).exit, 1);
}

TEST_F(Esxcli, VaaiStatusCanDifferPerDevice)
{
    host->storage.set_vaai(datastores[0].naa, {{"clone", "unsupported"}, {"plugin", "VMW_VAAIP_NETAPP"}});
    EXPECT_EQ(run({"esxcli", "storage", "core", "device", "vaai", "status", "get", "-d", datastores[0].naa}).out,
              datastores[0].naa +
                  "\n   VAAI Plugin Name: VMW_VAAIP_NETAPP\n   ATS Status: supported\n   Clone Status: unsupported\n"
                  "   Zero Status: supported\n   Delete Status: supported\n");
}

TEST_F(Esxcli, VsishPrintsCountersInDecimalAndInHex)
{
    host->storage.find(datastores[0].naa)->counters.clone_write_ops = 42336;
    const std::string node = "/storage/scsifw/devices/" + datastores[0].naa + "/stats";
    EXPECT_THAT(run_vsish(*host, std::vector<std::string>{"vsish", "-e", "cat", node}).out,
                HasSubstr("   cloneWriteOps:42336\n"));
    EXPECT_THAT(run_vsish(*host, std::vector<std::string>{"vsish", "-r", "-e", "cat", node}).out,
                HasSubstr("   cloneWriteOps:0x000000000000a560\n"));
    EXPECT_EQ(
        run_vsish(*host, std::vector<std::string>{"vsish", "-e", "get", "/storage/scsifw/devices/naa.0/stats"}).exit,
        1);
}

} // namespace
} // namespace lab
