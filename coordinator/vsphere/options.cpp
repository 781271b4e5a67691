#include "coordinator/vsphere/options.hpp"

#include "coordinator/config_files.hpp"
#include "coordinator/setting_readers.hpp"
#include "vendors/array_config.hpp"

#include <fmt/format.h>

#include <unistd.h>

namespace xcopy {

namespace {

using namespace setting;

Result<void> set_thumbprint(Config& config, const Texts& given)
{
    auto parsed = parse_thumbprint(given.front());
    if (!parsed)
        return parsed.error();
    config.vsphere.thumbprint = std::move(*parsed);
    return {};
}

Result<void> set_insecure(Config& config, const Texts& given)
{
    config.vsphere.insecure = given.front() == "true" || given.front() == "1";
    return {};
}

// After the settings before it: what is exported for this one run goes before the file.
Result<void> read_secrets(Config& config, const Texts& given)
{
    return read_vsphere_secret_file(given.front(), config.vsphere);
}

} // namespace

const std::vector<Setting>& vsphere_settings()
{
    static const std::vector<Setting> all{
        {"vsphere-hostname", "GOVMOMI_HOSTNAME", "HOST[:PORT]",
         "the vCenter that manages the VM; tells disk, datastore and hosts, so that --agent is not needed", false,
         &Needs::agents, text<&Config::vsphere, &VsphereOptions::hostname>},
        {"vsphere-username", "GOVMOMI_USERNAME", "NAME", "its account; the password is GOVMOMI_PASSWORD", false,
         &Needs::agents, text<&Config::vsphere, &VsphereOptions::username>},
        {"vsphere-secret-file", "", "FILE", "GOVMOMI_… values: KEY=value lines or a JSON object", false, &Needs::agents,
         read_secrets},
        {"vsphere-ca-file", "", "FILE", "PEM certificate of the CA that issued vCenter's certificate", false,
         &Needs::agents, text<&Config::vsphere, &VsphereOptions::ca_file>},
        {"vsphere-thumbprint", "", "SHA256", "trust the very certificate with this SHA-256 thumbprint, and no other",
         false, &Needs::agents, set_thumbprint},
        {"vsphere-insecure", "GOVMOMI_INSECURE", "true|false", "true: vCenter's certificate is not checked", false,
         &Needs::agents, set_insecure},
        {"vsphere-datacenter", "", "PATH", "hosts, clones, sweep: only hosts of this datacenter", false, &Needs::agents,
         text<&Config::vsphere, &VsphereOptions::datacenter>},
        {"vsphere-timeout", "", "SECONDS", "how long vCenter may be out of reach at the start (120)", false,
         &Needs::agents, seconds<24 * 3600, &Config::vsphere, &VsphereOptions::patience>},
        {"source-vm-id", "", "VM", "the VM whose disk is copied: its id (vm-62), inventory path or name", false,
         &Needs::copy, text<&Config::vsphere, &VsphereOptions::vm>},
    };
    return all;
}

void read_vsphere_environment(const std::map<std::string, std::string>& environment, VsphereOptions& options)
{
    if (const auto password = environment.find("GOVMOMI_PASSWORD"); password != environment.end())
        options.password = Secret(password->second);
    if (const auto ca = environment.find("cacert"); ca != environment.end())
        options.ca_pem = ca->second;
}

Result<void> read_vsphere_secret_file(const std::string& path, VsphereOptions& options)
{
    const auto values = read_secret_file(path);
    if (!values)
        return values.error();
    const auto value = [&](const char* name) {
        const auto found = values->find(name);
        return found == values->end() ? std::string() : found->second;
    };
    if (options.hostname.empty())
        options.hostname = value("GOVMOMI_HOSTNAME");
    if (options.username.empty())
        options.username = value("GOVMOMI_USERNAME");
    if (options.password.empty())
        options.password = Secret(value("GOVMOMI_PASSWORD"));
    return {};
}

void check_vsphere(const VsphereOptions& options, std::vector<std::string>& problems)
{
    if (!options.is_given())
        return;
    if (options.username.empty())
        problems.emplace_back("no vCenter account is given; use --vsphere-username or GOVMOMI_USERNAME");
    if (options.password.empty())
        problems.emplace_back("no vCenter password is given; use GOVMOMI_PASSWORD or --vsphere-secret-file");
    if (!vsphere::can_be_xml(options.username) || !vsphere::can_be_xml(options.password.reveal()))
        problems.emplace_back("the vCenter account or its password contains a control character, perhaps a line end; "
                              "write the secret without it");
    if (!options.ca_file.empty() && ::access(options.ca_file.c_str(), R_OK) != 0)
        problems.push_back(fmt::format("--vsphere-ca-file {} cannot be read", options.ca_file));
    if (auto endpoint = vsphere_endpoint(options); !endpoint)
        problems.push_back("--vsphere-hostname: " + endpoint.error().message);
}

Result<std::string> parse_thumbprint(std::string_view text)
{
    constexpr std::size_t sha1_digits = 40;
    constexpr std::size_t sha256_digits = 64;
    std::string digits;
    for (char c : text) {
        if (c == ':' || c == ' ')
            continue;
        const bool capital = c >= 'A' && c <= 'F';
        if (!capital && (c < 'a' || c > 'f') && (c < '0' || c > '9'))
            return Error{Errc::bad_request, "a thumbprint has hexadecimal digits only"};
        digits += capital ? static_cast<char>(c - 'A' + 'a') : c;
    }
    if (digits.size() == sha256_digits)
        return digits;
    return Error{Errc::bad_request,
                 digits.size() == sha1_digits
                     ? "that is a SHA-1 thumbprint, which can be forged"
                     : fmt::format("a SHA-256 thumbprint has 64 digits, not {}", digits.size()),
                 "get it with: openssl x509 -in vcenter.pem -noout -fingerprint -sha256"};
}

rest::Tls vsphere_tls(const VsphereOptions& options)
{
    if (!options.thumbprint.empty())
        return {.thumbprint = options.thumbprint};
    if (options.insecure)
        return {.skip_verification = true, .skip_setting = "GOVMOMI_INSECURE"};
    if (!options.ca_file.empty())
        return {.ca_file = options.ca_file};
    return {.ca_pem = options.ca_pem};
}

Result<vsphere::Endpoint> vsphere_endpoint(const VsphereOptions& options)
{
    auto url = base_url(options.hostname);
    if (!url)
        return Error{Errc::bad_request, fmt::format("'{}' is no host name or address of a vCenter", options.hostname)};
    return vsphere::Endpoint{
        .url = *url, .user = options.username, .password = options.password, .tls = vsphere_tls(options)};
}

} // namespace xcopy
