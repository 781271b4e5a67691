// Each probe of the self test, made to fail.
#include "agent/esxi/child.hpp"
#include "protocol/json.hpp"
#include "tests/agent/denied_calls.hpp"
#include "tests/agent/fake_host.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <tuple>

namespace xcopy::test {

namespace {

using testing::HasSubstr;
using testing::Not;

// What a line of the table begins with, by the probe's name.
std::string verdict(const std::string& table, const std::string& probe)
{
    const auto at = table.find("  " + probe + " ");
    if (at == std::string::npos)
        return "absent";
    const auto begin = table.rfind('\n', at);
    const auto from = begin == std::string::npos ? 0 : begin + 1;
    return table.substr(from, table.find(' ', from) - from);
}

Ran machine(const std::vector<Denied>& denied)
{
    auto ran = run_denied({XCOPY_AGENT, "selftest"}, denied);
    SCOPED_TRACE(ran.out);
    return ran;
}

const Denied no_clone3{SYS_clone3, ENOSYS};
const Denied no_vfork{SYS_clone, ENOSYS, CLONE_VFORK, CLONE_VFORK};
const Denied no_fork{SYS_clone, ENOSYS, CLONE_VM, 0};

class OnHost : public testing::Test {
protected:
    OnHost()
    {
        for (const char* file : {"agent.crt", "agent.key", "agent.key.next", "ca.crt"}) {
            if (!std::filesystem::exists(host.folder / "pki" / file))
                host.write(std::string("pki/") + file, "");
            ::chmod((host.folder / "pki" / file).c_str(), 01600);
        }
        host.write("devices/naa.6000000000000002", "1024 on 2 false false");
        host.write("groups", "host/vim/vimuser/xcopyagent");
    }

    Finished selftest(const std::string& output = "table", const std::string& more = group) const
    {
        auto done = run(agent_command({"selftest", "--config", host.write_config(more), "--output", output}), {});
        EXPECT_TRUE(done);
        return std::move(*done);
    }

    static constexpr const char* group = R"(,"memory_group":"host/vim/vimuser/xcopyagent")";
    FakeHost host;
};

} // namespace

TEST(SelftestOnAKernel, TellsASelectThatNeverReturns)
{
    const auto ran = machine({{SYS_pselect6}, {SYS_select}});
    EXPECT_EQ(ran.exit_status, 1);
    for (const char* probe : {"timer fires", "post wakes the loop", "IPv4 loopback connects"})
        EXPECT_EQ(verdict(ran.out, probe), "FAIL") << ran.out;
    EXPECT_EQ(verdict(ran.out, "entropy"), "ok");
    EXPECT_THAT(ran.out, HasSubstr("-> this host's kernel"));
}

TEST(SelftestOnAKernel, ServeRefusesToStartWhereTimersDoNotFire)
{
    FakeHost host;
    const auto ran =
        run_denied({XCOPY_AGENT, "serve", "--config", host.write_config()}, {{SYS_pselect6}, {SYS_select}});
    EXPECT_EQ(ran.exit_status, 1);
    EXPECT_THAT(ran.out, HasSubstr("self test 'timer fires'"));
}

TEST(SelftestOnAKernel, TellsWithoutIpv4AndOnlyWarnsWithoutIpv6)
{
    const auto v4 = machine({{SYS_socket, EACCES, 0xffffffff, AF_INET}});
    EXPECT_EQ(v4.exit_status, 1);
    EXPECT_EQ(verdict(v4.out, "IPv4 loopback connects"), "FAIL") << v4.out;
    EXPECT_EQ(verdict(v4.out, "IPv6 loopback connects"), "ok");
    const auto v6 = machine({{SYS_socket, EAFNOSUPPORT, 0xffffffff, AF_INET6}});
    EXPECT_EQ(v6.exit_status, 0) << v6.out;
    EXPECT_EQ(verdict(v6.out, "IPv6 loopback connects"), "warn");
}

TEST(SelftestOnAKernel, OneWayToStartAProgramIsEnough)
{
    const auto without_spawn = machine({no_clone3, no_vfork});
    EXPECT_EQ(without_spawn.exit_status, 0) << without_spawn.out;
    EXPECT_EQ(verdict(without_spawn.out, "program starts by posix_spawn"), "warn");
    EXPECT_EQ(verdict(without_spawn.out, "program starts by fork and exec"), "ok");
    const auto without_fork = machine({no_clone3, no_fork});
    EXPECT_EQ(without_fork.exit_status, 0) << without_fork.out;
    EXPECT_EQ(verdict(without_fork.out, "program starts by fork and exec"), "warn");
    const auto without_both = machine({no_clone3, no_vfork, no_fork});
    EXPECT_EQ(without_both.exit_status, 1);
    EXPECT_EQ(verdict(without_both.out, "programs may run"), "FAIL") << without_both.out;
}

TEST(SelftestOnAKernel, NamesExecInstalledOnlyWhenProgramsMayNotRun)
{
    const auto ran = machine({{SYS_execve, EPERM}});
    EXPECT_EQ(ran.exit_status, 1);
    EXPECT_EQ(verdict(ran.out, "programs may run"), "FAIL") << ran.out;
    EXPECT_THAT(ran.out, HasSubstr("execInstalledOnly"));
}

TEST(SelftestOnAKernel, TellsAHostWithoutEntropy)
{
    const auto ran = machine({{SYS_getrandom, ENOSYS}, {SYS_openat, ENOENT}, {SYS_open, ENOENT}});
    EXPECT_EQ(ran.exit_status, 1);
    EXPECT_EQ(verdict(ran.out, "entropy"), "FAIL") << ran.out;
}

TEST_F(OnHost, AllIsWellAndHealthKnows)
{
    const auto done = selftest();
    EXPECT_EQ(done.exit_status, 0) << done.out;
    EXPECT_THAT(done.out, Not(HasSubstr("FAIL")));
    EXPECT_EQ(verdict(done.out, "supervisor sees the exit status"), "ok") << done.out;
    EXPECT_EQ(verdict(done.out, "memory group"), "ok");
    EXPECT_EQ(host.read("clones"), "") << "nothing is ever cloned";
    host.start(group);
    const auto health = decode<Health>(host.call("GET", "/v1/health").body);
    ASSERT_TRUE(health);
    ASSERT_TRUE(health->selftest);
    EXPECT_GT(health->selftest->passed, 20);
    EXPECT_GT(health->selftest->ran_ms, 0);
}

TEST_F(OnHost, HealthNamesWhatFailedLast)
{
    std::filesystem::remove(host.folder / "bin/vsish");
    const auto done = selftest("json");
    EXPECT_EQ(done.exit_status, 1);
    const auto result = decode<Selftest>(done.out);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->agent_version, XCOPY_VERSION);
    EXPECT_TRUE(std::any_of(result->tests.begin(), result->tests.end(), [](const auto& test) {
        return test.name == "vsish is there" && !test.passed && !test.remedy.empty();
    })) << done.out;
    std::filesystem::create_symlink(host.folder / "bin/esxcli", host.folder / "bin/vsish");
    host.start(group);
    EXPECT_THAT(host.call("GET", "/v1/health").body, HasSubstr("the last self test failed: vsish is there"));
}

TEST_F(OnHost, TellsToolsThatAreMissing)
{
    for (const char* tool : {"esxcli", "localcli", "vsish", "vmkfstools"}) {
        const auto at = host.folder / "bin" / tool;
        std::filesystem::rename(at, at.string() + ".away");
        const auto done = selftest();
        EXPECT_EQ(verdict(done.out, std::string(tool) + " is there"), "FAIL") << done.out;
        std::filesystem::rename(at.string() + ".away", at);
    }
}

TEST_F(OnHost, TellsAnswersThatItDoesNotUnderstand)
{
    host.write("esxcli-garbles", "");
    const auto done = selftest();
    EXPECT_EQ(done.exit_status, 1);
    for (const char* question : {"version", "host UUID", "host name", "adapters", "devices", "paths", "VAAI status",
                                 "file systems", "VMFS extents", "detached devices", "Disk.MaxLUN"})
        EXPECT_EQ(verdict(done.out, std::string("esxcli: ") + question), "FAIL") << done.out;
    std::filesystem::remove(host.folder / "esxcli-garbles");
    host.write("vsish-garbles", "");
    EXPECT_EQ(verdict(selftest().out, "vsish: counters"), "FAIL");
}

TEST_F(OnHost, OnlyWarnsWhereOthersVmkfstoolsCannotBeSeen)
{
    EXPECT_EQ(verdict(selftest().out, "ps: others' vmkfstools"), "ok");
    host.write("ps-says", "1  1  xcopy-agent  xcopy-agent\n");
    const auto done = selftest();
    EXPECT_EQ(done.exit_status, 0) << done.out;
    EXPECT_EQ(verdict(done.out, "ps: others' vmkfstools"), "warn") << done.out;
}

TEST_F(OnHost, TellsAVmkfstoolsThatMayNotRunOrCannotBeBelieved)
{
    EXPECT_EQ(verdict(selftest().out, "vmkfstools may run"), "ok");
    for (const auto& [how, said, wanted] : {std::tuple{"killed", "signal 9 ended it", "FAIL"},
                                            {"found", "its exit status proves nothing", "FAIL"},
                                            {"mute", "it said nothing", "warn"}}) {
        host.write("query-mode", how);
        const auto done = selftest();
        EXPECT_EQ(verdict(done.out, "vmkfstools may run"), wanted) << done.out;
        EXPECT_THAT(done.out, HasSubstr(said));
    }
    std::filesystem::remove(host.folder / "bin/vmkfstools");
    host.write("bin/vmkfstools", "no program");
    EXPECT_EQ(verdict(selftest().out, "vmkfstools may run"), "FAIL");
}

TEST_F(OnHost, TellsASupervisorThatDoesNotSeeTheExitStatus)
{
    std::filesystem::remove(host.folder / "bin/agent-supervisor");
    std::filesystem::create_symlink("/bin/true", host.folder / "bin/agent-supervisor");
    const auto done = selftest();
    EXPECT_EQ(verdict(done.out, "supervisor sees the exit status"), "FAIL") << done.out;
    EXPECT_THAT(done.out, HasSubstr("no copy on this host would be believed"));
    for (const auto& entry : std::filesystem::directory_iterator(host.folder / "state"))
        EXPECT_THAT(entry.path().filename().string(), Not(HasSubstr("selftest-"))) << "leftovers";
}

TEST_F(OnHost, TellsAMissingMemoryGroupAndWarnsWithoutOne)
{
    EXPECT_EQ(verdict(selftest("table", "").out, "memory group"), "warn");
    host.write("groups", "");
    const auto done = selftest();
    EXPECT_EQ(verdict(done.out, "memory group"), "FAIL") << done.out;
    EXPECT_THAT(done.out, HasSubstr("/etc/init.d/xcopy-agent restart"));
}

TEST_F(OnHost, TellsFilesThatARestartWouldLose)
{
    ::chmod((host.folder / "pki/agent.key").c_str(), 0600); // not sticky any more: replaced instead of overwritten
    const auto done = selftest();
    EXPECT_EQ(verdict(done.out, "enrolment survives a restart"), "FAIL") << done.out;
    EXPECT_THAT(done.out, HasSubstr("pki/agent.key"));
    ::chmod((host.folder / "pki/agent.key").c_str(), 01600);
    std::filesystem::remove(host.folder / "bin/auto-backup.sh");
    EXPECT_EQ(verdict(selftest().out, "enrolment survives a restart"), "FAIL");
}

TEST_F(OnHost, TellsAnEnrolmentThatWasNotSaved)
{
    EXPECT_EQ(verdict(selftest().out, "enrolment survives a restart"), "ok");
    host.write("state/not-saved", "");
    const auto done = selftest();
    EXPECT_EQ(verdict(done.out, "enrolment survives a restart"), "FAIL") << done.out;
    EXPECT_THAT(done.out, HasSubstr("xcopy-agent enroll --save"));
}

TEST_F(OnHost, TellsACertificateThatTheClockContradicts)
{
    host.authority->issue({.name = "agent", .alternatives = {"URI:xcopy://host/5f3a"}, .valid_from_s = 7200});
    const auto done = selftest();
    EXPECT_EQ(verdict(done.out, "certificate and clock"), "FAIL") << done.out;
    EXPECT_THAT(done.out, HasSubstr("NTP"));
    host.write("pki/agent.crt", "");
    EXPECT_EQ(verdict(selftest().out, "certificate and clock"), "warn") << "not enrolled is no fault of the host";
}

} // namespace xcopy::test
