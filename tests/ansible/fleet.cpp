#include "tests/ansible/fleet.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <unistd.h>

namespace ansible {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr int clone_mib = 8;

json ten_hosts_at_most(int count)
{
    const char* versions[] = {"8.0.2", "7.0.3", "6.7.0"};
    auto hosts = json::array();
    for (int i = 0; i < count; ++i)
        hosts.push_back({{"name", fmt::format("esx{}", i + 1)}, {"managed", true}, {"version", versions[i % 3]}});
    return {{"hosts", hosts}};
}

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

Fleet::Fleet(int hosts) : lab({.scenario = ten_hosts_at_most(hosts)}), work_(lab.directory() / "test")
{
    fs::create_directories(work_);
    const auto made = e2e::run({XCOPY_SOURCE "/toolchain/ansible"}, own_environment(), work_);
    if (made.exit != 0)
        throw std::runtime_error("toolchain/ansible: " + made.err);
    programs_ = made.out.substr(0, made.out.find('\n'));
    const auto authority = (work_ / "authority").string();
    if (e2e::run({XCOPY_SOURCE "/tests/ansible/authority", "make", authority}, environment(), work_).exit != 0)
        throw std::runtime_error("no authority could be made");
    inventory_ = {
        {"esxi",
         {{"hosts", json::object()},
          {"vars",
           {{"ansible_user", "root"},
            {"ansible_ssh_common_args",
             "-o StrictHostKeyChecking=accept-new -o UserKnownHostsFile=" + (work_ / "known_hosts").string()},
            {"xcopy_agent_lower_acceptance", true},
            {"xcopy_agent_allowed_networks", {"127.0.0.0/8"}},
            {"xcopy_agent_ca", authority + "/ca.crt"},
            {"xcopy_agent_operator_certificate", authority + "/operator.crt"},
            {"xcopy_agent_operator_key", authority + "/operator.key"},
            {"xcopy_agent_poll_s", 1},
            {"xcopy_agent_sign_argv",
             {XCOPY_SOURCE "/tests/ansible/authority", "sign", authority, "{{ xcopy_agent_host_uuid }}"}}}}}}};
    for (const auto& [name, host] : lab.ready().at("hosts").items()) {
        names_.push_back(name);
        inventory_["esxi"]["hosts"][name] = {{"ansible_host", host.at("address")},
                                             {"ansible_port", host.at("ssh").at("port")},
                                             {"ansible_ssh_private_key_file", host.at("ssh").at("key")}};
    }
    use_release(1);
}

void Fleet::use_release(int release)
{
    for (const auto& entry : fs::directory_iterator(fs::path(XCOPY_TEST_VIBS) / std::to_string(release)))
        if (entry.path().extension() == ".vib")
            set({{"xcopy_agent_vib", entry.path().string()}});
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

void Fleet::fault(const std::string& host, json values) const
{
    values.update({{"do", "host.set"}, {"host", host}});
    lab.call(values);
}

void Fleet::write_inventory() const
{
    std::ofstream(work_ / "inventory.json") << inventory_.dump(1);
}

std::map<std::string, std::string> Fleet::environment() const
{
    return {{"HOME", work_.string()}, // its connections and temporary files too
            {"PATH", programs_ + ":/usr/sbin:/usr/bin:/sbin:/bin"},
            {"LC_ALL", "C.UTF-8"},
            {"ANSIBLE_CONFIG", XCOPY_SOURCE "/ansible/ansible.cfg"},
            {"ANSIBLE_NOCOLOR", "1"}};
}

std::unique_ptr<e2e::Process> Fleet::prepare(const std::string& playbook, std::vector<std::string> more) const
{
    std::vector<std::string> argv{programs_ + "/ansible-playbook", "-i", (work_ / "inventory.json").string(),
                                  XCOPY_SOURCE "/ansible/playbooks/" + playbook + ".yml"};
    argv.insert(argv.end(), more.begin(), more.end());
    return std::make_unique<e2e::Process>(argv, environment(), work_);
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
    return e2e::run(arguments, environment(), work_);
}

json Fleet::ask(const std::string& host, const std::string& method, const std::string& path, const json& body) const
{
    const auto authority = (work_ / "authority").string();
    std::vector<std::string> argv{"/usr/bin/curl",
                                  "-sS",
                                  "--noproxy",
                                  "*",
                                  "--max-time",
                                  "30",
                                  "-X",
                                  method,
                                  "--cacert",
                                  authority + "/ca.crt",
                                  "--cert",
                                  authority + "/operator.crt",
                                  "--key",
                                  authority + "/operator.key",
                                  lab.agent_url(host) + path};
    if (!body.is_null())
        argv.insert(argv.end(), {"--data", body.dump()});
    const auto ran = e2e::run(argv, environment(), work_);
    if (ran.exit != 0)
        throw std::runtime_error(host + ": " + ran.err);
    return json::parse(ran.out);
}

json Fleet::software(const std::string& host) const
{
    return lab.call({{"do", "host.software"}, {"host", host}});
}

fs::path Fleet::root(const std::string& host) const
{
    return lab.ready().at("hosts").at(host).at("root").get<std::string>();
}

std::vector<std::string> Fleet::files(const std::string& host) const
{
    std::vector<std::string> all;
    for (const auto& entry : fs::recursive_directory_iterator(root(host)))
        if (auto name = entry.path().lexically_relative(root(host)).string();
            !entry.is_directory() && !name.starts_with("var/log/"))
            all.push_back(std::move(name));
    std::ranges::sort(all);
    return all;
}

int Fleet::agents(const std::string& host) const
{
    const auto processes = lab.call({{"do", "host.processes"}, {"host", host}}).at("processes");
    return static_cast<int>(std::ranges::count_if(processes, [](const json& process) {
        return process.at("argv").dump().find("xcopy-agent") != std::string::npos;
    }));
}

int Fleet::serving(const std::string& host) const
{
    const auto processes = lab.call({{"do", "host.processes"}, {"host", host}}).at("processes");
    for (const auto& process : processes)
        if (process.at("argv").size() > 1 && process.at("argv")[0] == "/opt/xcopy-agent/bin/xcopy-agent" &&
            process.at("argv")[1] == "serve")
            return process.at("pid");
    return -1;
}

std::string Fleet::start_clone(const std::string& host, int number) const
{
    const auto answer = order_clone(host, number);
    if (answer.contains("code"))
        throw std::runtime_error(answer.dump());
    return answer.at("id");
}

json Fleet::order_clone(const std::string& host, int number) const
{
    constexpr std::uint64_t size = clone_mib * 1024 * 1024;
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

} // namespace ansible
