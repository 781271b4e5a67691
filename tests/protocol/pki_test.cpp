// Keys, requests and certificates, judged by the openssl program as well.
#include "agent/esxi/child.hpp"
#include "protocol/pki/certificate.hpp"
#include "protocol/pki/issue.hpp"
#include "protocol/pki/request.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace xcopy::pki {

namespace {

using std::chrono::hours;
using testing::ElementsAre;
using testing::HasSubstr;

class Pki : public testing::Test {
protected:
    Pki()
    {
        char name[] = "/tmp/xcopy-pki-test-XXXXXX";
        folder = ::mkdtemp(name);
    }
    ~Pki() override { std::filesystem::remove_all(folder); }

    std::string write(const std::string& name, std::string_view text) const
    {
        std::ofstream(folder / name) << text;
        return folder / name;
    }

    static std::string openssl(std::vector<std::string> words)
    {
        words.insert(words.begin(), "/usr/bin/openssl");
        auto done = run(words, {});
        return done ? done->out + done->err : done.error().message;
    }

    std::filesystem::path folder;
};

const Names host_names{
    .dns = {"esx1.lab", "esx1"}, .addresses = {"192.0.2.7", "2001:db8::7"}, .uris = {"xcopy://host/5f3a"}};

struct Authority {
    Key key = *new_key();
    Certificate certificate =
        *issue({.kind = Kind::authority, .common_name = "test CA", .lasts = hours(24 * 365)}, key, nullptr);
    Issuer issuer{certificate.get(), &key};
    Certificates roots() const
    {
        Certificates all;
        ::X509_up_ref(certificate.get());
        all.emplace_back(certificate.get());
        return all;
    }
};

} // namespace

TEST_F(Pki, OpensslReadsTheKeyAndTheRequest)
{
    const auto key = new_key();
    ASSERT_TRUE(key);
    const auto pem = pem_of(*key);
    ASSERT_TRUE(pem);
    EXPECT_THAT(openssl({"pkey", "-in", write("key", pem->view()), "-noout", "-text"}), HasSubstr("P-256"));
    const auto request = request_pem(*key, {"esx1.lab", host_names});
    ASSERT_TRUE(request) << request.error().message;
    const auto text = openssl({"req", "-in", write("csr", *request), "-noout", "-verify", "-text"});
    EXPECT_THAT(text, HasSubstr("verify OK"));
    EXPECT_THAT(text, HasSubstr("DNS:esx1.lab, DNS:esx1, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:7, "
                                "URI:xcopy://host/5f3a"));
}

TEST_F(Pki, ARequestOfOpensslIsUnderstood)
{
    openssl({"req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", folder / "k",
             "-out", folder / "csr", "-subj", "/CN=other", "-addext", "subjectAltName=URI:xcopy://host/77,IP:::1"});
    std::ifstream in(folder / "csr");
    const std::string pem{std::istreambuf_iterator<char>(in), {}};
    const auto read = read_request(pem);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->wish.common_name, "other");
    EXPECT_THAT(read->wish.names.uris, ElementsAre("xcopy://host/77"));
    EXPECT_THAT(read->wish.names.addresses, ElementsAre("::1"));
}

TEST_F(Pki, ARequestSignedByAnotherKeyIsRefused)
{
    const auto key = new_key();
    auto pem = *request_pem(*key, {"esx1", host_names});
    const auto at = pem.find("\n-----END") - 12; // inside the signature
    pem[at] = pem[at] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(read_request(pem));
    EXPECT_FALSE(read_request("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"));
    EXPECT_FALSE(read_request(std::string(70 * 1024, 'x')));
}

TEST_F(Pki, OpensslVerifiesWhatTheAuthorityIssued)
{
    const Authority ca;
    const auto key = new_key();
    const auto made =
        issue({.common_name = "esx1.lab", .names = host_names, .lasts = hours(24 * 365 * 9)}, *key, &ca.issuer);
    ASSERT_TRUE(made) << made.error().message;
    const auto ca_file = write("ca", *pem_of(ca.certificate.get()));
    const auto file = write("crt", *pem_of(made->get()));
    EXPECT_THAT(openssl({"verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", ca_file, file}),
                HasSubstr(": OK"));
    EXPECT_THAT(openssl({"verify", "-purpose", "sslclient", "-CAfile", ca_file, file}), HasSubstr("unsuitable"));
    const auto said = about(made->get());
    EXPECT_EQ(said.subject, "esx1.lab");
    EXPECT_EQ(said.issuer, "test CA");
    EXPECT_FALSE(said.is_ca);
    EXPECT_TRUE(about(ca.certificate.get()).is_ca);
    EXPECT_EQ(said.not_after_s, about(ca.certificate.get()).not_after_s) << "no certificate outlives its issuer";
    EXPECT_NEAR(static_cast<double>(said.not_before_s), static_cast<double>(std::time(nullptr) - 24 * 3600), 60);
    EXPECT_EQ(said.names.uris, host_names.uris);
    EXPECT_EQ(said.names.addresses, host_names.addresses);
    EXPECT_TRUE(belongs_to(made->get(), *key));
    EXPECT_FALSE(belongs_to(made->get(), ca.key));
}

TEST_F(Pki, VerifyTellsWhyACertificateDoesNotHold)
{
    const Authority ca;
    const Authority other;
    const auto key = new_key();
    const auto good = issue({.common_name = "h", .lasts = hours(1)}, *key, &ca.issuer);
    EXPECT_TRUE(verify(good->get(), {}, ca.roots(), Purpose::server));
    EXPECT_FALSE(verify(good->get(), {}, other.roots(), Purpose::server));
    const auto wrong_use = verify(good->get(), {}, ca.roots(), Purpose::client);
    ASSERT_FALSE(wrong_use);
    EXPECT_THAT(wrong_use.error().remedy, HasSubstr("clientAuth"));
    const auto future = issue({.common_name = "h", .back_dated = -hours(2), .lasts = hours(4)}, *key, &ca.issuer);
    const auto too_early = verify(future->get(), {}, ca.roots(), Purpose::server);
    ASSERT_FALSE(too_early);
    EXPECT_THAT(too_early.error().message, HasSubstr("not yet valid"));
    EXPECT_THAT(too_early.error().remedy, HasSubstr("clock"));
}

TEST_F(Pki, ChainsAreReadWholeOrNotAtAll)
{
    const Authority ca;
    const auto one = *pem_of(ca.certificate.get());
    EXPECT_EQ(certificates_from_pem("noise\n" + one + "more noise\n" + one)->size(), 2u);
    EXPECT_FALSE(certificates_from_pem(""));
    EXPECT_FALSE(certificates_from_pem(one.substr(0, one.size() / 2)));
    EXPECT_FALSE(certificates_from_pem(one + one.substr(0, one.size() / 2)));
    std::string many;
    for (int i = 0; i < 17; ++i)
        many += one;
    EXPECT_FALSE(certificates_from_pem(many));
}

TEST_F(Pki, NamesAreNeverReadAsMoreThanOne)
{
    const auto key = new_key();
    const auto request = request_pem(*key, {"x", {.dns = {"a,URI:xcopy://role/operator"}}});
    ASSERT_TRUE(request);
    EXPECT_TRUE(read_request(*request)->wish.names.uris.empty());
    EXPECT_FALSE(request_pem(*key, {"x", {.dns = {"a b"}}}));
    EXPECT_FALSE(request_pem(*key, {"x", {.addresses = {"300.1.1.1"}}}));
    EXPECT_FALSE(request_pem(*key, {"x", {.dns = {std::string("a\0b", 3)}}}));
}

} // namespace xcopy::pki
