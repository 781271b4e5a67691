#include "tests/vib-packaging/installer/site.hpp"

#include <fmt/format.h>

#include <fstream>
#include <stdexcept>

namespace installer_test {

using nlohmann::json;

const json& Installed::host(const std::string& name) const
{
    for (const auto& one : report.at("hosts"))
        if (one.at("host") == name)
            return one;
    throw std::runtime_error("no report of " + name + ": " + progress);
}

std::string Installed::error(const std::string& name) const
{
    const auto& one = host(name);
    return one.contains("error") ? one.at("error").at("message").get<std::string>() + " | " +
                                       one.at("error").at("remedy").get<std::string>()
                                 : "";
}

std::vector<std::string> Installed::changes(const std::string& name) const
{
    std::vector<std::string> all;
    for (const auto& step : host(name).at("steps"))
        if (step.at("change").get<bool>())
            all.push_back(step.at("step"));
    return all;
}

Site::Site(int hosts) : Hosts(hosts, {"ca/ca.crt", "ca/clients/admin.crt", "ca/clients/admin.key"})
{
    if (const auto made = raw({"ca", "init", "--dir", work() / "ca"}); made.exit != 0)
        throw std::runtime_error("ca init: " + made.out + made.err);
    if (const auto made =
            raw({"ca", "issue", "client", "--dir", work() / "ca", "--name", "admin", "--role", "operator"});
        made.exit != 0)
        throw std::runtime_error("ca issue: " + made.out + made.err);
    if (e2e::run({"/usr/bin/ssh-keygen", "-q", "-N", "", "-t", "ecdsa", "-f", work() / "key"},
                 {{"PATH", "/usr/bin:/bin"}}, work())
            .exit != 0)
        throw std::runtime_error("no key could be made");
    std::ifstream made(work() / "key.pub");
    std::string public_key;
    std::getline(made, public_key);
    std::ofstream list(work() / "hosts");
    for (const auto& name : names()) {
        list << fmt::format("{}={}:{} # {}\n", name, address(name),
                            lab.ready().at("hosts").at(name).at("ssh").at("port").get<int>(), name);
        lab.call({{"do", "host.authorize"}, {"host", name}, {"line", public_key}});
    }
    use_release(1);
}

std::unique_ptr<e2e::Process> Site::prepare(const std::string& command, std::vector<std::string> more) const
{
    std::vector<std::string> argv{XCOPY_INSTALLER_PROGRAM};
    if (!command.empty())
        argv.push_back(command);
    argv.insert(argv.end(),
                {"--vib-path", vib_, "--esxi-hosts-file", work() / "hosts", "--ssh-key-file", work() / "key",
                 "--known-hosts", known_hosts(), "--ca-dir", work() / "ca", "--output", "json"});
    argv.insert(argv.end(), more.begin(), more.end());
    return std::make_unique<e2e::Process>(
        argv, std::map<std::string, std::string>{{"HOME", work()}, {"PATH", "/usr/bin:/bin"}}, work());
}

Installed Site::end_of(e2e::Process& process) const
{
    const auto ran = process.wait();
    return {ran.exit, json::parse(ran.out, nullptr, false), ran.err};
}

Installed Site::run(const std::string& command, std::vector<std::string> more) const
{
    const auto process = prepare(command, std::move(more));
    process->go();
    return end_of(*process);
}

e2e::Ran Site::raw(std::vector<std::string> arguments) const
{
    arguments.insert(arguments.begin(), XCOPY_INSTALLER_PROGRAM);
    return e2e::run(arguments, {{"HOME", work()}, {"PATH", "/usr/bin:/bin"}}, work());
}

} // namespace installer_test
