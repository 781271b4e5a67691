// The authority in its directory. Several threads may use one.
#pragma once

#include "protocol/pki/issue.hpp"

#include <filesystem>
#include <optional>

#include "vib-packaging/installer/ca/host_order.hpp"

namespace xcopy::ca {

struct NewAuthority {
    std::string name = "xcopy CA";
    int days = 3650;
};

struct HostCertificate {
    std::string certificate; // PEM
    std::string authority;   // PEM; both together are what `xcopy-agent enroll --install` reads
    std::vector<std::string> left_out;
};

enum class Role : std::uint8_t { operator_, observer };

struct ClientOrder {
    std::string name; // lower-case letters, digits, '-'
    Role role = Role::observer;
    int days = 365;
};

struct ClientFiles {
    std::filesystem::path certificate;
    std::filesystem::path key;
};

struct Issued {
    std::string kind; // "authority", "host", "operator", "observer"
    std::string name; // a host's UUID, a client's name
    pki::About about;
};

class Authority {
public:
    // Finds the one that is there, whole or half made.
    static Result<Authority> create(const std::filesystem::path& directory, const NewAuthority& wanted);
    static Result<Authority> open(const std::filesystem::path& directory);

    const std::string& certificate() const { return pem_; }
    const std::filesystem::path& directory() const { return directory_; }

    Result<HostCertificate> issue_host(const HostOrder& order) const;
    // The same key and names once more, for a host that was given a certificate before; its key stays where it is.
    Result<HostCertificate> renew_host(const std::string& uuid, int days) const;
    // A name that is taken keeps its files: Errc::conflict.
    Result<ClientFiles> issue_client(const ClientOrder& order) const;
    Result<ClientFiles> renew_client(const std::string& name, int days) const; // with a new key
    Result<ClientFiles> client(const std::string& name) const;
    // The same key and name for longer: what was issued stays valid.
    Result<void> renew(int days);

    Result<std::vector<Issued>> issued() const;

private:
    Result<HostCertificate> sign_host(const pki::Key& key, const std::string& common_name, const Approved& approved,
                                      const std::string& uuid, int days) const;
    Result<ClientFiles> make_client(const ClientOrder& order) const;

    std::filesystem::path directory_;
    pki::Key key_;
    pki::Certificate certificate_;
    std::string pem_;
};

Result<void> check_client_name(std::string_view name);

} // namespace xcopy::ca
