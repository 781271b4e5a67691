#include "tests/end_to_end/process.hpp"

#include <atomic>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace e2e {

namespace {

std::string contents(const std::filesystem::path& path)
{
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<char*> pointers(std::vector<std::string>& texts)
{
    std::vector<char*> out;
    for (auto& text : texts)
        out.push_back(text.data());
    out.push_back(nullptr);
    return out;
}

} // namespace

Process::Process(std::vector<std::string> argv, std::map<std::string, std::string> environment,
                 const std::filesystem::path& output_directory)
{
    static std::atomic<int> number{0};
    const auto stem = "process-" + std::to_string(::getpid()) + "-" + std::to_string(++number);
    out_ = output_directory / (stem + ".out");
    err_ = output_directory / (stem + ".err");
    std::vector<std::string> variables;
    for (const auto& [key, value] : environment)
        variables.push_back(key + "=" + value);
    auto arguments = pointers(argv);
    auto environ_of_child = pointers(variables);
    const int out = ::open(out_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const int err = ::open(err_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int gate[2];
    if (out < 0 || err < 0 || ::pipe2(gate, O_CLOEXEC) != 0)
        throw std::runtime_error("no files for a child process");
    pid_ = ::fork();
    if (pid_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::close(gate[1]);
        char token = 0;
        if (::read(gate[0], &token, 1) != 1)
            ::_exit(125);
        ::dup2(out, 1);
        ::dup2(err, 2);
        ::execve(arguments[0], arguments.data(), environ_of_child.data());
        ::_exit(126);
    }
    ::close(gate[0]);
    ::close(out);
    ::close(err);
    gate_ = gate[1];
    if (pid_ < 0)
        throw std::runtime_error("cannot fork");
}

Process::~Process()
{
    if (gate_ >= 0)
        ::close(gate_);
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
}

void Process::go()
{
    const char token = 1;
    if (gate_ < 0 || ::write(gate_, &token, 1) != 1)
        throw std::runtime_error("the child process is not waiting");
    ::close(std::exchange(gate_, -1));
}

void Process::signal(int number) const
{
    if (pid_ > 0)
        ::kill(pid_, number);
}

std::string Process::errors_so_far() const
{
    return contents(err_);
}

bool Process::has_ended() const
{
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid_;
}

void Process::wait_until_ended() const
{
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
}

Ran Process::wait()
{
    if (gate_ >= 0)
        go();
    int status = 0;
    struct rusage used {};
    ::wait4(std::exchange(pid_, -1), &status, 0, &used);
    Ran ran;
    ran.peak_rss_kb = used.ru_maxrss;
    if (WIFEXITED(status))
        ran.exit = WEXITSTATUS(status);
    else
        ran.signal = WTERMSIG(status);
    ran.out = contents(out_);
    ran.err = contents(err_);
    return ran;
}

Ran run(std::vector<std::string> argv, std::map<std::string, std::string> environment,
        const std::filesystem::path& output_directory)
{
    return Process(std::move(argv), std::move(environment), output_directory).wait();
}

} // namespace e2e
