// The questions, asked of VMware's own simulator with a site in which everything odd occurs.
#include "coordinator/vsphere/source_disk.hpp"
#include "tests/vsphere/site.hpp"

#include <gmock/gmock.h>

#include <fstream>

namespace xcopy::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;
using vsphere::Ref;

struct VcenterQuestions : VcenterTest {
    std::unique_ptr<vsphere::Session> session = sign_in();

    vsphere::SourceDisk look(const std::string& vm, const std::string& file)
    {
        const auto datastores = vsphere::all_datastores(*session, call);
        auto source = vsphere::look_at_source(*session, call, vm, file, *datastores);
        if (!source)
            throw std::runtime_error(source.error().message);
        return *source;
    }
    std::optional<DiskBacking> backing(const std::string& vm, const std::string& file)
    {
        return vsphere::backing_of(look(vm, file));
    }
    Ref host(const std::string& name) { return {"HostSystem", vcenter().id("host " + name)}; }
};

TEST_F(VcenterQuestions, AVmIsFoundByIdPathAndName)
{
    const Ref web{"VirtualMachine", vcenter().id("vm web")};
    const Ref odd{"VirtualMachine", vcenter().id("vm a/b\\c 100% ü <&>")};
    for (const std::string& name : {web.id, "VirtualMachine:" + web.id, std::string("web")})
        EXPECT_EQ(vsphere::find_vm(*session, call, name).value(), web) << name;
    EXPECT_EQ(vsphere::find_vm(*session, call, "a/b\\c 100% ü <&>").error().code, Errc::not_found)
        << "a slash makes it a path";
    EXPECT_EQ(vsphere::find_vm(*session, call, "a%2fb%5cc 100%25 ü <&>").value(), odd) << "as vCenter writes it";
    EXPECT_EQ(vsphere::look_at_vm(*session, call, odd)->name, "a/b\\c 100% ü <&>");
}

TEST_F(VcenterQuestions, AVmIsFoundByItsInventoryPathThroughFoldersOfAnyName)
{
    const auto root = "/Europe/DC 0/vm/F0/";
    const auto at_root = vsphere::find_vm(*session, call, std::string(root) + "web");
    ASSERT_TRUE(at_root) << at_root.error().message;
    EXPECT_EQ(at_root->id, vcenter().id("vm web"));
    const auto deep = vsphere::find_vm(*session, call, std::string(root) + "team a/übung/a%2fb%5cc 100%25 ü <&>");
    ASSERT_TRUE(deep) << deep.error().message;
    EXPECT_EQ(deep->id, vcenter().id("vm a/b\\c 100% ü <&>"));
    EXPECT_EQ(vsphere::find_vm(*session, call, "Europe/DC 0/vm/nobody").error().reason, "unknown_vm");
    EXPECT_THAT(vsphere::find_vm(*session, call, "Europe/DC 0").error().message, HasSubstr("Datacenter"));
}

TEST_F(VcenterQuestions, ANameOfTwoVmsIsAConflictThatNamesBoth)
{
    const auto twin = vsphere::find_vm(*session, call, "twin");
    EXPECT_EQ(twin.error().code, Errc::conflict);
    EXPECT_EQ(twin.error().reason, "ambiguous_vm");
    EXPECT_THAT(twin.error().message, HasSubstr("vm-"));
    EXPECT_TRUE(vsphere::find_vm(*session, call, "/Europe/DC 0/vm/F0/one/twin"));
    EXPECT_EQ(vsphere::find_vm(*session, call, "twi").error().reason, "unknown_vm");
    EXPECT_EQ(vsphere::find_vm(*session, call, "x\ny").error().reason, "unknown_vm");
}

TEST_F(VcenterQuestions, AnUnknownIdIsNoVm)
{
    const auto gone = vsphere::look_at_vm(*session, call, {"VirtualMachine", "vm-99999"});
    EXPECT_EQ(gone.error().code, Errc::not_found);
    EXPECT_EQ(gone.error().reason, "unknown_vm");
}

TEST_F(VcenterQuestions, ADiskTellsItsDatastoreSizeAndChain)
{
    const auto plain = look("web", "[ds 1] web/web.vmdk");
    EXPECT_EQ(plain.datastore.name, "ds 1");
    EXPECT_EQ(plain.datastore.type, "VMFS");
    EXPECT_EQ(plain.datastore.uuid, "5f6e1a2b-11111111-2222-00505601aa01");
    EXPECT_THAT(plain.datastore.devices,
                ElementsAre("naa.600a0980383137724624512d6e6e4731", "naa.600a0980383137724624512d6e6e4732"));
    EXPECT_EQ(plain.disk.capacity, std::uint64_t{10} << 30);
    EXPECT_EQ(plain.allocated, std::uint64_t{3} << 30);
    EXPECT_EQ(plain.vm_host, host("esx1.example.com"));
    EXPECT_TRUE(plain.is_base());
    EXPECT_THAT(vsphere::remarks_on(plain), IsEmpty());
    EXPECT_EQ(look("web", "[ds 1] a/b/c d/web_1.vmdk").disk.capacity, std::uint64_t{2048} << 30);

    const auto delta = look("web", "[ds 1] web/disk1-000002.vmdk");
    EXPECT_THAT(delta.disk.levels, SizeIs(3));
    EXPECT_THAT(vsphere::remarks_on(delta), Contains(HasSubstr("2 snapshots above its base")));
    const auto base = look("web", "[ds 1] web/disk1.vmdk");
    EXPECT_EQ(base.level, 2U);
    EXPECT_TRUE(base.is_base());
    EXPECT_THAT(vsphere::remarks_on(base), Contains(HasSubstr("2 newer snapshots are left out")));
}

TEST_F(VcenterQuestions, RawDevicesAndVvolsNameTheVolumeBehindThemAndVsanDoesNot)
{
    const auto physical = backing("raw", "[ds 1] raw/p.vmdk");
    ASSERT_TRUE(physical);
    EXPECT_EQ(physical->kind, DiskBacking::Kind::rdm);
    EXPECT_EQ(physical->id, "naa.624a9370a7c9b1f2d3e4f50600011170") << "as the VM's host calls the LUN";
    EXPECT_EQ(backing("raw", "[ds 1] raw/v.vmdk")->id, "naa.600a0980383137724624512d6e6e4733")
        << "from its vml name where the host does not list it";
    EXPECT_TRUE(look("raw", "[ds 1] raw/p.vmdk").disk.is_physical);
    EXPECT_FALSE(look("raw", "[ds 1] raw/v.vmdk").disk.is_physical);

    const auto vvol = backing("modern", "[vvols] rfc4122.1/modern.vmdk");
    ASSERT_TRUE(vvol);
    EXPECT_EQ(vvol->kind, DiskBacking::Kind::vvol);
    EXPECT_EQ(vvol->id, "rfc4122.6f1c-a");
    EXPECT_EQ(backing("modern", "[vsanDatastore] 5b0c/modern.vmdk"), std::nullopt);
    EXPECT_EQ(vsphere::objection_to(look("modern", "[vsanDatastore] 5b0c/modern.vmdk"))->reason, "datastore_not_vmfs");
    EXPECT_EQ(vsphere::objection_to(look("modern", "[vvols] rfc4122.1/modern.vmdk"))->reason, "disk_in_use")
        << "its VM runs; the datastore is no obstacle to the array";
}

TEST_F(VcenterQuestions, OddNamesGoThroughUnchanged)
{
    const auto odd = look(vcenter().id("vm a/b\\c 100% ü <&>"), "[nfs/ä 100%] x & <y>/ü.vmdk");
    EXPECT_EQ(odd.datastore.name, "nfs/ä 100%");
    EXPECT_EQ(odd.datastore.uuid, "8d5f4ae2-6a5b1cd7");
    EXPECT_EQ(odd.datastore.type, "NFS");
    EXPECT_THAT(vsphere::remarks_on(odd), Contains(HasSubstr("suspended")));
}

TEST_F(VcenterQuestions, HostsTellStateAndManagementAddresses)
{
    const auto hosts = vsphere::hosts_of(*session, call, "");
    ASSERT_TRUE(hosts) << hosts.error().message;
    ASSERT_THAT(*hosts, SizeIs(3));
    EXPECT_THAT((*hosts)[0].addresses, ElementsAre("10.0.0.11", "fd00::11"));
    EXPECT_EQ((*hosts)[0].hardware_uuid, "30000000-0000-0000-0000-000000000001");
    EXPECT_TRUE((*hosts)[1].is_usable());
    EXPECT_FALSE((*hosts)[2].is_usable());
    EXPECT_EQ((*hosts)[2].connection, "notResponding");
    for (const std::string& name : {std::string("ESX1.example.com"), std::string("fd00::11"),
                                    host("esx1.example.com").id, "HostSystem:" + host("esx1.example.com").id})
        EXPECT_EQ(vsphere::find_host(*hosts, name), hosts->data()) << name;
    EXPECT_EQ(vsphere::find_host(*hosts, "esx1"), nullptr);

    EXPECT_THAT(*vsphere::hosts_of(*session, call, "Europe/DC 0"), SizeIs(3));
    EXPECT_EQ(vsphere::hosts_of(*session, call, "DC 0").error().reason, "unknown_datacenter");
    EXPECT_EQ(vsphere::hosts_of(*session, call, "Europe").error().reason, "unknown_datacenter");
}

TEST_F(VcenterQuestions, AnswersInPagesAreReadToTheEnd)
{
    const auto whole = vsphere::all_datastores(*session, call);
    ASSERT_TRUE(whole);
    vcenter().order({{"do", "pages"}, {"count", 1}});
    vcenter().requests();
    const auto paged = vsphere::all_datastores(*session, call);
    vcenter().order({{"do", "pages"}, {"count", 0}});
    ASSERT_TRUE(paged) << paged.error().message;
    EXPECT_EQ(paged->size(), whole->size());
    EXPECT_THAT(vcenter().requests(), ElementsAre("RetrievePropertiesEx", "ContinueRetrievePropertiesEx",
                                                  "ContinueRetrievePropertiesEx", "ContinueRetrievePropertiesEx"));
}

TEST_F(VcenterQuestions, MountsTellWhichHostsSeeADatastore)
{
    const auto datastores = vsphere::all_datastores(*session, call);
    ASSERT_TRUE(datastores);
    for (const auto& store : *datastores) {
        const auto mounts = vsphere::mounts_of(*session, call, store.ref);
        ASSERT_TRUE(mounts);
        if (store.type == "NFS") {
            ASSERT_THAT(*mounts, SizeIs(1));
            EXPECT_EQ(mounts->front().host, host("esx1.example.com"));
            EXPECT_TRUE(mounts->front().is_accessible);
        } else {
            EXPECT_THAT(*mounts, SizeIs(3)) << store.name;
        }
    }
}

TEST_F(VcenterQuestions, AdaptersTellTheirIdentityAndWhichReachADatastore)
{
    const auto storage = vsphere::storage_of(*session, call, host("esx1.example.com"));
    ASSERT_TRUE(storage) << storage.error().message;
    std::map<std::string, std::string> uids;
    for (const auto& adapter : storage->adapters)
        uids[adapter.name] = adapter.uid;
    EXPECT_EQ(uids["vmhba2"], "fc.dfffff6f0555aa0a:10000090faaa55f6") << "a negative number on the wire";
    EXPECT_EQ(uids["vmhba3"], "fc.20000090faaa55f7:10000090faaa55f7");
    EXPECT_EQ(uids["vmhba64"], "iqn.1998-01.com.vmware:esx1-0a1b");
    EXPECT_EQ(uids["vmhba0"], "");
    EXPECT_TRUE(storage->adapters[4].is_nvme);
    EXPECT_TRUE(storage->adapters[6].is_nvme) << storage->adapters[6].type;
    EXPECT_TRUE(storage->adapters[7].is_powerflex());
    EXPECT_EQ(storage->devices[0].size, std::uint64_t{1024} << 30);

    const auto of = [&](const std::vector<std::string>& names) {
        return vsphere::active_adapters(storage->adapters, storage->devices, names);
    };
    EXPECT_THAT(of({"naa.600a0980383137724624512d6e6e4731"}), ElementsAre("vmhba64"))
        << "not the dead, not the standby";
    EXPECT_THAT(of({"naa.600a0980383137724624512d6e6e4731", "naa.600a0980383137724624512d6e6e4732"}),
                ElementsAre("vmhba2", "vmhba64"))
        << "every extent counts";
    EXPECT_THAT(of({"naa.none"}), IsEmpty());
}

TEST_F(VcenterQuestions, ThePowerFlexClientTellsItsGuid)
{
    EXPECT_EQ(vsphere::sdc_guid(*session, call, host("esx1.example.com")).value(),
              "271BAE12-8C72-4B1F-9D6A-0D9A6A2F1E01");
    EXPECT_EQ(vsphere::sdc_guid(*session, call, host("esx2.example.com")).value(), std::nullopt);
}

TEST_F(VcenterQuestions, AVmThatMovedIsFoundWhereItIsNow)
{
    ASSERT_EQ(look("web", "[ds 1] web/web.vmdk").vm_host, host("esx1.example.com"));
    vcenter().order({{"do", "move"}, {"vm", "web"}, {"host", "esx2.example.com"}});
    EXPECT_EQ(look("web", "[ds 1] web/web.vmdk").vm_host, host("esx2.example.com"));
    vcenter().order({{"do", "move"}, {"vm", "web"}, {"host", "esx1.example.com"}});
}

} // namespace
} // namespace xcopy::test
