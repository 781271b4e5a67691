// software vib *, software acceptance * (facts/esxi.md 2, 3.6)
#include "tests/lab/esxcli/command.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>
#include <iterator>

namespace lab {

namespace {

Output refuse(const std::string& kind, const std::string& text)
{
    return Output::failure(fmt::format(" [{}]\n {}\n Please refer to the log file for more details.", kind, text));
}

Output not_managed()
{
    return Output::failure("Error: Unknown command or namespace software"); // as while hostd loads its plug-ins
}

// As ESXi sees it: below the root, or on a datastore.
std::filesystem::path resolved(const HostState& host, const std::string& path)
{
    for (const auto& store : host.datastores)
        for (const auto& name : {store.name, store.uuid})
            if (const auto prefix = "/vmfs/volumes/" + name + "/"; path.starts_with(prefix))
                return host.management->datastores / store.name / path.substr(prefix.size());
    return host.management->root / path.substr(1);
}

std::string title_of(const std::string& level) // community to CommunitySupported
{
    return level == "community"  ? "CommunitySupported"
           : level == "partner"  ? "PartnerSupported"
           : level == "accepted" ? "VMwareAccepted"
                                 : "VMwareCertified";
}

struct Done {
    std::string message = "Operation finished successfully.";
    std::vector<std::string> installed{};
    std::vector<std::string> removed{};
    std::vector<std::string> skipped{};
};

Output result(const HostState& host, const char* what, const Done& done)
{
    Record record{{{"Message", done.message}}};
    const bool is_8 = host.config.version.starts_with("8");
    if (!is_8)
        record.fields.emplace_back("Reboot Required", false);
    record.fields.emplace_back("VIBs Installed", done.installed);
    record.fields.emplace_back("VIBs Removed", done.removed);
    record.fields.emplace_back("VIBs Skipped", done.skipped);
    if (is_8) {
        record.fields.emplace_back("Reboot Required", false);
        record.fields.emplace_back("DPU Results", "");
    }
    return {.shape = Shape::structure, .type = "InstallationResult", .title = what, .text = {}, .records = {record}};
}

std::vector<std::string> scripts_of(const Vib& vib)
{
    std::vector<std::string> scripts;
    for (const auto& file : vib.files)
        if (!file.folder && file.path.starts_with("etc/init.d/"))
            scripts.push_back("/" + file.path);
    return scripts;
}

void run_scripts(HostState& host, const Vib& vib, const std::string& word)
{
    const auto event = [&](const std::string& script) { return Event{host.where(), script + " " + word}; };
    for (const auto& script : scripts_of(vib)) {
        (void)host.events.before(event(script));
        host.management->run_script(script, word);
        (void)host.events.after(event(script));
    }
}

std::optional<Output> may_install(HostState& host, const Vib& vib, const Arguments& arguments)
{
    auto& management = *host.management;
    const bool is_8 = host.config.version.starts_with("8");
    if (vib.acceptance == "community" && management.image.acceptance != "CommunitySupported" &&
        (is_8 || !arguments.has("force")))
        return refuse(
            "AcceptanceConfigError",
            fmt::format("VIB {}'s acceptance level is community, which is not compliant with the ImageProfile "
                        "acceptance level partner\n To change the host acceptance level, use the 'esxcli "
                        "software acceptance set' command.",
                        vib.id()));
    if (vib.minimum_esxi > host.config.version)
        return refuse("DependencyError", fmt::format("VIB {} requires esx-version >= {}, but the requirement cannot be "
                                                     "satisfied within the ImageProfile.",
                                                     vib.id(), vib.minimum_esxi));
    if (management.no_space)
        return refuse("InstallationError", "Failed to create ramdisk stagebootbank: Errors: No space left on device");
    return std::nullopt;
}

Output install(HostState& host, const Arguments& arguments)
{
    if (!host.management)
        return not_managed();
    auto& management = *host.management;
    const auto path = arguments.get("viburl", arguments.get("depot"));
    if (!path.starts_with('/') || !path.ends_with(".vib"))
        return refuse("MetadataDownloadError", fmt::format("Could not download from depot at {}, skipping", path));
    std::ifstream file(resolved(host, path), std::ios::binary);
    if (!file)
        return refuse("VibDownloadError",
                      fmt::format("('{}', '', \"[Errno 2] No such file or directory: '{}'\")", path, path));
    const auto read = read_vib({std::istreambuf_iterator<char>(file), {}}, host.config.version);
    if (const auto* refusal = std::get_if<VibRefusal>(&read))
        return refuse(refusal->kind, refusal->text);
    const auto& vib = std::get<Vib>(read);

    Done done;
    std::optional<Vib> old;
    {
        const std::lock_guard lock(host.mutex);
        const auto known = management.image.installed().find(vib.name);
        if (known != management.image.installed().end() && known->second.version == vib.version) {
            done.message = "Host is not changed.";
            done.skipped = {vib.id()};
            return result(host, "Installation Result", done);
        }
        if (auto refusal = may_install(host, vib, arguments))
            return *refusal;
        if (known != management.image.installed().end())
            old = known->second;
    }
    done.installed = {vib.id()};
    if (old)
        done.removed = {old->id()};
    if (arguments.has("dry-run")) {
        done.message = "Dryrun only, host not changed. The following installers will be applied: [BootBankInstaller, "
                       "LiveImageInstaller]";
        return result(host, "Installation Result", done);
    }
    if (old)
        run_scripts(host, *old, "stop");
    if (old && !management.replaces_running)
        for (const auto& one : old->files)
            if (!one.folder && management.runs("/" + one.path))
                return refuse("LiveInstallationError",
                              fmt::format("Error in running stage: '/{}': Device or resource busy", one.path));
    {
        const std::lock_guard lock(host.mutex);
        if (old && !management.update_keeps_config)
            management.image.unmount(vib.name, false);
        management.image.mount(vib);
        if (management.refresh_on_install)
            management.image.refresh_firewall();
        if (management.exec_refused)
            for (const auto& one : vib.files)
                if (one.path.find("/bin/") != std::string::npos)
                    std::filesystem::permissions(management.root / one.path, std::filesystem::perms(0644));
    }
    if (management.init_words)
        run_scripts(host, vib, old ? "upgrade" : "install");
    run_scripts(host, vib, "start");
    return result(host, "Installation Result", done);
}

Output remove(HostState& host, const Arguments& arguments)
{
    if (!host.management)
        return not_managed();
    auto& management = *host.management;
    const auto name = arguments.get("vibname");
    std::optional<Vib> vib;
    {
        const std::lock_guard lock(host.mutex);
        const auto known = management.image.installed().find(name);
        if (known == management.image.installed().end())
            return refuse("NoMatchError",
                          fmt::format("No VIB matching VIB search specification '{}'.\n id = {}", name, name));
        vib = known->second;
    }
    Done done{.removed = {vib->id()}};
    if (arguments.has("dry-run")) {
        done.message = "Dryrun only, host not changed.";
        return result(host, "Removal Result", done);
    }
    run_scripts(host, *vib, "stop");
    if (management.init_words)
        run_scripts(host, *vib, "remove");
    {
        const std::lock_guard lock(host.mutex);
        management.image.unmount(name, false);
    }
    return result(host, "Removal Result", done);
}

Output list(HostState& host, const Arguments&)
{
    if (!host.management)
        return not_managed();
    const std::lock_guard lock(host.mutex);
    Output out{.shape = Shape::table, .type = "VIBSummary", .text = {}, .records = {}};
    const auto add = [&](const std::string& name, const std::string& version, const std::string& vendor,
                         const std::string& level) {
        Record record{{{"Name", name},
                       {"Version", version},
                       {"Vendor", vendor},
                       {"Acceptance Level", level},
                       {"Install Date", "2026-11-01"}}};
        if (host.config.version.starts_with("8"))
            record.fields.emplace_back("Platforms", "host");
        out.records.push_back(record);
    };
    add("esx-base", host.config.version + "-0.0." + host.config.build.substr(host.config.build.find('-') + 1), "VMware",
        "VMwareCertified");
    for (const auto& [name, vib] : host.management->image.installed())
        add(name, vib.version, vib.vendor, title_of(vib.acceptance));
    return out;
}

Output get(HostState& host, const Arguments& arguments)
{
    if (!host.management)
        return not_managed();
    const std::lock_guard lock(host.mutex);
    Output out{.shape = Shape::list, .type = "VIBExt", .heading = true, .text = {}, .records = {}};
    for (const auto& [name, vib] : host.management->image.installed())
        if (arguments.get("vibname", name) == name)
            out.records.push_back({{{"ID", vib.id()},
                                    {"Name", name},
                                    {"Version", vib.version},
                                    {"Type", "bootbank"},
                                    {"Vendor", vib.vendor},
                                    {"Acceptance Level", title_of(vib.acceptance)},
                                    {"Summary", vib.summary},
                                    {"Maintenance Mode Required", false},
                                    {"Live Install Allowed", true},
                                    {"Live Remove Allowed", true},
                                    {"Overlay", false}}});
    if (out.records.empty() && arguments.has("vibname"))
        return refuse("NoMatchError", fmt::format("No VIB matching VIB search specification '{0}'.\n id = {0}",
                                                  arguments.get("vibname")));
    return out;
}

Output acceptance(HostState& host, const Arguments&)
{
    if (!host.management)
        return not_managed();
    const std::lock_guard lock(host.mutex);
    return Output::string(host.management->image.acceptance);
}

Output set_acceptance(HostState& host, const Arguments& arguments)
{
    if (!host.management)
        return not_managed();
    const std::lock_guard lock(host.mutex);
    auto& management = *host.management;
    const auto level = arguments.get("level");
    if (level != "CommunitySupported" && level != "PartnerSupported" && level != "VMwareAccepted" &&
        level != "VMwareCertified")
        return Output::failure(fmt::format("Error: Invalid option value {}", level));
    const bool community = level == "CommunitySupported";
    if (community && (management.secure_boot || management.acceptance_fixed))
        return refuse("AcceptanceConfigError",
                      management.secure_boot
                          ? "Secure Boot is enabled; the acceptance level cannot be lowered to community."
                          : "The acceptance level of this host is fixed by its administrator.");
    if (!community)
        for (const auto& [name, vib] : management.image.installed())
            if (vib.acceptance == "community")
                return refuse(
                    "AcceptanceConfigError",
                    fmt::format("Unable to set acceptance level of {} due to installed VIBs {} having a lower "
                                "acceptance level",
                                level, vib.id()));
    management.image.acceptance = level;
    return Output::string(fmt::format("Host acceptance level changed to '{}'.", level));
}

} // namespace

std::vector<Command> software_commands()
{
    const std::vector<OptionSpec> installing = {{"v", "viburl"},
                                                {"d", "depot"},
                                                {"n", "vibname"},
                                                {"f", "force", false},
                                                {"", "no-sig-check", false},
                                                {"", "dry-run", false},
                                                {"", "maintenance-mode", false},
                                                {"", "no-live-install", false}};
    return {
        {"software vib install", installing, install},
        {"software vib update", installing, install},
        {"software vib remove",
         {{"n", "vibname", true, true}, {"f", "force", false}, {"", "dry-run", false}, {"", "maintenance-mode", false}},
         remove},
        {"software vib list", {}, list},
        {"software vib get", {{"n", "vibname"}}, get},
        {"software acceptance get", {}, acceptance},
        {"software acceptance set", {{"l", "level", true, true}}, set_acceptance}};
}

} // namespace lab
