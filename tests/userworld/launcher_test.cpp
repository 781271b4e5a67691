// The launcher itself: what it refuses, what it lets through, what it writes down, and that it leaves no trace.
#include "agent/esxi/child.hpp"
#include "tests/userworld/profile.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace xcopy::userworld {
namespace {

namespace fs = std::filesystem;

std::string contents(const fs::path& path)
{
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf(); // throws nothing where it is of a process that just ended
    return std::move(text).str();
}

class Recorded : public testing::Test {
protected:
    Recorded()
    {
        std::string name = (fs::temp_directory_path() / "xcopy-userworld-XXXXXX").string();
        folder = fs::canonical(::mkdtemp(name.data()));
        record = folder / "record";
    }
    ~Recorded() override { fs::remove_all(folder); }

    int watchers() const // of this test's record
    {
        int found = 0;
        for (const auto& process : fs::directory_iterator("/proc")) {
            std::error_code gone;
            if (fs::read_symlink(process.path() / "exe", gone) != fs::path(XCOPY_USERWORLD))
                continue;
            for (fs::directory_iterator fd(process.path() / "fd", gone); !gone && fd != fs::directory_iterator();
                 fd.increment(gone))
                found += fs::read_symlink(fd->path(), gone) == record ? 1 : 0;
        }
        return found;
    }

    fs::path folder;
    fs::path record;
};

bool eventually(const std::function<bool()>& condition)
{
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline)
            return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(2)); // between two looks
    }
    return true;
}

using Answers = std::map<std::string, long>;

Answers answers_in(const std::string& text)
{
    Answers answers;
    std::istringstream lines(text);
    std::string name;
    for (long value = 0; lines >> name >> value;)
        answers[name] = value;
    return answers;
}

Answers probe(const std::vector<std::string>& argv)
{
    const auto done = run(argv, {});
    EXPECT_TRUE(done && done->exit_status == 0) << (done ? done->err : done.error().message);
    return done ? answers_in(done->out) : Answers{};
}

TEST(Launcher, MakesEveryCallOfTheProfileFailAsOnAHostThatLacksIt)
{
    const auto answers = probe({XCOPY_USERWORLD, USERWORLD_PROBE, "calls"});
    for (const auto& row : refused_calls())
        for (const auto call : row.calls) {
            ASSERT_TRUE(answers.contains(std::string(call))) << call;
            EXPECT_EQ(answers.at(std::string(call)), ENOSYS) << call;
        }
    EXPECT_EQ(answers.at(std::string(local_socket_fionbio)), ENOTTY);
}

TEST(Launcher, IsWhatMakesThemFail)
{
    for (const char* call : {"epoll_create1", "getrandom", "timerfd_create", "pidfd_open", "madvise", "fork"})
        EXPECT_NE(probe({USERWORLD_PROBE, "call", call}).at(call), ENOSYS) << call;
    const std::string fionbio(local_socket_fionbio);
    EXPECT_EQ(probe({USERWORLD_PROBE, "call", fionbio}).at(fionbio), 0);
}

TEST(Launcher, LeavesWhatRunsOnEveryReleaseAlone)
{
    const auto answers = probe({XCOPY_USERWORLD, USERWORLD_PROBE, "others"});
    EXPECT_EQ(answers.at("thread"), 1);
    for (const char* works : {"fork()", "posix_spawn", "fionbio-tcp", "fcntl-local"})
        EXPECT_EQ(answers.at(works), 0) << works;
    EXPECT_EQ(answers.at("stack"), static_cast<long>(stack_bytes));
    EXPECT_EQ(answers.at("address-space"), static_cast<long>(address_space_bytes));
}

TEST_F(Recorded, CallsAreThoseRefusedAndOfWhom)
{
    probe({XCOPY_USERWORLD, "--record", record, USERWORLD_PROBE, "calls"});
    const auto text = contents(record);
    EXPECT_NE(text.find(record_line("epoll_create1", USERWORLD_PROBE)), std::string::npos) << text;
    EXPECT_NE(text.find(record_line(local_socket_fionbio, USERWORLD_PROBE)), std::string::npos) << text;

    const auto found = never_to_be_asked(text, "userworld_probe");
    EXPECT_NE(std::ranges::find(found, "epoll_create1"), found.end());
    EXPECT_NE(std::ranges::find(found, std::string(local_socket_fionbio)), found.end());
    EXPECT_EQ(std::ranges::find(found, "getrandom"), found.end()) << "libc may ask for it";
    EXPECT_TRUE(never_to_be_asked(text, "xcopy-agent").empty());
}

TEST(Launcher, PassesTheExitStatusOn)
{
    const auto done = run({XCOPY_USERWORLD, USERWORLD_PROBE, "nothing"}, {});
    ASSERT_TRUE(done);
    EXPECT_EQ(done->exit_status, 2);
}

TEST(Launcher, SaysWhyItCannotStart)
{
    const auto done = run({XCOPY_USERWORLD, "/nowhere/program"}, {});
    ASSERT_TRUE(done);
    EXPECT_EQ(done->exit_status, 125);
    EXPECT_NE(done->err.find("start /nowhere/program: No such file"), std::string::npos) << done->err;
}

// What ends the launcher's process ends the program, because they are one; the watcher follows.
TEST_F(Recorded, ProgramIsTheLaunchersProcessAndTheWatcherEndsWithIt)
{
    int gone[2];
    ASSERT_EQ(::pipe(gone), 0); // not close-on-exec: the program holds it, the watcher must not
    const auto program = ::fork();
    if (program == 0) {
        ::close(gone[0]);
        ::execl(XCOPY_USERWORLD, XCOPY_USERWORLD, "--record", record.c_str(), "/bin/sleep", "600", nullptr);
        ::_exit(127);
    }
    ::close(gone[1]);
    EXPECT_TRUE(eventually([&] { return contents("/proc/" + std::to_string(program) + "/comm") == "sleep\n"; }));
    EXPECT_EQ(watchers(), 1);
    ::kill(program, SIGKILL);
    int status = 0;
    EXPECT_EQ(::waitpid(program, &status, 0), program);
    EXPECT_EQ(WTERMSIG(status), SIGKILL);
    char byte = 0;
    EXPECT_EQ(::read(gone[0], &byte, 1), 0) << "the watcher holds what was the program's";
    ::close(gone[0]);
    EXPECT_TRUE(eventually([&] { return watchers() == 0; }));
}

} // namespace
} // namespace xcopy::userworld
