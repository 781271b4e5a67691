// Bad input gets a sentence that names the thing, the reason and the remedy; nothing is changed on array or host.
#include "tests/end_to_end/site.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace e2e {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class BadInput : public testing::Test {
protected:
    Site site;
    Disk disk = site.make_disk("vm 1/disk.vmdk", 4 * mib);
    Target target = site.make_target(4 * mib);
    json array_before = site.lab.call({{"do", "array.state"}, {"array", "ontap-a"}});

    Ran populate_with(std::map<std::string, std::string> changes, std::vector<std::string> flags)
    {
        auto environment = site.environment();
        for (const auto& [key, value] : changes)
            environment[key] = value;
        flags.insert(flags.begin(), {XCOPY_COORDINATOR_PROGRAM, "populate"});
        return run(flags, environment, site.work());
    }

    Ran populate_with(std::map<std::string, std::string> changes)
    {
        return populate_with(changes, site.flags_for(disk, target));
    }

    // Not a success, every word is said, and neither the array nor a device was touched.
    void expect_refused(const Ran& ran, std::initializer_list<std::string> words)
    {
        EXPECT_GT(ran.exit, 0) << ran.out << ran.err;
        EXPECT_NE(ran.exit, 5) << ran.out << ran.err;
        for (const auto& word : words)
            EXPECT_NE((ran.out + ran.err).find(word), std::string::npos) << word << "\nin: " << ran.out << ran.err;
        EXPECT_EQ(site.lab.call({{"do", "array.state"}, {"array", "ontap-a"}}), array_before);
        EXPECT_EQ(site.starts_on(target), 0);
        expect_nothing_left(site, target, json::array());
    }

    std::vector<std::string> flags_without(const std::string& flag, const std::string& instead)
    {
        auto flags = site.flags_for(disk, target);
        std::erase_if(flags, [&](const std::string& f) { return f.starts_with(flag); });
        flags.push_back(instead);
        return flags;
    }
};

TEST_F(BadInput, AnUnknownVendor)
{
    expect_refused(populate_with({{"STORAGE_VENDOR", "acme"}}), {"acme", "ontap"});
}

TEST_F(BadInput, AMalformedVmdkPath)
{
    for (const char* vmdk : {"disk.vmdk", "[datastore1", "[] a/b.vmdk", "[datastore1] ../../etc/passwd.vmdk",
                             "/etc/passwd", "[datastore1] vm/disk.txt"})
        expect_refused(populate_with({}, flags_without("--source-vmdk", std::string("--source-vmdk=") + vmdk)),
                       {"vmdk"});
}

TEST_F(BadInput, AVolumeThatTheArrayDoesNotHave)
{
    target.handle = {"--volume-handle=pvc-none", "--volume-attribute=internalName=trident_pvc_none",
                     "--volume-attribute=protocol=block"};
    expect_refused(populate_with({}), {"trident_pvc_none"});
}

TEST_F(BadInput, WrongCredentials)
{
    const auto ran = populate_with({{"STORAGE_PASSWORD", "not-the-password"}});
    expect_refused(ran, {"STORAGE_USERNAME"});
    EXPECT_EQ((ran.out + ran.err).find("not-the-password"), std::string::npos);
}

TEST_F(BadInput, AnArrayCertificateThatIsNotTrustedIsNamed)
{
    expect_refused(populate_with({{"STORAGE_CA_FILE", site.lab.operator_cert()}}), {"certificate", "ontap"});
}

TEST_F(BadInput, AnAgentCertificateThatIsNotTrustedIsNamed)
{
    expect_refused(populate_with({{"XCOPY_AGENT_CA_FILE", site.lab.operator_cert()}}), {"certificate", "esx"});
}

TEST_F(BadInput, AClientCertificateWithoutTheOperatorsRole)
{
    for (const char* who : {"observer", "stranger"}) {
        const auto& files = site.lab.ready().at(who);
        expect_refused(
            populate_with({{"XCOPY_AGENT_CERT_FILE", files.at("cert")}, {"XCOPY_AGENT_KEY_FILE", files.at("key")}}),
            {"role"});
    }
}

TEST_F(BadInput, AnArrayOrSvmThatIsNotTheOneOfTheHandle)
{
    expect_refused(populate_with({{"ONTAP_SVM", "no-such-svm"}}), {"no-such-svm"});
}

TEST_F(BadInput, AnAddressWhereNobodyListens)
{
    expect_refused(populate_with({{"STORAGE_HOSTNAME", "https://127.0.0.1:9"}}), {"127.0.0.1:9"});
    std::ofstream(site.work() / "nobody.json") << R"([{"name": "esx9", "address": "127.0.0.1", "port": 9}])";
    expect_refused(populate_with({{"XCOPY_AGENTS", (site.work() / "nobody.json").string()}}), {"esx9"});
}

TEST_F(BadInput, AStateDirectoryThatCannotBeWritten)
{
    std::ofstream(site.work() / "file") << "not a directory";
    expect_refused(populate_with({{"XCOPY_STATE_DIR", (site.work() / "file" / "state").string()}}), {"state"});
}

TEST_F(BadInput, ASourceThatIsNotThere)
{
    expect_refused(populate_with({}, flags_without("--source-vmdk", "--source-vmdk=[datastore1] vm 1/other.vmdk")),
                   {"other.vmdk"});
    expect_refused(populate_with({}, flags_without("--source-vmdk", "--source-vmdk=[nowhere] vm 1/disk.vmdk")),
                   {"nowhere"});
}

TEST_F(BadInput, AKindOfVmdkThatCannotBeCloned)
{
    std::ofstream(site.lab.datastore("datastore1") / "vm 1" / "sparse.vmdk")
        << "# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\ncreateType=\"monolithicSparse\"\n"
           "RW 8192 SPARSE \"sparse-s001.vmdk\"\n";
    expect_refused(populate_with({}, flags_without("--source-vmdk", "--source-vmdk=[datastore1] vm 1/sparse.vmdk")),
                   {"monolithicSparse"});
}

TEST_F(BadInput, ASourceOnAShareIsRefusedBeforeAnythingIsMapped)
{
    disk = site.make_disk("vm 1/disk.vmdk", 4 * mib, "nfs1");
    const auto ran = site.populate(disk, target);
    EXPECT_EQ(ran.exit, 3);
    expect_refused(ran, {"'nfs1' is of type NFS", "Storage vMotion"});
    for (const char* change : {"POST", "PATCH", "PUT", "DELETE"})
        EXPECT_EQ(site.requests(change), 0) << change;
}

TEST_F(BadInput, ATargetSmallerThanTheSource)
{
    const auto large = site.make_disk("vm 1/large.vmdk", 8 * mib);
    expect_refused(populate_with({}, flags_without("--source-vmdk", "--source-vmdk=" + large.vmdk)), {"smaller"});
}

TEST_F(BadInput, ATargetThatBacksADatastore)
{
    // The administrator's mistake: the handle leads to the LUN that holds datastore1 itself.
    const auto naa = site.lab.ready().at("datastores").at("datastore1").at("naa").get<std::string>();
    std::string path;
    for (const auto& lun : array_before.at("luns"))
        if (lun.at("naa") == naa)
            path = lun.at("path");
    ASSERT_TRUE(path.starts_with("/vol/")) << array_before;
    const auto slash = path.rfind('/');
    target.handle = {"--volume-handle=pvc-wrong",
                     "--volume-attribute=internalID=/svm/svm1/flexvol/" + path.substr(5, slash - 5) + "/lun/" +
                         path.substr(slash + 1),
                     "--volume-attribute=protocol=block"};
    auto flags = site.flags_for(disk, target);
    std::erase_if(flags, [](const std::string& f) { return f.starts_with("--pvc-size"); });
    const auto presented = site.lab.call({{"do", "fabric.presentations"}, {"naa", naa}});
    const auto ran = populate_with({}, flags);
    EXPECT_GT(ran.exit, 0) << ran.out;
    EXPECT_NE((ran.out + ran.err).find("datastore1"), std::string::npos) << ran.out << ran.err;
    EXPECT_EQ(site.lab.call({{"do", "fabric.presentations"}, {"naa", naa}}), presented);
    EXPECT_TRUE(site.lab.starts().empty());
}

TEST_F(BadInput, AllProblemsOfTheConfigurationAreSaidAtOnce)
{
    const auto ran =
        run({XCOPY_COORDINATOR_PROGRAM, "populate", "--pvc-size=big"}, {{"HOME", site.work().string()}}, site.work());
    EXPECT_EQ(ran.exit, 2);
    for (const char* word : {"--pvc-size", "--source-vmdk", "--volume-handle", "--agent", "STORAGE_HOSTNAME", "vendor"})
        EXPECT_NE(ran.err.find(word), std::string::npos) << word << "\nin: " << ran.err;
}

TEST_F(BadInput, PreflightFindsTheSameWithoutChangingAnything)
{
    auto flags = site.flags_for(disk, target);
    flags.insert(flags.begin(), "preflight");
    EXPECT_EQ(site.coordinator(flags).exit, 0);
    EXPECT_EQ(site.lab.call({{"do", "array.state"}, {"array", "ontap-a"}}), array_before);
    auto wrong = flags_without("--source-vmdk", "--source-vmdk=[datastore1] vm 1/other.vmdk");
    wrong.insert(wrong.begin(), "preflight");
    const auto ran = site.coordinator(wrong);
    EXPECT_EQ(ran.exit, 3) << ran.out << ran.err;
    EXPECT_EQ(site.lab.call({{"do", "array.state"}, {"array", "ontap-a"}}), array_before);
}

} // namespace
} // namespace e2e
