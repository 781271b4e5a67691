#include "vib-packaging/installer/inspect.hpp"

#include <sstream>

namespace xcopy::installer {

namespace {

using Words = std::vector<std::string>;

Words esxcli(Words words)
{
    words.insert(words.begin(), {"esxcli", "--formatter=xml"});
    return words;
}

// Asks one thing after the other until the connection fails; a host of which one question times out is still a host.
class Questions {
public:
    Questions(const Call& call, SshSession& session) : call_(call), session_(session) {}

    std::string out(Words words)
    {
        const auto answer = put(std::move(words));
        return answer && answer->ok() ? answer->out : std::string();
    }
    // Of programs that say much with their exit status too.
    std::string any(Words words)
    {
        const auto answer = put(std::move(words));
        return answer ? answer->out : std::string();
    }
    bool succeeds(Words words)
    {
        const auto answer = put(std::move(words));
        return answer && answer->ok();
    }
    const std::optional<Error>& failed() const { return failed_; }

private:
    std::optional<SshOutput> put(Words words)
    {
        if (failed_)
            return std::nullopt;
        auto answer = ask(call_, session_, std::move(words));
        if (!answer) {
            failed_ = answer.error();
            return std::nullopt;
        }
        return std::move(*answer);
    }

    const Call& call_;
    SshSession& session_;
    std::optional<Error> failed_{};
};

} // namespace

Result<SshOutput> ask(const Call& call, SshSession& session, std::vector<std::string> words, std::string input,
                      std::chrono::milliseconds limit)
{
    return session.run(call.within(limit), words, std::move(input));
}

Result<HostFacts> inspect(const Call& call, SshSession& session, std::uint16_t agent_port)
{
    Questions host(call, session);
    HostFacts facts;
    const auto version = host.out(esxcli({"system", "version", "get"}));
    facts.version = parse_field(version, "version");
    facts.build = parse_field(version, "build");
    facts.uuid = parse_text(host.out(esxcli({"system", "uuid", "get"})));
    facts.name = parse_field(host.out(esxcli({"system", "hostname", "get"})), "fullyqualifieddomainname");
    facts.secure_boot = parse_secure_boot(host.out({"/usr/lib/vmware/secureboot/bin/secureBoot.py", "-s"}));
    facts.exec_installed_only =
        parse_kernel_flag(host.out(esxcli({"system", "settings", "kernel", "list", "-o", "execInstalledOnly"})));
    facts.acceptance = parse_text(host.out(esxcli({"software", "acceptance", "get"})));
    facts.installed = parse_field(host.out(esxcli({"software", "vib", "get", "-n", vib_name})), "version");
    facts.tmp_free_kib = parse_tmp_free_kib(host.out(esxcli({"system", "visorfs", "ramdisk", "list"})));
    if (const auto clock = parse_utc_time(host.out({"esxcli", "system", "time", "get"}))) {
        const auto here = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
        facts.clock_ahead_s = *clock - here;
    }
    facts.port_holder = parse_listener(host.out(esxcli({"network", "ip", "connection", "list"})), agent_port);
    facts.running = host.succeeds({init_script, "status"});
    facts.ruleset =
        parse_ruleset(host.out(esxcli({"network", "firewall", "ruleset", "list", "-r", ruleset_name})),
                      host.out(esxcli({"network", "firewall", "ruleset", "allowedip", "list", "-r", ruleset_name})));
    facts.enrolment = parse_enrolment(host.any({program, "enroll", "--status", "--output", "json"}));
    facts.has_group = host.succeeds({"localcli", "--plugin-dir=/usr/lib/vmware/esxcli/int", "sched", "group", "list",
                                     std::string("--group-path=") + memory_group});
    std::istringstream files(host.any({"ls", "-d", "/scratch/xcopy-agent", "/var/run/xcopy-agent",
                                       "/var/run/xcopy-agent.pid", "/var/log/xcopy-agent.log", upload_path}));
    for (std::string file; std::getline(files, file);)
        if (file.starts_with('/'))
            facts.files.push_back(file);
    // One folder a job; `ls` of two folders prints each folder's name with a colon.
    std::istringstream jobs(host.any({"ls", "/scratch/xcopy-agent/jobs", "/var/run/xcopy-agent/jobs"}));
    for (std::string line; std::getline(jobs, line);)
        facts.has_jobs |= !line.empty() && !line.ends_with(':');
    if (host.failed())
        return *host.failed();
    return facts;
}

} // namespace xcopy::installer
