#include "tests/lab/pki.hpp"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <fstream>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

using namespace lab;
using namespace std::chrono_literals;

namespace {

using X509Ptr = std::unique_ptr<X509, decltype(&X509_free)>;

X509Ptr read(const std::filesystem::path& file)
{
    std::unique_ptr<FILE, int (*)(FILE*)> in(fopen(file.c_str(), "r"), fclose);
    return {in ? PEM_read_X509(in.get(), nullptr, nullptr, nullptr) : nullptr, X509_free};
}

class PkiTest : public testing::Test {
protected:
    PkiTest() : directory(testing::TempDir() + "xcopy-pki-" + std::to_string(getpid())), pki(directory) {}
    ~PkiTest() override { std::filesystem::remove_all(directory); }

    // What OpenSSL says about the certificate as a peer of the given purpose: X509_V_OK or the reason.
    int verdict(const CertificateFiles& files, const std::filesystem::path& ca, int purpose)
    {
        std::unique_ptr<X509_STORE, decltype(&X509_STORE_free)> store(X509_STORE_new(), X509_STORE_free);
        X509_STORE_add_cert(store.get(), read(ca).get());
        X509_STORE_set_flags(store.get(), X509_V_FLAG_X509_STRICT);
        X509_STORE_set_purpose(store.get(), purpose);
        std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)> context(X509_STORE_CTX_new(),
                                                                                X509_STORE_CTX_free);
        auto leaf = read(files.cert_file);
        X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), nullptr);
        X509_verify_cert(context.get());
        return X509_STORE_CTX_get_error(context.get());
    }

    std::filesystem::path directory;
    Pki pki;
};

TEST_F(PkiTest, ServerCertificateIsAcceptedStrictlyForItsAddressNameAndHost)
{
    auto files =
        pki.issue({.name = "esx1", .sans = {"IP:127.0.0.1", "DNS:esx1.lab", "URI:xcopy://host/4c4c4544-0042"}});
    EXPECT_EQ(verdict(files, pki.ca_file(), X509_PURPOSE_SSL_SERVER), X509_V_OK);
    EXPECT_EQ(verdict(files, pki.ca_file(), X509_PURPOSE_SSL_CLIENT), X509_V_ERR_INVALID_PURPOSE);

    auto certificate = read(files.cert_file);
    EXPECT_EQ(X509_check_ip_asc(certificate.get(), "127.0.0.1", 0), 1);
    EXPECT_EQ(X509_check_ip_asc(certificate.get(), "127.0.0.2", 0), 0);
    EXPECT_EQ(X509_check_host(certificate.get(), "esx1.lab", 0, 0, nullptr), 1);
}

TEST_F(PkiTest, ClientCertificateCarriesItsRoleAsUri)
{
    auto files =
        pki.issue({.name = "operator", .sans = {"URI:xcopy://role/operator"}, .usage = CertificateUsage::client});
    EXPECT_EQ(verdict(files, pki.ca_file(), X509_PURPOSE_SSL_CLIENT), X509_V_OK);

    auto certificate = read(files.cert_file);
    auto* names =
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate.get(), NID_subject_alt_name, nullptr, nullptr));
    ASSERT_NE(names, nullptr);
    ASSERT_EQ(sk_GENERAL_NAME_num(names), 1);
    const auto* uri = sk_GENERAL_NAME_value(names, 0)->d.uniformResourceIdentifier;
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri))), "xcopy://role/operator");
    GENERAL_NAMES_free(names);
}

TEST_F(PkiTest, DatesAreJudgedOnTheLeafAlone)
{
    const auto now = std::chrono::system_clock::now();
    auto old = pki.issue({.name = "old", .not_before = now - 48h, .not_after = now - 24h});
    auto early = pki.issue({.name = "early", .not_before = now + 24h, .not_after = now + 48h});
    EXPECT_EQ(verdict(old, pki.ca_file(), X509_PURPOSE_SSL_SERVER), X509_V_ERR_CERT_HAS_EXPIRED);
    EXPECT_EQ(verdict(early, pki.ca_file(), X509_PURPOSE_SSL_SERVER), X509_V_ERR_CERT_NOT_YET_VALID);
}

TEST_F(PkiTest, AnotherAuthorityIsNotTrusted)
{
    auto stranger = pki.issue({.name = "stranger", .ca = "other"});
    EXPECT_NE(verdict(stranger, pki.ca_file(), X509_PURPOSE_SSL_SERVER), X509_V_OK);
    EXPECT_EQ(verdict(stranger, pki.ca_file("other"), X509_PURPOSE_SSL_SERVER), X509_V_OK);
}

TEST_F(PkiTest, KeysAreReadableByTheirOwnerOnly)
{
    auto files = pki.issue({.name = "esx1"});
    struct stat status {};
    ASSERT_EQ(stat(files.key_file.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
}

TEST_F(PkiTest, IssuingANameAgainReplacesBothFiles)
{
    auto first = read(pki.issue({.name = "esx1"}).cert_file);
    auto files = pki.issue({.name = "esx1"});
    auto second = read(files.cert_file);
    EXPECT_NE(X509_cmp(first.get(), second.get()), 0);

    std::unique_ptr<FILE, int (*)(FILE*)> in(fopen(files.key_file.c_str(), "r"), fclose);
    std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(PEM_read_PrivateKey(in.get(), nullptr, nullptr, nullptr),
                                                            EVP_PKEY_free);
    EXPECT_EQ(X509_check_private_key(second.get(), key.get()), 1);
}

TEST_F(PkiTest, AWrongNameIsRefusedWithASentence)
{
    try {
        pki.issue({.name = "bad", .sans = {"IP:not-an-address"}});
        FAIL() << "accepted";
    } catch (const std::runtime_error& error) {
        EXPECT_NE(std::string(error.what()).find("not-an-address"), std::string::npos) << error.what();
    }
}

} // namespace
