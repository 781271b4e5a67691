#include "vib-packaging/installer/ca/command.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <ctime>

#include "vib-packaging/installer/ca/authority.hpp"
#include "vib-packaging/installer/ca/private_file.hpp"
#include "vib-packaging/installer/ca/secret_yaml.hpp"

namespace xcopy::ca {

namespace {

int failed(const Error& error)
{
    fmt::print(stderr, "{}\n", error.message);
    if (!error.remedy.empty())
        fmt::print(stderr, "{}\n", error.remedy);
    return 1;
}

Result<std::string> read_request(const std::string& name)
{
    std::FILE* file = name == "-" ? stdin : std::fopen(name.c_str(), "re");
    if (file == nullptr)
        return Error{Errc::not_found, fmt::format("cannot open {}", name)};
    std::string text(pki::max_pem_bytes + 1, '\0');
    text.resize(std::fread(text.data(), 1, text.size(), file));
    if (file != stdin)
        (void)std::fclose(file);
    return text;
}

int print_host(const Result<HostCertificate>& made)
{
    if (!made)
        return failed(made.error());
    for (const auto& name : made->left_out)
        fmt::print(stderr,
                   "left out: {} (nobody said that the host is reached by it; see --name, --address, --accept-names)\n",
                   name);
    fmt::print("{}{}", made->certificate, made->authority);
    return std::fflush(stdout) == 0 ? 0 : 1;
}

int print_files(const Result<ClientFiles>& made)
{
    if (!made)
        return failed(made.error());
    fmt::print("{}\n{}\n", made->certificate.string(), made->key.string());
    return 0;
}

int print_list(const Authority& authority)
{
    auto all = authority.issued();
    if (!all)
        return failed(all.error());
    constexpr std::int64_t day_s = 24 * 3600;
    fmt::print("{:<10} {:<38} {:>9}  {}\n", "KIND", "NAME", "DAYS LEFT", "NAMES");
    for (const auto& one : *all)
        fmt::print("{:<10} {:<38} {:>9}  {}\n", one.kind, one.name.empty() ? one.about.subject : one.name,
                   (one.about.not_after_s - static_cast<std::int64_t>(std::time(nullptr))) / day_s,
                   pki::describe(one.about.names));
    return 0;
}

} // namespace

struct Command::Options {
    CLI::App* ca = nullptr;
    CLI::App* init = nullptr;
    CLI::App* issue_host = nullptr;
    CLI::App* issue_client = nullptr;
    CLI::App* renew_authority = nullptr;
    CLI::App* renew_host = nullptr;
    CLI::App* renew_client = nullptr;
    CLI::App* list = nullptr;
    CLI::App* print = nullptr;
    CLI::App* export_secret = nullptr;

    std::string directory = "xcopy-ca";
    NewAuthority wanted;
    HostOrder host;
    std::string request = "-";
    ClientOrder client;
    std::string role = "observer";
    int days = 0; // 0: the default of what is made
    SecretOrder secret;
    std::string output;
};

Command::Command(CLI::App& program) : options_(std::make_unique<Options>())
{
    auto& o = *options_;
    o.ca = program.add_subcommand("ca", "a certificate authority of your own: its key never leaves its directory");
    o.ca->require_subcommand(1);
    const auto common = [&o](CLI::App* command) {
        command->add_option("--dir", o.directory, "where the authority lives (0700)")->capture_default_str();
        command->add_option("--days", o.days, "how long it is valid")->check(CLI::Range(1, 36500));
    };
    o.init = o.ca->add_subcommand("init", "make the authority; one that is there stays as it is");
    common(o.init);
    o.init->add_option("--name", o.wanted.name, "what it is called")->capture_default_str();

    auto* issue = o.ca->add_subcommand("issue", "sign a host's request, or make a client's certificate");
    issue->require_subcommand(1);
    o.issue_host =
        issue->add_subcommand("host", "print the certificate and the CA, as `xcopy-agent enroll --install` reads them");
    common(o.issue_host);
    o.issue_host->add_option("--uuid", o.host.uuid, "of the host that is meant")->required();
    o.issue_host->add_option("--csr", o.request, "what `xcopy-agent enroll` printed; - is standard input")
        ->capture_default_str();
    o.issue_host->add_option("--name", o.host.names, "a name the host is called by");
    o.issue_host->add_option("--address", o.host.addresses, "an address the host is reached by");
    o.issue_host->add_flag("--accept-names", o.host.accept_names, "take the host's word for its names and addresses");
    o.issue_client = issue->add_subcommand("client", "an operator may do everything, an observer only look");
    common(o.issue_client);
    o.issue_client->add_option("--name", o.client.name, "what the client is called")->required();
    o.issue_client->add_option("--role", o.role, "operator or observer")
        ->required()
        ->check(CLI::IsMember({"operator", "observer"}));

    auto* renew = o.ca->add_subcommand("renew", "the same once more, valid for longer");
    renew->require_subcommand(1);
    o.renew_authority = renew->add_subcommand("authority", "the same key: what was issued stays valid");
    common(o.renew_authority);
    o.renew_host = renew->add_subcommand("host", "the same key and names, without asking the host");
    common(o.renew_host);
    o.renew_host->add_option("--uuid", o.host.uuid, "of the host")->required();
    o.renew_client = renew->add_subcommand("client", "with a new key");
    common(o.renew_client);
    o.renew_client->add_option("--name", o.client.name, "of the client")->required();

    o.list = o.ca->add_subcommand("list", "what was issued, and for how long it is valid");
    common(o.list);
    o.print = o.ca->add_subcommand("print", "the authority's certificate");
    common(o.print);
    o.export_secret = o.ca->add_subcommand("export", "a client's certificate and key as a Kubernetes Secret");
    common(o.export_secret);
    o.export_secret->add_option("--client", o.client.name, "which client")->required();
    o.export_secret->add_option("--secret", o.secret.name, "the Secret's name")->capture_default_str();
    o.export_secret->add_option("--namespace", o.secret.name_space, "the Secret's namespace");
    o.export_secret->add_option("--output-file", o.output, "write it there (0600) instead of printing it");
}

Command::~Command() = default;

bool Command::given() const
{
    return options_->ca->parsed();
}

int Command::run() const
{
    Options& o = *options_;
    const auto days_or = [&o](int otherwise) { return o.days != 0 ? o.days : otherwise; };
    if (o.init->parsed()) {
        o.wanted.days = days_or(o.wanted.days);
        auto made = Authority::create(o.directory, o.wanted);
        if (!made)
            return failed(made.error());
        fmt::print("{}\n", (made->directory() / "ca.crt").string());
        return 0;
    }
    auto authority = Authority::open(o.directory);
    if (!authority)
        return failed(authority.error());
    if (o.issue_host->parsed()) {
        auto request = read_request(o.request);
        if (!request)
            return failed(request.error());
        o.host.request = std::move(*request);
        o.host.days = days_or(o.host.days);
        return print_host(authority->issue_host(o.host));
    }
    if (o.issue_client->parsed()) {
        o.client.role = o.role == "operator" ? Role::operator_ : Role::observer;
        o.client.days = days_or(o.client.days);
        return print_files(authority->issue_client(o.client));
    }
    if (o.renew_authority->parsed()) {
        if (auto renewed = authority->renew(days_or(o.wanted.days)); !renewed)
            return failed(renewed.error());
        fmt::print("{}\n", (authority->directory() / "ca.crt").string());
        return 0;
    }
    if (o.renew_host->parsed())
        return print_host(authority->renew_host(o.host.uuid, days_or(o.host.days)));
    if (o.renew_client->parsed())
        return print_files(authority->renew_client(o.client.name, days_or(o.client.days)));
    if (o.list->parsed())
        return print_list(*authority);
    if (o.print->parsed()) {
        fmt::print("{}", authority->certificate());
        return 0;
    }
    auto files = authority->client(o.client.name);
    if (!files)
        return failed(files.error());
    auto certificate = read_private(files->certificate);
    auto key = read_private(files->key);
    if (!certificate || !key)
        return failed(certificate ? key.error() : certificate.error());
    const pki::KeyText wiped(std::move(*key));
    auto yaml = secret_yaml(o.secret, *certificate, wiped.view(), authority->certificate());
    if (!yaml)
        return failed(yaml.error());
    const pki::KeyText text(std::move(*yaml));
    if (o.output.empty()) {
        fmt::print("{}", text.view());
        return std::fflush(stdout) == 0 ? 0 : 1;
    }
    if (auto written = write_private(o.output, text.view()); !written)
        return failed(written.error());
    return 0;
}

} // namespace xcopy::ca
