#include "vib-packaging/installer/options.hpp"

#include "protocol/number.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <arpa/inet.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

namespace xcopy::installer {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t longest_file = std::size_t{1} << 20U;

Error bad(std::string message, std::string remedy)
{
    return {Errc::bad_request, std::move(message), std::move(remedy), "bad_option"};
}

Result<std::string> read_text(const std::string& path)
{
    std::ifstream file(path, std::ios::binary);
    std::string text(longest_file + 1, '\0');
    if (!file)
        return Error{Errc::not_found, fmt::format("cannot read '{}'", path), "does it exist, and may you read it?",
                     "bad_file"};
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    if (text.size() > longest_file)
        return bad(fmt::format("'{}' is too long", path), "is it the right file?");
    return text;
}

std::string trimmed(std::string_view text)
{
    const auto first = text.find_first_not_of(" \t\r\n");
    return first == std::string_view::npos
               ? std::string()
               : std::string(text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1));
}

// A name given in front is for people; the user is the one of the flag unless the entry has its own.
Result<SshAddress> parse_host(const std::string& entry, const std::string& user)
{
    const auto equals = entry.find('=');
    auto host = parse_ssh_address(equals == std::string::npos ? entry : entry.substr(equals + 1));
    if (!host)
        return host;
    if (equals != std::string::npos && equals > 0)
        host->name = entry.substr(0, equals);
    if (entry.find('@') == std::string::npos)
        host->user = user;
    return host;
}

std::string variable(const Variables& environment, const std::string& name)
{
    const auto found = environment.find(name);
    return found == environment.end() ? std::string() : found->second;
}

SshLogin read_login(const Options& options, const Variables& environment, std::vector<Error>& problems)
{
    SshLogin login{.passphrase = Secret(variable(environment, "SSH_KEY_PASSPHRASE")),
                   .password = Secret(variable(environment, "ESXI_SSH_PASSWORD"))};
    Secret given(variable(environment, "SSH_PRIVATE_KEY"));
    if (!options.ssh_key_file.empty()) {
        auto text = read_text(options.ssh_key_file);
        if (!text) {
            problems.push_back(text.error().in("--ssh-key-file"));
            return login;
        }
        given = Secret(std::move(*text));
    }
    if (!given.empty()) {
        auto key = private_key_text(given);
        if (key)
            login.private_key = std::move(*key);
        else
            problems.push_back(key.error());
    } else if (login.password.empty()) {
        problems.push_back(bad("nothing to sign in with",
                               "give --ssh-key-file, or SSH_PRIVATE_KEY or ESXI_SSH_PASSWORD in the environment"));
    }
    return login;
}

void read_tls(const Options& options, Ready& ready)
{
    const auto& tls = options.tls;
    if (tls.ca_file.empty() && tls.cert_file.empty() && tls.key_file.empty())
        return;
    for (const auto& [flag, file] :
         {std::pair{"--agent-ca-file", &tls.ca_file}, std::pair{"--agent-cert-file", &tls.cert_file},
          std::pair{"--agent-key-file", &tls.key_file}})
        if (file->empty() || !std::ifstream(*file))
            ready.problems.push_back(
                bad(fmt::format("{}: cannot read '{}'", flag, *file), "give all three files, or none"));
    ready.job.tls = tls;
}

void read_signer(const Options& options, ca::Role role, Ready& ready)
{
    if (!options.ca_dir.empty() && !options.sign_command.empty())
        ready.problems.push_back(bad("--ca-dir and --sign-command", "name one of them"));
    if (!options.ca_dir.empty()) {
        auto authority = ca::Authority::open(options.ca_dir);
        if (!authority) {
            ready.problems.push_back(authority.error().in("--ca-dir"));
            return;
        }
        if (!ready.job.tls) {
            auto tls = client_of(*authority, role);
            if (tls)
                ready.job.tls = *tls;
            else
                ready.problems.push_back(tls.error().in("--ca-dir"));
        }
        ready.signer = std::make_unique<CaSigner>(std::move(*authority));
    } else if (!options.sign_command.empty()) {
        if (!options.sign_command.starts_with('/'))
            ready.problems.push_back(bad("--sign-command is no absolute path", "name the program by its full path"));
        if (options.tls.ca_file.empty())
            ready.problems.push_back(
                bad("--sign-command without --agent-ca-file", "the hosts must be told whose clients to let in"));
        ready.signer = std::make_unique<CommandSigner>(options.sign_command, options.tls.ca_file);
    }
}

} // namespace

std::vector<SshAddress> read_hosts(const Options& options, std::vector<Error>& problems)
{
    const auto problems_before = problems.size();
    std::string all;
    for (const auto& list : options.esxi_hosts)
        all += list + "\n";
    std::ranges::replace(all, ',', '\n');
    if (!options.esxi_hosts_file.empty()) {
        auto text = read_text(options.esxi_hosts_file);
        if (text)
            all += *text;
        else
            problems.push_back(text.error().in("--esxi-hosts-file"));
    }
    std::vector<SshAddress> hosts;
    std::set<std::pair<std::string, std::uint16_t>> seen;
    std::istringstream lines(all);
    for (std::string line; std::getline(lines, line);) {
        const auto entry = trimmed(line.substr(0, line.find('#')));
        if (entry.empty())
            continue;
        auto host = parse_host(entry, options.ssh_user);
        if (!host)
            problems.push_back(host.error());
        else if (!seen.insert({host->address, host->port})
                      .second) // two installers on one host would disturb each other
            problems.push_back(bad(fmt::format("host '{}' is named twice", entry), "name every host once"));
        else
            hosts.push_back(std::move(*host));
    }
    if (hosts.empty() && problems.size() == problems_before)
        problems.push_back(bad("no hosts", "name them with --esxi-hosts or --esxi-hosts-file, or a vCenter "
                                           "with --vsphere-hostname"));
    return hosts;
}

std::optional<VsphereOptions> read_vcenter(const Options& options, const Variables& environment,
                                           std::vector<Error>& problems)
{
    auto vcenter = options.vsphere;
    read_vsphere_environment(environment, vcenter);
    if (!options.vsphere_password.empty())
        vcenter.password = options.vsphere_password;
    if (vcenter.hostname.empty())
        vcenter.hostname = variable(environment, "GOVMOMI_HOSTNAME");
    if (vcenter.username.empty())
        vcenter.username = variable(environment, "GOVMOMI_USERNAME");
    if (!options.vsphere_secret_file.empty())
        if (auto read = read_vsphere_secret_file(options.vsphere_secret_file, vcenter); !read)
            problems.push_back(read.error().in("--vsphere-secret-file"));
    if (!vcenter.is_given())
        return std::nullopt;
    const auto insecure = variable(environment, "GOVMOMI_INSECURE");
    vcenter.insecure = insecure == "true" || insecure == "1";
    if (!options.vsphere_thumbprint.empty()) {
        auto thumbprint = parse_thumbprint(options.vsphere_thumbprint);
        if (thumbprint)
            vcenter.thumbprint = std::move(*thumbprint);
        else
            problems.push_back(thumbprint.error().in("--vsphere-thumbprint"));
    }
    std::vector<std::string> wrong;
    check_vsphere(vcenter, wrong);
    for (const auto& one : wrong) // a sentence that holds its remedy
        problems.push_back(bad(one, "or name the hosts with --esxi-hosts or --esxi-hosts-file"));
    return vcenter;
}

bool is_network(const std::string& cidr)
{
    const auto slash = cidr.find('/');
    const auto address = cidr.substr(0, slash);
    unsigned char bytes[16];
    const bool v4 = ::inet_pton(AF_INET, address.c_str(), bytes) == 1;
    if (!v4 && ::inet_pton(AF_INET6, address.c_str(), bytes) != 1)
        return false;
    if (slash == std::string::npos)
        return true;
    const auto length = whole_number<unsigned>(std::string_view(cidr).substr(slash + 1));
    return length && *length <= (v4 ? 32U : 128U);
}

Ready prepare(const Options& options, const Variables& environment, Command command)
{
    const bool needs_vib = command == Command::install;
    Ready ready;
    ready.login = read_login(options, environment, ready.problems);
    if (!options.vsphere_password.empty())
        ready.warnings.emplace_back(
            "--vsphere-password could be read by everybody on this machine who lists processes; "
            "set GOVMOMI_PASSWORD or use --vsphere-secret-file instead");
    if (options.esxi_hosts.empty() && options.esxi_hosts_file.empty())
        ready.vcenter = read_vcenter(options, environment, ready.problems);
    if (!ready.vcenter)
        for (auto& host : read_hosts(options, ready.problems))
            ready.hosts.push_back({std::move(host), ready.login});
    for (const auto& network : options.allow)
        if (!is_network(network))
            ready.problems.push_back(bad(fmt::format("--allow '{}' is no network", network),
                                         "write it as 10.0.0.0/8, 10.1.2.3 or fd00::/8"));
    read_tls(options, ready);
    auto& wanted = ready.job.wanted;
    if (needs_vib) {
        auto vib = read_vib_file(options.vib_path);
        if (!vib)
            ready.problems.push_back(vib.error());
        else if (vib->name != vib_name)
            ready.problems.push_back(
                bad(fmt::format("'{}' is the VIB of {}, not of {}", options.vib_path, vib->name, vib_name),
                    "name the .vib file of an xcopy release with --vib-path"));
        else
            ready.job.vib = std::move(*vib);
        wanted.version = ready.job.vib.version;
        wanted.vib_acceptance = ready.job.vib.acceptance;
        wanted.vib_bytes = ready.job.vib.bytes.size();
    }
    // Draining a host takes an operator; looking does not.
    read_signer(options, command == Command::status ? ca::Role::observer : ca::Role::operator_, ready);
    wanted.allow = options.allow;
    wanted.lower_acceptance = options.lower_acceptance;
    wanted.allow_downgrade = options.allow_downgrade;
    wanted.clones = options.clones == "adopt" ? Clones::adopt : Clones::wait;
    wanted.renew = options.renew;
    wanted.prove = ready.job.tls.has_value();
    wanted.port = options.agent_port;
    wanted.acceptance_after_removal = options.acceptance_after_removal;
    ready.job.dry_run = options.dry_run;
    ready.job.wait_for_clones = std::chrono::minutes(options.wait_minutes);
    ready.fleet = {.at_once = options.parallel, .ssh = {.connect = std::chrono::seconds(options.ssh_timeout_s)}};
    return ready;
}

Result<void> load_known_hosts(const std::string& file, HostKeys& keys)
{
    std::error_code problem;
    if (!fs::exists(file, problem))
        return {};
    auto text = read_text(file);
    if (!text)
        return text.error().in("known hosts");
    auto known = keys.add_known(*text);
    return known ? known : known.error().in(file);
}

Result<void> save_known_hosts(const std::string& file, const HostKeys& keys)
{
    const auto lines = keys.accepted();
    if (lines.empty())
        return {};
    std::error_code ignored;
    if (const auto folder = fs::path(file).parent_path(); !folder.empty())
        fs::create_directories(folder, ignored);
    std::ofstream out(file, std::ios::app);
    if (!(out << lines).flush())
        return Error{Errc::failed, fmt::format("the accepted host keys could not be kept in '{}'", file),
                     "name a file that can be written with --known-hosts", "not_kept"};
    return {};
}

} // namespace xcopy::installer
