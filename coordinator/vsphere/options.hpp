// What the program is told about vCenter: flags, Forklift's GOVMOMI_… variables, and what may be wrong with them.
#pragma once

#include "coordinator/vsphere/session.hpp"

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace xcopy {

struct Setting;

struct VsphereOptions {
    std::string hostname; // empty: there is no vCenter to ask
    std::string username;
    Secret password;
    std::string ca_file;
    std::string ca_pem;     // from the variable `cacert`, where Forklift puts the provider's CA
    std::string thumbprint; // SHA-256, 64 lower-case digits
    bool insecure = false;
    std::string datacenter; // whose hosts are listed; empty: all
    std::string vm;         // whose disk is copied
    std::chrono::seconds patience{120};

    bool is_given() const { return !hostname.empty(); }
};

const std::vector<Setting>& vsphere_settings();

// GOVMOMI_PASSWORD and cacert: values too secret or too long for a flag.
void read_vsphere_environment(const std::map<std::string, std::string>& environment, VsphereOptions& options);

// GOVMOMI_… values of a file, as KEY=value lines or a JSON object, for what is not known yet.
Result<void> read_vsphere_secret_file(const std::string& path, VsphereOptions& options);

void check_vsphere(const VsphereOptions& options, std::vector<std::string>& problems);

// "AA:BB:…" or plain digits of a SHA-256. SHA-1 is refused: it can be forged.
Result<std::string> parse_thumbprint(std::string_view text);

// Which certificate is trusted: the pinned one; else any when insecure; else what the CA vouches for.
rest::Tls vsphere_tls(const VsphereOptions& options);

Result<vsphere::Endpoint> vsphere_endpoint(const VsphereOptions& options);

} // namespace xcopy
