#include "coordinator/commands/commands.hpp"
#include "coordinator/populator.hpp"
#include "coordinator/signals.hpp"
#include "coordinator/verdict.hpp"
#include "protocol/version.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cstdio>
#include <functional>
#include <malloc.h>
#include <memory>

namespace xcopy {

namespace {

constexpr const char* about = R"(xcopy-coordinator: copies a VMware disk onto an array volume, by the array itself

It finds the volume, shows it to an ESXi host, has the host's xcopy-agent (where there is none a script, over
SSH) clone the disk, by VAAI XCOPY where the array can, watches, and puts everything back as it was found.)";

constexpr const char* footer =
    R"(Every setting may be a flag, an environment variable XCOPY_<NAME> (XCOPY_STATE_DIR for --state-dir) or an
entry of the --config file; flags go before environment, environment before file.

Secrets are no flags. They come from the environment or from --storage-secret-file:
  STORAGE_HOSTNAME  STORAGE_USERNAME  STORAGE_PASSWORD  STORAGE_TOKEN  STORAGE_CA_FILE
  STORAGE_CA (the certificate's text)
  STORAGE_SKIP_SSL_VERIFICATION ("true" switches the check of the array's certificate off)
  SSH_PRIVATE_KEY  SSH_PUBLIC_KEY  XCOPY_SSH_KNOWN_HOSTS  for hosts without an agent (from the environment)
  and the keys of the vendor, for example ONTAP_SVM

Without a command, with flags only, it is a populator as Forklift starts it: populate, with metrics on :8443. Only
there a password may be a flag, as with Forklift's own image, and a warning says what that means.

Exit codes:
  0  every byte is on the target (populate); all well (other commands)
  1  failed: where a copy had begun, the target's content is undefined
  2  usage or configuration
  3  refused before anything was changed (populate), a check failed (preflight)
  4  cancelled and put back
  5  something was left behind, or may still run; the journal is kept: run again, or sweep
  6  a host without an agent does not take the SSH key: nothing was changed; the message says what to add there

Examples:
  export XCOPY_AGENTS=agents.json XCOPY_AGENT_CA_FILE=ca.pem XCOPY_AGENT_CERT_FILE=me.pem XCOPY_AGENT_KEY_FILE=me.key
  xcopy-coordinator hosts
  xcopy-coordinator preflight --storage-vendor-product ontap --storage-secret-file ontap.env \
      --source-vmdk '[ds1] vm 1/disk.vmdk' --volume-handle pvc-6b0b... --volume-attribute internalName=trident_pvc_6b0b...
  xcopy-coordinator populate (the same flags) --owner-uid 6b0b... --pvc-size 10737418240
  xcopy-coordinator clones watch 6b0b...
  xcopy-coordinator sweep --storage-vendor-product ontap --storage-secret-file ontap.env)";

struct Command {
    const char* name;
    const char* help;
    Needs needs;
    std::function<int(Config, const Signals&)> run;
};

void add_settings(CLI::App& command, Needs needs, Values& flags)
{
    for (const auto& setting : settings()) {
        const std::string name = setting.name;
        if (setting.group && !(needs.*setting.group))
            continue;
        auto* option = command.add_option_function<std::vector<std::string>>(
            "--" + name, [&flags, name](const std::vector<std::string>& given) { flags[name] = given; }, setting.help);
        option->type_name(setting.value);
        // One value per occurrence, so that a value is never taken for a list or for the next argument.
        option->expected(1);
        option->multi_option_policy(setting.many ? CLI::MultiOptionPolicy::TakeAll : CLI::MultiOptionPolicy::TakeLast);
    }
}

void print_version()
{
    fmt::print("xcopy-coordinator {} (protocol {} to {})\n", XCOPY_VERSION, protocol_versions.min,
               protocol_versions.max);
}

// For commands to which it is the same who stops them.
auto stoppable(std::function<int(Config, const std::stop_token&)> command)
{
    return [command = std::move(command)](Config config, const Signals& signals) {
        return command(std::move(config), signals.stop());
    };
}

int run(const Command& command, const Values& flags, Environment environment)
{
    const Signals signals; // before any thread exists
    auto [config, problems] = read_config(flags, environment, command.needs);
    forget_secrets(environment);
    if (!problems.empty()) {
        for (const auto& problem : problems)
            fmt::print(stderr, "xcopy-coordinator: {}\n", problem);
        fmt::print(stderr, "Nothing was done. Help: xcopy-coordinator {} --help\n", command.name);
        if (config.metrics && environment.contains("KUBERNETES_SERVICE_HOST"))
            tell_forklift(config, problems, signals.stop());
        return exit_usage;
    }
    return command.run(std::move(config), signals);
}

int main_with(int argc, char** argv)
{
    const Needs everything{.agents = true, .storage = true, .copy = true, .state = true};
    const Needs agents_only{.agents = true};
    std::string job;
    const std::vector<Command> commands{
        {"populate", "copy one disk", everything, populate},
        {"preflight", "make every check of a copy without changing anything", everything, stoppable(run_preflight)},
        {"hosts", "health of all hosts, and what to do about problems", agents_only, stoppable(show_hosts)},
        {"sweep",
         "undo what dead runs left behind; --owner-uid UID: of that job only",
         {.agents = true, .storage = true, .state = true},
         stoppable(run_sweep)},
    };
    const std::vector<Command> clone_commands{
        {"list", "all clones on all hosts", agents_only, stoppable(list_clones)},
        {"watch", "follow one clone to its end", agents_only,
         stoppable([&](Config c, const std::stop_token& stop) { return watch_clone(std::move(c), stop, job); })},
        {"cancel", "end one clone; its coordinator, if alive, cleans up", agents_only,
         stoppable([&](Config c, const std::stop_token& stop) { return cancel_clone(std::move(c), stop, job); })},
    };

    auto environment = environment_of_process();
    if (const auto words = read_populator_words({argv + 1, argv + argc}, environment)) {
        if (words->version) {
            print_version();
            return exit_success;
        }
        blank_secrets({argv + 1, argv + argc});
        for (const auto& warning : words->warnings)
            fmt::print(stderr, "xcopy-coordinator: {}\n", warning);
        for (const auto& [name, value] : words->secrets)
            environment[name] = value;
        return run(commands.front(), words->flags, std::move(environment));
    }

    CLI::App app{about};
    app.footer(footer);
    app.require_subcommand(1);
    Values flags;
    const Command* chosen = nullptr;
    const auto add = [&](CLI::App& parent, const Command& command) {
        auto* sub = parent.add_subcommand(command.name, command.help);
        add_settings(*sub, command.needs, flags);
        sub->callback([&chosen, &command] { chosen = &command; });
        return sub;
    };
    for (const auto& command : commands)
        add(app, command);
    auto* clones = app.add_subcommand("clones", "list, watch or cancel the clones on the hosts");
    clones->require_subcommand(1);
    for (const auto& command : clone_commands) {
        auto* sub = add(*clones, command);
        if (std::string_view(command.name) != "list")
            sub->add_option("JOB", job, "the job, as clones list shows it")->required();
    }
    app.add_subcommand("version", "print the version")->callback(print_version);

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& problem) {
        return app.exit(problem) == 0 ? exit_success : exit_usage;
    }
    return chosen ? run(*chosen, flags, std::move(environment)) : static_cast<int>(exit_success);
}

} // namespace

} // namespace xcopy

int main(int argc, char** argv)
{
    ::mallopt(M_ARENA_MAX, 2); // threads wait for others nearly always: a heap for each only costs memory
    try {
        return xcopy::main_with(argc, argv);
    } catch (const std::exception& bug) { // the journal is kept: the next run puts things right
        fmt::print(stderr, "xcopy-coordinator: internal error: {}\n", bug.what());
        return xcopy::exit_left_behind;
    }
}
