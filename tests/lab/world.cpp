#include "tests/lab/world.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <arpa/inet.h>
#include <csignal>
#include <fstream>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace lab {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

// Labs that run at once must not share addresses: a bound port on .1 of a network says that it is taken.
std::pair<Fd, std::string> take_network()
{
    for (int attempt = 0; attempt < 1000; ++attempt) {
        const int number = (::getpid() + attempt * 251) % (254 * 254);
        const auto network = fmt::format("127.{}.{}", 1 + number / 254, 1 + number % 254);
        Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(18442);
        ::inet_pton(AF_INET, (network + ".1").c_str(), &address.sin_addr);
        if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
            ::listen(fd.get(), 1) == 0)
            return {std::move(fd), network};
    }
    throw std::runtime_error("no free loopback network");
}

} // namespace

World::World(const WorldOptions& options)
    : clones(events, options.directory / "datastores"), directory(options.directory), options_(options),
      pki_(options.directory / "pki")
{
    auto [guard, network] = take_network();
    network_guard_ = std::move(guard);
    network_ = network;
    scenario_ = scenario_from_json(options.scenario, network_);
    clones.set({{"speed", scenario_.copy_speed}});
    events.set_killer([this](const json& whom) { kill(whom); });
    ca_ = pki_.ca_file();
    operator_ =
        pki_.issue({.name = "operator", .sans = {"URI:xcopy://role/operator"}, .usage = CertificateUsage::client});
    observer_ =
        pki_.issue({.name = "observer", .sans = {"URI:xcopy://role/observer"}, .usage = CertificateUsage::client});
    stranger_ =
        pki_.issue({.name = "stranger", .sans = {"DNS:stranger.lab.example"}, .usage = CertificateUsage::client});

    for (const auto& store : scenario_.datastores)
        fs::create_directories(datastore_directory(store.name));
    make_arrays();
    for (auto& store : scenario_.datastores)
        if (store.block())
            make_datastore_volume(store);
    for (const auto& host : scenario_.hosts)
        make_host(host);
    for (const auto& host : scenario_.hosts) {
        hosts.at(host.name)->boot();
        if (host.ssh)
            if (const auto up = hosts.at(host.name)->sshd_start(); !up.at("ok"))
                std::fprintf(stderr, "xcopy-lab: %s: %s\n", host.name.c_str(), up.dump().c_str());
        if (host.agent && !options_.agent.empty())
            hosts.at(host.name)->agent_start(false);
    }
    for (const auto& host : scenario_.hosts)
        if (host.agent && !options_.agent.empty())
            if (const auto up = hosts.at(host.name)->agent_wait_port(); !up.at("ok"))
                std::fprintf(stderr, "xcopy-lab: %s: %s\n", host.name.c_str(), up.dump().c_str());
}

World::~World()
{
    stop_holding();
    hosts.clear();
}

void World::stop_holding()
{
    clones.stop();
    events.stop_holding();
}

void World::make_host(const HostConfig& host)
{
    std::vector<DatastoreConfig> mounted;
    for (const auto& store : scenario_.datastores)
        if (store.hosts.empty() || std::find(store.hosts.begin(), store.hosts.end(), host.name) != store.hosts.end())
            mounted.push_back(store);
    const HostFiles files{directory / "hosts" / host.name, directory / "datastores", options_.tool,
                          host.managed ? fs::path() : options_.agent, options_.launcher};
    hosts[host.name] = std::make_unique<Host>(host, mounted, files, fabric, events, clones);
    if (!host.managed)
        write_agent_files(host, files);
}

void World::write_agent_files(const HostConfig& host, const HostFiles& files)
{
    const auto folder = files.inside("/etc/config/xcopy-agent");
    const auto certificate = pki_.issue(
        {.name = host.name,
         .sans = {"IP:" + host.address, "DNS:" + host.name + ".lab.example", "URI:xcopy://host/" + host.uuid},
         .usage = CertificateUsage::server,
         .not_after = std::chrono::system_clock::now() + std::chrono::hours(24 * 365)});
    const auto copy = [&](const fs::path& from, const char* name) {
        fs::copy_file(from, folder / name, fs::copy_options::overwrite_existing);
    };
    copy(certificate.cert_file, "agent.crt");
    copy(certificate.key_file, "agent.key");
    copy(ca_, "ca.crt");
    json config{{"listen", fmt::format("{}:{}", host.address, Host::agent_port)},
                {"log", "stderr"},
                {"memory_group", "host/vim/vimuser/xcopyagent"}};
    config.merge_patch(host.agent_config);
    std::ofstream(folder / "config.json") << config.dump(2) << '\n';
}

// {"pid": N, "signal": 9} of this machine, or {"host": "esx1", "match": regex over command lines, "signal": 9}.
void World::kill(const json& whom)
{
    const int signal = whom.value("signal", SIGKILL);
    if (whom.contains("pid") && whom.at("pid").get<int>() > 1)
        ::kill(whom.at("pid").get<int>(), signal);
    if (const auto host = hosts.find(whom.value("host", "")); host != hosts.end())
        host->second->kill_matching(whom.value("match", "xcopy-agent"), signal);
}

json World::ready() const
{
    const auto certificate = [](const CertificateFiles& files) {
        return json{{"cert", files.cert_file.string()}, {"key", files.key_file.string()}};
    };
    json j{{"control", (directory / "control.sock").string()},
           {"directory", directory.string()},
           {"pid", ::getpid()},
           {"network", network_},
           {"ca", ca_.string()},
           {"operator", certificate(operator_)},
           {"observer", certificate(observer_)},
           {"stranger", certificate(stranger_)},
           {"hosts", json::object()},
           {"datastores", json::object()},
           {"arrays", json::object()}};
    for (const auto& host : scenario_.hosts) {
        auto adapters = json::array();
        for (const auto& a : host.adapters)
            adapters.push_back({{"name", a.name}, {"uid", a.uid}, {"initiator", a.initiator()}});
        j["hosts"][host.name] = {{"address", host.address},
                                 {"uuid", host.uuid},
                                 {"agent", fmt::format("https://{}:{}", host.address, Host::agent_port)},
                                 {"adapters", adapters},
                                 {"root", hosts.at(host.name)->files().root().string()}};
        if (host.ssh)
            j["hosts"][host.name]["ssh"] = {{"port", host.ssh_port},
                                            {"key", (hosts.at(host.name)->files().directory / "ssh/client").string()},
                                            {"directory", (hosts.at(host.name)->files().directory / "ssh").string()}};
    }
    for (const auto& store : scenario_.datastores)
        j["datastores"][store.name] = {{"path", datastore_directory(store.name).string()},
                                       {"uuid", store.uuid},
                                       {"naa", store.naa},
                                       {"array", store.array},
                                       {"type", store.type}};
#ifdef XCOPY_LAB_ARRAYS
    for (const auto& [name, array] : arrays)
        j["arrays"][name] = {{"url", array->url()},
                             {"kind", array->kind()},
                             {"user", "admin"},
                             {"password", array_password},
                             {"secret", array->handle_control({{"verb", "secret"}})}};
#endif
    return j;
}

} // namespace lab
