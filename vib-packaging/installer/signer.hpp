// Who signs the hosts' certificates.
#pragma once

#include "coordinator/host/agent_host.hpp"
#include "protocol/error.hpp"
#include "vendors/call.hpp"

#include <string>

#include "vib-packaging/installer/ca/authority.hpp"

namespace xcopy::installer {

struct SigningRequest {
    std::string csr;  // PEM, made on the host
    std::string uuid; // of the host, as it was read over SSH: the certificate must name this one
    std::string name; // for messages
};

class Signer {
public:
    Signer() = default;
    Signer(const Signer&) = delete;
    Signer& operator=(const Signer&) = delete;
    virtual ~Signer() = default;

    // The host's certificate, those between it and the CA, and the CA (PEM). Called from many threads.
    virtual Result<std::string> sign(const Call&, const SigningRequest&) = 0;
};

// A program of the customer's: PROGRAM UUID FILE, where FILE holds the request; it prints the certificate and its chain.
// `ca` is the PEM file of the CA that clients' certificates come from.
class CommandSigner final : public Signer {
public:
    CommandSigner(std::string command, std::string ca_file) : command_(std::move(command)), ca_file_(std::move(ca_file))
    {}
    Result<std::string> sign(const Call&, const SigningRequest&) override;

private:
    std::string command_;
    std::string ca_file_;
};

// The authority of `vib-installer ca`, in its directory.
class CaSigner final : public Signer {
public:
    explicit CaSigner(ca::Authority authority) : authority_(std::move(authority)) {}
    Result<std::string> sign(const Call&, const SigningRequest&) override;

private:
    ca::Authority authority_;
};

// The files to ask agents with, from that directory; made when they are not there yet, renewed when they end soon.
Result<AgentTls> client_of(const ca::Authority& authority, ca::Role role);

} // namespace xcopy::installer
