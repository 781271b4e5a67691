#include "tests/vib-packaging/installer/site.hpp"

#include "tests/userworld/profile.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <stdexcept>

namespace installer_test {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

json managed(int count)
{
    const char* versions[] = {"8.0.2", "7.0.3", "6.7.0"};
    auto hosts = json::array();
    for (int i = 0; i < count; ++i)
        hosts.push_back({{"name", fmt::format("esx{}", i + 1)}, {"managed", true}, {"version", versions[i % 3]}});
    return {{"hosts", hosts}};
}

} // namespace

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

Site::Site(int hosts) : lab({.scenario = managed(hosts)}), work_(lab.directory() / "installer")
{
    fs::create_directories(work_);
    if (const auto made = raw({"ca", "init", "--dir", work_ / "ca"}); made.exit != 0)
        throw std::runtime_error("ca init: " + made.out + made.err);
    if (const auto made =
            raw({"ca", "issue", "client", "--dir", work_ / "ca", "--name", "admin", "--role", "operator"});
        made.exit != 0)
        throw std::runtime_error("ca issue: " + made.out + made.err);
    if (e2e::run({"/usr/bin/ssh-keygen", "-q", "-N", "", "-t", "ecdsa", "-f", work_ / "key"},
                 {{"PATH", "/usr/bin:/bin"}}, work_)
            .exit != 0)
        throw std::runtime_error("no key could be made");
    std::ifstream made(work_ / "key.pub");
    std::string public_key;
    std::getline(made, public_key);
    std::ofstream list(work_ / "hosts");
    for (const auto& [name, host] : lab.ready().at("hosts").items()) {
        names_.push_back(name);
        list << fmt::format("{}={}:{} # {}\n", name, host.at("address").get<std::string>(),
                            host.at("ssh").at("port").get<int>(), name);
        lab.call({{"do", "host.authorize"}, {"host", name}, {"line", public_key}});
    }
    use_release(1);
}

Site::~Site()
{
    for (const auto& name : names_) {
        const auto record = lab.launcher_record(name);
        if (!lab::launcher_of_the_environment().empty())
            EXPECT_TRUE(xcopy::userworld::shows(record, "xcopy-agent")) << name;
        for (const auto& call : xcopy::userworld::never_to_be_asked(record, "xcopy-agent"))
            ADD_FAILURE() << name << ": the agent made a call that ESXi may not have: " << call;
    }
}

void Site::use_release(int release)
{
    for (const auto& entry : fs::directory_iterator(fs::path(XCOPY_TEST_VIBS) / std::to_string(release)))
        if (entry.path().extension() == ".vib")
            vib_ = entry.path().string();
}

std::unique_ptr<e2e::Process> Site::prepare(const std::string& command, std::vector<std::string> more) const
{
    std::vector<std::string> argv{XCOPY_INSTALLER_PROGRAM};
    if (!command.empty())
        argv.push_back(command);
    argv.insert(argv.end(), {"--vib-path", vib_, "--esxi-hosts-file", work_ / "hosts", "--ssh-key-file", work_ / "key",
                             "--known-hosts", work_ / "known_hosts", "--ca-dir", work_ / "ca", "--output", "json"});
    argv.insert(argv.end(), more.begin(), more.end());
    return std::make_unique<e2e::Process>(
        argv, std::map<std::string, std::string>{{"HOME", work_}, {"PATH", "/usr/bin:/bin"}}, work_);
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
    return e2e::run(arguments, {{"HOME", work_}, {"PATH", "/usr/bin:/bin"}}, work_);
}

void Site::fault(const std::string& host, json values) const
{
    values.update({{"do", "host.set"}, {"host", host}});
    lab.call(values);
}

json Site::ask(const std::string& host, const std::string& method, const std::string& path, const json& body) const
{
    const auto ca = work_ / "ca";
    std::vector<std::string> argv{"/usr/bin/curl",
                                  "-sS",
                                  "--noproxy",
                                  "*",
                                  "--max-time",
                                  "30",
                                  "-X",
                                  method,
                                  "--cacert",
                                  ca / "ca.crt",
                                  "--cert",
                                  ca / "clients/admin.crt",
                                  "--key",
                                  ca / "clients/admin.key",
                                  lab.agent_url(host) + path};
    if (!body.is_null())
        argv.insert(argv.end(), {"--data", body.dump()});
    const auto ran = e2e::run(argv, {{"PATH", "/usr/bin:/bin"}}, work_);
    if (ran.exit != 0)
        throw std::runtime_error(host + ": " + ran.err);
    return json::parse(ran.out);
}

json Site::software(const std::string& host) const
{
    return lab.call({{"do", "host.software"}, {"host", host}});
}

fs::path Site::root(const std::string& host) const
{
    return lab.ready().at("hosts").at(host).at("root").get<std::string>();
}

std::vector<std::string> Site::files(const std::string& host) const
{
    std::vector<std::string> all;
    for (const auto& entry : fs::recursive_directory_iterator(root(host)))
        if (auto name = entry.path().lexically_relative(root(host)).string();
            !entry.is_directory() && !name.starts_with("var/log/"))
            all.push_back(std::move(name));
    std::ranges::sort(all);
    return all;
}

int Site::agents(const std::string& host) const
{
    const auto processes = lab.call({{"do", "host.processes"}, {"host", host}}).at("processes");
    return static_cast<int>(std::ranges::count_if(processes, [](const json& process) {
        return process.at("argv").dump().find("xcopy-agent") != std::string::npos;
    }));
}

std::string Site::start_clone(const std::string& host, int number) const
{
    const auto answer = order_clone(host, number);
    if (answer.contains("code"))
        throw std::runtime_error(answer.dump());
    return answer.at("id");
}

json Site::order_clone(const std::string& host, int number) const
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

} // namespace installer_test
