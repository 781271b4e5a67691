// `xcopy-agent enroll`: this host asks for a certificate, takes it, tells how it stands.
#pragma once

#include "agent/config.hpp"

#include <string>
#include <vector>

namespace xcopy {

struct EnrollOptions {
    bool new_key = false;
    std::vector<std::string> names;     // further names of this host
    std::vector<std::string> addresses; // further addresses
};

struct InstallOptions {
    std::string certificate = "-"; // a file; "-": standard input
    std::string ca;                // a file; empty: among what `certificate` holds
};

// Each prints what it has to say and returns the process's exit status.
int enroll_request(const Config&, const EnrollOptions&);
int enroll_install(const Config&, const InstallOptions&);
int enroll_save(const Config&); // what the host has, for its next boot
int enroll_status(const Config&, const std::string& output);

} // namespace xcopy
