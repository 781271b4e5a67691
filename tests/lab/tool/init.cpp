#include "tests/lab/tool/init.hpp"

#include "tests/lab/wire.hpp"

#include <nlohmann/json.hpp>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <map>
#include <poll.h>
#include <sstream>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace lab {

namespace {

using nlohmann::json;

std::map<int, int> ended; // wait statuses of what was spawned here

// Empty where the process ended meanwhile: to read its file then is an error, which only operator<< keeps to itself.
std::string contents(const std::string& path)
{
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return std::move(text).str();
}

void reap()
{
    int status = 0;
    for (int pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;)
        if (const auto known = ended.find(pid); known != ended.end())
            known->second = status;
}

json spawn(const json& order)
{
    auto argv = order.at("argv").get<std::vector<std::string>>();
    auto env = order.value("env", std::vector<std::string>{"PATH=/bin:/sbin"});
    const auto log = order.value("log", "/var/log/spawned.log");
    std::vector<char*> argv_pointers;
    std::vector<char*> env_pointers;
    for (auto& word : argv)
        argv_pointers.push_back(word.data());
    for (auto& word : env)
        env_pointers.push_back(word.data());
    argv_pointers.push_back(nullptr);
    env_pointers.push_back(nullptr);

    const int pid = ::fork();
    if (pid < 0)
        return {{"ok", false}, {"error", std::strerror(errno)}};
    if (pid == 0) {
        ::setsid();
        sigset_t none;
        sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
        const int in = ::open("/dev/null", O_RDONLY);
        const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
        ::dup2(in, 0);
        ::dup2(out, 1);
        ::dup2(out, 2);
        ::close_range(3, ~0U, 0);
        ::execve(argv_pointers[0], argv_pointers.data(), env_pointers.data());
        ::_exit(127);
    }
    ended[pid] = -1;
    return {{"ok", true}, {"pid", pid}};
}

// Everything in this host but process 1.
json list()
{
    auto all = json::array();
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const int pid = std::atoi(entry.path().filename().c_str());
        if (pid <= 1)
            continue;
        const auto stat = contents(entry.path() / "stat");
        const auto name_end = stat.rfind(')');
        if (name_end == std::string::npos)
            continue;
        std::istringstream fields(stat.substr(name_end + 1));
        std::string state;
        int parent = 0;
        fields >> state >> parent;
        auto argv = json::array();
        std::istringstream words(contents(entry.path() / "cmdline"));
        for (std::string word; std::getline(words, word, '\0');)
            argv.push_back(word);
        long pages = 0;
        long resident = 0;
        std::istringstream(contents(entry.path() / "statm")) >> pages >> resident;
        all.push_back({{"pid", pid},
                       {"ppid", parent},
                       {"state", state},
                       {"argv", argv},
                       {"rss_kb", resident * ::sysconf(_SC_PAGESIZE) / 1024}});
    }
    return {{"ok", true}, {"processes", all}};
}

json status_of(int pid)
{
    reap();
    const auto known = ended.find(pid);
    if (known == ended.end())
        return {{"ok", false}, {"error", "this process was not spawned here"}};
    if (known->second == -1)
        return {{"ok", true}, {"state", "running"}};
    if (WIFEXITED(known->second))
        return {{"ok", true}, {"state", "exited"}, {"exit", WEXITSTATUS(known->second)}};
    return {{"ok", true}, {"state", "killed"}, {"signal", WTERMSIG(known->second)}};
}

json obey(const json& order)
{
    const auto what = order.at("do").get<std::string>();
    if (what == "spawn")
        return spawn(order);
    if (what == "list")
        return list();
    if (what == "status")
        return status_of(order.at("pid").get<int>());
    if (what == "kill") {
        const int pid = order.at("pid").get<int>();
        if (pid <= 1 || ::kill(pid, order.value("signal", SIGTERM)) != 0)
            return {{"ok", false}, {"error", std::strerror(pid <= 1 ? EINVAL : errno)}};
        return {{"ok", true}};
    }
    return {{"ok", false}, {"error", "init does not know " + what}};
}

void on_child(int) {} // only there to end the wait

// Where syslog(3) and logger write.
int open_log_socket()
{
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = "/dev/log"};
    ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    return fd;
}

void write_log(int socket)
{
    std::ofstream file("/var/log/syslog.log", std::ios::app);
    char line[8192];
    for (ssize_t got = 0; (got = ::recv(socket, line, sizeof line, 0)) > 0;)
        file.write(line, got) << '\n';
}

} // namespace

int run_init(int orders)
{
    struct sigaction action {};
    action.sa_handler = on_child;
    ::sigaction(SIGCHLD, &action, nullptr);
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigset_t open_mask;
    ::sigprocmask(SIG_BLOCK, &child, &open_mask);
    ::fcntl(orders, F_SETFD, FD_CLOEXEC);

    LineChannel channel((Fd(orders)));
    channel.send("{\"ok\":true}");
    const int log = open_log_socket();
    for (;;) {
        reap();
        pollfd waiting[] = {{orders, POLLIN, 0}, {log, POLLIN, 0}};
        if (::ppoll(waiting, 2, nullptr, &open_mask) < 0)
            continue;
        write_log(log);
        if (waiting[0].revents == 0)
            continue;
        const auto line = channel.receive();
        if (!line)
            return 0;
        json answer;
        try {
            answer = obey(json::parse(*line));
        } catch (const std::exception& problem) {
            answer = {{"ok", false}, {"error", problem.what()}};
        }
        channel.send(answer.dump(-1, ' ', false, json::error_handler_t::replace));
    }
}

} // namespace lab
