// Each step of a plan, done over SSH.
#include "coordinator/patience.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "vib-packaging/installer/host_work.hpp"

namespace xcopy::installer {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds esxcli_install = 15min;
constexpr std::chrono::seconds drained_at_once = 2min; // asked for again at half time

// The agent's own commands end with a line that says what to do.
std::string last_line(std::string text)
{
    text.erase(text.find_last_not_of(" \r\n") + 1);
    const auto before = text.rfind('\n');
    return before == std::string::npos ? "" : text.substr(before + 1);
}

Error command_error(const SshOutput& output, std::string_view what)
{
    return {Errc::failed, fmt::format("{}: {}", what, said(output)),
            what == program ? last_line(output.errors) : remedy_for(output.out + output.errors), "command_failed"};
}

} // namespace

Result<std::string> HostWork::command(Words words, std::string input, std::chrono::milliseconds limit)
{
    const std::string what = words.front();
    auto output = ask(call_, session_, std::move(words), std::move(input), limit);
    if (!output)
        return output.error();
    if (!output->ok())
        return command_error(*output, what);
    return std::move(output->out);
}

Result<void> HostWork::quiet(Words words, std::chrono::milliseconds limit)
{
    auto output = command(std::move(words), {}, limit);
    return output ? Result<void>() : output.error();
}

Result<void> HostWork::firewall(Words words)
{
    words.insert(words.begin(), {"esxcli", "network", "firewall"});
    return quiet(std::move(words));
}

Result<void> HostWork::perform(const Step& step, HostReport& report)
{
    const std::string ruleset = ruleset_name;
    switch (step.act) {
    case Act::wait_for_clones:
        return wait_for_clones(report);
    case Act::lower_acceptance:
        return quiet({"esxcli", "software", "acceptance", "set", std::string("--level=") + community_level});
    case Act::set_acceptance:
        return quiet({"esxcli", "software", "acceptance", "set", "--level=" + step.detail});
    case Act::upload:
        return session_.upload(call_.within(10min), job_.vib.bytes, upload_path);
    case Act::install:
        return install_vib(report);
    case Act::read_firewall:
        return firewall({"refresh"});
    case Act::open_ruleset:
        return firewall({"ruleset", "set", "-r", ruleset, "-e", "true"});
    case Act::allow_all:
        return firewall({"ruleset", "set", "-r", ruleset, "--allowed-all", "true"});
    case Act::restrict:
        return firewall({"ruleset", "set", "-r", ruleset, "--allowed-all", "false"});
    case Act::allow:
        return firewall({"ruleset", "allowedip", "add", "-r", ruleset, "-i", step.detail});
    case Act::disallow:
        return firewall({"ruleset", "allowedip", "remove", "-r", ruleset, "-i", step.detail});
    case Act::reset_firewall: // so that a later installation does not begin with these
        for (const auto& network : facts_.ruleset ? facts_.ruleset->allowed : Words())
            if (auto done = firewall({"ruleset", "allowedip", "remove", "-r", ruleset, "-i", network}); !done)
                return done;
        return firewall({"ruleset", "set", "-r", ruleset, "--allowed-all", "true"});
    case Act::enrol:
        return enrol();
    case Act::save_enrolment:
        return quiet({program, "enroll", "--save"});
    case Act::start:
        return quiet({init_script, "start"});
    case Act::stop:
        return quiet({init_script, "stop"});
    case Act::selftest:
        return selftest();
    case Act::health:
        return health(report);
    case Act::remove_vib:
        return quiet({"esxcli", "software", "vib", "remove", "-n", vib_name}, esxcli_install);
    case Act::remove_group:
        return quiet({"localcli", "--plugin-dir=/usr/lib/vmware/esxcli/int", "sched", "group", "delete",
                      std::string("--group-path=") + memory_group});
    case Act::remove_files: // exactly these, and nothing that anybody could have put into a variable
        return quiet({"rm", "-rf", "/scratch/xcopy-agent", "/var/run/xcopy-agent", "/var/run/xcopy-agent.pid",
                      "/var/log/xcopy-agent.log", upload_path});
    case Act::save:
        if (auto saved = quiet({"/sbin/auto-backup.sh"}); !saved)
            return Error{saved.error().code, saved.error().message,
                         "all else is done; run /sbin/auto-backup.sh on the host, or leave it to the host, which saves "
                         "every hour",
                         "not_saved"};
        return {};
    }
    return {};
}

Result<void> HostWork::install_vib(HostReport& report)
{
    if (drain_ == Drain::done) { // copying may have taken long, and this may too
        if (auto asked = agent())
            if (auto held = drain(*asked, esxcli_install, report); !held)
                return held;
        if (auto still = wait_for_clones(report); !still)
            return still;
    }
    auto done = command({"esxcli", "software", "vib", "install", "-v", upload_path}, {}, esxcli_install);
    // Whatever came of it, the copy goes; the next run brings its own.
    auto removed = quiet({"rm", "-f", upload_path});
    if (!done) {
        // A refused upgrade may have stopped the agent that was there, and with it the way to watch its clones.
        if (!facts_.installed.empty() && facts_.running)
            (void)quiet({init_script, "start"});
        return done.error();
    }
    if (done->find("Reboot Required: true") != std::string::npos)
        return Error{Errc::failed, "the installation takes effect only after a restart of the host",
                     "restart it and run this again", "reboot_required"};
    if (!removed)
        return removed;
    // The proof that the host runs the program at all: execInstalledOnly shows here.
    auto version = command({program, "version"});
    if (!version)
        return Error{version.error().code,
                     fmt::format("the host does not run {}: {}", program, version.error().message),
                     "if it enforces execInstalledOnly against unsigned VIBs (esxcli system settings kernel list -o "
                     "execInstalledOnly), "
                     "allow it or leave this host to the SSH way",
                     "exec_refused"};
    return {};
}

std::unique_ptr<AgentHost> HostWork::agent() const
{
    if (!job_.tls || !job_.transport)
        return nullptr;
    const auto& host = session_.host();
    return std::make_unique<AgentHost>(
        AgentAddress{.name = host.name, .address = host.address, .port = job_.wanted.port, .uuid = facts_.uuid},
        *job_.tls, *job_.transport);
}

// A host that was never enrolled cannot have been given a clone; one that only lost its certificate may have some.
Result<void> HostWork::wait_for_clones(HostReport& report)
{
    if (facts_.enrolment.state == "not_enrolled" && !facts_.has_jobs)
        return {};
    auto asked = agent();
    if (!asked)
        return Error{Errc::bad_request, "whether clones run cannot be asked: no client certificate was given",
                     "give --agent-ca-file, --agent-cert-file and --agent-key-file", "clones_unknown"};
    const Call limited = call_.within(job_.wait_for_clones);
    for (;;) {
        auto clones = clones_in_the_way(*asked, report); // asked at least once, however short the wait
        if (!clones) {
            if (call_.stop.stop_requested())
                return clones.error();
            return Error{clones.error().code,
                         fmt::format("the agent does not tell whether clones run: {}", clones.error().message),
                         "start it (/etc/init.d/xcopy-agent restart); --clones adopt upgrades without asking, and the "
                         "new agent takes "
                         "up what runs",
                         "clones_unknown"};
        }
        if (*clones == 0)
            return {};
        progress_(fmt::format("wait for {} clones", *clones));
        if (!pause(limited, job_.look_again))
            return Error{call_.stop.stop_requested() ? Errc::cancelled : Errc::timed_out,
                         fmt::format("{} clones still run", *clones),
                         "wait for them (xcopy-coordinator clones list), or upgrade with --clones adopt", "clones_run"};
    }
}

// Those that run; and those that wait, where nobody would take them up or where they would be begun meanwhile.
Result<std::ptrdiff_t> HostWork::clones_in_the_way(AgentHost& agent, HostReport& report)
{
    if (drain_ != Drain::impossible && std::chrono::steady_clock::now() >= drain_again_)
        if (auto done = drain(agent, drained_at_once, report); !done)
            return done.error();
    auto clones = agent.clones(call_);
    if (!clones)
        return clones.error();
    const bool queue_waits = drain_ == Drain::done && !for_good_;
    return std::ranges::count_if(*clones, [&](const CloneStatus& clone) {
        return !is_final(clone.state) && !(queue_waits && clone.state == CloneState::queued);
    });
}

// No new clones from here on. It ends by itself, so it is asked for again in time while we live.
Result<void> HostWork::drain(AgentHost& agent, std::chrono::seconds how_long, HostReport& report)
{
    const DrainRequest request{.on = true, .seconds = static_cast<int>(how_long.count()), .finish_queue = for_good_};
    const auto asked = std::chrono::steady_clock::now();
    auto drained = agent.drain(call_, request);
    if (drained) {
        drain_ = Drain::done;
        drain_again_ = asked + how_long / 2;
        return {};
    }
    if (drained.error().code != Errc::unsupported && drained.error().code != Errc::denied)
        return drained.error();
    drain_ = Drain::impossible;
    report.findings.push_back(
        {.severity = Severity::warning,
         .code = "not_drained",
         .subject = {},
         .message = "the host went on taking orders while this waited for its clones: " + drained.error().message,
         .remedy = "give an operator's certificate (--agent-cert-file), or --ca-dir"});
    return {};
}

void HostWork::end_drain()
{
    if (drain_ != Drain::done)
        return;
    if (auto asked = agent()) // whatever stopped us does not stop this; and if it fails, the drain ends by itself
        (void)asked->drain(Call().within(10s), {.on = false});
}

Result<void> HostWork::enrol()
{
    Words ask_for{program, "enroll", "--address", session_.host().address};
    if (session_.host().address.find_first_not_of("0123456789.:abcdefABCDEF") != std::string::npos)
        ask_for[2] = "--name"; // it is reached by a name
    auto request = command(ask_for);
    if (!request)
        return request.error();
    auto chain = job_.signer->sign(call_, {.csr = *request, .uuid = facts_.uuid, .name = session_.host().name});
    if (!chain)
        return chain.error();
    auto taken = command({program, "enroll", "--install"}, *chain);
    return taken ? Result<void>() : taken.error();
}

Result<void> HostWork::selftest()
{
    auto output = ask(call_, session_, {program, "selftest"}, {}, 3min);
    if (!output)
        return output.error();
    if (output->ok())
        return {};
    std::string failures;
    for (std::size_t at = 0; at < output->out.size();) {
        const auto end = std::min(output->out.find('\n', at), output->out.size());
        const auto line = output->out.substr(at, end - at);
        if (line.find("FAIL") != std::string::npos)
            failures.append(failures.empty() ? "" : "; ").append(line);
        at = end + 1;
    }
    return Error{Errc::failed, failures.empty() ? said(*output) : failures,
                 "xcopy-agent selftest on the host shows it all", "selftest_failed"};
}

Result<void> HostWork::health(HostReport& report)
{
    auto asked = agent();
    if (!asked)
        return Error{Errc::bad_request, "no client certificate was given", "", "no_client_certificate"};
    const Call limited = call_.within(job_.wait_for_agent);
    for (;;) {
        auto health = asked->health(limited, HealthAge::fresh);
        if (health) {
            report.agent_version = health->agent_version;
            report.findings.insert(report.findings.end(), health->problems.begin(), health->problems.end());
            return {};
        }
        // It has just been started, or reads its new certificate: that comes right by itself.
        const bool settles = is_transient(health.error().code) || health.error().code == Errc::denied;
        if (!settles || !pause(limited, job_.look_again))
            return health.error();
    }
}

} // namespace xcopy::installer
