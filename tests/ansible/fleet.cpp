#include "tests/ansible/fleet.hpp"

#include <fmt/format.h>

#include <fstream>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <unistd.h>

namespace ansible {

using nlohmann::json;

namespace {

// Of this test: where packages come from and where they are kept is the machine's business.
std::map<std::string, std::string> own_environment()
{
    std::map<std::string, std::string> all;
    for (char** variable = environ; *variable != nullptr; ++variable)
        if (const std::string text = *variable; text.find('=') != std::string::npos)
            all[text.substr(0, text.find('='))] = text.substr(text.find('=') + 1);
    return all;
}

std::map<std::string, Recap> recaps_in(const std::string& output)
{
    std::map<std::string, Recap> all;
    const std::regex line(R"((\S+) +: ok=\d+ +changed=(\d+) +unreachable=(\d+) +failed=(\d+))");
    for (std::sregex_iterator found(output.begin(), output.end(), line), end; found != end; ++found)
        all[(*found)[1]] = {std::stoi((*found)[2]), std::stoi((*found)[3]), std::stoi((*found)[4])};
    return all;
}

} // namespace

std::string Played::said_of(const std::string& host) const
{
    std::string said;
    std::istringstream lines(output);
    bool inside = false; // a message in YAML takes several lines, broken between words
    for (std::string line; std::getline(lines, line);) {
        if (std::regex_search(line, std::regex("^(fatal|failed): .(" + host + ")[^0-9]")))
            inside = true;
        else if (!line.starts_with(' '))
            inside = false;
        line.erase(0, line.find_first_not_of(' '));
        if (inside)
            said += line + " ";
    }
    return said;
}

Fleet::Fleet(int hosts) : Hosts(hosts, {"authority/ca.crt", "authority/operator.crt", "authority/operator.key"})
{
    const auto made = e2e::run({XCOPY_SOURCE "/toolchain/ansible"}, own_environment(), work());
    if (made.exit != 0)
        throw std::runtime_error("toolchain/ansible: " + made.err);
    programs_ = made.out.substr(0, made.out.find('\n'));
    const auto authority = (work() / "authority").string();
    if (e2e::run({XCOPY_SOURCE "/tests/ansible/authority", "make", authority}, environment(), work()).exit != 0)
        throw std::runtime_error("no authority could be made");
    inventory_ = {
        {"esxi",
         {{"hosts", json::object()},
          {"vars",
           {{"ansible_user", "root"},
            {"ansible_ssh_common_args",
             "-o StrictHostKeyChecking=accept-new -o UserKnownHostsFile=" + known_hosts().string()},
            {"xcopy_agent_lower_acceptance", true},
            {"xcopy_agent_allowed_networks", {"127.0.0.0/8"}},
            {"xcopy_agent_ca", authority + "/ca.crt"},
            {"xcopy_agent_operator_certificate", authority + "/operator.crt"},
            {"xcopy_agent_operator_key", authority + "/operator.key"},
            {"xcopy_agent_poll_s", 1},
            {"xcopy_agent_sign_argv",
             {XCOPY_SOURCE "/tests/ansible/authority", "sign", authority, "{{ xcopy_agent_host_uuid }}"}}}}}}};
    for (const auto& [name, host] : lab.ready().at("hosts").items())
        inventory_["esxi"]["hosts"][name] = {{"ansible_host", host.at("address")},
                                             {"ansible_port", host.at("ssh").at("port")},
                                             {"ansible_ssh_private_key_file", host.at("ssh").at("key")}};
    use_release(1);
}

void Fleet::set(const json& values)
{
    inventory_["esxi"]["vars"].update(values);
    write_inventory();
}

void Fleet::set(const std::string& host, const json& values)
{
    inventory_["esxi"]["hosts"][host].update(values);
    write_inventory();
}

void Fleet::forget(const std::vector<std::string>& variables)
{
    for (const auto& name : variables)
        inventory_["esxi"]["vars"].erase(name);
    write_inventory();
}

void Fleet::write_inventory() const
{
    std::ofstream(work() / "inventory.json") << inventory_.dump(1);
}

std::map<std::string, std::string> Fleet::environment() const
{
    return {{"HOME", work().string()}, // its connections and temporary files too
            {"PATH", programs_ + ":/usr/sbin:/usr/bin:/sbin:/bin"},
            {"LC_ALL", "C.UTF-8"},
            {"ANSIBLE_CONFIG", XCOPY_SOURCE "/ansible/ansible.cfg"},
            {"ANSIBLE_NOCOLOR", "1"}};
}

std::unique_ptr<e2e::Process> Fleet::prepare(const std::string& playbook, std::vector<std::string> more) const
{
    std::vector<std::string> argv{programs_ + "/ansible-playbook", "-i", (work() / "inventory.json").string(),
                                  XCOPY_SOURCE "/ansible/playbooks/" + playbook + ".yml"};
    argv.insert(argv.end(), more.begin(), more.end());
    return std::make_unique<e2e::Process>(argv, environment(), work());
}

Played Fleet::end_of(e2e::Process& process) const
{
    const auto ran = process.wait();
    return {ran.exit, ran.out + ran.err, recaps_in(ran.out)};
}

Played Fleet::play(const std::string& playbook, std::vector<std::string> more) const
{
    const auto process = prepare(playbook, std::move(more));
    process->go();
    return end_of(*process);
}

e2e::Ran Fleet::program(const std::string& name, std::vector<std::string> arguments) const
{
    arguments.insert(arguments.begin(), programs_ + "/" + name);
    return e2e::run(arguments, environment(), work());
}

} // namespace ansible
