#include "agent/esxi/child.hpp"
#include "agent/esxi/spawn.hpp"
#include "tests/agent/esxi/fake_host.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace xcopy {
namespace {

using std::chrono::milliseconds;
using test::eventually;
using test::file_exists;

class ChildRun : public testing::Test {
protected:
    Result<Finished> run_script(const std::string& text, RunLimits limits = {}) const
    {
        host.script("vmkfstools", text);
        return run({host.path("vmkfstools"), "a b", "it's \"quoted\"", "$HOME;`x`"}, limits);
    }

    pid_t pid_of_last_call() const { return std::stoi(host.calls("vmkfstools").back()); }
    bool is_gone(pid_t pid) const
    {
        return eventually([=] { return kill(pid, 0) != 0; });
    }

    test::FakeHost host;
};

TEST_F(ChildRun, GivesBackStatusAndBothOutputs)
{
    const auto finished = run_script("out hello\\n\nerr careful\\n\nout again\nexit 3\n");
    ASSERT_TRUE(finished);
    EXPECT_EQ(finished->exit_status, 3);
    EXPECT_FALSE(finished->signal);
    EXPECT_EQ(finished->out, "hello\nagain");
    EXPECT_EQ(finished->err, "careful\n");
}

TEST_F(ChildRun, PassesArgumentsAsTheyAre)
{
    ASSERT_TRUE(run_script("exit 0\n"));
    const std::string call = host.calls("vmkfstools").front();
    EXPECT_EQ(call.substr(call.find(' ')), " a b it's \"quoted\" $HOME;`x`");
}

TEST_F(ChildRun, ReadsMoreThanAPipeHolds)
{
    const auto finished = run_script("flood 1000000\nexit 0\n");
    ASSERT_TRUE(finished);
    EXPECT_EQ(finished->out.size(), 1'000'000U);
}

TEST_F(ChildRun, MoreOutputThanAllowedIsAnErrorNotACut)
{
    const auto finished = run_script("flood 1000000\nwait go\n", {.output_bytes = 1000});
    ASSERT_FALSE(finished);
    EXPECT_EQ(finished.error().reason, "output_too_large");
    EXPECT_TRUE(is_gone(pid_of_last_call()));
}

TEST_F(ChildRun, ASignalIsNoExitStatus)
{
    const auto finished = run_script("signal 9\n");
    ASSERT_TRUE(finished);
    EXPECT_EQ(finished->signal, SIGKILL);
    EXPECT_FALSE(finished->exit_status);
}

TEST_F(ChildRun, IsEndedAtItsDeadlineEvenIfItIgnoresSigterm)
{
    const auto finished = run_script("ignore-term\nwait go\n", {.time = milliseconds(50)});
    ASSERT_FALSE(finished);
    EXPECT_EQ(finished.error().code, Errc::timed_out);
    EXPECT_TRUE(is_gone(pid_of_last_call()));
}

TEST_F(ChildRun, AStopRequestEndsIt)
{
    std::stop_source source;
    const std::jthread stopper([&] {
        eventually([&] { return file_exists(host.path("begun")); });
        source.request_stop();
    });
    const auto finished = run_script("touch begun\nwait go\n", {.stop = source.get_token()});
    ASSERT_FALSE(finished);
    EXPECT_EQ(finished.error().code, Errc::cancelled);
    EXPECT_TRUE(is_gone(pid_of_last_call()));
}

TEST_F(ChildRun, AlreadyStoppedItIsNotStarted)
{
    std::stop_source source;
    source.request_stop();
    EXPECT_EQ(run_script("exit 0\n", {.stop = source.get_token()}).error().code, Errc::cancelled);
    EXPECT_TRUE(host.calls("vmkfstools").empty());
}

TEST_F(ChildRun, AGrandchildHoldingTheOutputDelaysItNoLongerThanTheDeadline)
{
    const auto finished = run_script("grandchild go\nout done\nexit 0\n", {.time = milliseconds(100)});
    ASSERT_FALSE(finished);
    EXPECT_EQ(finished.error().code, Errc::timed_out);
}

TEST_F(ChildRun, ClosedOutputIsNotTheEnd)
{
    const auto finished = run_script("close-output\nwait-not-known\n");
    ASSERT_TRUE(finished);
    EXPECT_EQ(finished->exit_status, 98);
}

TEST_F(ChildRun, AMissingProgramIsUnavailable)
{
    const auto finished = run({host.path("nothing")}, {});
    ASSERT_FALSE(finished);
    EXPECT_EQ(finished.error().code, Errc::unavailable);
    EXPECT_NE(finished.error().message.find("nothing"), std::string::npos);
}

TEST_F(ChildRun, ARelativePathIsRefused)
{
    EXPECT_EQ(run({"sh", "-c", "true"}, {}).error().code, Errc::bad_request);
    EXPECT_EQ(run({}, {}).error().code, Errc::bad_request);
}

TEST_F(ChildRun, SeveralRunSideBySide)
{
    host.script("esxcli", "touch esxcli-runs\nwait localcli-runs\nout one\nexit 0\n");
    host.script("localcli", "touch localcli-runs\nwait esxcli-runs\nout two\nexit 1\n");
    const auto all = run_together({{host.path("esxcli")}, {host.path("localcli")}, {host.path("absent")}}, {});
    ASSERT_EQ(all.size(), 3U);
    EXPECT_EQ(all[0]->out, "one");
    EXPECT_EQ(all[1]->exit_status, 1);
    EXPECT_FALSE(all[2]);
}

// A socket without O_CLOEXEC, as Asio opens them: a peer must see its end although a long clone runs.
TEST_F(ChildRun, NoDescriptorLeaksIntoAProgram)
{
    int pair[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    host.script("vmkfstools", "touch begun\nwait go\n");
    const auto pid = launch({.argv = {host.path("vmkfstools")}});
    ASSERT_TRUE(pid);
    ASSERT_TRUE(eventually([&] { return file_exists(host.path("begun")); }));
    close(pair[0]);
    char byte = 0;
    EXPECT_EQ(recv(pair[1], &byte, 1, MSG_DONTWAIT), 0) << "the child still holds the other end";
    close(pair[1]);
    test::write_file(host.path("go"), "");
    waitpid(*pid, nullptr, 0);
}

TEST_F(ChildRun, TheOneDescriptorToKeepIsInherited)
{
    auto pipe = make_pipe();
    ASSERT_TRUE(pipe);
    host.script("vmkfstools", "touch begun\nwait go\n");
    const auto pid = launch({.argv = {host.path("vmkfstools")}, .keep = pipe->write.get()});
    ASSERT_TRUE(pid);
    ASSERT_TRUE(eventually([&] { return file_exists(host.path("begun")); }));
    pipe->write.reset();
    std::string text;
    EXPECT_EQ(drain(pipe->read.get(), text, 10), Drained::open);
    test::write_file(host.path("go"), "");
    waitpid(*pid, nullptr, 0);
    EXPECT_EQ(drain(pipe->read.get(), text, 10), Drained::closed);
}

// From here on this process runs on a kernel without clone3 and vfork-like clone, so without posix_spawn.
bool forbid_posix_spawn()
{
    constexpr auto number = offsetof(seccomp_data, nr);
    constexpr auto flags = offsetof(seccomp_data, args);
    constexpr unsigned no_such_call = SECCOMP_RET_ERRNO | ENOSYS;
    std::array filter{sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, number),
                      sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 3, 0),
                      sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3),
                      sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, flags),
                      sock_filter BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_VFORK, 0, 1),
                      sock_filter BPF_STMT(BPF_RET | BPF_K, no_such_call),
                      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    sock_fprog program{.len = filter.size(), .filter = filter.data()};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

enum Outcome : int { as_expected = 0, cannot_forbid = 1, wrong_result = 2, wrong_error = 3 };

TEST_F(ChildRun, WithoutPosixSpawnAPlainForkDoes)
{
    host.script("vmkfstools", "out forked\nexit 5\n");
    const pid_t pid = fork();
    if (pid == 0) {
        if (!forbid_posix_spawn())
            _exit(cannot_forbid);
        const auto finished = run({host.path("vmkfstools"), "a b"}, {});
        if (!finished || finished->exit_status != 5 || finished->out != "forked")
            _exit(wrong_result);
        const auto missing = run({host.path("nothing")}, {});
        _exit(!missing && missing.error().code == Errc::unavailable ? as_expected : wrong_error);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    ASSERT_TRUE(WIFEXITED(status));
    if (WEXITSTATUS(status) == cannot_forbid)
        GTEST_SKIP() << "this kernel lets nobody filter system calls";
    EXPECT_EQ(WEXITSTATUS(status), as_expected);
}

} // namespace
} // namespace xcopy
