#include "agent/problems.hpp"

#include "protocol/routes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <set>

namespace xcopy {

namespace {

constexpr std::int64_t day_ms = 24LL * 3600 * 1000;
constexpr std::int64_t skew_ms = 60'000;

void lun_limit(std::vector<Problem>& out, const Health& health)
{
    if (!health.disk_max_lun || !health.highest_lun)
        return;
    const int max = *health.disk_max_lun;
    const int highest = *health.highest_lun;
    const int margin = std::max(16, max / 10);
    if (highest < max - margin)
        return;
    const bool hidden = highest >= max - 1;
    out.push_back({hidden ? Severity::error : Severity::warning, "max_lun_low", "/Disk/MaxLUN",
                   fmt::format("the host looks at LUN numbers below {} and {} is in use: volumes mapped above are "
                               "invisible without any error",
                               max, highest),
                   "raise it: esxcli system settings advanced set -o /Disk/MaxLUN -i 4096, then rescan"});
}

void vaai_switches(std::vector<Problem>& out, const VaaiSettings& vaai)
{
    if (vaai.hardware_accelerated_move == 0)
        out.push_back({Severity::error, "vaai_move_off", "/DataMover/HardwareAcceleratedMove",
                       "array-side copies are switched off on this host: every copy goes through the host",
                       "esxcli system settings advanced set -o /DataMover/HardwareAcceleratedMove -i 1"});
    if (vaai.hardware_accelerated_init == 0)
        out.push_back({Severity::warning, "vaai_init_off", "/DataMover/HardwareAcceleratedInit",
                       "array-side zeroing is switched off on this host",
                       "esxcli system settings advanced set -o /DataMover/HardwareAcceleratedInit -i 1"});
}

void vaai_devices(std::vector<Problem>& out, const HealthFacts& facts)
{
    if (!facts.vaai) // "nothing supports it" would be a guess
        return;
    std::vector<std::string> without;
    for (const auto& device : facts.devices) {
        if (device.is_local || device.used_by.empty())
            continue;
        const auto found = facts.vaai->find(device.name);
        if (found == facts.vaai->end() || found->second.clone == "unsupported")
            without.push_back(fmt::format("{} ({})", device.name, device.used_by.front()));
    }
    if (!without.empty())
        out.push_back({Severity::warning, "vaai_clone_unsupported", without.front(),
                       fmt::format("{} device(s) under datastores do not support array-side copies: {}", without.size(),
                                   fmt::join(without, ", ")),
                       "check the array's VAAI support and claim rules: esxcli storage core device vaai status get"});
}

void dead_paths(std::vector<Problem>& out, const std::vector<Device>& devices)
{
    std::vector<std::string> with;
    for (const auto& device : devices) {
        const auto dead = std::count_if(device.paths.begin(), device.paths.end(),
                                        [](const DevicePath& path) { return path.state == "dead"; });
        if (dead > 0)
            with.push_back(fmt::format("{} ({} of {})", device.name, dead, device.paths.size()));
    }
    if (!with.empty())
        out.push_back({Severity::warning, "dead_paths", with.front(),
                       fmt::format("{} device(s) have dead paths: {}", with.size(), fmt::join(with, ", ")),
                       "look at the fabric; paths of unmapped volumes go away with: esxcli storage core adapter rescan "
                       "-t delete -A vmhbaN"});
}

void old_version(std::vector<Problem>& out, const std::string& version)
{
    int major = 0;
    int minor = 0;
    const char* end = version.data() + version.size();
    const auto dot = std::from_chars(version.data(), end, major);
    if (dot.ec != std::errc())
        return;
    if (dot.ptr < end)
        std::from_chars(dot.ptr + 1, end, minor);
    if (major < 6 || (major == 6 && minor < 7))
        out.push_back({Severity::warning, "old_version", version,
                       fmt::format("ESXi {} is older than 6.7, the oldest this agent is made for", version),
                       "copy through a newer host, or upgrade this one"});
}

void clocks(std::vector<Problem>& out, const HealthFacts& facts)
{
    const auto now = facts.health.clock_ms;
    if (facts.client_clock_ms && std::llabs(now - *facts.client_clock_ms) > skew_ms)
        out.push_back(
            {Severity::warning, "clock_skew", "",
             fmt::format("the host's clock is {} s {} the client's", std::llabs(now - *facts.client_clock_ms) / 1000,
                         now > *facts.client_clock_ms ? "ahead of" : "behind"),
             "set up NTP on the host: certificates are judged by its clock"});
    if (facts.certificate_expires_ms && *facts.certificate_expires_ms - now < 30 * day_ms)
        out.push_back(
            {*facts.certificate_expires_ms < now ? Severity::error : Severity::warning, "certificate_expires", "",
             *facts.certificate_expires_ms < now ? std::string("the agent's certificate has expired")
                                                 : fmt::format("the agent's certificate expires in {} days",
                                                               (*facts.certificate_expires_ms - now) / day_ms),
             "enrol the host again"});
}

} // namespace

Problem could_not_read(const std::string& what, const Error& why)
{
    return {Severity::error, why.code == Errc::timed_out ? "host_not_answering" : "not_readable", what,
            fmt::format("{} could not be read: {}", what, why.message),
            why.remedy.empty() ? "check that hostd runs: /etc/init.d/hostd status" : why.remedy};
}

std::vector<Problem> problems_of(const HealthFacts& facts)
{
    std::vector<Problem> out = facts.unread;
    lun_limit(out, facts.health);
    vaai_switches(out, facts.health.vaai);
    vaai_devices(out, facts);
    dead_paths(out, facts.devices);
    old_version(out, facts.health.version);
    clocks(out, facts);
    if (facts.memory_group_missing)
        out.push_back({Severity::warning, "no_memory_group", facts.health.memory.path,
                       facts.health.memory.path.empty()
                           ? std::string("the agent has no memory group of its own, so clones may share a small one")
                           : fmt::format("memory group {} is not there", facts.health.memory.path),
                       "start the agent with its init script, which makes the group"});
    if (facts.certificate_problem && facts.certificate_problem->reason == routes::not_enrolled)
        out.push_back(
            {Severity::error, "certificate_lost", "",
             "the files of the enrolment are gone; the agent serves with what it still has in memory, until it "
             "is restarted: " +
                 facts.certificate_problem->message,
             facts.certificate_problem->remedy});
    else if (facts.certificate_problem)
        out.push_back(
            {Severity::error, "certificate_reload_failed", "",
             "the certificate files changed but the new ones are not usable: " + facts.certificate_problem->message,
             facts.certificate_problem->remedy});
    if (facts.enrolment_unsaved)
        out.push_back({Severity::error, "enrolment_not_saved", "",
                       "the enrolment was not saved for the next boot: a restart of the host may undo it",
                       "run `xcopy-agent enroll --save` on the host, or vib-installer install"});
    if (facts.key_exposed)
        out.push_back({Severity::warning, "key_exposed", "", "others than root may read the agent's private key",
                       "chmod 600 the key file"});
    if (facts.health.selftest)
        for (const auto& test : facts.health.selftest->tests)
            if (!test.passed)
                out.push_back({Severity::error, "selftest_failed", test.name,
                               fmt::format("the last self test failed: {}: {}", test.name, test.detail), test.remedy});
    if (facts.health.drained_s > 0)
        out.push_back(
            {Severity::info, "drained", "",
             fmt::format("the host takes no orders for {} s more: its agent is about to be upgraded or removed",
                         facts.health.drained_s),
             R"(it ends by itself; POST /v1/drain {"on":false} ends it now)"});
    if (!facts.indeterminate_jobs.empty())
        out.push_back({Severity::warning, "indeterminate_clones", facts.indeterminate_jobs.front(),
                       fmt::format("nobody saw how these clones ended: {}", fmt::join(facts.indeterminate_jobs, ", ")),
                       "clone them again; forget the old ones with DELETE /v1/clones/{id}"});
    if (!facts.orphaned_jobs.empty())
        out.push_back(
            {Severity::info, "orphaned_clones", facts.orphaned_jobs.front(),
             fmt::format("cancelled because no coordinator asked about them: {}", fmt::join(facts.orphaned_jobs, ", ")),
             "run the coordinator again for these volumes"});
    return out;
}

} // namespace xcopy
