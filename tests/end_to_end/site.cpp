#include "tests/end_to_end/site.hpp"

#include "tests/userworld/profile.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <stdexcept>
#include <unistd.h>

namespace e2e {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

lab::LabOptions with_agents(json scenario, const Programs& programs)
{
    return {.scenario = std::move(scenario), .agent = programs.agent, .program = programs.lab};
}

} // namespace

Site::Site(json scenario, const Programs& programs)
    : lab(with_agents(std::move(scenario), programs)), coordinator_(programs.coordinator),
      array_(lab.ready().at("arrays").begin().key()), work_(lab.directory() / "test")
{
    fs::create_directories(work_);
}

Site::~Site()
{
    for (const auto& host : lab.ready().at("hosts").items()) {
        if (!lab::launcher_of_the_environment().empty())
            EXPECT_TRUE(xcopy::userworld::shows(lab.launcher_record(host.key()), "xcopy-agent"));
        for (const auto& call : xcopy::userworld::never_to_be_asked(lab.launcher_record(host.key()), "xcopy-agent"))
            ADD_FAILURE() << "the agent made a call that ESXi may not have: " << call;
    }
}

Disk Site::make_disk(const std::string& file, std::uint64_t size, const std::string& datastore, int seed)
{
    const auto made = lab.call(
        {{"do", "datastore.create_disk"}, {"datastore", datastore}, {"file", file}, {"size", size}, {"seed", seed}});
    return {fmt::format("[{}] {}", datastore, file), made.at("flat").get<std::string>(), size};
}

Target Site::make_target(std::uint64_t size)
{
    const auto job = fmt::format("6b0b2f7e-0000-4000-8000-{:012}", ++volumes_);
    const auto made =
        lab.call({{"do", "array.volume.create"}, {"array", array_}, {"name", "pvc-" + job}, {"size", size}});
    Target target{
        .job = job, .naa = made.at("naa"), .size = size, .file = made.at("file").get<std::string>(), .handle = {}};
    const auto& csi = made.at("handles").at(0);
    target.handle = {"--volume-handle=" + csi.at("volumeHandle").get<std::string>()};
    for (const auto& [key, value] : csi.at("volumeAttributes").items())
        target.handle.push_back(fmt::format("--volume-attribute={}={}", key, value.get<std::string>()));
    return target;
}

std::vector<std::string> Site::flags_for(const Disk& disk, const Target& target) const
{
    std::vector<std::string> flags{"--source-vmdk=" + disk.vmdk, "--owner-uid=" + target.job,
                                   fmt::format("--pvc-size={}", target.size), "--output=json"};
    flags.insert(flags.end(), target.handle.begin(), target.handle.end());
    return flags;
}

std::map<std::string, std::string> Site::environment() const
{
    const auto agents = work_ / "agents.json";
    if (!fs::exists(agents)) {
        auto list = json::array();
        for (const auto& [name, host] : lab.ready().at("hosts").items())
            list.push_back({{"name", name}, {"address", host.at("address")}, {"uuid", host.at("uuid")}});
        std::ofstream(agents) << list.dump();
    }
    std::map<std::string, std::string> all = {{"HOME", work_.string()},
                                              {"XCOPY_AGENTS", agents.string()},
                                              {"XCOPY_AGENT_CA_FILE", lab.ca()},
                                              {"XCOPY_AGENT_CERT_FILE", lab.operator_cert()},
                                              {"XCOPY_AGENT_KEY_FILE", lab.operator_key()},
                                              {"XCOPY_STATE_DIR", state_dir().string()},
                                              {"STORAGE_CA_FILE", lab.ca()}};
    const auto described = lab.ready().at("arrays").at(array_);
    all["STORAGE_VENDOR"] = described.at("kind");
    for (const auto& [key, value] : described.at("secret").items())
        all[key] = value;
    for (const auto& [key, value] : more_environment)
        all[key] = value;
    return all;
}

std::unique_ptr<Process> Site::prepare(std::vector<std::string> arguments) const
{
    arguments.insert(arguments.begin(), coordinator_.string());
    return std::make_unique<Process>(std::move(arguments), environment(), work_);
}

Ran Site::coordinator(std::vector<std::string> arguments) const
{
    return prepare(std::move(arguments))->wait();
}

std::unique_ptr<Process> Site::prepare_populate(const Disk& disk, const Target& target,
                                                std::vector<std::string> more) const
{
    auto arguments = flags_for(disk, target);
    arguments.insert(arguments.begin(), "populate");
    arguments.insert(arguments.end(), more.begin(), more.end());
    return prepare(std::move(arguments));
}

Ran Site::populate(const Disk& disk, const Target& target, std::vector<std::string> more) const
{
    return prepare_populate(disk, target, std::move(more))->wait();
}

json Site::presentations(const Target& target) const
{
    return lab.call({{"do", "fabric.presentations"}, {"naa", target.naa}}).at("presentations");
}

int Site::starts_on(const Target& target) const
{
    int count = 0;
    for (const auto& start : lab.starts())
        if (start.at("target").get<std::string>().find(target.naa) != std::string::npos)
            ++count;
    return count;
}

std::uint64_t Site::last_event() const
{
    return lab.call({{"do", "events"}}).at("events").size();
}

int Site::requests(const std::string& what) const
{
    int count = 0;
    for (const auto& event : list({{"do", "events"}}, "events"))
        if (event.at("when") == "before" && event.at("where").get<std::string>().starts_with("array:") &&
            event.at("what").get<std::string>().find(what) != std::string::npos)
            ++count;
    return count;
}

void map_to_worker(const Site& site, const Target& target)
{
    site.lab.call({{"do", "array.map"},
                   {"array", site.array()},
                   {"volume", target.naa},
                   {"host", "worker-1"},
                   {"initiators", {"iqn.1994-05.com.redhat:worker-1"}}});
}

json result_of(const Ran& ran)
{
    const auto result = json::parse(ran.out, nullptr, false);
    if (result.is_discarded())
        throw std::runtime_error("no JSON: " + ran.out + ran.err);
    return result;
}

bool same_bytes(const fs::path& source, const fs::path& target, std::uint64_t size)
{
    std::ifstream a(source, std::ios::binary);
    std::ifstream b(target, std::ios::binary);
    std::vector<char> left(mib);
    std::vector<char> right(mib);
    for (std::uint64_t at = 0; at < size; at += mib) {
        const auto count = static_cast<std::streamsize>(std::min<std::uint64_t>(mib, size - at));
        a.read(left.data(), count);
        b.read(right.data(), count);
        if (a.gcount() != count || b.gcount() != count ||
            !std::equal(left.begin(), left.begin() + count, right.begin()))
            return false;
    }
    return true;
}

void expect_nothing_left(const Site& site, const Target& target, const json& presentations_before)
{
    EXPECT_EQ(site.presentations(target), presentations_before);
    EXPECT_TRUE(site.lab.pointer_files().empty()) << json(site.lab.pointer_files());
    EXPECT_TRUE(site.lab.violations().empty()) << site.lab.violations();
    std::vector<std::string> journal;
    if (fs::exists(site.state_dir()))
        for (const auto& entry : fs::directory_iterator(site.state_dir()))
            if (entry.path().filename().string().find(target.job) != std::string::npos &&
                entry.path().extension() == ".json")
                journal.push_back(entry.path().filename());
    EXPECT_TRUE(journal.empty()) << json(journal);
    for (const char* host : {"esx1", "esx2"})
        for (const auto& process : site.list({{"do", "host.processes"}, {"host", host}}, "processes"))
            EXPECT_FALSE(process.dump().find("vmkfstools") != std::string::npos && process.at("argv").at(0) != "sh")
                << process; // a shell of the script, secure-vmkfstools-wrapper, ends by itself
}

} // namespace e2e
