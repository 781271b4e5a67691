#include "tests/agent/fake_host.hpp"

#include "agent/esxi/child.hpp"
#include "protocol/json.hpp"
#include "tests/userworld/profile.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <signal.h>
#include <sstream>
#include <stdexcept>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace xcopy::test {

namespace fs = std::filesystem;

bool eventually(const std::function<bool()>& condition)
{
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline)
            return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(5)); // between two looks
    }
    return true;
}

std::string attach_body(const std::string& job, int size_mib, const std::string& more)
{
    return fmt::format(R"({{"job":"{}","expected_size":{}{},"wait_s":20}})", job, size_mib * 1048576LL, more);
}

std::string clone_body(const std::string& source, const std::string& naa, int size_mib, const std::string& more)
{
    return fmt::format(R"({{"source":"{}","target_naa":"{}","target_size":{}{}}})", source, naa, size_mib * 1048576LL,
                       more);
}

std::vector<std::string> agent_command(const std::vector<std::string>& arguments, const std::string& record)
{
    std::vector<std::string> argv{XCOPY_AGENT};
    if (const char* launcher = std::getenv("XCOPY_AGENT_LAUNCHER")) {
        argv.insert(argv.begin(), launcher);
        if (!record.empty())
            argv.insert(argv.begin() + 1, {"--record", record});
    }
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return argv;
}

void exec_agent(const std::vector<std::string>& arguments, const std::string& record)
{
    auto words = agent_command(arguments, record);
    std::vector<char*> argv(words.size() + 1);
    std::ranges::transform(words, argv.begin(), [](auto& word) { return word.data(); });
    ::execv(argv[0], argv.data());
    ::_exit(127);
}

FakeHost::FakeHost()
{
    char name[] = "/tmp/xcopy-agent-test-XXXXXX";
    folder = fs::canonical(::mkdtemp(name));
    for (const char* part : {"bin", "devices", "mapped", "dev", "detached", "options", "volumes/uuid-1", "pki"})
        fs::create_directories(folder / part);
    fs::create_symlink("uuid-1", folder / "volumes/ds1");
    for (const char* tool : {"esxcli", "localcli", "vsish", "vmkfstools", "ps", "auto-backup.sh"})
        fs::create_symlink(FAKE_HOST_TOOL, folder / "bin" / tool);
    fs::create_symlink(FAKE_SUPERVISOR, folder / "bin/agent-supervisor");
    write("options/MaxLUN", "1024");
    write("extents", "ds1 uuid-1 naa.6000000000000001\n");
    write("devices/naa.6000000000000001", "1048576 on 1 false false");
    write("dev/naa.6000000000000001", "");
    authority = std::make_unique<CertificateAuthority>(folder / "pki");
    authority->issue({.name = "agent", .alternatives = {"IP:127.0.0.1", "URI:xcopy://host/5f3a"}});
    authority->issue({.name = "operator", .alternatives = {"URI:xcopy://role/operator"}});
    authority->issue({.name = "observer", .alternatives = {"URI:xcopy://role/observer"}});
    authority->issue({.name = "stranger", .alternatives = {"URI:xcopy://role/operators"}});
    authority->issue(
        {.name = "expired", .alternatives = {"URI:xcopy://role/operator"}, .valid_from_s = -7200, .valid_to_s = -60});
}

FakeHost::~FakeHost()
{
    write("release", ""); // whatever a test left running ends by itself
    if (agent_ > 0)
        kill_agent();
    if (std::getenv("XCOPY_AGENT_LAUNCHER") != nullptr && fs::exists(folder / "log"))
        EXPECT_TRUE(userworld::shows(read("launcher-record"), "xcopy-agent")) << "the agent did not run under it";
    for (const auto& call : userworld::never_to_be_asked(read("launcher-record"), "xcopy-agent"))
        ADD_FAILURE() << "the agent made a call that ESXi may not have: " << call;
    if (::testing::Test::HasFailure())
        (void)std::fprintf(stderr, "agent log:\n%s\n", read("log").c_str());
    std::error_code busy; // a supervisor may still write its last status
    for (int tries = 0; tries < 100 && fs::exists(folder, busy); ++tries) {
        fs::remove_all(folder, busy);
        std::this_thread::sleep_for(std::chrono::milliseconds(busy ? 10 : 0));
    }
}

void FakeHost::map(const std::string& naa, int size_mib, int lun) const
{
    write("mapped/" + naa, fmt::format("{} on {} false false", size_mib, lun));
}

void FakeHost::put_disk(const std::string& below_ds1, int size_mib) const
{
    fs::create_directories((folder / "volumes/uuid-1" / below_ds1).parent_path());
    write("volumes/uuid-1/" + below_ds1,
          fmt::format("# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\ncreateType=\"vmfs\"\n\n"
                      "# Extent description\nRW {} VMFS \"disk-flat.vmdk\"\n",
                      size_mib * 2048));
}

void FakeHost::write(const std::string& file, const std::string& text) const
{
    std::ofstream(folder / file) << text;
}

std::string FakeHost::read(const std::string& file) const
{
    std::ifstream in(folder / file);
    return {std::istreambuf_iterator<char>(in), {}};
}

int FakeHost::count(const std::string& file, const std::string& text) const
{
    std::istringstream lines(read(file));
    int found = 0;
    for (std::string line; std::getline(lines, line);)
        found += line.find(text) != std::string::npos ? 1 : 0;
    return found;
}

fs::path FakeHost::write_config(const std::string& more_config) const
{
    const std::string at = folder.string();
    write("config.json",
          fmt::format(R"({{"listen":"127.0.0.1:0"{1},"certificate":"{0}/pki/agent.crt","key":"{0}/pki/agent.key",)"
                      R"("ca":"{0}/pki/ca.crt","state_dir":"{2}","log":"stderr","volumes_root":"{0}/volumes",)"
                      R"("devices_root":"{0}/dev","agent_path":"{0}/bin/agent-supervisor","esxcli":"{0}/bin/esxcli",)"
                      R"("localcli":"{0}/bin/localcli","vsish":"{0}/bin/vsish","vmkfstools":"{0}/bin/vmkfstools",)"
                      R"("ps":"{0}/bin/ps",)"
                      R"("auto_backup":"{0}/bin/auto-backup.sh"}})",
                      at, more_config, state_dir.empty() ? at + "/state" : state_dir));
    return folder / "config.json";
}

void FakeHost::launch(const std::string& more_config)
{
    const std::string config = write_config(more_config);
    write("log", "");
    agent_ = ::fork();
    if (agent_ != 0)
        return;
    const int log = ::open((folder / "log").c_str(), O_WRONLY | O_APPEND);
    ::dup2(log, 2);
    exec_agent({"serve", "--config", config}, folder / "launcher-record");
}

void FakeHost::start(const std::string& more_config)
{
    launch(more_config);
    const bool listens = eventually([&] { return read("log").find("agent listens") != std::string::npos; });
    if (!listens)
        throw std::runtime_error("the agent did not start: " + read("log"));
    const std::string log = read("log");
    const auto from = log.find(" port=") + 6;
    port = log.substr(from, log.find(' ', from) - from);
}

int FakeHost::start_and_fail(const std::string& more_config)
{
    launch(more_config);
    int status = 0;
    const bool ended = eventually([&] { return ::waitpid(agent_, &status, WNOHANG) == agent_; });
    if (!ended)
        return -1;
    agent_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void FakeHost::kill_agent()
{
    ::kill(agent_, SIGKILL);
    ::waitpid(std::exchange(agent_, 0), nullptr, 0);
}

int FakeHost::stop_agent()
{
    int status = 0;
    ::kill(agent_, SIGTERM);
    ::waitpid(std::exchange(agent_, 0), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Answer FakeHost::call(const std::string& method, const std::string& path, const std::string& body,
                      const std::string& client, const std::vector<std::string>& more) const
{
    const std::string pki = (folder / "pki").string();
    static std::atomic<int> counter = 0;
    const std::string headers = fmt::format("{}/headers-{}", folder.string(), ++counter);
    std::vector<std::string> argv{"/usr/bin/curl", "-sS", "--max-time", "60", "--cacert",      pki + "/ca.crt", "-X",
                                  method,          "-D",  headers,      "-w", "\n%{http_code}"};
    if (!client.empty())
        argv.insert(argv.end(), {"--cert", pki + "/" + client + ".crt", "--key", pki + "/" + client + ".key"});
    if (!body.empty())
        argv.insert(argv.end(), {"--data-binary", body});
    argv.insert(argv.end(), more.begin(), more.end());
    argv.push_back("https://127.0.0.1:" + port + path);
    auto done = run(argv, {.time = std::chrono::seconds(70)});
    if (!done)
        throw std::runtime_error(done.error().message);
    Answer answer;
    answer.curl_exit = done->exit_status.value_or(-1);
    const auto split = done->out.rfind('\n');
    answer.body = done->out.substr(0, split);
    answer.status = std::atoi(done->out.c_str() + split + 1);
    std::ifstream in(headers);
    answer.headers.assign(std::istreambuf_iterator<char>(in), {});
    return answer;
}

CloneStatus FakeHost::clone(const std::string& id) const
{
    const auto answer = call("GET", "/v1/clones/" + id);
    auto status = decode<CloneStatus>(answer.body);
    if (!status)
        throw std::runtime_error(answer.body);
    return *status;
}

CloneStatus FakeHost::wait_for(const std::string& id, const std::function<bool(const CloneStatus&)>& good) const
{
    CloneStatus status;
    EXPECT_TRUE(eventually([&] {
        status = clone(id);
        return good(status);
    }));
    return status;
}

} // namespace xcopy::test
