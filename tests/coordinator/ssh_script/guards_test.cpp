// What the script refuses, and that nothing was changed then. The reasons are the agent's (agent/guards.cpp).
#include "protocol/datastores.hpp"
#include "tests/coordinator/ssh_script/script_host.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace xcopy::ssh_script {
namespace {

nlohmann::json with_second_datastore(const std::string& type)
{
    return {{"datastores", {{{"name", "datastore1"}}, {{"name", "ds 'two'"}, {"type", type}}}}};
}

std::string second_disk(ScriptHost& host)
{
    host.lab.call({{"do", "datastore.create_disk"},
                   {"datastore", "ds 'two'"},
                   {"file", "vm/disk.vmdk"},
                   {"size", 8 * mib},
                   {"seed", 1}});
    return "[ds 'two'] vm/disk.vmdk";
}

class SshScriptGuards : public testing::Test {
protected:
    void SetUp() override { ASSERT_TRUE(host.attach(target)); }
    void TearDown() override
    {
        EXPECT_EQ(host.starts_on(target), 0);
        EXPECT_TRUE(host.lab.violations().empty());
    }
    std::string refused(const Words& changed)
    {
        auto words = host.clone_words(disk, target);
        for (const auto& [key, value] : changed)
            for (auto& word : words)
                if (word.first == key)
                    word.second = value;
        return host.refusal("clone", words);
    }
    void set(const nlohmann::json& wanted)
    {
        nlohmann::json order{{"do", "host.set"}, {"host", "esx1"}};
        order.update(wanted);
        host.lab.call(order);
    }
    std::string datastore_device() { return host.ask<DatastoreList>("datastores")->datastores.at(0).devices.at(0); }
    void write(const std::string& file, const std::string& text)
    {
        std::ofstream(host.lab.datastore("datastore1") / file, std::ios::binary) << text;
    }
    static std::string descriptor(const std::string& kind,
                                  const std::string& extent = "RW 16384 VMFS \"disk-flat.vmdk\"")
    {
        return "# Disk DescriptorFile\nversion=1\nCID=fffffffe\ncreateType=\"" + kind + "\"\n" + extent + "\n";
    }

    ScriptHost host;
    Disk disk = host.make_disk();
    Target target = host.make_target();
};

TEST_F(SshScriptGuards, RefuseASourceThatIsNotADiskOnADatastore)
{
    EXPECT_EQ(refused({{"source", "/etc/passwd"}}), "source_outside_volumes");
    EXPECT_EQ(refused({{"source", "/tmp/disk.vmdk"}}), "source_outside_volumes");
    EXPECT_EQ(refused({{"source", "/vmfs/volumes/datastore1/../../../tmp/disk.vmdk"}}), "source_outside_volumes");
    EXPECT_EQ(refused({{"source", "[datastore1] ../../tmp/disk.vmdk"}}), "source_outside_volumes");
    EXPECT_EQ(refused({{"source", "vm/disk.vmdk"}}), "source_outside_volumes");
    EXPECT_EQ(refused({{"source", "[datastore1] vm/disk"}}), "bad_source");
    EXPECT_EQ(refused({{"source", "[datastore1]"}}), "bad_source");
    EXPECT_EQ(refused({{"source", "[] vm/disk.vmdk"}}), "bad_source");
    EXPECT_EQ(refused({{"source", "[a/b] vm/disk.vmdk"}}), "bad_source");
    EXPECT_EQ(refused({{"source", ""}}), "bad_source");
    EXPECT_EQ(refused({{"source", "[datastore1] " + std::string(2100, 'a') + ".vmdk"}}), "bad_source");
    EXPECT_EQ(refused({{"source", "[datastore1] vm/absent.vmdk"}}), "source_missing");
    EXPECT_EQ(refused({{"source", "[nowhere] vm/disk.vmdk"}}), "source_missing");
}

TEST_F(SshScriptGuards, RefuseALinkThatLeavesTheDatastore)
{
    std::filesystem::create_symlink("/etc/passwd", host.lab.datastore("datastore1") / "link.vmdk");
    EXPECT_EQ(refused({{"source", "[datastore1] link.vmdk"}}), "source_outside_volumes");
    std::filesystem::create_directory_symlink("/etc", host.lab.datastore("datastore1") / "folder");
    std::ofstream(host.lab.directory() / "hosts/esx1/root/etc/disk.vmdk") << descriptor("vmfs");
    EXPECT_EQ(refused({{"source", "[datastore1] folder/disk.vmdk"}}), "source_outside_volumes");
}

TEST_F(SshScriptGuards, RefuseWhatIsNoDescriptorEsxiClones)
{
    const std::pair<std::string, std::string> files[] = {
        {descriptor("streamOptimized"), "vmdk_kind_unsupported"},
        {descriptor(""), "vmdk_kind_unsupported"},
        {"KDMV" + std::string(600, '\0'), "not_a_descriptor"},
        {"COWD" + std::string(600, '\0'), "not_a_descriptor"},
        {std::string(1 << 20, '\0'), "not_a_descriptor"},
        {std::string(1 << 20, 'x'), "not_a_descriptor"},
        {"", "not_a_descriptor"},
        {"createType=\"vmfs\"\nRW 1 VMFS \"a\"\n", "not_a_descriptor"},
        {"# Disk DescriptorFile\ncreateType=\"vmfs\"\n", "not_a_descriptor"},
        {descriptor("vmfs", "RW many VMFS \"disk-flat.vmdk\""), "not_a_descriptor"},
        {descriptor("vmfs", "RW 16384 VMFS"), "not_a_descriptor"},
        {descriptor("vmfs") + std::string(3, '\0') + "more\n", "not_a_descriptor"},
    };
    for (const auto& [text, reason] : files) {
        write("vm/odd.vmdk", text);
        EXPECT_EQ(refused({{"source", "[datastore1] vm/odd.vmdk"}}), reason) << text.substr(0, 100);
    }
    write("vm/odd.vmdk", descriptor("vmfs") + std::string(300, '\0')); // qemu-img fills the last sector with zeros
    EXPECT_TRUE(host.call("source", {{"source", "[datastore1] vm/odd.vmdk"}}));
    write("vm/odd.vmdk", "# Disk DescriptorFile\r\ncreateType = \"seSparse\"\r\nRW 8192 SESPARSE \"a "
                         "\\\"b\\\".vmdk\"\r\nRW 8192 ZERO\r\n");
    const auto odd = host.ask<Source>("source", {{"source", "[datastore1] vm/odd.vmdk"}});
    ASSERT_TRUE(odd) << odd.error().message;
    EXPECT_EQ(odd->create_type, "seSparse");
    EXPECT_EQ(odd->size_bytes, 8 * mib);
}

TEST(SshScriptSource, OnADatastoreThatHoldsNoRawDeviceMappingIsRefusedInTheAgentsWords)
{
    for (const char* type : {"NFS", "NFS41", "vsan", "VVOL"}) {
        ScriptHost host(with_second_datastore(type));
        const auto target = host.make_target();
        ASSERT_TRUE(host.attach(target));
        const auto refused = host.call("source", {{"source", second_disk(host)}});
        ASSERT_FALSE(refused) << type;
        const auto agents = check_holds_mappings("ds 'two'", type).error();
        EXPECT_EQ(refused.error().code, agents.code);
        EXPECT_EQ(refused.error().reason, agents.reason);
        EXPECT_EQ(refused.error().message, agents.message);
        EXPECT_EQ(refused.error().remedy, agents.remedy);
        auto words = host.clone_words({.source = second_disk(host), .bytes = {}}, target);
        EXPECT_EQ(host.refusal("clone", words), "datastore_not_vmfs");
        EXPECT_EQ(host.starts_on(target), 0);
    }
}

TEST(SshScriptSource, OnADatastoreOfAKindThatNobodyKnowsIsTried)
{
    ScriptHost odd(with_second_datastore("OTHER"));
    EXPECT_TRUE(odd.call("source", {{"source", second_disk(odd)}}));
    ScriptHost mute(with_second_datastore("NFS"));
    mute.lab.call({{"do", "rule.add"},
                   {"where", "host:esx1"},
                   {"what", "filesystem list"},
                   {"when", "before"},
                   {"count", 0},
                   {"fault", {{"tool_exit", 1}, {"tool_stderr", "not today\n"}}}});
    EXPECT_TRUE(mute.call("source", {{"source", second_disk(mute)}}));
}

TEST_F(SshScriptGuards, RefuseATargetThatWasNotAttachedForThisVeryJob)
{
    const auto other = host.make_target();
    EXPECT_EQ(refused({{"target", other.naa}}), "not_attached");
    EXPECT_EQ(refused({{"job", other.job}}), "attached_for_other_job");
    EXPECT_EQ(refused({{"size", std::to_string(32 * mib)}}), "size_mismatch");
    EXPECT_EQ(refused({{"target", datastore_device()}}), "not_attached");
    auto words = Words{{"naa", target.naa}, {"job", other.job}, {"size", std::to_string(target.size)}};
    EXPECT_EQ(host.refusal("attach", words), "attached_for_other_job");
    EXPECT_EQ(host.refusal("detach", {{"naa", target.naa}, {"job", other.job}}), "attached_for_other_job");
    EXPECT_EQ(host.refusal("detach", {{"naa", other.naa}, {"job", target.job}}), "not_attached");
}

TEST_F(SshScriptGuards, RefuseAVolumeTooSmallForTheDisk)
{
    disk = host.make_disk("vm/large.vmdk", 32 * mib);
    EXPECT_EQ(refused({}), "target_smaller_than_source");
}

TEST_F(SshScriptGuards, RefuseADeviceThatIsNotOn)
{
    set({{"status", {{target.naa, "dead timeout"}}}});
    EXPECT_EQ(refused({}), "target_not_on");
    set({{"status", {{target.naa, ""}}}});
    host.lab.withdraw(target.naa, "esx1", "vmhba64");
    ASSERT_TRUE(host.call("rescan", {{"kind", "delete"}}));
    EXPECT_EQ(refused({}), "target_missing");
}

TEST_F(SshScriptGuards, RefuseToWriteWhenTheHostCannotBeAsked)
{
    host.lab.add_rule(
        {{"where", "host:esx1"},
         {"what", "vmfs extent list"},
         {"count", 0},
         {"fault", {{"tool_exit", 1}, {"tool_stderr", "Connect to localhost failed: Connection failure.\n"}}}});
    const auto answer = host.call("clone", host.clone_words(disk, target));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().reason, "hostd_unreachable");
    EXPECT_EQ(answer.error().code, Errc::unavailable);
    EXPECT_NE(answer.error().remedy.find("hostd"), std::string::npos);
}

// Without the whole list of extents nobody knows which devices hold datastores.
TEST_F(SshScriptGuards, RefuseToWriteWhenAnAnswerIsCutOff)
{
    for (const char* text : {"", "<?xml version=\"1.0\"?>\n<output><root><list type=\"structure\">\n"}) {
        const int rule = host.lab.add_rule({{"where", "host:esx1"},
                                            {"what", "vmfs extent list"},
                                            {"count", 0},
                                            {"fault", {{"tool_exit", 0}, {"tool_stdout", text}}}});
        EXPECT_EQ(refused({}), "esxcli_answer") << text;
        host.lab.call({{"do", "rule.clear"}, {"rule", rule}});
    }
}

TEST_F(SshScriptGuards, RefuseToAttachWhatServesTheHostAndToDetachIt)
{
    const auto device = datastore_device();
    const auto size = std::to_string(std::uint64_t{1} << 40);
    EXPECT_EQ(host.refusal("attach", {{"naa", device}, {"job", "j"}, {"size", size}}), "target_backs_datastore");
    EXPECT_EQ(host.refusal("detach", {{"naa", device}, {"job", "j"}}), "target_backs_datastore");
}

TEST_F(SshScriptGuards, RefuseAnotherSizeOnAttach)
{
    const auto other = host.make_target();
    EXPECT_EQ(host.refusal("attach",
                           {{"naa", other.naa}, {"job", other.job}, {"size", std::to_string(15 * mib)}, {"wait", "5"}}),
              "size_mismatch");
}

TEST_F(SshScriptGuards, SayWhyADeviceDoesNotAppear)
{
    const auto hidden = host.make_target(16 * mib, false);
    const Words words{
        {"naa", hidden.naa}, {"job", hidden.job}, {"size", std::to_string(hidden.size)}, {"wait", "1"}, {"lun", "7"}};
    const auto answer = host.call("attach", words);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().reason, "device_not_seen");
    EXPECT_NE(answer.error().message.find("rescanned vmhba2 vmhba64; LUN number 7; Disk.MaxLUN 1024"),
              std::string::npos)
        << answer.error().message;
    set({{"max_lun", 7}});
    EXPECT_EQ(host.refusal("attach", words), "lun_above_max");
}

TEST_F(SshScriptGuards, AttachBringsBackADeviceThatIsOnTheDetachedList)
{
    ASSERT_TRUE(host.call("detach", {{"naa", target.naa}, {"job", target.job}}));
    host.lab.run("esx1", {"/bin/esxcli", "storage", "core", "device", "set", "--state=off", "-d", target.naa});
    ASSERT_TRUE(host.attach(target));
    EXPECT_EQ(host.ask<Device>("device", {{"naa", target.naa}})->status, "on");
    EXPECT_EQ(
        host.lab.run("esx1", {"/bin/esxcli", "storage", "core", "device", "detached", "list"}).output.find(target.naa),
        std::string::npos);
}

TEST_F(SshScriptGuards, RefuseWordsThatAreNoIdsNumbersOrNames)
{
    const std::pair<Words, std::string> wrong[] = {
        {{{"job", "../../etc"}}, "bad_job_id"},
        {{{"job", "-rf"}}, "bad_job_id"},
        {{{"job", "a b"}}, "bad_job_id"},
        {{{"job", "$(reboot)"}}, "bad_job_id"},
        {{{"job", std::string(65, 'a')}}, "bad_job_id"},
        {{{"job", ""}}, "bad_job_id"},
        {{{"target", "t10.ATA_____LABDISK____esx1"}}, "bad_device_name"},
        {{{"target", "naa.60"}}, "bad_device_name"},
        {{{"target", "naa.600a0980383034000000000000000/../"}}, "bad_device_name"},
        {{{"target", "mpx.vmhba0:C0:T0:L0"}}, "bad_device_name"},
        {{{"size", "-1"}}, "bad_number"},
        {{{"size", "1e9"}}, "bad_number"},
        {{{"size", "0x10"}}, "bad_number"},
        {{{"size", "99999999999999999999"}}, "bad_number"},
        {{{"size", "010"}}, "bad_number"},
        {{{"size", ""}}, "bad_number"},
    };
    for (const auto& [words, reason] : wrong)
        EXPECT_EQ(refused(words), reason) << words[0].first << "=" << words[0].second;
    EXPECT_EQ(host.refusal("watch", {{"job", "unknown"}}), "no_such_clone");
    EXPECT_EQ(host.refusal("cancel", {{"job", "unknown"}}), "no_such_clone");
    EXPECT_TRUE(host.call("forget", {{"job", "unknown"}}));
    EXPECT_EQ(host.refusal("rescan", {{"kind", "everything"}}), "bad_kind");
    EXPECT_EQ(host.refusal("rescan", {{"kind", "add"}, {"adapters", "vmhba64;reboot"}}), "bad_adapter");
    EXPECT_EQ(host.refusal("reboot", {}), "unknown_call");
}

} // namespace
} // namespace xcopy::ssh_script
