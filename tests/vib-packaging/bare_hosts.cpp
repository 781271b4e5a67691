#include "tests/vib-packaging/bare_hosts.hpp"

#include "tests/userworld/profile.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <arpa/inet.h>
#include <fstream>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace bare {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr const char* program = "/opt/xcopy-agent/bin/xcopy-agent";

json managed(int count)
{
    const char* versions[] = {"8.0.2", "7.0.3", "6.7.0"};
    auto hosts = json::array();
    for (int i = 0; i < count; ++i)
        hosts.push_back({{"name", fmt::format("esx{}", i + 1)}, {"managed", true}, {"version", versions[i % 3]}});
    return {{"hosts", hosts}};
}

} // namespace

Hosts::Hosts(int count, ClientFiles operator_files)
    : lab({.scenario = managed(count)}), work_(lab.directory() / "work"), operator_(std::move(operator_files))
{
    fs::create_directories(work_);
    for (const auto& [name, host] : lab.ready().at("hosts").items())
        names_.push_back(name);
}

Hosts::~Hosts()
{
    for (const auto& name : names_) {
        const auto record = lab.launcher_record(name);
        if (!lab::launcher_of_the_environment().empty())
            EXPECT_TRUE(xcopy::userworld::shows(record, "xcopy-agent")) << name;
        for (const auto& call : xcopy::userworld::never_to_be_asked(record, "xcopy-agent"))
            ADD_FAILURE() << name << ": the agent made a call that ESXi may not have: " << call;
    }
}

std::string Hosts::vib_of_release(int release)
{
    for (const auto& entry : fs::directory_iterator(fs::path(XCOPY_TEST_VIBS) / std::to_string(release)))
        if (entry.path().extension() == ".vib")
            return entry.path().string();
    throw std::runtime_error("no VIB was built");
}

std::string Hosts::address(const std::string& host) const
{
    return lab.ready().at("hosts").at(host).at("address");
}

json Hosts::ask(const std::string& host, const std::string& method, const std::string& path, const json& body) const
{
    std::vector<std::string> argv{"/usr/bin/curl",
                                  "-sS",
                                  "--noproxy",
                                  "*",
                                  "--max-time",
                                  "30",
                                  "-X",
                                  method,
                                  "--cacert",
                                  work_ / operator_.ca,
                                  "--cert",
                                  work_ / operator_.certificate,
                                  "--key",
                                  work_ / operator_.key,
                                  lab.agent_url(host) + path};
    if (!body.is_null())
        argv.insert(argv.end(), {"--data", body.dump()});
    const auto ran = e2e::run(argv, {{"PATH", "/usr/bin:/bin"}}, work_);
    if (ran.exit != 0)
        throw std::runtime_error(host + ": " + ran.err);
    return json::parse(ran.out);
}

json Hosts::software(const std::string& host) const
{
    return lab.call({{"do", "host.software"}, {"host", host}});
}

fs::path Hosts::root(const std::string& host) const
{
    return lab.ready().at("hosts").at(host).at("root").get<std::string>();
}

std::vector<std::string> Hosts::files(const std::string& host) const
{
    std::vector<std::string> all;
    for (const auto& entry : fs::recursive_directory_iterator(root(host)))
        if (auto name = entry.path().lexically_relative(root(host)).string();
            !entry.is_directory() && !name.starts_with("var/log/"))
            all.push_back(std::move(name));
    std::ranges::sort(all);
    return all;
}

json Hosts::processes(const std::string& host) const
{
    return lab.call({{"do", "host.processes"}, {"host", host}}).at("processes");
}

int Hosts::agents(const std::string& host) const
{
    const auto all = processes(host);
    return static_cast<int>(std::ranges::count_if(
        all, [](const json& process) { return process.at("argv").dump().find("xcopy-agent") != std::string::npos; }));
}

int Hosts::serving(const std::string& host) const
{
    for (const auto& process : processes(host))
        if (const auto& argv = process.at("argv"); argv.size() > 1 && argv[0] == program && argv[1] == "serve")
            return process.at("pid");
    return -1;
}

void Hosts::fault(const std::string& host, json values) const
{
    values.update({{"do", "host.set"}, {"host", host}});
    lab.call(values);
}

void Hosts::restart_in_the_middle(e2e::Process& running, const std::string& host, const std::string& what) const
{
    lab.add_rule({{"where", "host:" + host}, {"what", what}, {"when", "before"}, {"hold", "middle"}});
    running.go();
    lab.wait_held("middle");
    lab.call({{"do", "rule.clear"}});
    lab.call({{"do", "host.reboot"}, {"host", host}});
    lab.release("middle");
}

std::string Hosts::start_clone(const std::string& host, int number) const
{
    const auto answer = order_clone(host, number);
    if (answer.contains("code"))
        throw std::runtime_error(answer.dump());
    return answer.at("id");
}

json Hosts::order_clone(const std::string& host, int number) const
{
    constexpr std::uint64_t size = 8U << 20U;
    const auto id = fmt::format("6b0b2f7e-0000-4000-8000-{:012}", number);
    const auto naa = fmt::format("naa.600a0980384e4339244c7570000000{:02x}", number);
    const auto file = fmt::format("vm{0}/disk{0}.vmdk", number);
    lab.create_disk("datastore1", file, size);
    lab.add_volume(naa, size);
    lab.present(naa, host, "vmhba64", number);
    const json attach = {{"job", id}, {"expected_size", size}, {"wait_s", 30}};
    if (const auto answer = ask(host, "POST", "/v1/devices/" + naa + "/attach", attach); answer.contains("code"))
        throw std::runtime_error(answer.dump());
    const json order = {{"source", "[datastore1] " + file}, {"target_naa", naa}, {"target_size", size}};
    return ask(host, "PUT", "/v1/clones/" + id, order);
}

namespace {

Fault setting(const char* name, const char* key)
{
    return {name,
            [key](const Hosts& hosts, const std::string& host) {
                hosts.fault(host, {{key, true}});
            },
            [key](const Hosts& hosts, const std::string& host) {
                hosts.fault(host, {{key, false}});
            }};
}

void sshd(const Hosts& hosts, const std::string& host, const char* what)
{
    hosts.lab.call({{"do", "host.sshd"}, {"host", host}, {"what", what}});
}

} // namespace

const Fault& acceptance_refused()
{
    static const Fault fault = setting("acceptance level refused", "acceptance_fixed");
    return fault;
}

const Fault& no_space()
{
    static const Fault fault = setting("no space", "no_space");
    return fault;
}

const Fault& secure_boot()
{
    static const Fault fault = setting("Secure Boot on", "secure_boot");
    return fault;
}

const Fault& sshd_down()
{
    static const Fault fault{"sshd down",
                             [](const Hosts& hosts, const std::string& host) { sshd(hosts, host, "stop"); },
                             [](const Hosts& hosts, const std::string& host) { sshd(hosts, host, "start"); }};
    return fault;
}

const Fault& wrong_host_key()
{
    static const Fault fault{"wrong host key",
                             [](const Hosts& hosts, const std::string& host) { // a user's key stands for a host's
                                 const auto& ssh = hosts.lab.ready().at("hosts").at(host).at("ssh");
                                 std::ifstream strangers(ssh.at("key").get<std::string>() + ".pub");
                                 std::string kind, key;
                                 strangers >> kind >> key;
                                 std::ofstream(hosts.known_hosts()) << fmt::format(
                                     "[{}]:{} {} {}\n", hosts.address(host), ssh.at("port").get<int>(), kind, key);
                             },
                             [](const Hosts& hosts, const std::string&) { fs::remove(hosts.known_hosts()); }};
    return fault;
}

const Fault& exec_installed_only()
{
    static const Fault fault{"execInstalledOnly",
                             [](const Hosts& hosts, const std::string& host) {
                                 hosts.fault(host, {{"exec_refused", true}});
                             },
                             [](const Hosts& hosts, const std::string& host) {
                                 hosts.fault(host, {{"exec_refused", false}});
                                 // the lab gives the program its mode back
                                 hosts.lab.call({{"do", "host.reboot"}, {"host", host}});
                             }};
    return fault;
}

PortHolder::PortHolder(const std::string& address) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
{
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(18443);
    ::inet_pton(AF_INET, address.c_str(), &where.sin_addr);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&where), sizeof where), 0);
    EXPECT_EQ(::listen(fd_, 1), 0);
}

PortHolder::~PortHolder()
{
    ::close(fd_);
}

} // namespace bare
