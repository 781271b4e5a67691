#include "agent/config.hpp"

#include "protocol/json_fields.hpp"
#include "protocol/number.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

namespace xcopy {

template <class Archive> void serialize(Archive& a, Config& c)
{
    using json::field;
    field(a, "listen", c.listen);
    field(a, "certificate", c.certificate);
    field(a, "key", c.key);
    field(a, "ca", c.ca);
    field(a, "auto_backup", c.auto_backup);
    field(a, "state_dir", c.state_dir);
    field(a, "memory_group", c.memory_group);
    field(a, "log", c.log);
    field(a, "volumes_root", c.volumes_root);
    field(a, "devices_root", c.devices_root);
    field(a, "agent_path", c.agent_path);
    field(a, "esxcli", c.tools.esxcli);
    field(a, "localcli", c.tools.localcli);
    field(a, "vsish", c.tools.vsish);
    field(a, "vmkfstools", c.tools.vmkfstools);
    field(a, "ps", c.tools.ps);
    field(a, "max_running", c.max_running);
    field(a, "max_queued", c.max_queued);
    field(a, "max_connections", c.max_connections);
    field(a, "handshake_ms", c.handshake_ms);
    field(a, "header_ms", c.header_ms);
    field(a, "body_ms", c.body_ms);
    field(a, "idle_ms", c.idle_ms);
    field(a, "facts_max_age_ms", c.facts_max_age_ms);
}

namespace {

constexpr std::size_t longest_file = 64 * 1024;

void check_absolute(std::vector<ConfigProblem>& problems, const char* setting, const std::string& path)
{
    if (!path.starts_with('/'))
        problems.push_back({setting, fmt::format("'{}' is not an absolute path", path), "give the whole path"});
}

void check_range(std::vector<ConfigProblem>& problems, const char* setting, std::int64_t value, std::int64_t min,
                 std::int64_t max)
{
    if (value < min || value > max)
        problems.push_back({setting, fmt::format("{} is not between {} and {}", value, min, max),
                            fmt::format("choose a value from {} to {}", min, max)});
}

void check_readable(std::vector<ConfigProblem>& problems, const char* setting, const std::string& path,
                    const char* remedy)
{
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0)
        problems.push_back({setting, fmt::format("{}: {}", path, std::strerror(errno)), remedy});
    else if (info.st_size == 0)
        problems.push_back({setting, fmt::format("{} is empty", path), remedy});
    else if (::access(path.c_str(), R_OK) != 0)
        problems.push_back({setting, fmt::format("{} cannot be read: {}", path, std::strerror(errno)), remedy});
}

void check_state_dir(std::vector<ConfigProblem>& problems, const std::string& path)
{
    const char* remedy = "name a directory on storage that survives restarts, such as /scratch/xcopy-agent";
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
        problems.push_back({"state_dir", fmt::format("{} cannot be made: {}", path, std::strerror(errno)), remedy});
        return;
    }
    ::chmod(path.c_str(), 0700);
    const std::string probe = path + "/.probe";
    std::ofstream file(probe);
    file << "x" << std::flush;
    if (!file)
        problems.push_back({"state_dir", fmt::format("{} is not writable: {}", path, std::strerror(errno)), remedy});
    file.close();
    ::unlink(probe.c_str());
}

} // namespace

Result<Config> parse_config(std::string_view text)
{
    auto config = json::read<Config>(text);
    if (config && config->state_dir.empty())
        config->state_dir = default_state_dir();
    return config;
}

Result<Config> read_config(const std::string& path)
{
    std::ifstream file(path, std::ios::binary);
    if (!file)
        return Error{Errc::not_found, fmt::format("configuration {}: {}", path, std::strerror(errno)),
                     "create it (agent/README.md lists the settings) or name another file with --config"};
    std::string text(longest_file + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    if (text.size() > longest_file)
        return Error{Errc::bad_request, fmt::format("configuration {} is longer than {} bytes", path, longest_file)};
    auto config = parse_config(text);
    if (!config)
        return std::move(config.error()).in("configuration " + path);
    return config;
}

std::vector<ConfigProblem> check_values(const Config& c)
{
    std::vector<ConfigProblem> problems;
    if (auto listen = parse_listen(c.listen); !listen)
        problems.push_back({"listen", listen.error().message, listen.error().remedy});
    check_absolute(problems, "certificate", c.certificate);
    check_absolute(problems, "key", c.key);
    check_absolute(problems, "ca", c.ca);
    if (!c.auto_backup.empty())
        check_absolute(problems, "auto_backup", c.auto_backup);
    check_absolute(problems, "state_dir", c.state_dir);
    check_absolute(problems, "volumes_root", c.volumes_root);
    check_absolute(problems, "devices_root", c.devices_root);
    check_absolute(problems, "esxcli", c.tools.esxcli);
    check_absolute(problems, "localcli", c.tools.localcli);
    check_absolute(problems, "vsish", c.tools.vsish);
    check_absolute(problems, "vmkfstools", c.tools.vmkfstools);
    check_absolute(problems, "ps", c.tools.ps);
    if (c.log != "syslog" && c.log != "stderr")
        problems.push_back({"log", fmt::format("'{}' is no log target", c.log), "use \"syslog\" or \"stderr\""});
    check_range(problems, "max_running", c.max_running, 1, 32);
    check_range(problems, "max_queued", c.max_queued, 0, 1024);
    check_range(problems, "max_connections", c.max_connections, 1, 512);
    for (const auto& [setting, value] : {std::pair{"handshake_ms", c.handshake_ms},
                                         {"header_ms", c.header_ms},
                                         {"body_ms", c.body_ms},
                                         {"idle_ms", c.idle_ms}})
        check_range(problems, setting, value, 50, 600'000);
    check_range(problems, "facts_max_age_ms", c.facts_max_age_ms, 0, 600'000);
    return problems;
}

std::string next_key_file(const Config& c)
{
    return c.key + ".next";
}

std::vector<ConfigProblem> validate(const Config& c)
{
    auto problems = check_host(c);
    check_readable(problems, "certificate", c.certificate, "enrol this host: it needs a server certificate");
    check_readable(problems, "key", c.key, "enrol this host: it needs the private key of its certificate");
    check_readable(problems, "ca", c.ca, "enrol this host: it needs the CA that signs the clients' certificates");
    return problems;
}

std::vector<ConfigProblem> check_host(const Config& c)
{
    auto problems = check_values(c);
    if (c.state_dir.starts_with('/'))
        check_state_dir(problems, c.state_dir);
    for (const auto& [setting, path] :
         {std::pair{"esxcli", c.tools.esxcli}, {"vsish", c.tools.vsish}, {"vmkfstools", c.tools.vmkfstools}})
        if (path.starts_with('/') && ::access(path.c_str(), X_OK) != 0)
            problems.push_back({setting, fmt::format("{}: {}", path, std::strerror(errno)),
                                "xcopy-agent runs on an ESXi host; elsewhere name stand-ins in the configuration"});
    return problems;
}

std::string describe(const std::vector<ConfigProblem>& problems)
{
    std::string text;
    for (const auto& problem : problems)
        text += fmt::format("{}: {} ({})\n", problem.setting, problem.message, problem.remedy);
    return text;
}

Result<ListenAddress> parse_listen(std::string_view text)
{
    const Error bad{Errc::bad_request, fmt::format("'{}' is not ADDRESS:PORT", text.substr(0, 80)),
                    "for example [::]:18443, or 192.0.2.7:18443; a name is not resolved"};
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos)
        return bad;
    std::string_view host = text.substr(0, colon);
    ListenAddress listen;
    const auto port = whole_number<std::uint16_t>(text.substr(colon + 1));
    if (!port)
        return bad;
    listen.port = *port;
    const bool v6 = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (v6)
        host = host.substr(1, host.size() - 2);
    listen.address = host;
    unsigned char ignored[16];
    if (::inet_pton(v6 ? AF_INET6 : AF_INET, listen.address.c_str(), ignored) != 1)
        return bad;
    return listen;
}

std::string default_state_dir()
{
    return ::access("/scratch", W_OK) == 0 ? "/scratch/xcopy-agent" : "/var/run/xcopy-agent";
}

} // namespace xcopy
