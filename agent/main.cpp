// xcopy-agent: runs array-side copies of VMware disks on the ESXi host it is installed on.
#include "agent/config.hpp"
#include "agent/esxi/supervisor.hpp"
#include "agent/selftest.hpp"
#include "agent/serve.hpp"
#include "protocol/version.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
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
    if (const auto problems = validate(*config); !problems.empty()) {
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
    auto results = run_selftest(self);
    auto config = load(config_path, self);
    if (config) {
        const auto tools = probe_tools(*config);
        results.insert(results.end(), tools.begin(), tools.end());
    } else if (config_named) {
        results.push_back({"configuration", false, config.error().message, 0});
    }
    fmt::print("{}", output == "json" ? as_json(results) + "\n" : as_table(results));
    return all_passed(results) ? 0 : 1;
}

} // namespace

int main(int argc, char** argv)
{
    // Before anything else: between order and vmkfstools every millisecond is a customer's.
    if (argc > 2 && std::string_view(argv[1]) == "supervise")
        return supervise_command(std::vector<std::string>(argv + 2, argv + argc));

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
    auto* version_command = app.add_subcommand("version", "print the version of agent and protocol");
    with_output(version_command);

    CLI11_PARSE(app, argc, argv);
    if (*serve_command)
        return run_serve(config_path, pid_file, self);
    if (*validate_command)
        return run_validate(config_path, self);
    if (*selftest_command)
        return print_selftest(config_path, selftest_config->count() > 0, output, self);
    return print_version(output);
}
