// xcopy-agent: runs array-side copies of VMware disks on the ESXi host it is installed on.
#include "agent/config.hpp"
#include "agent/enroll.hpp"
#include "agent/esxi/supervisor.hpp"
#include "agent/selftest.hpp"
#include "agent/serve.hpp"
#include "protocol/version.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

namespace {

using namespace xcopy;

constexpr int bad_configuration = 2;

// Supervisors and the self test start this very program. /proc/self/exe is not to be relied on (facts/esxi.md 1.5).
std::string own_path(const char* started_as)
{
    for (const char* candidate : {started_as, "/proc/self/exe"}) {
        if (std::string_view(candidate).find('/') == std::string_view::npos)
            continue; // found by PATH
        if (char* resolved = ::realpath(candidate, nullptr)) {
            std::string path(resolved);
            std::free(resolved);
            return path;
        }
    }
    return started_as;
}

int print_version(const std::string& output)
{
    if (output == "json")
        fmt::print("{{\"version\":\"{}\",\"protocol\":{{\"min\":{},\"max\":{}}}}}\n", XCOPY_VERSION,
                   protocol_versions.min, protocol_versions.max);
    else
        fmt::print("xcopy-agent {} (protocol {} to {})\n", XCOPY_VERSION, protocol_versions.min, protocol_versions.max);
    return 0;
}

Result<void> write_pid_file(const std::string& path)
{
    std::ofstream file(path, std::ios::trunc);
    file << ::getpid() << '\n';
    if (!file.flush())
        return Error{Errc::failed, fmt::format("cannot write the pid file {}", path)};
    return {};
}

Result<Config> load(const std::string& path, const std::string& self)
{
    auto config = read_config(path);
    if (config && config->agent_path.empty())
        config->agent_path = self;
    return config;
}

int run_serve(const std::string& config_path, const std::string& pid_file, const std::string& self)
{
    auto config = load(config_path, self);
    if (!config) {
        fmt::print(stderr, "{}\n{}\n", config.error().message, config.error().remedy);
        return bad_configuration;
    }
    if (const auto problems = check_host(*config); !problems.empty()) {
        fmt::print(stderr, "the configuration {} cannot be used:\n{}", config_path, describe(problems));
        log::open(config->log == "stderr" ? log::Target::standard_error : log::Target::syslog);
        for (const auto& problem : problems)
            log::error("bad configuration",
                       {{"setting", problem.setting}, {"reason", problem.message}, {"remedy", problem.remedy}});
        return bad_configuration;
    }
    if (!pid_file.empty()) // how the init script finds us; without it a stop would not
        if (auto written = write_pid_file(pid_file); !written) {
            fmt::print(stderr, "{}\n", written.error().message);
            return bad_configuration;
        }
    return serve(*config);
}

int run_validate(const std::string& config_path, const std::string& self)
{
    auto config = load(config_path, self);
    if (!config) {
        fmt::print(stderr, "{}\n{}\n", config.error().message, config.error().remedy);
        return bad_configuration;
    }
    const auto problems = validate(*config);
    fmt::print("{}", problems.empty() ? "the configuration can be used\n" : describe(problems));
    return problems.empty() ? 0 : bad_configuration;
}

int print_selftest(const std::string& config_path, bool config_named, const std::string& output,
                   const std::string& self)
{
    auto config = load(config_path, self);
    auto results = probe_machine(config ? config->agent_path : self);
    if (config) {
        auto host = probe_host(*config, self);
        results.insert(results.end(), std::make_move_iterator(host.begin()), std::make_move_iterator(host.end()));
        if (auto kept = keep_selftest(config->state_dir, results); !kept)
            fmt::print(stderr, "the result is not kept for health: {}\n", kept.error().message);
    } else if (config_named) {
        results.push_back({"configuration", false, false, config.error().message, config.error().remedy, 0});
    }
    fmt::print("{}", output == "json" ? as_json(results) + "\n" : as_table(results));
    (void)std::fflush(stdout);
    ::_exit(all_passed(results) ? 0 : 1); // a probe that hangs is still there
}

struct Enroll {
    EnrollOptions request;
    InstallOptions answer;
    bool install = false;
    bool save = false;
    bool status = false;
};

CLI::App* add_enroll(CLI::App& app, Enroll& options)
{
    auto* command = app.add_subcommand(
        "enroll", "make a key on this host, if it has none, and print a certificate request for it;\n"
                  "with --install take the signed certificate; with --status tell how it stands");
    auto* install = command->add_flag("--install", options.install, "take the certificate into service and save it");
    command
        ->add_option("--certificate", options.answer.certificate,
                     "the signed certificate, then those between it and the CA (PEM); - is standard input")
        ->needs(install)
        ->capture_default_str();
    command->add_option("--ca", options.answer.ca, "the CA (PEM); without it the self-signed ones of --certificate")
        ->needs(install);
    auto* status =
        command->add_flag("--status", options.status, "exit status 0 when the host is enrolled")->excludes(install);
    command->add_flag("--save", options.save, "save what the host has for its next boot (--install does it as well)")
        ->excludes(install)
        ->excludes(status);
    command
        ->add_flag("--new-key", options.request.new_key,
                   "ask for a certificate for a new key; the old pair serves until --install")
        ->excludes(install)
        ->excludes(status);
    command->add_option("--name", options.request.names, "one more name of this host")
        ->excludes(install)
        ->excludes(status);
    command->add_option("--address", options.request.addresses, "one more address")
        ->excludes(install)
        ->excludes(status);
    return command;
}

int run_enroll(const Enroll& options, const std::string& config_path, const std::string& output,
               const std::string& self)
{
    auto config = load(config_path, self);
    if (!config) {
        fmt::print(stderr, "{}\n{}\n", config.error().message, config.error().remedy);
        return bad_configuration;
    }
    if (options.install)
        return enroll_install(*config, options.answer);
    if (options.save)
        return enroll_save(*config);
    if (options.status)
        return enroll_status(*config, output);
    return enroll_request(*config, options.request);
}

} // namespace

int main(int argc, char** argv)
{
    // Before anything else: between order and vmkfstools every millisecond is a customer's.
    if (argc > 2 && std::string_view(argv[1]) == "supervise")
        return supervise_command(std::vector<std::string>(argv + 2, argv + argc));

    if (auto played = play_vmkfstools(argc, argv)) // for the self test's probe of the supervisor
        return *played;

    const std::string self = own_path(argv[0]);
    std::string config_path = default_config_path;
    std::string output = "table";
    std::string pid_file;

    CLI::App app(
        "xcopy-agent lets the storage array copy VMware disks onto array volumes, safely, on the ESXi host it\n"
        "runs on. It answers https on port 18443 to holders of a certificate with an xcopy role; try\n"
        "  curl --cert me.crt --key me.key --cacert ca.crt https://HOST:18443/v1/health");
    app.require_subcommand(1);
    app.footer("It is normally started by /etc/init.d/xcopy-agent and configured in " +
               std::string(default_config_path) + ".");
    const auto with_config = [&](CLI::App* command) {
        return command->add_option("--config", config_path, "configuration file (JSON)")->capture_default_str();
    };
    const auto with_output = [&](CLI::App* command) {
        command->add_option("--output", output, "table or json")->check(CLI::IsMember({"table", "json"}));
    };
    auto* serve_command = app.add_subcommand(
        "serve", "run the agent until SIGTERM; clones that run go on and are taken up by the next agent");
    with_config(serve_command);
    serve_command->add_option("--pid-file", pid_file, "write our process id there");
    auto* validate_command = app.add_subcommand("validate", "check the configuration and report every problem at once");
    with_config(validate_command);
    auto* selftest_command =
        app.add_subcommand("selftest", "probe what this host must be able to do; exit status 1 when something fails");
    auto* selftest_config = with_config(selftest_command);
    with_output(selftest_command);
    Enroll enroll;
    auto* enroll_command = add_enroll(app, enroll);
    with_config(enroll_command);
    with_output(enroll_command);
    auto* version_command = app.add_subcommand("version", "print the version of agent and protocol");
    with_output(version_command);

    CLI11_PARSE(app, argc, argv);
    if (*serve_command)
        return run_serve(config_path, pid_file, self);
    if (*validate_command)
        return run_validate(config_path, self);
    if (*enroll_command)
        return run_enroll(enroll, config_path, output, self);
    if (*selftest_command)
        return print_selftest(config_path, selftest_config->count() > 0, output, self);
    return print_version(output);
}
