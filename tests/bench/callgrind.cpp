#include "tests/bench/callgrind.hpp"

#include "tests/lab/pki.hpp"

#include <nlohmann/json.hpp>

#include <arpa/inet.h>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace bench {

namespace fs = std::filesystem;

namespace {

double total_in(const fs::path& file)
{
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);)
        for (const std::string_view word : {"summary: ", "totals: "})
            if (line.starts_with(word))
                return std::strtod(line.c_str() + word.size(), nullptr);
    throw std::runtime_error("callgrind left no count in " + file.string());
}

} // namespace

Scratch::Scratch()
{
    char name[] = "/tmp/xcopy-bench-XXXXXX";
    if (!::mkdtemp(name))
        throw std::runtime_error("no scratch directory");
    directory = name;
    lab::Pki pki(directory / "pki");
    const auto agent = pki.issue({.name = "agent", .sans = {"IP:127.0.0.1"}, .usage = lab::CertificateUsage::server});
    const auto us =
        pki.issue({.name = "us", .sans = {"URI:xcopy://role/operator"}, .usage = lab::CertificateUsage::client});
    server = {pki.ca_file(), agent.cert_file, agent.key_file};
    client = {pki.ca_file(), us.cert_file, us.key_file};
}

Scratch::~Scratch()
{
    std::error_code ignored;
    fs::remove_all(directory, ignored);
}

std::uint16_t free_port()
{
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    const bool bound = ::bind(socket, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                       ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0;
    ::close(socket);
    if (!bound)
        throw std::runtime_error("no free port");
    return ntohs(address.sin_port);
}

double instructions(const Scratch& scratch, const std::vector<std::string>& argv, const std::function<void()>& work)
{
    const auto counts = scratch.directory / "callgrind.out";
    fs::remove(counts);
    std::vector<std::string> whole{"/usr/bin/valgrind", "--tool=callgrind", "--trace-children=no",
                                   "--callgrind-out-file=" + counts.string()};
    whole.insert(whole.end(), argv.begin(), argv.end());
    e2e::Process server(whole, {{"PATH", "/usr/bin:/bin"}, {"HOME", scratch.directory.string()}}, scratch.directory);
    server.go();
    std::string problem;
    try {
        work();
    } catch (const std::exception& caught) {
        problem = caught.what();
    }
    server.signal(SIGTERM);
    const auto ran = server.wait();
    if (!problem.empty() || !fs::exists(counts))
        throw std::runtime_error(problem + "; the server said: " + ran.err + ran.out);
    return total_in(counts);
}

double instructions_each(const Scratch& scratch, const std::vector<std::string>& argv,
                         const std::function<void(int count)>& work, int few, int many)
{
    const double less = instructions(scratch, argv, [&] { work(few); });
    const double more = instructions(scratch, argv, [&] { work(many); });
    return (more - less) / (many - few);
}

std::vector<std::string> agent_alone(const Scratch& scratch, const fs::path& agent, std::uint16_t port)
{
    const auto config = scratch.directory / "config.json";
    std::ofstream(config) << nlohmann::json{
        {"listen", "127.0.0.1:" + std::to_string(port)},
        {"certificate", scratch.server.certificate.string()},
        {"key", scratch.server.key.string()},
        {"ca", scratch.server.ca.string()},
        {"state_dir", (scratch.directory / "state").string()},
        {"esxcli", "/bin/false"}, // no host: nothing of it is asked
        {"localcli", "/bin/false"},
        {"vsish", "/bin/false"},
        {"vmkfstools", "/bin/false"},
        {"log", "stderr"}}.dump();
    return {agent.string(), "serve", "--config", config.string()};
}

} // namespace bench
