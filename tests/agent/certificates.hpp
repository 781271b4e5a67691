// A throw-away CA and certificates, made with libcrypto.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace xcopy::test {

struct Wanted {
    std::string name;                      // NAME.crt and NAME.key
    std::vector<std::string> alternatives; // "URI:xcopy://role/operator", "IP:127.0.0.1"
    long valid_from_s = -3600;             // from now
    long valid_to_s = 3600L * 24 * 365;
};

class CertificateAuthority {
public:
    explicit CertificateAuthority(std::filesystem::path folder); // writes ca.crt
    ~CertificateAuthority();
    CertificateAuthority(const CertificateAuthority&) = delete;
    CertificateAuthority& operator=(const CertificateAuthority&) = delete;

    void issue(const Wanted& wanted) const;

private:
    struct Inside;
    std::filesystem::path folder_;
    Inside* inside_;
};

} // namespace xcopy::test
