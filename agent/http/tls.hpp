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
    std::string next_key{}; // of a rotation: in service as soon as the certificate belongs to it; may be empty
};

// TLS 1.3 only, a client certificate signed by the CA required. No session tickets: coordinators keep their connection,
// and each ticket would cost more than the handshake it might save.
Result<std::shared_ptr<boost::asio::ssl::context>> make_context(const CertificateFiles&);

// What a host without a usable certificate answers with: one that it made for itself a moment ago.
Result<std::shared_ptr<boost::asio::ssl::context>> make_refusing_context();

// The context of the files as they are now. A pair that does not fit keeps the one before it in service; until there is a
// first one, everybody is refused.
class Certificates {
public:
    explicit Certificates(CertificateFiles files) : files_(std::move(files)) {}

    // At start. An error is for the log: refusal() holds from then on, until the files are usable. Errc::unavailable with
    // the reason "not_enrolled" when a file is empty or missing, "certificate_unusable" otherwise.
    Result<void> load();
    void reload_if_changed(); // looks at time and size of the files only, unless they changed
    std::shared_ptr<boost::asio::ssl::context> context() const { return context_; }
    const std::optional<Error>& problem() const { return problem_; } // why the files as they are now are not in service
    const std::optional<Error>& refusal() const
    {
        return refusal_;
    }                                               // what everybody is answered: no pair was usable yet
    std::optional<std::int64_t> expires_ms() const; // of the certificate in service
    bool key_is_exposed() const;                    // others than root may read it

private:
    std::string fingerprint() const;
    void take(const std::shared_ptr<boost::asio::ssl::context>& made);
    void refuse_with(const Error& why);
    void tell_of_expiry();

    CertificateFiles files_;
    std::shared_ptr<boost::asio::ssl::context> context_;
    std::string seen_;
    std::optional<Error> problem_;
    std::optional<Error> refusal_;
    std::time_t told_of_expiry_ = 0;
};

struct Peer {
    std::string subject;
    std::optional<Role> role; // by URI SAN
};

Peer peer_of(SSL* connection);

// The best role among URI SANs; nullopt when none of them is one of ours.
std::optional<Role> role_among(const std::vector<std::string>& uris);

} // namespace xcopy::http
