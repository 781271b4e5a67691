// Who we are and whom we believe: the server's certificate, its key, and the CA of the clients.
#pragma once

#include "agent/http/message.hpp"
#include "protocol/error.hpp"

#include <boost/asio/ssl/context.hpp>

#include <cstdint>
#include <ctime>
#include <memory>
#include <optional>
#include <string>

namespace xcopy::http {

struct CertificateFiles {
    std::string certificate;
    std::string key;
    std::string ca;
};

// TLS 1.3 only, a client certificate signed by the CA required. No session tickets: coordinators keep their connection,
// and each ticket would cost more than the handshake it might save.
Result<std::shared_ptr<boost::asio::ssl::context>> make_context(const CertificateFiles&);

// The context of the files as they are now. A pair that does not fit keeps the one before it in service.
class Certificates {
public:
    explicit Certificates(CertificateFiles files) : files_(std::move(files)) {}

    Result<void> load();      // at start: must succeed
    void reload_if_changed(); // looks at time and size of the files only, unless they changed
    std::shared_ptr<boost::asio::ssl::context> context() const { return context_; }
    const std::optional<Error>& problem() const { return problem_; } // why the files as they are now are not in service
    std::optional<std::int64_t> expires_ms() const;                  // of the certificate in service
    bool key_is_exposed() const;                                     // others than root may read it

private:
    std::string fingerprint() const;

    CertificateFiles files_;
    std::shared_ptr<boost::asio::ssl::context> context_;
    std::string seen_;
    std::optional<Error> problem_;
};

struct Peer {
    std::string subject;
    std::optional<Role> role; // by URI SAN
};

Peer peer_of(SSL* connection);

// The best role among URI SANs; nullopt when none of them is one of ours.
std::optional<Role> role_among(const std::vector<std::string>& uris);

} // namespace xcopy::http
