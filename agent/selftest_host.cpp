// The host around us: its tools, the memory group, what survives a restart, and the supervisor.
#include "agent/enrolment.hpp"
#include "agent/enrolment_status.hpp"
#include "agent/esxi/commands.hpp"
#include "agent/esxi/job_dir.hpp"
#include "agent/esxi/supervisor.hpp"
#include "agent/host_clock.hpp"
#include "agent/selftest.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <ctime>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace xcopy {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr const char* played_source = "/xcopy-selftest/ends-with-"; // below the volumes, where there is no such folder
constexpr const char* ask_hostd = "check that hostd runs: /etc/init.d/hostd status";

template <class Answer> Finding trouble_in(const Result<Answer>& answer)
{
    if (answer)
        return {};
    return {answer.error().message, answer.error().remedy.empty() ? ask_hostd : answer.error().remedy};
}

Finding is_there(const std::string& program)
{
    if (::access(program.c_str(), X_OK) == 0)
        return {};
    return {fmt::format("{}: {}", program, std::strerror(errno)),
            "this is no ESXi host, or the configuration names another place"};
}

// It is asked about a file that is not there, so it says no; but it must have been loaded, run to its end and been read. Whether it may run
// from here is what none of the other tools can tell: it needs more memory, and devices.
Finding vmkfstools_may_run(const Config& config)
{
    auto done = run({config.tools.vmkfstools, "-q", config.volumes_root + "/xcopy-selftest/is-not-there.vmdk"},
                    {.time = seconds(20)});
    if (!done)
        return {done.error().message, done.error().remedy.empty() ? "look into /var/log/vmkernel.log for an admission "
                                                                    "failure, and at the memory group's limit"
                                                                  : done.error().remedy};
    if (!done->exit_status)
        return {fmt::format("signal {} ended it", done->signal.value_or(0)),
                "look into /var/log/vmkernel.log: killed for want of memory?"};
    if (*done->exit_status == 0)
        return {"it found a disk that is not there: its exit status proves nothing",
                "do not use the agent here, and send this table to those who maintain xcopy"};
    if (done->out.empty() && done->err.empty())
        return {"it said nothing about a disk that is not there", "progress may not be seen; the verdict is", true};
    return {};
}

// One clone that is none: the supervisor starts this very program in vmkfstools' place, which ends as its source's name
// says, and nothing else. Whatever goes wrong, no disk is near it.
Finding ends_seen(const Config& config, const std::string& self, int exit_status)
{
    const std::string folder = fmt::format("{}/selftest-{}-{}", config.state_dir, ::getpid(), exit_status);
    const JobDir job(folder);
    JobOrder order;
    order.id = "selftest";
    order.request.target_naa = "naa.60000000000000000000000000000000";
    const std::string base = fmt::format("{}{}{}", config.volumes_root, played_source, exit_status);
    order.source_path = base + ".vmdk";
    order.pointer_path = base + "-xcopy-selftest.vmdk";
    order.mapping_path = base + "-xcopy-selftest-rdm.vmdk";
    order.boot_ms = host_boot_ms();
    if (auto made = job.create(order); !made)
        return {made.error().message, "look at the state directory: is it full, or on a file system without rights?"};
    struct Leave {
        const JobDir& job;
        ~Leave() { (void)job.remove(); }
    } leave{job};
    const ToolPaths stand_ins{.esxcli = self, .localcli = self, .vsish = self, .vmkfstools = self};
    auto supervisor = start_supervisor(config.agent_path, job, stand_ins);
    if (!supervisor)
        return {supervisor.error().message, supervisor.error().remedy};
    int ended = 0;
    const auto deadline = steady_clock::now() + seconds(20);
    while (::waitpid(*supervisor, &ended, WNOHANG) == 0 && steady_clock::now() < deadline)
        std::this_thread::sleep_for(milliseconds(5)); // between two looks
    const auto status = job.status();
    const char* remedy =
        "no copy on this host would be believed: do not use the agent here, and send this table to those "
        "who maintain xcopy";
    if (!status || !*status)
        return {"the supervisor left no status", remedy};
    const auto& seen = **status;
    if (seen.exit_status != exit_status)
        return {fmt::format("a program ended with status {}, and its supervisor saw {}{}", exit_status,
                            seen.exit_status ? fmt::to_string(*seen.exit_status) : "none",
                            seen.error ? ": " + seen.error->message : ""),
                remedy};
    const auto wanted = exit_status == 0 ? CloneState::succeeded : CloneState::failed;
    if (seen.state != wanted)
        return {fmt::format("status {} was taken for '{}'", exit_status, name(seen.state)), remedy};
    return {};
}

Finding supervisor_sees_the_end(const Config& config, const std::string& self)
{
    if (::mkdir(config.state_dir.c_str(), 0700) != 0 && errno != EEXIST)
        return {fmt::format("{}: {}", config.state_dir, std::strerror(errno)), "name another state_dir"};
    for (const int exit_status : {0, 7})
        if (auto found = ends_seen(config, self, exit_status); !found.trouble.empty())
            return found;
    return {};
}

Finding has_memory_group(const Config& config)
{
    if (config.memory_group.empty())
        return {"no memory group is named: clones share what hostd starts",
                "name one: memory_group in the configuration", true};
    auto listed = run(commands::memory_group(config.tools.localcli, config.memory_group), {.time = seconds(10)});
    if (listed && listed->exit_status == 0)
        return {};
    return {fmt::format("there is no memory group {}", config.memory_group),
            "start the agent with its init script, which makes it: /etc/init.d/xcopy-agent restart"};
}

// ESXi saves what came with the sticky bit from a VIB and was written in place (facts/esxi.md 3.5).
Finding survives_restart(const Config& config)
{
    if (config.auto_backup.empty())
        return {};
    if (::access(config.auto_backup.c_str(), X_OK) != 0)
        return {fmt::format("{}: {}", config.auto_backup, std::strerror(errno)),
                "the enrolment cannot be saved for the next boot"};
    const auto files = enrolment_files(config);
    std::string lost;
    for (const auto& file : {files.certificate, files.key, files.next_key, files.ca}) {
        struct stat about {};
        if (::stat(file.c_str(), &about) != 0 || (about.st_mode & S_ISVTX) == 0)
            lost += (lost.empty() ? "" : ", ") + file;
    }
    if (lost.empty() && is_unsaved(config))
        return {"saving it for the next boot did not succeed: a restart of the host may undo it",
                "xcopy-agent enroll --save"};
    if (lost.empty())
        return {};
    return {
        "a restart of the host would lose: " + lost,
        "these files must be the ones of the VIB (sticky bit, mode 1600 or 1644): install it again, then enrol again"};
}

Finding certificate_and_clock(const Config& config)
{
    auto status = enrolment_status(config);
    if (!status)
        return {status.error().message, status.error().remedy};
    if (status->serial.empty())
        return {status->problem, status->remedy, status->state == "not_enrolled"};
    auto clock = judge_clock(static_cast<std::int64_t>(std::time(nullptr)), status->not_before_s, status->not_after_s);
    if (!clock.trouble.empty())
        return clock;
    return {status->problem, status->remedy, status->state == "enrolled"};
}

Finding counters_answer(const Tools& tools, const RunLimits& limits)
{
    auto devices = tools.devices(limits);
    if (!devices)
        return trouble_in(devices);
    for (const auto& device : *devices)
        if (!device.is_local)
            return trouble_in(tools.counters(device.name, limits));
    return {"the host has no shared device to ask about", "map one, and run this again", true};
}

Finding others_are_seen(const Tools& tools, const RunLimits& limits)
{
    auto listed = tools.vmkfstools_running({program_invocation_short_name, "selftest"}, limits);
    if (listed)
        return {};
    return {"a vmkfstools that somebody else starts cannot be seen: " + listed.error().message,
            "copies are made all the same; send the output of `ps -c` to those who maintain xcopy", true};
}

} // namespace

std::optional<int> play_vmkfstools(int argc, const char* const* argv)
{
    if (argc < 3 || std::string_view(argv[1]) != "-i")
        return std::nullopt;
    const std::string_view source = argv[2];
    const auto at = source.find(played_source);
    if (at == std::string_view::npos)
        return std::nullopt;
    const auto number = source.substr(at + std::strlen(played_source));
    int status = 1;
    std::from_chars(number.data(), number.data() + number.size(), status);
    fmt::print("\rClone: 100% done.");
    return status;
}

std::vector<SelftestResult> probe_host(const Config& config, const std::string& self)
{
    const Tools tools(config.tools);
    const RunLimits limits{.time = seconds(20)};
    std::vector<SelftestResult> results;
    for (const auto& [name, path] : {std::pair{"esxcli", config.tools.esxcli},
                                     {"localcli", config.tools.localcli},
                                     {"vsish", config.tools.vsish},
                                     {"vmkfstools", config.tools.vmkfstools}})
        results.push_back(timed(fmt::format("{} is there", name), [&path = path] { return is_there(path); }));
    const auto answers = [&](const char* name, const auto& question) {
        results.push_back(timed(name, [&] { return trouble_in(question()); }));
    };
    answers("esxcli: version", [&] { return tools.version(limits); });
    answers("esxcli: host UUID", [&] { return tools.host_uuid(limits); });
    answers("esxcli: host name", [&] { return tools.host_name(limits); });
    answers("esxcli: adapters", [&] { return tools.adapters(limits); });
    answers("esxcli: devices", [&] { return tools.devices(limits); });
    answers("esxcli: paths", [&] { return tools.all_paths(limits); });
    answers("esxcli: VAAI status", [&] { return tools.all_vaai_status(limits); });
    answers("esxcli: file systems", [&] { return tools.filesystems(limits); });
    answers("esxcli: VMFS extents", [&] { return tools.vmfs_extents(limits); });
    answers("esxcli: detached devices", [&] { return tools.detached_devices(limits); });
    answers("esxcli: Disk.MaxLUN", [&] { return tools.advanced_option("/Disk/MaxLUN", limits); });
    results.push_back(timed("vsish: counters", [&] { return counters_answer(tools, limits); }));
    results.push_back(timed("ps: others' vmkfstools", [&] { return others_are_seen(tools, limits); }));
    results.push_back(timed("vmkfstools may run", [&] { return vmkfstools_may_run(config); }));
    results.push_back(timed("supervisor sees the exit status", [&] { return supervisor_sees_the_end(config, self); }));
    results.push_back(timed("memory group", [&] { return has_memory_group(config); }));
    results.push_back(timed("enrolment survives a restart", [&] { return survives_restart(config); }));
    results.push_back(timed("certificate and clock", [&] { return certificate_and_clock(config); }));
    return results;
}

} // namespace xcopy
