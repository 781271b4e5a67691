#include "vib-packaging/installer/ca/authority.hpp"

#include "protocol/ids.hpp"
#include "protocol/routes.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "vib-packaging/installer/ca/private_file.hpp"

namespace xcopy::ca {

namespace fs = std::filesystem;

namespace {

std::chrono::seconds lasting(int days)
{
    return std::chrono::hours(24) * days;
}

Result<void> check_days(int days)
{
    if (days >= 1 && days <= 36500)
        return {};
    return Error{Errc::bad_request, fmt::format("{} days is not between 1 and 36500", days)};
}

Result<pki::Certificate> read_certificate(const fs::path& file)
{
    auto text = read_private(file);
    if (!text)
        return text.error();
    auto all = pki::certificates_from_pem(*text);
    if (!all)
        return std::move(all.error()).in(file.string());
    return std::move(all->front());
}

Result<pki::Key> read_key(const fs::path& file)
{
    auto text = read_private(file);
    if (!text)
        return text.error();
    const pki::KeyText wiped(std::move(*text));
    auto key = pki::key_from_pem(wiped.view());
    if (!key)
        return std::move(key.error()).in(file.string());
    return key;
}

Result<void> write_key(const fs::path& file, const pki::Key& key)
{
    auto text = pki::pem_of(key);
    if (!text)
        return text.error();
    return write_private(file, text->view());
}

Result<void> write_certificate(const fs::path& file, const X509* certificate)
{
    auto text = pki::pem_of(certificate);
    if (!text)
        return text.error();
    return write_private(file, *text);
}

std::string role_uri(Role role)
{
    return role == Role::operator_ ? routes::operator_role : routes::observer_role;
}

std::optional<Role> role_of(const pki::Names& names)
{
    for (const Role role : {Role::operator_, Role::observer})
        if (std::find(names.uris.begin(), names.uris.end(), role_uri(role)) != names.uris.end())
            return role;
    return std::nullopt;
}

} // namespace

Result<void> check_client_name(std::string_view name)
{
    const bool good = !name.empty() && name.size() <= 63 && name.front() != '-' &&
                      std::all_of(name.begin(), name.end(),
                                  [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
    if (good)
        return {};
    return Error{Errc::bad_request, fmt::format("'{}' cannot be a client's name", name.substr(0, 80)),
                 "use lower-case letters, digits and '-', 63 at most"};
}

Result<Authority> Authority::create(const fs::path& directory, const NewAuthority& wanted)
{
    if (auto days = check_days(wanted.days); !days)
        return days.error();
    for (const auto& part : {directory, directory / "hosts", directory / "clients"})
        if (auto made = make_private_directory(part); !made)
            return made.error();
    // The key first: a death in between leaves a key, and the next run makes its certificate.
    auto key = read_key(directory / "ca.key");
    if (!key && key.error().code != Errc::not_found)
        return key.error();
    if (!key) {
        key = pki::new_key();
        if (!key)
            return key.error();
        if (auto written = write_key(directory / "ca.key", *key); !written)
            return written.error();
    }
    if (!fs::exists(directory / "ca.crt")) {
        auto made = pki::issue(
            {.kind = pki::Kind::authority, .common_name = wanted.name, .lasts = lasting(wanted.days)}, *key, nullptr);
        if (!made)
            return made.error();
        if (auto written = write_certificate(directory / "ca.crt", made->get()); !written)
            return written.error();
    }
    return open(directory);
}

Result<Authority> Authority::open(const fs::path& directory)
{
    if (!fs::exists(directory / "ca.crt"))
        return Error{Errc::not_found, fmt::format("there is no authority in {}", directory.string()),
                     "make one: vib-installer ca init --dir DIR"};
    if (auto good = make_private_directory(directory); !good)
        return good.error();
    auto certificate = read_certificate(directory / "ca.crt");
    if (!certificate)
        return certificate.error();
    auto key = read_key(directory / "ca.key");
    if (!key)
        return key.error();
    if (!pki::belongs_to(certificate->get(), *key))
        return Error{Errc::conflict,
                     fmt::format("the key and the certificate in {} do not belong together", directory.string()),
                     "restore both from the same backup"};
    auto pem = pki::pem_of(certificate->get());
    if (!pem)
        return pem.error();
    Authority authority;
    authority.directory_ = directory;
    authority.key_ = std::move(*key);
    authority.certificate_ = std::move(*certificate);
    authority.pem_ = std::move(*pem);
    return authority;
}

Result<HostCertificate> Authority::sign_host(const pki::Key& key, const std::string& common_name,
                                             const Approved& approved, const std::string& uuid, int days) const
{
    if (auto good = check_days(days); !good)
        return good.error();
    const pki::Issuer issuer{certificate_.get(), &key_};
    auto made = pki::issue(
        {.kind = pki::Kind::server, .common_name = common_name, .names = approved.names, .lasts = lasting(days)}, key,
        &issuer);
    if (!made)
        return made.error();
    auto pem = pki::pem_of(made->get());
    if (!pem)
        return pem.error();
    if (auto written = write_private(directory_ / "hosts" / (uuid + ".crt"), *pem); !written)
        return written.error();
    return HostCertificate{std::move(*pem), pem_, approved.left_out};
}

Result<HostCertificate> Authority::issue_host(const HostOrder& order) const
{
    auto request = pki::read_request(order.request);
    if (!request)
        return request.error();
    auto approved = approve(request->wish.names, order);
    if (!approved)
        return approved.error();
    // The common name is for people; one that nobody expects would mislead them.
    const auto& dns = approved->names.dns;
    const bool known = std::find(dns.begin(), dns.end(), request->wish.common_name) != dns.end();
    return sign_host(request->key, known ? request->wish.common_name : order.uuid, *approved, order.uuid, order.days);
}

Result<HostCertificate> Authority::renew_host(const std::string& uuid, int days) const
{
    if (auto good = parse_job_id(uuid); !good)
        return Error{Errc::bad_request, fmt::format("'{}' is not a host's UUID", uuid.substr(0, 80))};
    auto old = read_certificate(directory_ / "hosts" / (uuid + ".crt"));
    if (!old) {
        if (old.error().code == Errc::not_found)
            return Error{Errc::not_found, fmt::format("host {} was never given a certificate here", uuid),
                         "sign a request of it: vib-installer ca issue host"};
        return old.error();
    }
    const auto said = pki::about(old->get());
    pki::Key key(::X509_get_pubkey(old->get()));
    if (!key)
        return pki::openssl_error("read the key of host " + uuid);
    return sign_host(key, said.subject, {.names = said.names, .left_out = {}}, uuid, days);
}

Result<ClientFiles> Authority::make_client(const ClientOrder& order) const
{
    if (auto good = check_days(order.days); !good)
        return good.error();
    auto key = pki::new_key();
    if (!key)
        return key.error();
    const pki::Issuer issuer{certificate_.get(), &key_};
    auto made = pki::issue({.kind = pki::Kind::client,
                            .common_name = order.name,
                            .names = {.uris = {role_uri(order.role)}},
                            .lasts = lasting(order.days)},
                           *key, &issuer);
    if (!made)
        return made.error();
    const ClientFiles files{directory_ / "clients" / (order.name + ".crt"),
                            directory_ / "clients" / (order.name + ".key")};
    if (auto written = write_key(files.key, *key); !written)
        return written.error();
    if (auto written = write_certificate(files.certificate, made->get()); !written)
        return written.error();
    return files;
}

Result<ClientFiles> Authority::client(const std::string& name) const
{
    if (auto good = check_client_name(name); !good)
        return good.error();
    ClientFiles files{directory_ / "clients" / (name + ".crt"), directory_ / "clients" / (name + ".key")};
    auto certificate = read_certificate(files.certificate);
    auto key = read_key(files.key);
    if ((!certificate && certificate.error().code == Errc::not_found) || (!key && key.error().code == Errc::not_found))
        return Error{Errc::not_found, fmt::format("there is no client '{}'", name),
                     "issue it: vib-installer ca issue client --name NAME --role operator"};
    if (!certificate || !key)
        return certificate ? key.error() : certificate.error();
    if (!pki::belongs_to(certificate->get(), *key)) // it died between the two files
        return Error{Errc::conflict, fmt::format("key and certificate of client '{}' do not belong together", name),
                     "renew it: vib-installer ca renew client --name NAME"};
    return files;
}

Result<ClientFiles> Authority::issue_client(const ClientOrder& order) const
{
    auto there = client(order.name);
    if (there)
        return Error{Errc::conflict, fmt::format("client '{}' has a certificate already", order.name),
                     "renew it (vib-installer ca renew client) or choose another name", "taken"};
    const bool half_made = there.error().code == Errc::not_found || there.error().code == Errc::conflict;
    if (!half_made)
        return there.error();
    return make_client(order);
}

Result<ClientFiles> Authority::renew_client(const std::string& name, int days) const
{
    if (auto good = check_client_name(name); !good)
        return good.error();
    auto old = read_certificate(directory_ / "clients" / (name + ".crt"));
    if (!old)
        return old.error();
    const auto role = role_of(pki::about(old->get()).names);
    if (!role)
        return Error{Errc::conflict, fmt::format("the certificate of client '{}' carries no role", name)};
    return make_client({name, *role, days});
}

Result<void> Authority::renew(int days)
{
    if (auto good = check_days(days); !good)
        return good.error();
    auto made = pki::issue(
        {.kind = pki::Kind::authority, .common_name = pki::about(certificate_.get()).subject, .lasts = lasting(days)},
        key_, nullptr);
    if (!made)
        return made.error();
    auto pem = pki::pem_of(made->get());
    if (!pem)
        return pem.error();
    if (auto written = write_private(directory_ / "ca.crt", *pem); !written)
        return written.error();
    certificate_ = std::move(*made);
    pem_ = std::move(*pem);
    return {};
}

Result<std::vector<Issued>> Authority::issued() const
{
    std::vector<Issued> all{{"authority", "", pki::about(certificate_.get())}};
    for (const char* folder : {"hosts", "clients"}) {
        std::vector<fs::path> files;
        std::error_code problem;
        for (const auto& entry : fs::directory_iterator(directory_ / folder, problem))
            if (entry.path().extension() == ".crt")
                files.push_back(entry.path());
        std::sort(files.begin(), files.end());
        for (const auto& file : files) {
            auto certificate = read_certificate(file);
            if (!certificate)
                return certificate.error();
            Issued one{"host", file.stem(), pki::about(certificate->get())};
            if (const auto role = role_of(one.about.names))
                one.kind = *role == Role::operator_ ? "operator" : "observer";
            all.push_back(std::move(one));
        }
    }
    return all;
}

} // namespace xcopy::ca
