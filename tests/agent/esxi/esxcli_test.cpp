#include "agent/esxi/commands.hpp"
#include "agent/esxi/esxcli_error.hpp"
#include "agent/esxi/esxcli_xml.hpp"
#include "agent/esxi/inventory.hpp"
#include "tests/agent/esxi/esxcli_samples.hpp"

#include <gtest/gtest.h>

namespace xcopy {
namespace {

using test::list;
using test::output;
using test::structure;

EsxcliReply parsed(const std::string& xml)
{
    auto reply = parse_esxcli_xml(xml);
    EXPECT_TRUE(reply) << reply.error().message;
    return reply ? *reply : EsxcliReply{};
}

TEST(EsxcliXml, AListHasARecordPerStructure)
{
    const auto reply = parsed(list(structure({{"string:HBAName", "vmhba2"}, {"string:Driver", "qlnativefc"}}) +
                                   structure({{"string:HBAName", "vmhba3"}})));
    ASSERT_EQ(reply.records.size(), 2U);
    EXPECT_EQ(reply.records[0].text("hbaname"), "vmhba2");
    EXPECT_EQ(reply.records[1].text("driver"), "");
    EXPECT_FALSE(reply.records[1].has("driver"));
}

TEST(EsxcliXml, ASingleStructureAndAPlainStringAreUnderstoodToo)
{
    EXPECT_EQ(parsed(output(structure({{"string:Version", "8.0.2"}}))).records.at(0).text("version"), "8.0.2");
    EXPECT_EQ(parsed(output("<string>5f3a-1</string>")).text, "5f3a-1");
    EXPECT_TRUE(parsed(list("")).records.empty());
}

TEST(EsxcliXml, KeysWithBlanksAreTheSameKeys)
{
    EXPECT_EQ(parsed(list(structure({{"string:Volume Name", "ds one"}}))).records[0].text("volumename"), "ds one");
}

TEST(EsxcliXml, NestedListsAndEntitiesAreRead)
{
    const auto reply =
        parsed(list("<structure typeName=\"T\"><field name=\"OtherUIDs\"><list type=\"string\">"
                    "<string>vml.1</string><string>vml.2</string></list></field>"
                    "<field name=\"Name\"><string>a &amp; b &lt;c&gt; &#39;d&#39;</string></field></structure>"));
    EXPECT_EQ(reply.records[0].text("otheruids"), "vml.1, vml.2");
    EXPECT_EQ(reply.records[0].text("name"), "a & b <c> 'd'");
}

TEST(EsxcliXml, FlagsReadInAnyTypeAndDoubtMeansTrue)
{
    const auto flag = [](const std::string& type, const std::string& value) {
        return parsed(list(structure({{type + ":IsLocal", value}}))).records[0].flag("islocal");
    };
    EXPECT_TRUE(flag("boolean", "true"));
    EXPECT_TRUE(flag("string", "True"));
    EXPECT_TRUE(flag("integer", "1"));
    EXPECT_TRUE(flag("string", "perhaps"));
    EXPECT_FALSE(flag("boolean", "false"));
    EXPECT_FALSE(flag("integer", "0"));
    EXPECT_FALSE(flag("string", ""));
    EXPECT_FALSE(EsxcliRecord{}.flag("islocal"));
}

TEST(EsxcliXml, NumbersAreWholeOrAbsent)
{
    EsxcliRecord record;
    for (const char* text : {"", "12x", "0x10", "99999999999999999999", " 1"}) {
        record.set("N", text);
        EXPECT_FALSE(record.number("n")) << text;
    }
    record.set("N", "-7");
    EXPECT_EQ(record.number("n"), -7);
}

TEST(EsxcliXml, AnythingElseIsAnErrorAndNeverAnEmptyList)
{
    const std::string whole = list(structure({{"string:DeviceName", "naa.1"}}));
    for (const std::string& text :
         {std::string(), std::string("\n"), std::string("Connect to localhost failed"), std::string("<output/>"),
          std::string("<html></html>"), whole.substr(0, whole.size() / 2), whole.substr(0, whole.size() - 12)})
        EXPECT_FALSE(parse_esxcli_xml(text)) << text;
    EXPECT_FALSE(parse_esxcli_xml(std::string(max_esxcli_xml_bytes + 1, ' ')));
}

TEST(EsxcliXml, DeepNestingDoesNoHarm)
{
    std::string deep = "<output><root>";
    for (int i = 0; i < 200'000; ++i)
        deep += "<list>";
    EXPECT_FALSE(parse_esxcli_xml(deep));
    std::string closed = deep;
    for (int i = 0; i < 200'000; ++i)
        closed += "</list>";
    EXPECT_TRUE(parsed(closed + "</root></output>").records.empty());
}

TEST(Inventory, SizesOfDevicesAreInMebibytes)
{
    const auto devices =
        inventory::devices(parsed(list(structure({{"string:Device", "NAA.600A0980383030335424465768443154"},
                                                  {"integer:Size", "10240"},
                                                  {"string:Status", "on"},
                                                  {"string:Vendor", "NETAPP  "},
                                                  {"boolean:IsLocal", "false"},
                                                  {"boolean:IsBootDevice", "true"}}) +
                                       structure({{"string:Device", "mpx.vmhba0:C0:T0:L0"}}))));
    ASSERT_TRUE(devices);
    ASSERT_EQ(devices->size(), 2U);
    EXPECT_EQ(devices->at(0).name, "naa.600a0980383030335424465768443154");
    EXPECT_EQ(devices->at(0).size_bytes, 10240ULL * 1024 * 1024);
    EXPECT_EQ(devices->at(0).vendor, "NETAPP");
    EXPECT_FALSE(devices->at(0).is_local);
    EXPECT_TRUE(devices->at(0).is_boot);
    EXPECT_EQ(devices->at(1).name, "mpx.vmhba0:C0:T0:L0");
    EXPECT_EQ(devices->at(1).size_bytes, 0U);
}

TEST(Inventory, ANonsenseSizeIsUnknownNotWrappedAround)
{
    for (const char* size : {"-1", "9223372036854775807", "many"})
        EXPECT_EQ(inventory::devices(parsed(list(structure({{"string:Device", "naa.1"}, {"integer:Size", size}}))))
                      ->at(0)
                      .size_bytes,
                  0U)
            << size;
}

TEST(Inventory, AnExtentWithoutItsDeviceIsAnErrorNotSkipped)
{
    const auto good = structure({{"string:VolumeName", "ds one"},
                                 {"string:VMFSUUID", "u"},
                                 {"string:DeviceName", "naa.1"},
                                 {"integer:Partition", "1"}});
    const auto extents = inventory::extents(parsed(list(good)));
    ASSERT_TRUE(extents);
    EXPECT_EQ(extents->at(0).volume, "ds one");
    EXPECT_EQ(extents->at(0).partition, 1);
    EXPECT_FALSE(inventory::extents(parsed(list(good + structure({{"string:VolumeName", "x"}})))));
    EXPECT_FALSE(inventory::detached(parsed(list(structure({{"string:State", "off"}})))));
    EXPECT_FALSE(inventory::devices(parsed(list(structure({{"string:Status", "on"}})))));
}

TEST(Inventory, PathsAreGroupedByDevice)
{
    const auto path = [](const std::string& device, const std::string& lun) {
        return structure({{"string:Device", device},
                          {"string:RuntimeName", "vmhba64:C0:T0:L1"},
                          {"integer:LUN", lun},
                          {"string:State", "active"},
                          {"string:Adapter", "vmhba64"},
                          {"string:Transport", "iscsi"}});
    };
    const auto paths = inventory::paths(parsed(list(path("naa.1", "1") + path("naa.1", "x") + path("naa.2", "7"))));
    ASSERT_TRUE(paths);
    EXPECT_EQ(paths->at("naa.1").size(), 2U);
    EXPECT_EQ(paths->at("naa.1")[1].lun, -1);
    EXPECT_EQ(paths->at("naa.2")[0].lun, 7);
}

TEST(Inventory, VaaiThatIsNotKnownIsEmpty)
{
    const auto vaai = inventory::vaai(parsed(list(structure({{"string:Device", "naa.1"},
                                                             {"string:VAAIPluginName", ""},
                                                             {"string:CloneStatus", "supported"},
                                                             {"string:DeleteStatus", "unsupported"},
                                                             {"string:ATSStatus", "unknown"}}))));
    EXPECT_EQ(vaai->at("naa.1").clone, "supported");
    EXPECT_EQ(vaai->at("naa.1").reclaim, "unsupported");
    EXPECT_EQ(vaai->at("naa.1").ats, "");
    EXPECT_EQ(vaai->at("naa.1").zero, "");
}

struct Said {
    const char* text;
    Errc code;
};

class EsxcliFailure : public testing::TestWithParam<Said> {};

TEST_P(EsxcliFailure, IsToldByItsTextOnEitherStream)
{
    const std::string text = GetParam().text;
    const auto on_out = esxcli_error("esxcli x", {.exit_status = 1, .signal = {}, .out = text, .err = ""});
    const auto on_err = esxcli_error("esxcli x", {.exit_status = 1, .signal = {}, .out = "", .err = text});
    EXPECT_EQ(on_out.code, GetParam().code);
    EXPECT_EQ(on_err.code, GetParam().code);
    EXPECT_EQ(on_err.message, "esxcli x: exit 1: " + text);
}

INSTANTIATE_TEST_SUITE_P(
    Texts, EsxcliFailure,
    testing::Values(Said{"Unable to find device with name naa.X", Errc::not_found},
                    Said{"Rescan already in progress", Errc::busy},
                    Said{"Unable to set the device state: device is busy", Errc::busy},
                    Said{"Connect to localhost failed: Connection failure.", Errc::unavailable},
                    Said{"Error: Unknown command or namespace system uptime get", Errc::unsupported},
                    Said{"Unable to find option /Disk/X", Errc::not_found}, Said{"Something else", Errc::failed}));

TEST(EsxcliErrors, BothStreamsAreInTheMessage)
{
    EXPECT_EQ(esxcli_error("esxcli x", {.exit_status = 1, .signal = {}, .out = "one\n two\n", .err = "three"}).message,
              "esxcli x: exit 1: three; one two");
    EXPECT_EQ(esxcli_error("esxcli x", {.exit_status = 2, .signal = {}, .out = "", .err = ""}).message,
              "esxcli x: exit 2: it said nothing");
}

TEST(Commands, KeepEachArgumentOneWord)
{
    JobOrder order;
    order.source_path = "/vmfs/volumes/ds one/vm's \"x\"/d.vmdk";
    order.pointer_path = "/vmfs/volumes/ds one/vm's \"x\"/d-xcopy-1.vmdk";
    order.request.target_naa = "naa.1";
    EXPECT_EQ(commands::clone("/bin/vmkfstools", order),
              (commands::Words{"/bin/vmkfstools", "-i", order.source_path, "-d", "rdm:/vmfs/devices/disks/naa.1",
                               order.pointer_path}));
    EXPECT_EQ(commands::with_xml("/bin/esxcli", commands::rescan("vmhba64", RescanKind::remove)),
              (commands::Words{"/bin/esxcli", "--formatter=xml", "storage", "core", "adapter", "rescan", "-A",
                               "vmhba64", "-t", "delete"}));
}

TEST(EsxcliModule, TheSdcGuidIsAmongTheParametersOfScini)
{
    const auto reply = parsed(list(
        structure({{"string:Name", "bBlkDevIsPdlActive"}, {"string:Value", "1"}}) +
        structure({{"string:Name", "IoctlIniGuidStr"}, {"string:Value", "028888FA-502A-4FAC-A888-1FA3B256358C"}})));
    EXPECT_EQ(*inventory::sdc_guid(reply), "028888fa-502a-4fac-a888-1fa3b256358c");
    EXPECT_EQ(*inventory::sdc_guid(parsed(list(""))), "") << "not set: the adapter stays without a name";
}

} // namespace
} // namespace xcopy
