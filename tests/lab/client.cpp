#include "tests/lab/client.hpp"

#include "tests/lab/wire.hpp"

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <stdexcept>
#include <sys/wait.h>
#include <unistd.h>

#ifndef XCOPY_LAB_PROGRAM
#error "tests/lab/CMakeLists.txt names the program"
#endif

namespace lab {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

int start(std::vector<std::string> words, int in, int out)
{
    std::vector<char*> argv;
    for (auto& word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    const int pid = ::fork();
    if (pid != 0)
        return pid;
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::dup2(in, STDIN_FILENO);
    ::dup2(out, STDOUT_FILENO);
    ::execv(argv[0], argv.data());
    ::_exit(127);
}

} // namespace

fs::path launcher_of_the_environment()
{
    const char* launcher = std::getenv("XCOPY_AGENT_LAUNCHER");
    return launcher == nullptr ? "" : launcher;
}

Lab::Lab(const LabOptions& options)
{
    std::string name = (fs::temp_directory_path() / "xcopy-lab-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr)
        throw std::runtime_error("cannot make a directory for the lab");
    directory_ = name;
    std::ofstream(directory_ / "scenario.json") << options.scenario.dump();

    std::vector<std::string> words{options.program.empty() ? XCOPY_LAB_PROGRAM : options.program.string(),
                                   "serve",
                                   "--until-stdin-closes",
                                   "--dir",
                                   directory_.string(),
                                   "--config",
                                   (directory_ / "scenario.json").string()};
    if (!options.agent.empty())
        words.insert(words.end(), {"--agent", options.agent.string()});
    if (!options.launcher.empty())
        words.insert(words.end(), {"--launcher", options.launcher.string()});
    int in[2];
    int out[2];
    if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0)
        throw std::runtime_error("pipe failed");
    pid_ = start(std::move(words), in[0], out[1]);
    ::close(in[0]);
    ::close(out[1]);
    stdin_ = in[1];
    LineChannel said((Fd(out[0])));
    const auto line = said.receive();
    if (!line) {
        ::close(stdin_);
        ::waitpid(pid_, nullptr, 0);
        fs::remove_all(directory_);
        throw std::runtime_error("the lab did not start; its reason is on stderr");
    }
    ready_ = json::parse(*line);
}

Lab::~Lab()
{
    ::close(stdin_);
    if (pid_ > 0)
        ::waitpid(pid_, nullptr, 0);
    std::error_code ignored;
    if (std::getenv("XCOPY_LAB_KEEP") == nullptr)
        fs::remove_all(directory_, ignored);
}

json Lab::try_call(const json& order) const
{
    LineChannel channel(connect_to(directory_ / "control.sock"));
    channel.send(order.dump());
    const auto line = channel.receive();
    if (!line)
        throw std::runtime_error("the lab is gone");
    return json::parse(*line);
}

json Lab::call(const json& order) const
{
    auto answer = try_call(order);
    if (!answer.value("ok", false))
        throw std::runtime_error(order.value("do", "order") + ": " + answer.dump());
    return answer;
}

std::string Lab::initiator(const std::string& host, const std::string& adapter) const
{
    for (const auto& a : ready_.at("hosts").at(host).at("adapters"))
        if (a.at("name") == adapter)
            return a.at("initiator");
    throw std::runtime_error(host + " has no adapter " + adapter);
}

std::string Lab::launcher_record(const std::string& host) const
{
    std::ifstream file(directory_ / "hosts" / host / "root/var/log/xcopy-launcher.log", std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

Lab::Ran Lab::run(const std::string& host, const std::vector<std::string>& argv) const
{
    const auto answer = call({{"do", "host.run"}, {"host", host}, {"argv", argv}});
    return {answer.value("exit", -1), answer.at("output")};
}

int Lab::spawn(const std::string& host, const std::vector<std::string>& argv) const
{
    return call({{"do", "host.spawn"}, {"host", host}, {"argv", argv}}).at("pid");
}

int Lab::add_rule(json rule) const
{
    rule["do"] = "rule.add";
    return call(rule).at("rule");
}

void Lab::wait_held(const std::string& hold, int count) const
{
    call({{"do", "hold.wait"}, {"name", hold}, {"count", count}});
}

void Lab::release(const std::string& hold) const
{
    call({{"do", "hold.release"}, {"name", hold}});
}

std::vector<std::string> Lab::pointer_files() const
{
    return call({{"do", "pointer_files"}}).at("files");
}

fs::path Lab::add_volume(const std::string& naa, std::uint64_t size, const std::string& array) const
{
    return call({{"do", "fabric.add_volume"}, {"naa", naa}, {"size", size}, {"array", array}})
        .at("file")
        .get<std::string>();
}

void Lab::present(const std::string& naa, const std::string& host, const std::string& adapter, int lun) const
{
    call({{"do", "fabric.present"}, {"naa", naa}, {"initiator", initiator(host, adapter)}, {"lun", lun}});
}

void Lab::withdraw(const std::string& naa, const std::string& host, const std::string& adapter) const
{
    call({{"do", "fabric.withdraw"}, {"naa", naa}, {"initiator", initiator(host, adapter)}});
}

fs::path Lab::create_disk(const std::string& datastore, const std::string& file, std::uint64_t size) const
{
    return call({{"do", "datastore.create_disk"}, {"datastore", datastore}, {"file", file}, {"size", size}})
        .at("flat")
        .get<std::string>();
}

} // namespace lab
