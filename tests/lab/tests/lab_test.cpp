// The whole lab, from outside: real hosts, real tool processes, real bytes.
#include "tests/lab/client.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <iterator>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace lab {
namespace {

using nlohmann::json;
using testing::EndsWith;
using testing::HasSubstr;

constexpr std::uint64_t mib = std::uint64_t{1} << 20;
constexpr const char* naa = "naa.600a0980383034000000000000000077";

std::string contents(const std::filesystem::path& path, std::uint64_t length)
{
    std::ifstream file(path, std::ios::binary);
    std::string bytes(length, '\0');
    file.read(bytes.data(), static_cast<std::streamsize>(length));
    bytes.resize(static_cast<std::size_t>(file.gcount()));
    return bytes;
}

int run_here(std::vector<std::string> words)
{
    std::vector<char*> argv;
    for (auto& word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    int pid = 0;
    int status = -1;
    if (::posix_spawn(&pid, argv[0], nullptr, nullptr, argv.data(), environ) != 0)
        return -1;
    ::waitpid(pid, &status, 0);
    return status;
}

class LabTest : public testing::Test {
protected:
    void attach(const std::string& host = "esx1", std::uint64_t size = 64 * mib)
    {
        volume = lab.add_volume(naa, size);
        lab.present(naa, host, "vmhba64", 7);
        ASSERT_EQ(
            lab.run(host, {"/bin/esxcli", "storage", "core", "adapter", "rescan", "-A", "vmhba64", "-t", "add"}).exit,
            0);
    }
    static std::vector<std::string> clone(const std::string& source = "vm/vm.vmdk",
                                          const std::string& out = "vm/vm-xcopy-1.vmdk")
    {
        const std::string root = "/vmfs/volumes/datastore1/";
        return {"/bin/vmkfstools", "-i", root + source, "-d", std::string("rdm:/vmfs/devices/disks/") + naa,
                root + out};
    }
    json device(const std::string& host = "esx1")
    {
        const auto answer = lab.call({{"do", "host.devices"}, {"host", host}});
        for (const auto& d : answer.at("devices"))
            if (d.at("name") == naa)
                return d;
        return json();
    }
    void hold_clones_at(int percent) { lab.call({{"do", "vmkfstools.set"}, {"hold_at", percent}}); }

    Lab lab;
    std::filesystem::path volume;
};

TEST_F(LabTest, CopiesAVmdkOfQemuImgByteByByteAndByTheArray)
{
    const auto folder = lab.datastore("datastore1") / "my vm's [1]";
    std::filesystem::create_directories(folder);
    const auto disk = (folder / "my disk.vmdk").string();
    ASSERT_EQ(
        run_here({"/usr/bin/qemu-img", "create", "-q", "-f", "vmdk", "-o", "subformat=monolithicFlat", disk, "32M"}),
        0);
    std::fstream flat(folder / "my disk-flat.vmdk", std::ios::binary | std::ios::in | std::ios::out);
    flat.seekp(5 * mib + 123);
    flat << "the customer's bytes";
    flat.close();
    attach();
    std::ofstream(volume, std::ios::binary | std::ios::in) << "left over from another life";

    const auto ran = lab.run("esx1", clone("my vm's [1]/my disk.vmdk", "my vm's [1]/my disk-xcopy-1.vmdk"));
    EXPECT_EQ(ran.exit, 0) << ran.output;
    EXPECT_THAT(ran.output, HasSubstr("Destination disk format: raw disk mapping to '/vmfs/devices/disks/naa."));
    EXPECT_THAT(ran.output, HasSubstr("\rClone: 50% done.\r"));
    EXPECT_THAT(ran.output, EndsWith("\rClone: 100% done."));
    EXPECT_TRUE(contents(volume, 32 * mib) == contents(folder / "my disk-flat.vmdk", 32 * mib));
    EXPECT_GT(device().at("clone_write_ops"), 0);
    EXPECT_EQ(device().at("blocks_written"), 0);
    EXPECT_EQ(lab.pointer_files().size(), 2U);
    EXPECT_EQ(contents(folder / "my disk-xcopy-1.vmdk", 4096).find("createType=\"vmfsRawDeviceMap\"") !=
                  std::string::npos,
              true);
    EXPECT_TRUE(lab.violations().empty());
}

TEST_F(LabTest, CopiesThroughTheHostWhereTheArrayCannotAndSaysNothing)
{
    lab.create_disk("other-array-ds", "vm/vm.vmdk", 8 * mib);
    attach();
    auto argv = clone();
    argv[2] = "/vmfs/volumes/other-array-ds/vm/vm.vmdk";
    argv[5] = "/vmfs/volumes/other-array-ds/vm/out.vmdk";
    EXPECT_EQ(lab.run("esx1", argv).exit, 0);
    EXPECT_EQ(device().at("clone_write_ops"), 0);
    EXPECT_EQ(device().at("blocks_written"), 8 * mib / 512);
}

TEST_F(LabTest, AShareOfRefusedCloneOperationsIsWrittenByTheHost)
{
    lab.create_disk("datastore1", "vm/vm.vmdk", 40 * mib);
    lab.call({{"do", "vmkfstools.set"}, {"xcopy_fails", 0.5}});
    attach();
    EXPECT_EQ(lab.run("esx1", clone()).exit, 0);
    EXPECT_GT(device().at("failed_clone_ops"), 0);
    EXPECT_GT(device().at("clone_write_ops"), 0);
    EXPECT_EQ(device().at("blocks_written").get<std::uint64_t>() +
                  device().at("clone_blocks_written").get<std::uint64_t>(),
              40 * mib / 512);
}

TEST_F(LabTest, FailsAt43PercentWithPartOfTheDataAndThePointerFilesLeft)
{
    const auto flat = lab.create_disk("datastore1", "vm/vm.vmdk", 64 * mib);
    attach();
    lab.call({{"do", "vmkfstools.set"}, {"fail_at", 43}});
    const auto failed = lab.run("esx1", clone());
    EXPECT_EQ(failed.exit, 1);
    EXPECT_THAT(failed.output, HasSubstr("Clone: 43% done.Failed to clone disk: Input/output error (327689)."));
    EXPECT_FALSE(contents(volume, 64 * mib) == contents(flat, 64 * mib));
    EXPECT_EQ(lab.pointer_files().size(), 2U);
    EXPECT_EQ(lab.starts().at(0).at("end"), "failed");

    const auto again = lab.run("esx1", clone());
    EXPECT_THAT(again.output, HasSubstr("The file already exists (39)"));
    EXPECT_EQ(lab.run("esx1", {"/bin/vmkfstools", "-U", "/vmfs/volumes/datastore1/vm/vm-xcopy-1.vmdk"}).exit, 0);
    EXPECT_TRUE(lab.pointer_files().empty());
    EXPECT_EQ(lab.run("esx1", clone()).exit, 0);
    EXPECT_TRUE(contents(volume, 64 * mib) == contents(flat, 64 * mib));
}

TEST_F(LabTest, SigtermEndsACloneAndFreesTheDevice)
{
    lab.create_disk("datastore1", "vm/vm.vmdk", 64 * mib);
    attach();
    hold_clones_at(20);
    const int pid = lab.spawn("esx1", clone());
    lab.wait_held("clone");
    EXPECT_TRUE(device().at("in_use"));
    const auto off = lab.run("esx1", {"/bin/esxcli", "storage", "core", "device", "set", "--state=off", "-d", naa});
    EXPECT_THAT(off.output, HasSubstr("busy"));
    lab.call({{"do", "host.kill"}, {"host", "esx1"}, {"pid", pid}, {"signal", SIGTERM}});
    lab.call({{"do", "events.wait"}, {"what", "^vmkfstools"}, {"count", 2}});
    EXPECT_EQ(lab.starts().at(0).at("end"), "killed");
    EXPECT_FALSE(device().at("in_use"));
    EXPECT_EQ(lab.pointer_files().size(), 2U);
}

TEST_F(LabTest, ASecondWriterOnTheHostIsRefusedAndOneOnAnotherHostIsAViolation)
{
    lab.create_disk("datastore1", "vm/vm.vmdk", 64 * mib);
    attach("esx1");
    attach("esx2");
    hold_clones_at(10);
    lab.spawn("esx1", clone());
    lab.wait_held("clone");
    EXPECT_THAT(lab.run("esx1", clone("vm/vm.vmdk", "vm/second.vmdk")).output,
                HasSubstr("Device or resource busy (1048585)"));
    EXPECT_EQ(lab.violations().at(0).at("kind"), "second_writer_refused");
    lab.spawn("esx2", clone("vm/vm.vmdk", "vm/third.vmdk"));
    lab.wait_held("clone", 2);
    ASSERT_EQ(lab.violations().size(), 2U);
    EXPECT_EQ(lab.violations().at(1).at("kind"), "two_writers");
    EXPECT_EQ(lab.starts().size(), 3U);
}

TEST_F(LabTest, WritingOverADatastoreIsRefusedAndAViolation)
{
    lab.create_disk("datastore1", "vm/vm.vmdk", 8 * mib);
    auto argv = clone();
    argv[4] = "rdm:/vmfs/devices/disks/" + lab.ready().at("datastores").at("datastore1").at("naa").get<std::string>();
    EXPECT_EQ(lab.run("esx1", argv).exit, 1);
    EXPECT_EQ(lab.violations().at(0).at("kind"), "datastore_overwritten");
    EXPECT_TRUE(lab.pointer_files().empty());
}

TEST_F(LabTest, AKilledWriterIsNoObstacleForTheNext)
{
    lab.create_disk("datastore1", "vm/vm.vmdk", 64 * mib);
    attach();
    hold_clones_at(10);
    lab.spawn("esx1", clone());
    lab.wait_held("clone");
    lab.call({{"do", "host.kill"}, {"host", "esx1"}, {"match", "vmkfstools"}, {"signal", SIGKILL}});
    lab.call({{"do", "vmkfstools.set"}, {"hold_at", nullptr}});
    lab.call({{"do", "events.wait"}, {"what", "^vmkfstools"}, {"count", 2}});
    EXPECT_EQ(lab.run("esx1", clone("vm/vm.vmdk", "vm/next.vmdk")).exit, 0);
    EXPECT_TRUE(lab.violations().empty());
}

struct Refusal {
    const char* name;
    const char* says;
    void (*arrange)(Lab&, std::vector<std::string>& argv);
};

class CloneRefusal : public LabTest, public testing::WithParamInterface<Refusal> {};

TEST_P(CloneRefusal, SpeaksAsVmkfstoolsDoes)
{
    lab.create_disk("datastore1", "vm/vm.vmdk", 8 * mib);
    attach("esx1", 16 * mib);
    auto argv = clone();
    GetParam().arrange(lab, argv);
    const auto refused = lab.run("esx1", argv);
    EXPECT_EQ(refused.exit, 1);
    EXPECT_THAT(refused.output, HasSubstr(GetParam().says));
    EXPECT_EQ(contents(volume, 16 * mib), std::string(16 * mib, '\0'));
    EXPECT_TRUE(lab.pointer_files().empty());
}

const Refusal refusals[] = {
    {"rdmp", "invalid (1)", [](Lab&, auto& argv) { argv[4].replace(0, 3, "rdmp"); }},
    {"MissingSource", "(25)", [](Lab&, auto& argv) { argv[2] += "x"; }},
    {"LockedSource", "Failed to lock the file (16392)",
     [](Lab& lab, auto&) {
         lab.call({{"do", "datastore.lock"}, {"datastore", "datastore1"}, {"file", "vm/vm.vmdk"}});
     }},
    {"SparseSource", "not supported by this version (24)",
     [](Lab& lab, auto&) {
         std::ofstream(lab.datastore("datastore1") / "vm" / "vm.vmdk")
             << "# Disk DescriptorFile\ncreateType=\"vmfsSparse\"\nRW 16384 VMFSSPARSE \"vm-delta.vmdk\"\n";
     }},
    {"MissingTarget", "No such device or address (393225)", [](Lab&, auto& argv) { argv[4].back() = '8'; }},
    {"DeadTarget", "No such device or address (393225)", [](Lab& lab, auto&) { lab.withdraw(naa, "esx1", "vmhba64"); }},
    {"SmallTarget", "invalid (1)", [](Lab& lab, auto&) { lab.create_disk("datastore1", "vm/vm.vmdk", 17 * mib); }},
    {"FullDatastore", "not enough space on the file system for the selected operation (13)",
     [](Lab& lab, auto&) {
         lab.call({{"do", "datastore.set"}, {"datastore", "datastore1"}, {"free", 0}});
     }},
};
INSTANTIATE_TEST_SUITE_P(Clone, CloneRefusal, testing::ValuesIn(refusals),
                         [](const auto& info) { return info.param.name; });

TEST_F(LabTest, ADelayedOrFailedToolIsARuleAway)
{
    lab.add_rule(
        {{"where", "^host:esx1$"},
         {"what", "version get"},
         {"fault", {{"tool_exit", 1}, {"tool_stderr", "Connect to localhost failed: Connection failure.\n"}}}});
    EXPECT_THAT(lab.run("esx1", {"/bin/esxcli", "system", "version", "get"}).output, HasSubstr("Connection failure"));
    EXPECT_THAT(lab.run("esx1", {"/bin/esxcli", "system", "version", "get"}).output, HasSubstr("VMware ESXi"));
    EXPECT_THAT(lab.run("esx2", {"/bin/esxcli", "system", "version", "get"}).output, HasSubstr("VMware ESXi"));
}

TEST_F(LabTest, ARebootKillsEverythingKeepsScratchAndFindsTheDevicesAnew)
{
    attach();
    lab.run("esx1", {"/bin/touch", "/tmp/gone", "/var/run/gone", "/scratch/kept", "/etc/config/xcopy-agent/kept"});
    lab.spawn("esx1", {"/bin/sleep", "1000"});
    const auto uptime = [&] { return std::stod(lab.run("esx1", {"/bin/cat", "/proc/uptime"}).output); };
    const double before = uptime();
    lab.call({{"do", "host.reboot"}, {"host", "esx1"}});
    EXPECT_TRUE(lab.call({{"do", "host.processes"}, {"host", "esx1"}}).at("processes").empty());
    EXPECT_EQ(lab.run("esx1", {"/bin/test", "-e", "/tmp/gone"}).exit, 1);
    EXPECT_EQ(lab.run("esx1", {"/bin/test", "-e", "/var/run/gone"}).exit, 1);
    EXPECT_EQ(lab.run("esx1", {"/bin/test", "-e", "/scratch/kept"}).exit, 0);
    EXPECT_EQ(lab.run("esx1", {"/bin/test", "-e", "/etc/config/xcopy-agent/kept"}).exit, 0);
    EXPECT_EQ(device().at("status"), "on");
    EXPECT_LT(uptime(), before - 60);
}

TEST_F(LabTest, ProcessesShowTheirArgumentsAndOrphansBelongToProcessOne)
{
    lab.run("esx1",
            {"/bin/sh", "-c",
             "/bin/sleep 1000 & until [ \"$(tr '\\0' ' ' </proc/$!/cmdline)\" = '/bin/sleep 1000 ' ]; do :; done"});
    const auto answer = lab.call({{"do", "host.processes"}, {"host", "esx1"}});
    ASSERT_EQ(answer.at("processes").size(), 1U) << answer;
    const auto& process = answer.at("processes").at(0);
    EXPECT_EQ(process.at("argv"), json({"/bin/sleep", "1000"}));
    EXPECT_EQ(process.at("ppid"), 1);
    EXPECT_GT(process.at("rss_kb"), 0);
}

TEST(LabStart, SeveralLabsRunBesideEachOtherAndLeaveNoProcess)
{
    int host_process = 0;
    {
        const auto began = std::chrono::steady_clock::now();
        const Lab first;
        const auto took = std::chrono::steady_clock::now() - began;
        const Lab second;
        std::printf("a lab with two hosts was ready after %lld ms\n",
                    static_cast<long long>(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()));
        EXPECT_NE(first.ready().at("network"), second.ready().at("network"));
        host_process = first.pid();
        EXPECT_EQ(::kill(host_process, 0), 0);
    }
    EXPECT_EQ(::kill(host_process, 0), -1);
}

TEST(LabStart, AWrongScenarioIsRefusedWithASentence)
{
    EXPECT_THROW(Lab({.scenario = {{"hosts", {{{"nmae", "esx1"}}}}}}), std::runtime_error);
}

} // namespace
} // namespace lab
