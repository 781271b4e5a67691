// A throw-away certificate authority for one lab: P-256 keys, made in memory, written as PEM. Never for anything real.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace lab {

struct CertificateFiles {
    std::filesystem::path cert_file; // PEM, 0644
    std::filesystem::path key_file;  // PEM, not encrypted, 0600
};

enum class CertificateUsage { server, client };

struct CertificateOrder {
    using Time = std::chrono::system_clock::time_point;

    std::string name;              // common name, and "<name>.crt" and "<name>.key" in the lab's folder
    std::vector<std::string> sans; // "IP:127.0.0.1", "DNS:esx1.lab", "URI:xcopy://role/operator"
    CertificateUsage usage = CertificateUsage::server;
    Time not_before = std::chrono::system_clock::now() - std::chrono::hours(1);
    Time not_after = std::chrono::system_clock::now() + std::chrono::hours(24 * 30);
    std::string ca = "lab"; // any other name is another authority, made when first asked for
};

// Thread-safe. Throws std::runtime_error with a sentence.
class Pki {
public:
    explicit Pki(std::filesystem::path directory); // created when it is not there
    ~Pki();
    Pki(const Pki&) = delete;
    Pki& operator=(const Pki&) = delete;

    std::filesystem::path ca_file(const std::string& ca = "lab"); // the authority's certificate alone
    CertificateFiles issue(const CertificateOrder&);              // the same name again replaces the files

private:
    struct Authority;
    Authority& authority(const std::string& name);

    std::filesystem::path directory_;
    std::mutex mutex_;
    std::map<std::string, std::unique_ptr<Authority>> authorities_;
};

} // namespace lab
