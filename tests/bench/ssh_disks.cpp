// Disks of a host without an agent: the whole copy, through the real sshd and the script. In this process, because a connection is
// shared by the disks of one coordinator; each of Forklift's pods has one of its own.
#include "coordinator/copy_disk.hpp"
#include "coordinator/file_journal.hpp"
#include "coordinator/host/carried_script.hpp"
#include "coordinator/host/ssh_host.hpp"
#include "tests/bench/host_client.hpp"
#include "tests/bench/measurements.hpp"
#include "tests/bench/statistics.hpp"
#include "vendors/registry.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <fstream>
#include <future>
#include <stdexcept>

namespace bench {

namespace {

using nlohmann::json;

constexpr int disks_in_turn = 10;
constexpr int disks_at_once = 20;
constexpr int rounds = 3;

std::string contents(const std::filesystem::path& path)
{
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

struct Copied {
    double wall_ms = 0;
    xcopy::CopyReport report;
};

class SshSite {
public:
    explicit SshSite(const Build& build)
        : site(json{{"hosts", {{{"name", "esx1"}, {"managed", true}}}}}, build.programs),
          esx_(site.lab.ready().at("hosts").at("esx1")), key_(contents(esx_.at("ssh").at("key").get<std::string>())),
          wire_(xcopy::rest::curl_transport()),
          array_(must(xcopy::make_array(
              xcopy::array_config_from(site.environment().at("STORAGE_VENDOR"), site.environment()), *wire_))),
          journal_(must(xcopy::FileJournal::open(site.state_dir()))), log_(xcopy::stderr_log(xcopy::Log::Level::error))
    {
        std::ofstream(site.lab.datastore("datastore1") / xcopy::script_name, std::ios::binary)
            << xcopy::carried_script_bytes();
        const auto public_key = contents(esx_.at("ssh").at("key").get<std::string>() + ".pub");
        std::ofstream(esx_.at("root").get<std::string>() + "/etc/ssh/keys-root/authorized_keys")
            << xcopy::authorized_keys_line(public_key.substr(0, public_key.find('\n'))) << '\n';
    }

    std::unique_ptr<xcopy::SshSession> connect()
    {
        return std::make_unique<xcopy::SshSession>(
            xcopy::SshAddress{
                .name = "esx1", .address = esx_.at("address"), .port = esx_.at("ssh").at("port").get<std::uint16_t>()},
            xcopy::SshLogin{.private_key = xcopy::Secret(key_)}, keys_);
    }

    std::vector<std::unique_ptr<xcopy::Host>> host_by(xcopy::SshSession& session) const
    {
        std::vector<std::unique_ptr<xcopy::Host>> hosts;
        hosts.push_back(std::make_unique<xcopy::SshHost>(
            session, xcopy::ScriptPlace{.datastore = "datastore1", .uuid = esx_.at("uuid")}));
        return hosts;
    }

    xcopy::CopyOrder order(const std::string& file, int number)
    {
        const auto disk = site.make_disk(file, e2e::mib, "datastore1", number);
        const auto target = site.make_target(e2e::mib);
        xcopy::CopyOrder order{.job = target.job, .expected_size = target.size, .source = disk.vmdk};
        order.vendor = site.environment().at("STORAGE_VENDOR");
        order.array = site.environment().at("STORAGE_HOSTNAME");
        for (const auto& flag : target.handle) {
            const auto value = flag.substr(flag.find('=') + 1);
            if (flag.starts_with("--volume-handle="))
                order.target.handle = value;
            else
                order.target.attributes[value.substr(0, value.find('='))] = value.substr(value.find('=') + 1);
        }
        return order;
    }

    Copied copy(const xcopy::CopyOrder& order, const std::vector<std::unique_ptr<xcopy::Host>>& hosts)
    {
        xcopy::Observer nobody;
        const auto begun = std::chrono::steady_clock::now();
        auto report = xcopy::copy_disk({.job = order.job}, order, {*array_, hosts, *journal_, *log_, nobody});
        const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begun;
        if (report.outcome != xcopy::Outcome::succeeded)
            throw std::runtime_error("copy over SSH failed: " + (report.error ? report.error->message : ""));
        return {took.count(), std::move(report)};
    }

    e2e::Site site;

private:
    const json esx_;
    const std::string key_;
    xcopy::HostKeys keys_;
    std::unique_ptr<xcopy::rest::Transport> wire_;
    std::unique_ptr<xcopy::Array> array_;
    std::unique_ptr<xcopy::FileJournal> journal_;
    std::unique_ptr<xcopy::Log> log_;
};

double vmkfstools_ms(const e2e::Site& site, std::uint64_t start)
{
    std::int64_t since = 0;
    double took = 0;
    for (const auto& event : site.list({{"do", "events"}, {"after", start}}, "events")) {
        if (!event.at("what").get<std::string>().starts_with("vmkfstools -i "))
            continue;
        const auto at = event.at("us").get<std::int64_t>();
        if (event.at("when") == "before")
            since = at;
        else
            took = static_cast<double>(at - since) / 1000;
    }
    return took;
}

} // namespace

std::vector<Figure> ssh_disks(const Build& build)
{
    SshSite here(build);
    std::vector<double> overheads;
    for (int number = 0; number < disks_in_turn; ++number) {
        const auto order = here.order(fmt::format("vm{}/d.vmdk", number), number);
        const auto start = here.site.last_event();
        const auto session = here.connect(); // as a pod of its own
        const auto hosts = here.host_by(*session);
        const auto copied = here.copy(order, hosts);
        overheads.push_back(copied.wall_ms - vmkfstools_ms(here.site, start));
    }

    std::vector<double> last;
    double connections = 0;
    for (int round = 0; round < rounds; ++round) {
        std::vector<xcopy::CopyOrder> orders;
        orders.reserve(disks_at_once);
        for (int number = 0; number < disks_at_once; ++number)
            orders.push_back(here.order(fmt::format("round{}-{}/d.vmdk", round, number), number));
        const auto session = here.connect();
        const auto hosts = here.host_by(*session);
        const auto begun = std::chrono::steady_clock::now();
        std::vector<std::future<void>> copies;
        copies.reserve(disks_at_once);
        for (const auto& order : orders)
            copies.push_back(std::async(std::launch::async, [&] { (void)here.copy(order, hosts); }));
        for (auto& copy : copies)
            copy.get();
        const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begun;
        last.push_back(took.count());
        connections = std::max(connections, static_cast<double>(session->connections()));
    }
    return {{"ssh_overhead_per_disk_ms", median(overheads), "ms", 1500,
             fmt::format("median of {}; worst {:.0f}; connecting included, without vmkfstools", disks_in_turn,
                         worst(overheads))},
            {"ssh_connections_for_twenty_disks", connections, "", 1, "most of any round"},
            {"ssh_twenty_disks_last_ms", median(last), "ms", 5000,
             fmt::format("median of {}; worst {:.0f}; four clones at once", rounds, worst(last))}};
}

} // namespace bench
