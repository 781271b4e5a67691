// The readers, on XML as recorded on the wire or described for real servers (facts page).
#include "coordinator/vsphere/datastore_files.hpp"
#include "coordinator/vsphere/properties.hpp"
#include "coordinator/vsphere/source_disk.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace xcopy::vsphere {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Parsed {
    Document document;
    pugi::xml_node root;
};

Parsed parsed(std::string_view text)
{
    auto document = parse_xml(text);
    if (!document)
        throw std::runtime_error(document.error().message);
    return {*document, (*document)->document_element()};
}

std::string soap(std::string_view body)
{
    return fmt::format(
        R"(<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/")"
        R"( xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>{}</soapenv:Body></soapenv:Envelope>)",
        body);
}

TEST(Xml, FindsTheTypeUnderAnyPrefixAndBesideTheTypeOfAMoref)
{
    EXPECT_EQ(xsi_type(parsed(R"(<a xsi:type="VirtualDisk"/>)").root), "VirtualDisk");
    EXPECT_EQ(xsi_type(parsed(R"(<a xmlns:XMLSchema-instance="u" XMLSchema-instance:type="xsd:string"/>)").root),
              "string");
    for (const char* text : {R"(<val type="HostSystem" xsi:type="ManagedObjectReference">host-21</val>)",
                             R"(<val xsi:type="ManagedObjectReference" type="HostSystem">host-21</val>)"}) {
        const auto value = parsed(text);
        EXPECT_EQ(xsi_type(value.root), "ManagedObjectReference");
        EXPECT_EQ(ref_of(value.root), (Ref{"HostSystem", "host-21"}));
    }
    EXPECT_EQ(xsi_type(parsed(R"(<a xmlns:type="u" type="HostSystem"/>)").root), "");
}

TEST(Xml, RefusesADoctypeDepthAndWhatIsNone)
{
    EXPECT_FALSE(parse_xml(R"(<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>)"));
    std::string deep;
    for (int i = 0; i < 5000; ++i)
        deep += "<a>";
    for (int i = 0; i < 5000; ++i)
        deep += "</a>";
    EXPECT_FALSE(parse_xml(deep));
    for (const char* text : {"", "<a>", "no XML", "<a></b>", "HTTP/1.1 200"})
        EXPECT_FALSE(parse_xml(text)) << text;
}

TEST(Xml, WhateverIsWrittenComesBackAsItWas)
{
    const std::string odd = R"(a & b <c> "d" 'e' ü %2f ]]>)";
    EXPECT_EQ(text_of(parsed(element("name", odd)).root), odd);
    EXPECT_FALSE(can_be_xml("a\nb"));
    EXPECT_FALSE(can_be_xml(std::string("a\0b", 3)));
    EXPECT_TRUE(can_be_xml(odd));
}

TEST(Faults, AreReadByTheTypeOfTheirDetailAndMeanDifferentThings)
{
    struct Case {
        const char* body;
        const char* type;
        Meaning meaning;
        Errc code;
    };
    for (
        const auto& [body, type, meaning, code] :
        {Case{
             R"(<faultcode>ServerFaultCode</faultcode><faultstring></faultstring><detail><NotAuthenticatedFault xmlns="urn:vim25" xsi:type="NotAuthenticated"><object type="ServiceInstance">ServiceInstance</object><privilegeId>System.View</privilegeId></NotAuthenticatedFault></detail>)",
             "NotAuthenticated", Meaning::session_gone, Errc::denied},
         Case{R"(<faultstring>x</faultstring><detail><InvalidLoginFault/></detail>)", "InvalidLogin", Meaning::stands,
              Errc::denied},
         Case{R"(<faultstring>x</faultstring><detail><SSLVerifyFaultFault xsi:type="SSLVerifyFault"/></detail>)",
              "SSLVerifyFault", Meaning::stands, Errc::failed},
         Case{R"(<faultstring>x</faultstring><detail><a xsi:type="HostNotConnected"/></detail>)", "HostNotConnected",
              Meaning::passing, Errc::unavailable},
         Case{R"(<faultstring>bad gateway</faultstring>)", "", Meaning::passing, Errc::unavailable},
         Case{
             R"(<faultstring>x</faultstring><detail><a xsi:type="ManagedObjectNotFound"><obj type="VirtualMachine">vm-9</obj></a></detail>)",
             "ManagedObjectNotFound", Meaning::stands, Errc::not_found}}) {
        const auto document = parsed(fmt::format(R"(<f xmlns:xsi="x">{}</f>)", body));
        const auto fault = read_fault(document.root);
        EXPECT_EQ(fault.type, type);
        EXPECT_EQ(meaning_of(fault), meaning) << type;
        EXPECT_EQ(error_of(fault).code, code) << type;
    }
}

TEST(Faults, NameTheMissingPrivilegeAndTheDeepestCause)
{
    const auto permission = parsed(
        R"(<f xmlns:xsi="x"><detail><a xsi:type="NoPermission"><object type="Folder">group-d1</object><privilegeId>Datastore.Browse</privilegeId></a></detail></f>)");
    EXPECT_THAT(error_of(read_fault(permission.root)).message, HasSubstr("'Datastore.Browse' on 'group-d1'"));
    const auto newer = parsed(
        R"(<f xmlns:xsi="x"><detail><a xsi:type="NoPermission"><missingPrivileges><entity type="Folder">group-v3</entity><privilegeIds>System.Read</privilegeIds></missingPrivileges></a></detail></f>)");
    EXPECT_THAT(error_of(read_fault(newer.root)).message, HasSubstr("'System.Read' on 'group-v3'"));
    const auto deep = parsed(
        R"(<f xmlns:xsi="x"><faultstring>general</faultstring><detail><a xsi:type="SystemError"><faultCause><fault xsi:type="B"><faultCause><fault/><localizedMessage>the disk is locked</localizedMessage></faultCause></fault><localizedMessage>x</localizedMessage></faultCause></a></detail></f>)");
    EXPECT_THAT(error_of(read_fault(deep.root)).message, HasSubstr("the disk is locked"));
}

TEST(Answers, ReportADeadSessionInsideAGoodAnswer)
{
    std::optional<Fault> fault;
    const auto answer = read_answer(
        soap(
            R"(<RetrievePropertiesExResponse xmlns="urn:vim25"><returnval><objects><obj type="VirtualMachine">vm-1</obj><missingSet><path>name</path><fault><fault xsi:type="NotAuthenticated"><privilegeId>System.View</privilegeId></fault><localizedMessage/></fault></missingSet></objects></returnval></RetrievePropertiesExResponse>)"),
        fault);
    EXPECT_FALSE(answer);
    ASSERT_TRUE(fault);
    EXPECT_EQ(meaning_of(*fault), Meaning::session_gone);
}

TEST(Answers, ThatAreNoSoapAreRefused)
{
    std::optional<Fault> fault;
    for (const std::string& text : {std::string("<html/>"), std::string(), soap("")})
        EXPECT_EQ(read_answer(text, fault).error().code, Errc::failed) << text;
    EXPECT_FALSE(fault);
}

TEST(Versions, AskForTheOlderOfBoth)
{
    EXPECT_EQ(version_to_ask("8.0.3.0"), "7.0.3.0");
    EXPECT_EQ(version_to_ask("7.0.3.0"), "7.0.3.0");
    EXPECT_EQ(version_to_ask("6.7.3"), "6.7.3");
    EXPECT_EQ(version_to_ask("6.5"), "6.5");
    EXPECT_EQ(version_to_ask("10.0"), "7.0.3.0");
    EXPECT_EQ(version_to_ask("nonsense"), "7.0.3.0");
}

// Recorded against simulator 0.48.1, with a chain of sesparse snapshots put in.
constexpr const char* devices = R"(<val xmlns:i="x" i:type="ArrayOfVirtualDevice">
 <VirtualDevice i:type="VirtualPCIController"><key>100</key></VirtualDevice>
 <VirtualDevice i:type="VirtualDisk"><key>204</key><deviceInfo i:type="Description"><label>disk-202-0</label></deviceInfo>
  <backing i:type="VirtualDiskSeSparseBackingInfo"><fileName>[LocalDS_0]  vm/disk11-000002.vmdk</fileName><datastore type="Datastore">datastore-59</datastore>
   <diskMode>persistent</diskMode>
   <parent><fileName>[LocalDS_0] vm/disk11-000001.vmdk</fileName><datastore type="Datastore">datastore-59</datastore>
    <parent><fileName>[LocalDS_0] vm/disk11.vmdk</fileName><datastore type="Datastore">datastore-60</datastore></parent></parent></backing>
  <controllerKey>202</controllerKey><unitNumber>0</unitNumber><capacityInKB>10485760</capacityInKB><capacityInBytes>10737418240</capacityInBytes></VirtualDevice>
 <VirtualDevice i:type="VirtualDisk"><key>205</key>
  <backing i:type="VirtualDiskRawDiskMappingVer1BackingInfo"><fileName>[LocalDS_0] vm/raw.vmdk</fileName><lunUuid>0200</lunUuid>
   <deviceName>vml.0200</deviceName><compatibilityMode>physicalMode</compatibilityMode></backing><capacityInKB>2048</capacityInKB></VirtualDevice>
 <VirtualDevice i:type="VirtualDisk"><key>206</key><backing i:type="VirtualDiskLocalPMemBackingInfo"><fileName>[pmem] vm/p.vmdk</fileName></backing></VirtualDevice></val>)";

TEST(Disks, AreReadWithTheirChainsAndKinds)
{
    const auto value = parsed(devices);
    const auto disks = read_disks(value.root);
    ASSERT_EQ(disks.size(), 3U);
    ASSERT_EQ(disks[0].levels.size(), 3U);
    EXPECT_EQ(disks[0].levels[0].file, "[LocalDS_0] vm/disk11-000002.vmdk");
    EXPECT_EQ(disks[0].levels[2].datastore, (Ref{"Datastore", "datastore-60"}));
    EXPECT_EQ(disks[0].capacity, 10737418240U);
    EXPECT_EQ(disks[1].type, BackingType::raw_mapping);
    EXPECT_TRUE(disks[1].is_physical);
    EXPECT_EQ(disks[1].capacity, 2U * 1024 * 1024) << "older servers give kilobytes only";
    EXPECT_EQ(disks[2].type, BackingType::not_copyable);
}

TEST(Disks, MatchByTheWholePathOfAnyLevelAndNothingLess)
{
    const auto value = parsed(devices);
    const auto disks = read_disks(value.root);
    const auto base = match_disk(disks, "  [LocalDS_0]   vm/disk11.vmdk ", "web");
    ASSERT_TRUE(base);
    EXPECT_EQ(base->disk, 0U);
    EXPECT_EQ(base->level, 2U);
    for (const char* near : {"[LocalDS_0] vm/disk1.vmdk", "[LocalDS_0] disk11.vmdk", "[localds_0] vm/disk11.vmdk",
                             "vm/disk11.vmdk", "[LocalDS_0] vm/disk11.vmdk/"}) {
        const auto none = match_disk(disks, near, "web");
        ASSERT_FALSE(none) << near;
        EXPECT_EQ(none.error().reason, "disk_not_of_vm");
        EXPECT_THAT(none.error().message, HasSubstr("'[LocalDS_0] vm/disk11-000002.vmdk'"));
    }
}

TEST(Disks, AllocatedBytesAreTheSumOfTheirExtents)
{
    const auto layout = parsed(
        R"(<layoutEx><file><key>0</key><type>diskDescriptor</type><size>600</size></file><file><key>1</key><type>diskExtent</type><size>1000</size></file><file><key>2</key><type>diskExtent</type><size>24</size></file><file><key>3</key><type>diskExtent</type><size>7</size></file><disk><key>204</key><chain><fileKey>0</fileKey><fileKey>1</fileKey></chain><chain><fileKey>2</fileKey></chain></disk><disk><key>9</key><chain><fileKey>3</fileKey></chain></disk></layoutEx>)");
    EXPECT_EQ(allocated_bytes(layout.root, 204), 1024U);
    EXPECT_EQ(allocated_bytes(layout.root, 1), std::nullopt);
}

TEST(Disks, AVmlNameTellsTheNaa)
{
    EXPECT_EQ(naa_of_vml("vml.0200090000600A0980383137724624512d6e6e47334c554e20432d"),
              "naa.600a0980383137724624512d6e6e4733");
    for (const char* other :
         {"", "vml.01000900006", "vml.0200", "naa.600a0980383137724624512d6e6e4733",
          "vml.020009000001000000000000000000000000000000abcdef", "vml.02000900006zza0980383137724624512d6e6e4733"})
        EXPECT_EQ(naa_of_vml(other), std::nullopt) << other;
}

SourceDisk source(BackingType type, std::size_t levels, std::size_t level)
{
    SourceDisk made{.vm = "web",
                    .vm_id = "vm-1",
                    .power = "poweredOff",
                    .vm_host = {},
                    .disk = {.type = type, .backing_type = "T"},
                    .level = level,
                    .datastore = {.type = "VMFS"},
                    .allocated = {},
                    .rdm_device = "naa.6"};
    for (std::size_t i = 0; i < levels; ++i)
        made.disk.levels.push_back(
            {.file = fmt::format("[ds] d{}.vmdk", i), .datastore = {}, .backing_id = fmt::format("id{}", i)});
    return made;
}

TEST(SourceDisks, OfARunningVmMayOnlyBeCopiedBelowASnapshot)
{
    auto disk = source(BackingType::file, 2, 0);
    EXPECT_FALSE(objection_to(disk));
    disk.power = "poweredOn";
    EXPECT_EQ(objection_to(disk)->reason, "disk_in_use");
    disk.level = 1;
    EXPECT_FALSE(objection_to(disk)) << "warm: the base, while the snapshot takes the writes";
    EXPECT_EQ(objection_to(source(BackingType::not_copyable, 1, 0))->reason, "disk_not_copyable");
}

TEST(SourceDisks, OnADatastoreThatHoldsNoRawDeviceMappingAreOnlyForTheArray)
{
    for (const char* type : {"NFS", "NFS41", "vsan"}) {
        auto disk = source(BackingType::file, 1, 0);
        disk.datastore = {.name = "there", .type = type};
        const auto objection = objection_to(disk);
        ASSERT_TRUE(objection) << type;
        EXPECT_EQ(objection->reason, "datastore_not_vmfs");
        EXPECT_THAT(objection->message, HasSubstr("'there' is of type"));
    }
    auto vvol = source(BackingType::file, 2, 1);
    vvol.datastore.type = "VVOL";
    EXPECT_FALSE(objection_to(vvol)) << "the array may copy it";
    vvol.level = 0;
    EXPECT_EQ(objection_to(vvol)->reason, "datastore_not_vmfs") << "a delta is no volume of the array";
    for (const char* type : {"", "OTHER", "PMEM"}) {
        auto disk = source(BackingType::file, 1, 0);
        disk.datastore.type = type;
        EXPECT_FALSE(objection_to(disk)) << type;
    }
}

TEST(SourceDisks, AreVolumesOfTheArrayOnlyWhereOneFileHoldsItAll)
{
    EXPECT_EQ(backing_of(source(BackingType::file, 1, 0)), std::nullopt);
    const auto raw = backing_of(source(BackingType::raw_mapping, 1, 0));
    ASSERT_TRUE(raw);
    EXPECT_EQ(raw->kind, DiskBacking::Kind::rdm);
    EXPECT_EQ(raw->id, "naa.6");
    EXPECT_EQ(backing_of(source(BackingType::raw_mapping, 2, 0)), std::nullopt) << "a delta above the LUN";
    auto vvol = source(BackingType::file, 2, 1);
    EXPECT_EQ(backing_of(vvol), std::nullopt) << "an id alone does not make it a vVol: vSAN has them too";
    vvol.datastore.type = "VVOL";
    EXPECT_EQ(backing_of(vvol)->id, "id1");
    vvol.level = 0;
    EXPECT_EQ(backing_of(vvol), std::nullopt);
    EXPECT_THAT(remarks_on(vvol), ElementsAre(HasSubstr("xcopy: none is expected")));
}

TEST(Hosts, ManagementAddressesAreTheSelectedOnesOnly)
{
    const auto value = parsed(
        R"(<val><VirtualNicManagerNetConfig><nicType>vmotion</nicType><candidateVnic><key>k</key><spec><ip><ipAddress>9.9.9.9</ipAddress></ip></spec></candidateVnic><selectedVnic>k</selectedVnic></VirtualNicManagerNetConfig><VirtualNicManagerNetConfig><nicType>management</nicType><candidateVnic><key>m.vmk0</key><spec><ip><ipAddress>10.0.0.11</ipAddress><ipV6Config><ipV6Address><ipAddress>fe80::1</ipAddress></ipV6Address><ipV6Address><ipAddress>fd00::11</ipAddress></ipV6Address></ipV6Config></ip></spec></candidateVnic><candidateVnic><key>m.vmk1</key><spec><ip><ipAddress>10.255.0.1</ipAddress></ip></spec></candidateVnic><selectedVnic>m.vmk0</selectedVnic></VirtualNicManagerNetConfig></val>)");
    EXPECT_THAT(management_addresses(value.root), ElementsAre("10.0.0.11", "fd00::11"));
}

TEST(Datastores, ThatTheAccountMayNotReadSaySo)
{
    const auto page = parsed(
        R"(<R xmlns:xsi="x"><returnval><objects><obj type="Datastore">datastore-1</obj><propSet><name>name</name><val>a%2fb</val></propSet><missingSet><path>info</path><fault><fault xsi:type="NoPermission"><object type="Datastore">datastore-1</object><privilegeId>System.Read</privilegeId></fault></fault></missingSet></objects><objects><obj type="Datastore">datastore-2</obj><propSet><name>info</name><val xsi:type="VmfsDatastoreInfo"><url>ds:///vmfs/volumes/u-1/</url><vmfs><uuid>U-2</uuid><extent><diskName>naa.6A</diskName></extent><extent><diskName>naa.6b</diskName></extent></vmfs></val></propSet></objects><token>t</token></returnval></R>)");
    Objects objects;
    EXPECT_EQ(read_page({page.document, page.root}, objects), "t");
    ASSERT_EQ(objects.all.size(), 2U);
    const auto hidden = read_datastore(objects.all[0]);
    EXPECT_EQ(hidden.name, "a/b");
    EXPECT_THAT(hidden.unreadable, HasSubstr("'System.Read' on 'datastore-1'"));
    const auto seen = read_datastore(objects.all[1]);
    EXPECT_EQ(seen.unreadable, "");
    EXPECT_EQ(seen.type, "VMFS") << "from its info where no summary is given";
    EXPECT_EQ(seen.uuid, "U-2");
    EXPECT_THAT(seen.devices, ElementsAre("naa.6a", "naa.6b")) << "as a target's name is written";
}

TEST(Hosts, WorldWideNamesAreSignedNumbers)
{
    EXPECT_EQ(wwn(-2305843631894451702), "dfffff6f0555aa0a");
    EXPECT_EQ(wwn(1152922127287604726), "10000090faaa55f6");
    EXPECT_EQ(wwn(1), "0000000000000001");
}

TEST(Hosts, NamesAndOptionsAreReadAsWritten)
{
    EXPECT_EQ(unescaped_name("a%2fb%5Cc 100%25 %zz %2"), "a/b\\c 100% %zz %2");
    EXPECT_EQ(guid_in_options("ioctlIniGuidStr=271BAE12 IoctlMdmIPStr=10.0.0.1"), "271BAE12");
    EXPECT_EQ(guid_in_options("x=1"), std::nullopt);
    EXPECT_EQ(guid_in_options("IoctlIniGuidStr= "), std::nullopt);
}

TEST(Names, OfAVmAreIdsPathsOrNames)
{
    EXPECT_EQ(naming_of("vm-62"), VmNaming::id);
    EXPECT_EQ(naming_of("VirtualMachine:vm-62"), VmNaming::id);
    EXPECT_EQ(naming_of("12"), VmNaming::id);
    EXPECT_EQ(naming_of("DC/vm/web"), VmNaming::path);
    for (const char* name : {"web", "vm-", "vm-6x", "my vm-62", ""})
        EXPECT_EQ(naming_of(name), VmNaming::name) << name;
}

TEST(Uploads, EveryPartOfTheAddressIsEncoded)
{
    EXPECT_EQ(folder_url("Europe/DC 0", "nfs/ä 100%", "a b/ü&?#.sh"),
              "/folder/a%20b/%C3%BC%26%3F%23.sh?dcPath=Europe%2FDC%200&dsName=nfs%2F%C3%A4%20100%25");
    EXPECT_EQ(folder_url("", "ds", "f"), "/folder/f?dsName=ds") << "a standalone host has one datacenter";
}

TEST(Requests, KeepTheOrderThatRealServersInsistOn)
{
    const auto body =
        retrieve_call({"PropertyCollector", "pc"},
                      {.type = "HostSystem",
                       .paths = {"name"},
                       .start = {{"Datacenter", "datacenter-2"}},
                       .skip_start = true,
                       .hops = {{.name = "d", .type = "Datacenter", .path = "hostFolder", .next = {"f"}}}});
    EXPECT_EQ(
        body,
        R"(<RetrievePropertiesEx xmlns="urn:vim25"><_this type="PropertyCollector">pc</_this><specSet><propSet><type>HostSystem</type><pathSet>name</pathSet></propSet>)"
        R"(<objectSet><obj type="Datacenter">datacenter-2</obj><skip>true</skip><selectSet xsi:type="TraversalSpec"><name>d</name><type>Datacenter</type><path>hostFolder</path><skip>false</skip>)"
        R"(<selectSet><name>f</name></selectSet></selectSet></objectSet></specSet><options/></RetrievePropertiesEx>)");
}

} // namespace
} // namespace xcopy::vsphere
