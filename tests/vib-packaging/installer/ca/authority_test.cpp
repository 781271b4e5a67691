// The authority in its directory: whole or mended, closed to others, and what it signs holds.
#include "agent/esxi/child.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sys/stat.h>
#include <thread>

#include "vib-packaging/installer/ca/authority.hpp"

namespace xcopy::ca {

namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class AuthorityInDirectory : public testing::Test {
protected:
    AuthorityInDirectory()
    {
        char name[] = "/tmp/xcopy-ca-test-XXXXXX";
        folder = fs::path(::mkdtemp(name)) / "ca";
    }
    ~AuthorityInDirectory() override { fs::remove_all(folder.parent_path()); }

    static std::string request(const pki::Key& key, const std::string& uuid = "u-1")
    {
        return *pki::request_pem(key, {"esx1.lab", {.dns = {"esx1.lab"}, .uris = {"xcopy://host/" + uuid}}});
    }

    static HostOrder order(const std::string& request, const std::string& uuid = "u-1")
    {
        return {.request = request, .uuid = uuid, .names = {"esx1.lab"}, .addresses = {"127.0.0.1"}};
    }

    std::string write(const std::string& name, const std::string& text) const
    {
        std::ofstream(folder.parent_path() / name) << text;
        return folder.parent_path() / name;
    }

    fs::path folder;
};

std::string openssl(std::vector<std::string> words)
{
    words.insert(words.begin(), "/usr/bin/openssl");
    const auto done = run(words, {});
    return done ? done->out + done->err : done.error().message;
}

mode_t rights(const fs::path& path)
{
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 0777 : 0;
}

pki::About about(const std::string& pem)
{
    return pki::about(pki::certificates_from_pem(pem)->front().get());
}

} // namespace

TEST_F(AuthorityInDirectory, IsMadeOnceAndOnlyForItsOwner)
{
    const auto first = Authority::create(folder, {});
    ASSERT_TRUE(first) << first.error().message;
    const auto second = Authority::create(folder, {.name = "another", .days = 1});
    ASSERT_TRUE(second);
    EXPECT_EQ(first->certificate(), second->certificate());
    EXPECT_EQ(rights(folder), 0700u);
    EXPECT_EQ(rights(folder / "ca.key"), 0600u);
    EXPECT_EQ(rights(folder / "ca.crt"), 0600u);
}

TEST_F(AuthorityInDirectory, AHalfMadeOneIsFinishedWithTheSameKey)
{
    ASSERT_TRUE(Authority::create(folder, {}));
    fs::remove(folder / "ca.crt"); // it died after the key
    EXPECT_FALSE(Authority::open(folder));
    ASSERT_TRUE(Authority::create(folder, {}));
    EXPECT_TRUE(Authority::open(folder));
}

TEST_F(AuthorityInDirectory, DoesNotWorkWithAKeyThatOthersMayRead)
{
    ASSERT_TRUE(Authority::create(folder, {}));
    ::chmod((folder / "ca.key").c_str(), 0640);
    const auto opened = Authority::open(folder);
    ASSERT_FALSE(opened);
    EXPECT_THAT(opened.error().message, HasSubstr("ca.key"));
    ::chmod((folder / "ca.key").c_str(), 0600);
    ::chmod(folder.c_str(), 0755);
    EXPECT_FALSE(Authority::open(folder));
}

TEST_F(AuthorityInDirectory, RefusesAKeyThatBelongsToAnotherCertificate)
{
    ASSERT_TRUE(Authority::create(folder, {}));
    ASSERT_TRUE(Authority::create(folder.parent_path() / "other", {}));
    fs::copy_file(folder.parent_path() / "other/ca.key", folder / "ca.key", fs::copy_options::overwrite_existing);
    ::chmod((folder / "ca.key").c_str(), 0600);
    EXPECT_FALSE(Authority::open(folder));
}

TEST_F(AuthorityInDirectory, OpensslAgreesWithWhatItSigned)
{
    const auto ca = Authority::create(folder, {});
    const auto key = *pki::new_key();
    const auto host = ca->issue_host(order(request(key)));
    ASSERT_TRUE(host) << host.error().message;
    const auto ca_file = (folder / "ca.crt").string();
    const auto file = write("host.crt", host->certificate);
    EXPECT_THAT(openssl({"verify", "-x509_strict", "-purpose", "sslserver", "-verify_ip", "127.0.0.1",
                         "-verify_hostname", "esx1.lab", "-CAfile", ca_file, file}),
                HasSubstr(": OK"));
    EXPECT_THAT(openssl({"x509", "-in", file, "-noout", "-text"}), HasSubstr("URI:xcopy://host/u-1"));
    const auto client = ca->issue_client({.name = "me", .role = Role::operator_});
    ASSERT_TRUE(client);
    EXPECT_EQ(rights(client->key), 0600u);
    EXPECT_THAT(openssl({"verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", ca_file, client->certificate}),
                HasSubstr(": OK"));
    EXPECT_THAT(openssl({"verify", "-purpose", "sslserver", "-CAfile", ca_file, client->certificate}),
                HasSubstr("unsuitable"));
    EXPECT_THAT(openssl({"x509", "-in", client->certificate, "-noout", "-text"}),
                HasSubstr("URI:xcopy://role/operator"));
}

TEST_F(AuthorityInDirectory, DoesNotSignWhatTheKeyOfTheRequestDidNotSign)
{
    const auto ca = Authority::create(folder, {});
    auto pem = request(*pki::new_key());
    const auto at = pem.find("\n-----END") - 12;
    pem[at] = pem[at] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(ca->issue_host(order(pem)));
    EXPECT_FALSE(ca->issue_host(order("nonsense")));
    EXPECT_FALSE(ca->issue_host(order(request(*pki::new_key(), "u-2"))));
    EXPECT_TRUE(fs::is_empty(folder / "hosts"));
}

TEST_F(AuthorityInDirectory, RenewsAHostWithoutAskingIt)
{
    const auto ca = Authority::create(folder, {});
    EXPECT_FALSE(ca->renew_host("u-1", 10));
    const auto key = *pki::new_key();
    const auto old = ca->issue_host(order(request(key)));
    const auto renewed = ca->renew_host("u-1", 10);
    ASSERT_TRUE(renewed) << renewed.error().message;
    EXPECT_TRUE(pki::belongs_to(pki::certificates_from_pem(renewed->certificate)->front().get(), key));
    EXPECT_EQ(about(renewed->certificate).names.dns, about(old->certificate).names.dns);
    EXPECT_NE(about(renewed->certificate).serial, about(old->certificate).serial);
    EXPECT_FALSE(ca->renew_host("../ca", 10));
}

TEST_F(AuthorityInDirectory, KeepsAClientUntilItIsRenewedAndKeepsItsRole)
{
    const auto ca = Authority::create(folder, {});
    ASSERT_TRUE(ca->issue_client({.name = "me", .role = Role::operator_}));
    EXPECT_EQ(ca->issue_client({.name = "me", .role = Role::observer}).error().reason, "taken");
    ASSERT_TRUE(ca->renew_client("me", 10));
    EXPECT_THAT(ca->issued()->at(1).about.names.uris, ElementsAre("xcopy://role/operator"));
    fs::copy_file(folder / "ca.key", folder / "clients/me.key",
                  fs::copy_options::overwrite_existing); // died in between
    EXPECT_FALSE(ca->client("me"));
    ASSERT_TRUE(ca->renew_client("me", 10));
    EXPECT_TRUE(ca->client("me"));
    EXPECT_FALSE(ca->issue_client({.name = "../me", .role = Role::observer}));
}

TEST_F(AuthorityInDirectory, ItsOwnRenewalLeavesWhatWasIssuedValid)
{
    auto ca = Authority::create(folder, {.name = "short", .days = 5});
    const auto host = ca->issue_host(order(request(*pki::new_key())));
    EXPECT_LE(about(host->certificate).not_after_s, about(ca->certificate()).not_after_s);
    ASSERT_TRUE(ca->renew(100));
    EXPECT_THAT(openssl({"verify", "-CAfile", folder / "ca.crt", write("host.crt", host->certificate)}),
                HasSubstr(": OK"));
    EXPECT_GT(about(ca->renew_host("u-1", 50)->certificate).not_after_s, about(host->certificate).not_after_s);
}

TEST_F(AuthorityInDirectory, SignsForManyHostsAtOnce)
{
    const auto ca = Authority::create(folder, {});
    std::vector<std::thread> threads;
    threads.reserve(8);
    for (int i = 0; i < 8; ++i)
        threads.emplace_back([&, uuid = "u-" + std::to_string(i)] {
            EXPECT_TRUE(ca->issue_host(order(request(*pki::new_key(), uuid), uuid)));
        });
    for (auto& thread : threads)
        thread.join();
    EXPECT_EQ(ca->issued()->size(), 9u);
}

} // namespace xcopy::ca
