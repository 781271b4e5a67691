// Forklift's pods with our script in place: the four commands, byte for byte as kubev2v/forklift's own script answers them
// (shapes recorded from vmkfstools_wrapper.sh 0.3.x). Through the forced command alone, and over each release's sshd.
#include "tests/coordinator/ssh_script/open_ssh.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <pugixml.hpp>

#include <fstream>
#include <optional>
#include <regex>

namespace xcopy::ssh_script {
namespace {

const std::string head = "<?xml version=\"1.0\" ?>\n"
                         "<output xmlns=\"http://www.vmware.com/Products/ESX/5.0/esxcli/\">\n"
                         "    <structure typeName=\"result\">\n"
                         "        <field name=\"status\"><string>";
const std::string between = "</string></field>\n"
                            "        <field name=\"message\"><string>";
const std::string tail = "</string></field>\n"
                         "    </structure>\n"
                         "</output>\n";

// The release whose sshd is between; empty: the forced command is called by the test.
class SshScriptForklift : public testing::TestWithParam<std::string> {
protected:
    struct Ran {
        int exit = -1;
        std::string output;
    };
    Ran ssh(const std::string& words) const
    {
        if (!client) {
            const auto ran = host.ssh(words);
            return {ran.exit, ran.output};
        }
        const auto ran = client->run(words);
        EXPECT_EQ(ran.err, "") << words;
        return {ran.exit_status.value_or(-1), ran.out};
    }
    Ran command(const std::string& words) const { return ssh("DS=datastore1;CMD=" + words); }
    // As Forklift's client reads it.
    struct Answer {
        int exit = 0;
        std::string status;
        std::string message;
    };
    Answer ask(const std::string& words)
    {
        const auto ran = command(words);
        pugi::xml_document document;
        EXPECT_TRUE(document.load_string(ran.output.c_str())) << ran.output;
        const auto fields = document.child("output").child("structure");
        const auto field = [&](const char* name) {
            return fields.find_child_by_attribute("field", "name", name).child("string").text().as_string();
        };
        return {ran.exit, field("status"), field("message")};
    }
    Answer clone(const std::string& source, const std::string& naa)
    {
        return ask("--clone -s " + source + " -t /vmfs/devices/disks/" + naa);
    }
    nlohmann::json ended(const std::string& task)
    {
        nlohmann::json seen;
        EXPECT_TRUE(eventually([&] {
            seen = nlohmann::json::parse(ask("--task-get -i " + task).message);
            return !seen.at("exitCode").get<std::string>().empty();
        }));
        return seen;
    }
    Target mapped()
    {
        auto target = host.make_target();
        EXPECT_TRUE(host.call("rescan", {{"kind", "add"}}));
        return target;
    }

    ScriptHost host{GetParam().empty() ? nlohmann::json::object() : host_with_sshd(GetParam())};
    const std::optional<OpenSsh> client{GetParam().empty() ? std::nullopt : std::optional<OpenSsh>(host)};
    const std::string folder = "/vmfs/volumes/datastore1/";
};

TEST_P(SshScriptForklift, TheKeyIsTestedWithoutADatastore)
{
    EXPECT_EQ(ssh("DS=;CMD=status test-task-id").output, "SSH_OK\n");
}

// A name with blanks would be several words in the forced command; the UUID never is.
TEST_P(SshScriptForklift, TheDatastoreMayBeGivenByItsUuid)
{
    const auto uuid = host.ask<DatastoreList>("datastores")->datastores.at(0).uuid;
    EXPECT_EQ(ssh("DS=" + uuid + ";CMD=--xcopy maxlun").output, "xcopy 1 ok\n{\"disk_max_lun\":1024}\n");
}

TEST_P(SshScriptForklift, VersionIsTheOneThatKeepsItsPodsFromReplacingUs)
{
    const auto ran = command("--version");
    EXPECT_EQ(ran.exit, 0);
    EXPECT_EQ(ran.output, head + "0" + between + "{\"version\": \"0.3.3\"}" + tail);
}

TEST_P(SshScriptForklift, ACloneIsStartedAskedAboutAndCleanedByteForByte)
{
    const auto disk = host.make_disk();
    const auto target = mapped();
    const auto started = command("--clone -s " + folder + "vm/disk.vmdk -t /vmfs/devices/disks/" + target.naa);
    EXPECT_EQ(started.exit, 0);
    const std::regex begin("\\{\"taskId\": \"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\", "
                           "\"pid\": ([0-9]+), \"xcopyUsed\": false\\}");
    std::smatch found;
    ASSERT_TRUE(std::regex_search(started.output, found, begin)) << started.output;
    EXPECT_EQ(started.output, head + "0" + between + found[0].str() + tail);
    const std::string task = found[1];
    const std::string pid = found[2];

    ended(task);
    EXPECT_EQ(command("--task-get -i " + task).output,
              head + "0" + between + "{\"taskId\": \"" + task + "\", \"pid\": " + pid +
                  ", \"exitCode\": \"0\", \"lastLine\": \"Clone: 100% done.\", \"xcopyUsed\": true, \"stdErr\": \"\"}" +
                  tail);
    EXPECT_TRUE(same_bytes(disk, target));
    EXPECT_FALSE(host.lab.run("esx1", {"/bin/ls", folder + "vm"}).output.find("disk.vmdk-rdmdisk-") ==
                 std::string::npos);

    const auto cleaned = command("--task-clean -i " + task);
    EXPECT_EQ(cleaned.exit, 0);
    EXPECT_EQ(cleaned.output, head + "0" + between + tail);
    EXPECT_EQ(host.lab.run("esx1", {"/bin/ls", folder + "vm"}).output, "disk-flat.vmdk\ndisk.vmdk\n");
    EXPECT_EQ(command("--task-clean -i " + task).exit, 1);
}

TEST_P(SshScriptForklift, AskedWhileItRunsThereIsNoExitCode)
{
    host.make_disk();
    const auto target = mapped();
    host.lab.call({{"do", "vmkfstools.set"}, {"hold_at", 40}});
    const auto started = nlohmann::json::parse(clone(folder + "vm/disk.vmdk", target.naa).message);
    host.lab.wait_held("clone");
    nlohmann::json seen;
    EXPECT_TRUE(eventually([&] {
        seen = nlohmann::json::parse(ask("--task-get -i " + started.at("taskId").get<std::string>()).message);
        return seen.at("lastLine") == "Clone: 40% done.";
    })) << seen;
    EXPECT_EQ(seen.at("exitCode"), "");
    EXPECT_EQ(clone(folder + "vm/disk.vmdk", target.naa).status, "1") << "a second writer";
    EXPECT_EQ(ask("--task-clean -i " + started.at("taskId").get<std::string>()).status, "1") << "still running";
    host.lab.release("clone");
    EXPECT_EQ(ended(started.at("taskId")).at("exitCode"), "0");
    EXPECT_EQ(host.starts_on(target), 1);
}

TEST_P(SshScriptForklift, NamesWithBlanksAndMarkupAreCopiedAndFailuresAreProperXml)
{
    const auto target = mapped();
    for (const char* name : {"my vm/disk -t one", "a -s b/c", "<vm> & \"co\"/d", "it's/$(touch hit)"}) {
        SCOPED_TRACE(name);
        const auto disk = host.make_disk(std::string(name) + ".vmdk");
        const auto answer = clone(folder + name + ".vmdk", target.naa);
        ASSERT_EQ(answer.status, "0") << answer.message;
        const std::string task = nlohmann::json::parse(answer.message).at("taskId");
        EXPECT_EQ(ended(task).at("exitCode"), "0");
        EXPECT_TRUE(same_bytes(disk, target));
        EXPECT_EQ(ask("--task-clean -i " + task).status, "0");
    }
    host.lab.call({{"do", "vmkfstools.set"}, {"fail_at", 30}, {"fail_text", "<I/O> & \"error\" \\ (327689)"}});
    host.make_disk("a&b/<c>.vmdk");
    const std::string task = nlohmann::json::parse(clone(folder + "a&b/<c>.vmdk", target.naa).message).at("taskId");
    const auto failed = ended(task);
    EXPECT_EQ(failed.at("exitCode"), "1");
    EXPECT_NE((failed.at("stdErr").get<std::string>() + failed.at("lastLine").get<std::string>())
                  .find("<I/O> & \"error\" \\ (327689)"),
              std::string::npos)
        << failed;
    EXPECT_EQ(ask("--task-clean -i " + task).status, "0");
    EXPECT_EQ(host.lab.run("esx1", {"/bin/find", "/", "-xdev", "-name", "hit"}).output, "");
}

TEST_P(SshScriptForklift, TheGuardsHoldForItToo)
{
    host.make_disk();
    const auto target = mapped();
    const auto datastore = host.ask<DatastoreList>("datastores")->datastores.at(0).devices.at(0);
    const auto expect_refused = [&](const std::string& words, const std::string& why) {
        const auto answer = ask(words);
        EXPECT_EQ(answer.exit, 1) << words;
        EXPECT_EQ(answer.status, "1") << words;
        EXPECT_NE(answer.message.find(why), std::string::npos) << words << ": " << answer.message;
    };
    const std::string device = " -t /vmfs/devices/disks/";
    expect_refused("--clone -s " + folder + "vm/disk.vmdk" + device + datastore, "holds datastore 'datastore1'");
    expect_refused("--clone -s " + folder + "vm/disk.vmdk" + device + "naa.600a0980383034000000000000000999",
                   "no longer sees");
    expect_refused("--clone -s /etc/disk.vmdk" + device + target.naa, "not on a datastore");
    expect_refused("--clone -s " + folder + "../../etc/disk.vmdk" + device + target.naa, "..");
    expect_refused("--clone -s " + folder + "vm/disk.vmdk -t /tmp/target", "not in allowed directories");
    expect_refused("--clone -s " + folder + "vm/disk.vmdk -t /vmfs/devices/disks/../../volumes/x", "is not naa.");
    expect_refused("--clone -s " + folder + "vm/disk.vmdk", "Unknown option");
    expect_refused("--reboot", "Unknown option: --reboot");
    expect_refused("--task-get", "(task-id) is required");
    expect_refused("--task-get -i ../../etc", "not a task id");
    expect_refused("--task-clean -i 0000; rm -rf /", "not a task id");
    expect_refused("--task-get -i 00000000-0000-0000-0000-000000000000", "not found");
    ASSERT_TRUE(host.attach(target));
    expect_refused("--clone -s " + folder + "vm/disk.vmdk" + device + target.naa, "is attached for job " + target.job);
    EXPECT_TRUE(host.lab.starts().empty());
}

// What a task of Forklift's own script has left, when ours takes its place in between.
TEST_P(SshScriptForklift, ATaskThatItsOwnScriptStartedIsFinishedByOurs)
{
    const auto target = mapped();
    const std::string task = "0a1b2c3d-0000-4000-8000-000000000001";
    const auto tmp = host.lab.directory() / "hosts/esx1/root/tmp" / ("vmkfstools-wrapper-" + task);
    std::filesystem::create_directories(tmp);
    const auto put = [&](const char* name, const std::string& text) { std::ofstream(tmp / name) << text; };
    put("pid", "999999\n");
    put("out", "Cloning disk 'x'...\nClone: 97% done.\rClone: 98% done.\r");
    put("err", "");
    put("targetLun", target.naa + "\n");
    put("rdmfile", folder + "vm/disk.vmdk-rdmdisk-1\n");
    auto seen = nlohmann::json::parse(ask("--task-get -i " + task).message);
    EXPECT_EQ(seen.at("exitCode"), "1") << "nobody saw how it ended";
    EXPECT_EQ(seen.at("xcopyUsed"), false);
    put("exitcode", "0");
    EXPECT_EQ(nlohmann::json::parse(ask("--task-get -i " + task).message).at("exitCode"), "0");
    EXPECT_EQ(ask("--task-clean -i " + task).status, "0");
    EXPECT_FALSE(std::filesystem::exists(tmp));
}

INSTANTIATE_TEST_SUITE_P(Way, SshScriptForklift, testing::Values("", "6.7.0", "7.0.3", "8.0.2"), [](const auto& way) {
    return way.param.empty() ? std::string("forced_command")
                             : "sshd_of_" + std::regex_replace(way.param, std::regex("[.]"), "_");
});

} // namespace
} // namespace xcopy::ssh_script
