// `ca` as an administrator types it.
#include "agent/esxi/child.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/stat.h>

namespace xcopy::ca {

namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

Finished must_run(const std::vector<std::string>& argv)
{
    auto done = run(argv, {});
    if (!done)
        throw std::runtime_error(done.error().message);
    return std::move(*done);
}

class CaCommand : public testing::Test {
protected:
    CaCommand()
    {
        char name[] = "/tmp/xcopy-ca-test-XXXXXX";
        folder = ::mkdtemp(name);
    }
    ~CaCommand() override { fs::remove_all(folder); }

    Finished ca(std::vector<std::string> words) const
    {
        words.insert(words.begin(), {XCOPY_CA_PROGRAM, "ca"});
        words.insert(words.end(), {"--dir", folder / "ca"});
        return must_run(words);
    }

    static std::string read(const fs::path& file)
    {
        std::ifstream in(file);
        return {std::istreambuf_iterator<char>(in), {}};
    }

    static std::string openssl(std::vector<std::string> words)
    {
        words.insert(words.begin(), "/usr/bin/openssl");
        return must_run(words).out;
    }

    // The value of a key of a Secret, decoded by openssl.
    std::string secret_value(const std::string& yaml, const std::string& key) const
    {
        std::istringstream lines(yaml);
        for (std::string line; std::getline(lines, line);)
            if (line.starts_with("  " + key + ": ")) {
                std::ofstream(folder / "b64") << line.substr(key.size() + 4);
                return openssl({"base64", "-d", "-A", "-in", folder / "b64"});
            }
        return "";
    }

    fs::path folder;
};

} // namespace

TEST_F(CaCommand, SignsARequestOfOpensslForTheHostThatIsMeant)
{
    EXPECT_EQ(ca({"init"}).exit_status, 0);
    EXPECT_EQ(ca({"init"}).exit_status, 0);
    openssl({"req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", folder / "k",
             "-out", folder / "csr", "-subj", "/CN=esx1", "-addext",
             "subjectAltName=DNS:esx1,DNS:vc,URI:xcopy://host/u-1"});
    const auto wrong = ca({"issue", "host", "--uuid", "u-2", "--csr", folder / "csr"});
    EXPECT_EQ(wrong.exit_status, 1);
    EXPECT_THAT(wrong.err, HasSubstr("xcopy://host/u-1"));
    const auto done = ca({"issue", "host", "--uuid", "u-1", "--csr", folder / "csr", "--name", "esx1", "--days", "9"});
    EXPECT_EQ(done.exit_status, 0) << done.err;
    EXPECT_THAT(done.err, HasSubstr("left out: vc"));
    std::ofstream(folder / "crt") << done.out;
    EXPECT_THAT(openssl({"verify", "-CAfile", folder / "ca/ca.crt", folder / "crt"}), HasSubstr(": OK"));
    EXPECT_THAT(done.out, HasSubstr(read(folder / "ca/ca.crt"))) << "both, as enroll --install wants them";
    EXPECT_THAT(ca({"list"}).out, HasSubstr("u-1"));
}

TEST_F(CaCommand, TheSecretHoldsWhatTheCoordinatorReads)
{
    ca({"init"});
    EXPECT_EQ(ca({"export", "--client", "me"}).exit_status, 1);
    EXPECT_EQ(ca({"issue", "client", "--name", "me", "--role", "operator"}).exit_status, 0);
    const auto done = ca({"export", "--client", "me", "--namespace", "migration"});
    EXPECT_EQ(done.exit_status, 0);
    EXPECT_THAT(done.out, HasSubstr("kind: Secret"));
    EXPECT_THAT(done.out, HasSubstr("namespace: \"migration\""));
    EXPECT_EQ(secret_value(done.out, "tls.crt"), read(folder / "ca/clients/me.crt"));
    EXPECT_EQ(secret_value(done.out, "tls.key"), read(folder / "ca/clients/me.key"));
    EXPECT_EQ(secret_value(done.out, "ca.crt"), read(folder / "ca/ca.crt"));
    EXPECT_EQ(ca({"export", "--client", "me", "--output-file", folder / "secret.yaml"}).exit_status, 0);
    struct stat info {};
    ASSERT_EQ(::stat((folder / "secret.yaml").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u);
    EXPECT_EQ(ca({"export", "--client", "me", "--secret", "Not_A_Name"}).exit_status, 1);
}

TEST_F(CaCommand, TheAuthoritysKeyIsNeverPrinted)
{
    ca({"init"});
    ca({"issue", "client", "--name", "me", "--role", "observer"});
    const auto key = read(folder / "ca/ca.key");
    std::istringstream lines(key);
    std::string line;
    std::getline(lines, line);
    std::getline(lines, line); // the first of the key itself
    ASSERT_GT(line.size(), 40u);
    for (const auto& words : {std::vector<std::string>{"list"}, {"print"}, {"export", "--client", "me"}, {"init"}}) {
        const auto done = ca(words);
        EXPECT_THAT(done.out + done.err, Not(HasSubstr(line)));
    }
}

TEST_F(CaCommand, SaysWhatToDoWithoutAnAuthority)
{
    const auto done = ca({"list"});
    EXPECT_EQ(done.exit_status, 1);
    EXPECT_THAT(done.err, HasSubstr("ca init"));
}

} // namespace xcopy::ca
