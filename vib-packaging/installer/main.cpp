// vib-installer: puts xcopy-agent on ESXi hosts, enrols it, upgrades it, looks at it, takes it away.
#include "coordinator/populator.hpp"
#include "coordinator/signals.hpp"
#include "vendors/rest/observed.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <unistd.h>

#include "vib-packaging/installer/ca/command.hpp"
#include "vib-packaging/installer/options.hpp"
#include "vib-packaging/installer/report.hpp"

namespace xcopy::installer {

namespace {

constexpr int most_failed = 100; // exit status: that many hosts failed, or more
constexpr int exit_usage = 101;
constexpr int exit_internal = 102;

constexpr const char* about = R"(vib-installer: puts xcopy-agent on ESXi hosts over SSH, and keeps it there

Run it as often as you like: it looks at each host, does what is missing, and changes nothing on a host that
is as it should be. A host that fails does not hold up the others.)";

constexpr const char* footer =
    R"(Environment: SSH_PRIVATE_KEY (a key, or base64 of it), SSH_KEY_PASSPHRASE, ESXI_SSH_PASSWORD, SSH_TIMEOUT_SECONDS;
for a vCenter GOVMOMI_HOSTNAME, GOVMOMI_USERNAME, GOVMOMI_PASSWORD, GOVMOMI_INSECURE, cacert (the CA's PEM text)

Exit status: 0 every host is as wanted; 1 to 99 that many hosts failed; 100 hundred or more; 101 usage, or vCenter
does not name the hosts

Examples:
  vib-installer ca init --help
  vib-installer --vib-path xcopy-agent-0.1.0.vib --esxi-hosts esx1,esx2 --ssh-key-file id_rsa --dry-run
  vib-installer install --esxi-hosts-file hosts --ssh-key-file id_rsa --lower-acceptance-level --allow 10.20.0.0/16 \
      --ca-dir ca
  vib-installer status --vsphere-hostname vc.example.com --datacenter 'Europe/DC 0' --ssh-key-file id_rsa
  vib-installer status --esxi-hosts-file hosts --ssh-key-file id_rsa
  vib-installer upgrade … --clones wait
  vib-installer remove … --acceptance-level PartnerSupported)";

std::string default_known_hosts()
{
    if (const char* state = std::getenv("XDG_STATE_HOME"); state && *state)
        return std::string(state) + "/xcopy/known_hosts";
    const char* home = std::getenv("HOME");
    return std::string(home ? home : ".") + "/.local/state/xcopy/known_hosts";
}

Variables environment()
{
    Variables all;
    for (char** one = environ; *one; ++one) {
        const std::string_view text(*one);
        const auto equals = text.find('=');
        if (equals != std::string_view::npos)
            all.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
    return all;
}

void add_options(CLI::App& app, Options& options)
{
    app.add_option("--esxi-hosts", options.esxi_hosts, "hosts, comma separated: [NAME=][USER@]ADDRESS[:PORT]")
        ->allow_extra_args(false);
    app.add_option("--esxi-hosts-file", options.esxi_hosts_file, "one host a line");
    app.add_option("--vib-path", options.vib_path, "the VIB")->capture_default_str();
    app.add_option("--ssh-user", options.ssh_user, "who signs in")->capture_default_str();
    app.add_option("--ssh-key-file", options.ssh_key_file, "private key: PEM, OpenSSH form, or base64 of either");
    app.add_option("--ssh-timeout-seconds", options.ssh_timeout_s, "for connecting and signing in")
        ->envname("SSH_TIMEOUT_SECONDS")
        ->check(CLI::Range(1, 3600))
        ->capture_default_str();
    app.add_option("--known-hosts", options.known_hosts, "known SSH host keys; new ones are added")
        ->capture_default_str();
    app.add_flag("--strict-host-keys", options.strict_host_keys, "refuse hosts that are not in --known-hosts");
    app.add_option("--parallel", options.parallel, "hosts at once")->check(CLI::Range(1, 64))->capture_default_str();
    app.add_option("--allow", options.allow,
                   "network that may reach the agent (CIDR), again for more; none: the firewall stays as it is")
        ->allow_extra_args(false);
    app.add_flag("--lower-acceptance-level", options.lower_acceptance,
                 "let hosts accept unsigned VIBs (CommunitySupported)");
    app.add_flag("--allow-downgrade", options.allow_downgrade, "replace a newer agent");
    app.add_option("--clones", options.clones,
                   "before an upgrade: wait until none runs, or let the new agent adopt them")
        ->check(CLI::IsMember({"wait", "adopt"}))
        ->capture_default_str();
    app.add_option("--wait-minutes", options.wait_minutes, "for running clones")
        ->check(CLI::Range(0, 10080))
        ->capture_default_str();
    app.add_flag("--renew", options.renew, "new certificates, even where the old ones last");
    app.add_option("--ca-dir", options.ca_dir,
                   "directory of vib-installer ca: signs the hosts, and has what to ask them with");
    app.add_option("--sign-command", options.sign_command,
                   "program that signs: PROGRAM UUID REQUEST-FILE prints the certificate");
    app.add_option("--agent-ca-file", options.tls.ca_file, "CA of agents and clients (PEM)");
    app.add_option("--agent-cert-file", options.tls.cert_file, "our client certificate (PEM)");
    app.add_option("--agent-key-file", options.tls.key_file, "its key");
    app.add_option("--agent-port", options.agent_port, "where the agents listen")->capture_default_str();
    app.add_option("--acceptance-level", options.acceptance_after_removal, "remove: set this level afterwards")
        ->check(CLI::IsMember({"VMwareCertified", "VMwareAccepted", "PartnerSupported", "CommunitySupported"}));
    app.add_flag("--dry-run", options.dry_run, "show what would be done");
    app.add_option("--output", options.output, "of the report")
        ->check(CLI::IsMember({"table", "json"}))
        ->capture_default_str();
}

void add_vcenter(CLI::App& app, Options& options)
{
    app.add_option("--vsphere-hostname", options.vsphere.hostname,
                   "vCenter whose hosts are meant, where none is named");
    app.add_option("--vsphere-username", options.vsphere.username,
                   "its account; the password is GOVMOMI_PASSWORD, or in --vsphere-secret-file");
    app.add_option("--datacenter", options.vsphere.datacenter, "only hosts of this datacenter, by its path or name");
    app.add_option("--vsphere-ca-file", options.vsphere.ca_file, "CA of its certificate (PEM)");
    app.add_option("--vsphere-thumbprint", options.vsphere_thumbprint, "trust the very certificate with this SHA-256");
    app.add_option("--ssh-port", options.ssh_port, "of hosts that vCenter names")
        ->check(CLI::Range(1, 65535))
        ->capture_default_str();
    app.add_option("--vsphere-secret-file", options.vsphere_secret_file,
                   "GOVMOMI_… values: KEY=value lines or a JSON object");
    app.add_option_function<std::string>(
           "--vsphere-password", [&options](const std::string& given) { options.vsphere_password = Secret(given); },
           "readable in the list of processes: rather set GOVMOMI_PASSWORD")
        ->group("Forklift");
}

// Forklift's vib-installer has it and this one has no use for it: taken, so that nobody's script breaks.
void add_flags_of_old(CLI::App& app, bool& restart)
{
    app.add_option("--restart-hostd,-r", restart, "taken and not needed: hostd is never restarted")->group("Forklift");
}

// Into `ready`. Taking the agent from all hosts of a vCenter is never meant by leaving something out.
Result<void> ask_vcenter(const Call& call, rest::Transport& transport, Command command, const Options& options,
                         Ready& ready)
{
    if (!ready.vcenter)
        return {};
    if (command == Command::remove && ready.vcenter->datacenter.empty())
        return Error{Errc::bad_request, "remove takes no hosts from a vCenter unless --datacenter says which",
                     "name the datacenter, or the hosts with --esxi-hosts", "bad_option"};
    fmt::print(stderr, "asking {} for its hosts\n", ready.vcenter->hostname);
    const auto log = stderr_log(Log::Level::warn);
    auto found =
        hosts_in_vcenter(call, transport, *log, *ready.vcenter, {.user = options.ssh_user, .port = options.ssh_port});
    if (!found)
        return found.error();
    for (auto& host : *found)
        ready.hosts.push_back({std::move(host), ready.login});
    return {};
}

int work(Command command, const Options& options, const std::stop_token& stop, bool only_upgrade)
{
    auto ready = prepare(options, environment(), command);
    ready.job.wanted.only_upgrade = only_upgrade;
    HostKeys keys(options.strict_host_keys ? HostKeys::Unknown::refuse : HostKeys::Unknown::accept);
    if (auto known = load_known_hosts(options.known_hosts, keys); !known)
        ready.problems.push_back(known.error());
    for (const auto& warning : ready.warnings)
        fmt::print(stderr, "vib-installer: {}\n", warning);
    const auto wire = rest::curl_transport();
    const auto transport = rest::observed(
        *wire, {.warning = [](std::string_view what) { fmt::print(stderr, "vib-installer: INSECURE: {}\n", what); }});
    if (ready.problems.empty())
        if (auto asked = ask_vcenter(Call{.stop = stop}, *transport, command, options, ready); !asked)
            ready.problems.push_back(asked.error());
    for (const auto& problem : ready.problems)
        fmt::print(stderr, "vib-installer: {}\n  remedy: {}\n", problem.message, problem.remedy);
    if (!ready.problems.empty()) {
        fmt::print(stderr, "Nothing was done. Help: vib-installer --help\n");
        return exit_usage;
    }
    const auto signer = std::move(ready.signer);
    ready.job.signer = signer.get();
    ready.job.wanted.enrol = signer != nullptr;
    ready.job.transport = transport.get();

    std::vector<std::string> names;
    names.reserve(ready.hosts.size());
    for (const auto& host : ready.hosts)
        names.push_back(host.address.name);
    const bool live = ::isatty(STDERR_FILENO) == 1 && options.output == "table";
    const auto watcher = live ? table_watcher(names) : line_watcher();
    const auto reports = work_on(Call{.stop = stop}, command, ready.hosts, ready.job, keys, ready.fleet, *watcher);
    if (auto kept = save_known_hosts(options.known_hosts, keys); !kept)
        fmt::print(stderr, "vib-installer: {}\n  remedy: {}\n", kept.error().message, kept.error().remedy);
    fmt::print("{}", options.output == "json"     ? json_report(reports)
                     : command == Command::status ? status_text(reports)
                                                  : text_report(reports));
    return std::min(failed_hosts(reports), most_failed);
}

int main_with(int argc, char** argv)
{
    Options options{.known_hosts = default_known_hosts()};
    bool restart = false;
    CLI::App app{about};
    app.footer(footer);
    app.require_subcommand(0, 1); // without one: install, as it always was
    add_options(app, options);
    add_vcenter(app, options);
    add_flags_of_old(app, restart);
    const auto add = [&](const char* name, const char* help) {
        auto* sub = app.add_subcommand(name, help);
        sub->fallthrough();
        return sub;
    };
    add("install", "install or upgrade, enrol, start, prove (also without a command)");
    auto* upgrade = add("upgrade", "the same, but only where an agent is installed");
    auto* status = add("status", "how the hosts stand; nothing is changed");
    auto* remove = add("remove", "take everything away");
    const ca::Command authority(app);
    app.add_flag_callback(
        "--version",
        [] {
            fmt::print("vib-installer {}\n", XCOPY_VERSION);
            throw CLI::Success{};
        },
        "print the version");

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& problem) {
        return app.exit(problem) == 0 ? 0 : exit_usage;
    }
    blank_secrets({argv + 1, argv + argc});
    if (authority.given())
        return authority.run();
    const Signals signals({.first = "\nstopping after the commands that run now. Once more leaves at once.\n",
                           .second = "\nleaving now. What was done stays; run the same command again to go on.\n",
                           .exit_status = exit_internal}); // before any thread exists
    const auto command = *status ? Command::status : *remove ? Command::remove : Command::install;
    return work(command, options, signals.stop(), bool(*upgrade));
}

} // namespace

} // namespace xcopy::installer

int main(int argc, char** argv)
{
    try {
        return xcopy::installer::main_with(argc, argv);
    } catch (const std::exception& bug) { // what was done stays; the next run goes on from there
        fmt::print(stderr, "vib-installer: internal error: {}\n", bug.what());
        return xcopy::installer::exit_internal;
    }
}
