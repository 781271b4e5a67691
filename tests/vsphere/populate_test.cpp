// The real coordinator, told of no host: a vCenter that knows the lab's hosts, datastores and VMs leads it to the real agents.
#include "tests/end_to_end/scraper.hpp"
#include "tests/end_to_end/ssh_site.hpp"
#include "tests/vsphere/migration.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

namespace e2e {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

void expect_refused(const Migration& migration, const Ran& ran, const Target& target, const std::string& why)
{
    EXPECT_EQ(ran.exit, 3) << ran.err << ran.out;
    EXPECT_THAT(ran.err + ran.out, HasSubstr(why));
    EXPECT_TRUE(migration.site.presentations(target).empty());
    EXPECT_EQ(migration.site.starts_on(target), 0);
}

void expect_copied(const Migration& migration, const Ran& ran, const Disk& disk, const Target& target)
{
    ASSERT_EQ(ran.exit, 0) << ran.err << ran.out;
    EXPECT_TRUE(same_bytes(disk.flat, target.file, disk.size));
    expect_nothing_left(migration.site, target, json::array());
    EXPECT_EQ(migration.site.starts_on(target), 1);
}

TEST(PopulateByVcenter, FindsHostsAndDiskByItselfAndSaysNothingSecret)
{
    Migration migration({vm("it's a <VM> & more", "poweredOff", {flat("[datastore1] a/b c/it's ü & <1>.vmdk")})});
    const auto disk = migration.site.make_disk("a/b c/it's ü & <1>.vmdk", 16 * mib);
    const auto target = migration.site.make_target(16 * mib);
    const auto ran = migration.populate(disk, target, migration.vcenter.id("vm it's a <VM> & more"));
    expect_copied(migration, ran, disk, target);
    EXPECT_EQ(result_of(ran).at("xcopy"), "full");
    for (const auto& secret : {migration.vcenter.password(), std::string("wörd"), std::string("vmware_soap_session")})
        EXPECT_THAT(ran.err + ran.out, Not(HasSubstr(secret)));
    EXPECT_THAT(ran.err, HasSubstr("disk found in vCenter"));
    EXPECT_EQ(migration.vcenter.sessions(), 0);
    const auto requests = migration.vcenter.requests();
    EXPECT_EQ(requests.size(), 7U) << json(requests); // vcenter_requests_per_disk
    RecordProperty("vcenter_requests_per_disk", static_cast<int>(requests.size()));
}

TEST(PopulateByVcenter, MetricsTellTheSourcesSizes)
{
    Migration migration({vm("web", "poweredOff", {flat("[datastore1] web/web.vmdk")})});
    const auto disk = migration.site.make_disk("web/web.vmdk", 16 * mib);
    const auto target = migration.site.make_target(16 * mib);
    const int port = free_port();
    Process copy(migration.flags(disk, target, "web", {listen_on(port)}), migration.environment(),
                 migration.site.work());
    copy.go();
    std::string text;
    while (text.find("copy_duration_seconds{") == std::string::npos)
        text = scrape(port);
    const auto ran = copy.wait();
    EXPECT_EQ(ran.exit, 0) << ran.err;
    const auto labels = "{clone_method=\"agent\",owner_uid=\"" + target.job +
                        "\",storage_protocol=\"n/a\",storage_vendor=\"ontap\",type="; // the host has both
    EXPECT_THAT(text, HasSubstr(labels + "\"provisioned\"} 16777216\n"));
    EXPECT_THAT(text, HasSubstr(labels + "\"datastore_allocated\"} 8388608\n"));
}

TEST(PopulateByVcenter, AgentsMayListenOnAnotherPort)
{
    Migration migration({vm("web", "poweredOff", {flat("[datastore1] web/web.vmdk")})});
    const auto disk = migration.site.make_disk("web/web.vmdk", 16 * mib);
    const auto target = migration.site.make_target(16 * mib);
    const auto ran = migration.populate(disk, target, "web", {"--agent-port=1"});
    expect_refused(migration, ran, target, "no host answered");
    EXPECT_THAT(ran.err, HasSubstr(":1/"));
}

// As Forklift starts it where no agent is installed: vCenter, Forklift's key, no certificates, and no script anywhere yet.
TEST(PopulateByVcenter, HostsWithoutAgentsGetTheScriptAndCopyOverSsh)
{
    const json no_agents{
        {"hosts",
         {{{"name", "esx1"}, {"ssh", true}, {"agent", false}}, {{"name", "esx2"}, {"ssh", true}, {"agent", false}}}}};
    Migration migration({vm("web", "poweredOff", {flat("[datastore1] web/web.vmdk")})}, no_agents);
    auto& site = migration.site;
    give_forklifts_key(site, {"esx1", "esx2"});
    for (const char* name : {"XCOPY_AGENT_CA_FILE", "XCOPY_AGENT_CERT_FILE", "XCOPY_AGENT_KEY_FILE"})
        site.more_environment[name] = "";
    const auto uploads = migration.vcenter.uploads() / "datastore1";
    std::filesystem::remove(uploads);
    std::filesystem::create_directory_symlink(site.lab.datastore("datastore1"), uploads);
    const auto disk = site.make_disk("web/web.vmdk", 16 * mib);
    const auto target = site.make_target(16 * mib);
    const auto ran = migration.populate(disk, target, "web");
    expect_copied(migration, ran, disk, target);
    EXPECT_EQ(result_of(ran).at("clone_method"), "ssh");
    EXPECT_EQ(result_of(ran).at("why_method"), "no certificate for agents is given");
    EXPECT_TRUE(std::filesystem::exists(site.lab.datastore("datastore1") / "secure-vmkfstools-wrapper"));
    EXPECT_EQ(migration.vcenter.sessions(), 0);

    migration.vcenter.requests(); // from here on
    const auto other = site.make_target(16 * mib);
    const auto again = migration.populate(disk, other, "web");
    expect_copied(migration, again, disk, other);
    EXPECT_THAT(again.err, Not(HasSubstr("script to be put"))) << "it is there";
    EXPECT_THAT(migration.vcenter.requests(), testing::Each(Not(HasSubstr("/folder/"))));
}

TEST(PopulateByVcenter, TheHostOfARunningVmCopiesTheDiskBelowItsSnapshot)
{
    Migration migration(
        {vm("web", "poweredOn", {flat("[datastore1] web/web-000001.vmdk", {"[datastore1] web/web.vmdk"})}, "esx2")});
    const auto disk = migration.site.make_disk("web/web.vmdk", 16 * mib);
    for (const char* host : {"esx2", "esx1"}) { // and after a vMotion the other one
        migration.vcenter.order({{"do", "move"}, {"vm", "web"}, {"host", host}});
        const auto target = migration.site.make_target(16 * mib);
        const auto ran = migration.populate(disk, target, "web");
        expect_copied(migration, ran, disk, target);
        EXPECT_EQ(result_of(ran).at("host"), host);
        EXPECT_THAT(ran.err, HasSubstr("the VM runs there"));
        EXPECT_THAT(ran.err, HasSubstr("1 newer snapshots are left out"));
    }
}

TEST(PopulateByVcenter, TheHostThatForkliftNamesByItsIdCopies)
{
    Migration migration({vm("web", "poweredOff", {flat("[datastore1] web/web.vmdk")}, "esx1")});
    const auto disk = migration.site.make_disk("web/web.vmdk", 16 * mib);
    const auto target = migration.site.make_target(16 * mib);
    const auto ran = migration.populate(disk, target, "web", {"--migration-host=" + migration.vcenter.id("host esx2")});
    expect_copied(migration, ran, disk, target);
    EXPECT_EQ(result_of(ran).at("host"), "esx2");
    const auto other = migration.site.make_target(16 * mib);
    expect_refused(migration, migration.populate(disk, other, "web", {"--migration-host=host-999"}), other, "host-999");
}

TEST(PopulateByVcenter, ADiskThatARunningVmWritesToIsRefused)
{
    Migration migration({vm("web", "poweredOn", {flat("[datastore1] web/web.vmdk")})});
    const auto disk = migration.site.make_disk("web/web.vmdk", 16 * mib);
    const auto target = migration.site.make_target(16 * mib);
    expect_refused(migration, migration.populate(disk, target, "web"), target, "would be torn");
    migration.vcenter.order({{"do", "power"}, {"vm", "web"}, {"state", "poweredOff"}});
    expect_copied(migration, migration.populate(disk, target, "web"), disk, target);
}

TEST(PopulateByVcenter, ADiskThatTheVmDoesNotHaveIsRefusedAndThoseItHasAreNamed)
{
    Migration migration({vm("web", "poweredOff", {flat("[datastore1] web/disk11.vmdk")})});
    const auto disk = migration.site.make_disk("web/disk1.vmdk", 16 * mib); // it is there, but not this VM's
    const auto target = migration.site.make_target(16 * mib);
    expect_refused(migration, migration.populate(disk, target, "web"), target, "it has '[datastore1] web/disk11.vmdk'");
    expect_refused(migration, migration.populate(disk, target, "vm-4711"), target, "vm-4711");
}

TEST(PopulateByVcenter, AVolumeSmallerThanTheDiskIsRefusedBeforeAnyHostIsAsked)
{
    Migration migration({vm("web", "poweredOff", {flat("[datastore1] web/web.vmdk", {}, 32 * mib)})});
    const auto disk = migration.site.make_disk("web/web.vmdk", 16 * mib);
    const auto target = migration.site.make_target(16 * mib);
    expect_refused(migration, migration.populate(disk, target, "web"), target, "is smaller than the disk");
}

TEST(PopulateByVcenter, ATargetThatCarriesADatastoreOfAHostNobodyAskedIsRefused)
{
    Site elsewhere; // only to learn which NAA the first volume of such a lab gets
    const auto naa = elsewhere.make_target(16 * mib).naa;
    Migration migration(
        {vm("web", "poweredOff", {flat("[datastore1] web/web.vmdk")})}, json::object(),
        {json{{"name", "precious"}, {"uuid", "6a-1"}, {"type", "VMFS"}, {"devices", json::array({naa})}}});
    const auto disk = migration.site.make_disk("web/web.vmdk", 16 * mib);
    const auto target = migration.site.make_target(16 * mib);
    ASSERT_EQ(target.naa, naa);
    expect_refused(migration, migration.populate(disk, target, "web"), target, "carries the datastore 'precious'");
}

TEST(PopulateByVcenter, TroubleAtTheStartThatPassesDoesNotKeepTheCopyFromBeingMade)
{
    Migration migration({vm("web", "poweredOff", {flat("[datastore1] web/web.vmdk")})});
    const auto disk = migration.site.make_disk("web/web.vmdk", 16 * mib);
    const auto target = migration.site.make_target(16 * mib);
    migration.vcenter.trouble({{"status", 503}, {"count", 1}});
    migration.vcenter.trouble({{"fault", "SystemError"}, {"count", 1}, {"skip", 2}});
    migration.vcenter.trouble({{"method", "RetrievePropertiesEx"},
                               {"fault", "NotAuthenticated"},
                               {"where", "missing"},
                               {"skip", 1},
                               {"count", 1}});
    const auto ran = migration.populate(disk, target, "web");
    expect_copied(migration, ran, disk, target);
    EXPECT_EQ(std::ranges::count(migration.vcenter.requests(), "Login"), 2) << ran.err;
}

TEST(PopulateByVcenter, WithoutVcenterAtTheStartNothingIsDoneAndItIsSaid)
{
    Migration migration({vm("web", "poweredOff", {flat("[datastore1] web/web.vmdk")})});
    const auto disk = migration.site.make_disk("web/web.vmdk", 16 * mib);
    const auto target = migration.site.make_target(16 * mib);
    migration.vcenter.stop();
    const auto ran = migration.populate(disk, target, "web", {"--vsphere-timeout=1"});
    expect_refused(migration, ran, target, "vCenter https://127.0.0.1:");
    EXPECT_EQ(result_of(ran).at("result"), "refused");
}

TEST(PopulateByVcenter, WithoutVcenterAfterTheStartTheCopyGoesOn)
{
    Migration migration({vm("web", "poweredOff", {flat("[datastore1] web/web.vmdk")})});
    const auto disk = migration.site.make_disk("web/web.vmdk", 16 * mib);
    const auto target = migration.site.make_target(16 * mib);
    auto running = migration.begin_and_hold_half(disk, target, "web");
    migration.vcenter.stop();
    migration.let_go();
    expect_copied(migration, running->wait(), disk, target);
}

TEST(PopulateByVcenter, AnInterruptedCopyGoesOnWhereItBeganThoughTheVmMovedMeanwhile)
{
    Migration migration(
        {vm("web", "poweredOn", {flat("[datastore1] web/web-000001.vmdk", {"[datastore1] web/web.vmdk"})}, "esx1")});
    const auto disk = migration.site.make_disk("web/web.vmdk", 16 * mib);
    const auto target = migration.site.make_target(16 * mib);
    auto first = migration.begin_and_hold_half(disk, target, "web");
    first->signal(SIGKILL);
    (void)first->wait();
    migration.vcenter.order({{"do", "move"}, {"vm", "web"}, {"host", "esx2"}});
    migration.let_go();
    const auto ran = migration.populate(disk, target, "web");
    expect_copied(migration, ran, disk, target);
    EXPECT_EQ(result_of(ran).at("host"), "esx1");
}

TEST(PopulateByVcenter, OnlyTheRightCertificateIsToldThePassword)
{
    Migration migration({vm("web", "poweredOff", {flat("[datastore1] web/web.vmdk")})});
    const auto disk = migration.site.make_disk("web/web.vmdk", 16 * mib);
    const auto target = migration.site.make_target(16 * mib);
    const std::string wrong = "--vsphere-thumbprint=" + std::string(64, 'B');
    expect_refused(migration, migration.populate(disk, target, "web", {wrong}), target, "not the one that was pinned");
    auto environment = migration.environment();
    environment["XCOPY_VSPHERE_CA_FILE"] = migration.site.lab.ca();
    expect_refused(migration, run(migration.flags(disk, target, "web"), environment, migration.site.work()), target,
                   "is not trusted");
    EXPECT_TRUE(migration.vcenter.requests().empty());
    environment["GOVMOMI_INSECURE"] = "true";
    const auto insecure = run(migration.flags(disk, target, "web"), environment, migration.site.work());
    expect_copied(migration, insecure, disk, target);
    EXPECT_THAT(insecure.err, HasSubstr("GOVMOMI_INSECURE is true"));
}

TEST(PopulateByVcenter, ARawDeviceMappingIsCopiedInsideTheArray)
{
    const json array{{"name", "array-a"}, {"kind", "pureFlashArray"}};
    const std::string lun_uuid = "020007000060a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0466c6173684172";
    Site learn({{"arrays", json::array({array})}});
    const json order{
        {"do", "array.volume.create"}, {"array", "array-a"}, {"name", "rdm-1"}, {"kind", "rdm"}, {"size", 16 * mib}};
    const auto naa = learn.lab.call(order).at("naa").get<std::string>();
    const json disk{{"file", "[datastore1] vm/rdm.vmdk"},
                    {"kind", "rdm-virtual"},
                    {"size", 16 * mib},
                    {"lun_uuid", lun_uuid},
                    {"device", "vml.02000700"
                               "00" +
                                   naa.substr(4) + "466c6173684172"}};
    Migration migration({vm("raw", "poweredOff", {disk})}, {{"arrays", json::array({array})}});
    const auto source = migration.site.lab.call(order);
    ASSERT_EQ(source.at("naa"), naa);
    const auto target = migration.site.make_target(16 * mib);
    const auto ran = migration.populate({"[datastore1] vm/rdm.vmdk", {}, 16 * mib}, target, "raw");
    ASSERT_EQ(ran.exit, 0) << ran.err << ran.out;
    EXPECT_EQ(result_of(ran).at("clone_method"), "rdm");
    EXPECT_TRUE(same_bytes(source.at("file").get<std::string>(), target.file, 16 * mib));
    EXPECT_TRUE(migration.site.lab.starts().empty()) << "no host copied";
    expect_nothing_left(migration.site, target, json::array());
}

TEST(HostsByVcenter, AreListedWithoutAnyListOfAgents)
{
    Migration migration({});
    migration.vcenter.order({{"do", "host"}, {"host", "esx2"}, {"state", "disconnected"}});
    const auto ran =
        run({XCOPY_COORDINATOR_PROGRAM, "hosts", "--output=json"}, migration.environment(), migration.site.work());
    EXPECT_EQ(ran.exit, 0) << ran.err;
    EXPECT_THAT(ran.out, HasSubstr("esx1"));
    EXPECT_THAT(ran.err, HasSubstr("host left out"));
}

TEST(PreflightByVcenter, SaysWhatIsWrongWithTheDisk)
{
    Migration migration({vm("web", "poweredOn", {flat("[datastore1] web/web.vmdk")})});
    const auto disk = migration.site.make_disk("web/web.vmdk", 16 * mib);
    const auto target = migration.site.make_target(16 * mib);
    auto flags = migration.flags(disk, target, "web");
    flags[1] = "preflight";
    const auto ran = run(flags, migration.environment(), migration.site.work());
    EXPECT_EQ(ran.exit, 3) << ran.err << ran.out;
    EXPECT_THAT(ran.out, HasSubstr("powered on"));
}

} // namespace
} // namespace e2e
