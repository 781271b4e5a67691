#include "tests/lab/host/root.hpp"

#include <fstream>

namespace lab {

namespace fs = std::filesystem;

namespace {

constexpr const char* tools[] = {"esxcli", "localcli", "vsish", "vim-cmd", "vmkfstools", "ps"};
constexpr const char* admin_tools[] = {"sbin/chkconfig", "sbin/auto-backup.sh",
                                       "usr/lib/vmware/secureboot/bin/secureBoot.py"};
constexpr const char* applets[] = {"sh",    "cat",    "ls",     "rm",    "mkdir",     "sleep", "kill",   "grep",
                                   "sed",   "head",   "tail",   "dd",    "cp",        "mv",    "touch",  "test",
                                   "true",  "false",  "echo",   "find",  "sha256sum", "nc",    "wc",     "id",
                                   "uname", "setsid", "logger", "pidof", "usleep",    "od",    "mktemp", "cut",
                                   "sort",  "tr",     "awk",    "date",  "chmod",     "ln"};
constexpr const char* folders[] = {
    "bin",     "sbin",    "lab",        "proc",       "dev", "tmp",          "scratch",
    "var/run", "var/log", "etc/init.d", "etc/config", "opt", "vmfs/volumes", "vmfs/devices/disks"};

void link(const fs::path& name, const fs::path& target)
{
    std::error_code ignored;
    fs::remove(name, ignored);
    fs::create_symlink(target, name);
}

void mount_point(const fs::path& file)
{
    if (!fs::exists(file))
        std::ofstream(file).flush();
}

void empty(const fs::path& folder)
{
    for (const auto& entry : fs::directory_iterator(folder))
        fs::remove_all(entry.path());
}

} // namespace

void build_root(const HostFiles& files, const HostConfig& config, const std::vector<DatastoreConfig>& mounted)
{
    const auto root = files.root();
    for (const auto* folder : folders)
        fs::create_directories(root / folder);
    fs::create_directories(files.lab());
    fs::create_directories(files.devices());
    mount_point(root / "bin/xcopy-lab-tool");
    mount_point(root / "bin/busybox");
    if (!config.managed) {
        fs::create_directories(root / "etc/config/xcopy-agent");
        fs::create_directories(root / "opt/xcopy-agent/bin");
        mount_point(root / "opt/xcopy-agent/bin/xcopy-agent");
    }
    mount_point(root / "bin/xcopy-launcher");
    for (const auto* name : tools)
        link(root / "bin" / name, "xcopy-lab-tool");
    for (const auto* name : applets)
        link(root / "bin" / name, "busybox");
    if (config.managed) {
        for (const auto* name : admin_tools) {
            fs::create_directories((root / name).parent_path());
            link(root / name, "/bin/xcopy-lab-tool");
        }
        fs::copy_file(XCOPY_LAB_WATCHDOG, root / "sbin/watchdog.sh", fs::copy_options::overwrite_existing);
    }
    for (const auto& store : mounted) {
        fs::create_directories(files.datastores / store.name);
        fs::create_directories(root / "vmfs/volumes" / store.uuid);
        link(root / "vmfs/volumes" / store.name, store.uuid);
    }
    std::ofstream(root / "etc/passwd") << "root:x:0:0:Administrator:/:/bin/sh\n"
                                          "sshd:x:74:74:sshd:/run/sshd:/bin/false\n";
    std::ofstream(root / "etc/group") << "root:x:0:root\n";
    std::ofstream(root / "etc/hosts") << "127.0.0.1 localhost\n" << config.address << ' ' << config.name << '\n';
    std::ofstream(root / "etc/vmware-release") << "VMware ESXi " << config.version << " (xcopy-lab: simulated)\n";
}

void empty_for_boot(const HostFiles& files)
{
    for (const char* folder : {"/tmp", "/var/run", "/etc", "/opt", "/usr/lib/vmware"}) {
        std::error_code ignored;
        if (fs::exists(files.inside(folder)))
            empty(files.inside(folder));
    }
}

void empty_volatile_folders(const HostFiles& files)
{
    empty(files.inside("/tmp"));
    empty(files.inside("/var/run"));
}

std::vector<std::string> bubblewrap_argv(const HostFiles& files, const std::vector<DatastoreConfig>& mounted,
                                         int orders, const std::vector<std::string>& more)
{
    std::vector<std::string> argv{"bwrap",  "--unshare-pid", "--as-pid-1", "--clearenv", "--setenv",
                                  "PATH",   "/bin:/sbin",    "--bind",     files.root(), "/",
                                  "--proc", "/proc",         "--dev",      "/dev"};
    const auto add = [&](const char* kind, const fs::path& from, const std::string& to) {
        argv.insert(argv.end(), {kind, from.string(), to});
    };
    add("--bind", files.lab(), "/lab");
    add("--bind", files.devices(), "/vmfs/devices/disks");
    add("--bind", files.devices(), "/dev/disks");
    add("--ro-bind", files.tool, "/bin/xcopy-lab-tool");
    add("--ro-bind", "/usr/bin/busybox", "/bin/busybox");
    if (!files.agent.empty())
        add("--ro-bind", files.agent, "/opt/xcopy-agent/bin/xcopy-agent");
    for (const auto& path : more)
        add("--ro-bind", path, path);
    if (!files.launcher.empty())
        add("--ro-bind", files.launcher, "/bin/xcopy-launcher");
    for (const auto& store : mounted)
        add("--bind", files.datastores / store.name, "/vmfs/volumes/" + store.uuid);
    argv.insert(argv.end(), {"--chdir", "/", "/bin/xcopy-lab-tool", "init", std::to_string(orders)});
    return argv;
}

} // namespace lab
