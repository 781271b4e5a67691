#include "coordinator/kube/access.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace xcopy::kube {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

class Folder : public ::testing::Test {
protected:
    void SetUp() override
    {
        std::string pattern = (fs::temp_directory_path() / "xcopy-access-XXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        root_ = pattern;
    }
    void TearDown() override { fs::remove_all(root_); }

    fs::path file(const std::string& name, const std::string& text) const
    {
        std::ofstream(root_ / name) << text;
        return root_ / name;
    }

    fs::path root_;
};

using InCluster = Folder;
using Kubeconfig = Folder;

const std::map<std::string, std::string> pod{{"KUBERNETES_SERVICE_HOST", "10.0.0.1"},
                                             {"KUBERNETES_SERVICE_PORT", "443"}};

std::string bearer_of(rest::SignIn& sign_in)
{
    auto pass = sign_in.pass({}, {});
    return pass ? pass->headers.front().value : pass.error().message;
}

TEST_F(InCluster, FindsServerTokenAuthorityAndNamespace)
{
    file("token", "abc\n");
    file("ca.crt", "pem");
    file("namespace", "vms");
    EXPECT_TRUE(is_in_cluster(pod));
    const auto access = in_cluster(pod, root_);
    ASSERT_TRUE(access) << access.error().message;
    EXPECT_EQ(access->server, "https://10.0.0.1:443");
    EXPECT_EQ(access->name_space, "vms");
    EXPECT_EQ(access->tls.ca_file, (root_ / "ca.crt").string());
    auto ipv6 = pod;
    ipv6["KUBERNETES_SERVICE_HOST"] = "fd00::1";
    EXPECT_EQ(in_cluster(ipv6, root_)->server, "https://[fd00::1]:443");
}

TEST_F(InCluster, SaysWhatIsMissing)
{
    EXPECT_FALSE(is_in_cluster({}));
    EXPECT_THAT(in_cluster({}, root_).error().remedy, HasSubstr("--kubeconfig"));
    EXPECT_THAT(in_cluster(pod, root_).error().remedy, HasSubstr("automountServiceAccountToken"));
}

TEST_F(InCluster, UsesTheTokenThatIsInTheFileNow)
{
    const auto path = file("token", "first\n");
    const auto signing_in = sign_in({.server = "https://x", .name_space = {}, .token_file = path});
    EXPECT_EQ(bearer_of(*signing_in), "Bearer first");
    file("token", "second");
    EXPECT_EQ(bearer_of(*signing_in), "Bearer second");
    file("token", ""); // being replaced
    EXPECT_EQ(bearer_of(*signing_in), "Bearer second");
    EXPECT_TRUE(signing_in->has_lapsed({.status = 401}));
    ASSERT_EQ(signing_in->secrets().size(), 1U);
    EXPECT_EQ(signing_in->secrets().front().reveal(), "second");
}

constexpr const char* config = R"(
apiVersion: v1
kind: Config
current-context: lab
contexts:
- name: other
  context: {cluster: none, user: none}
- name: lab
  context: {cluster: c1, user: u1, namespace: vms}
clusters:
- name: c1
  cluster:
    server: https://api.example.com:6443/
    certificate-authority-data: Q0EgUEVN
users:
- name: u1
  user:
    token: secret-token
)";

std::string with(std::string text, const std::string& from, const std::string& to)
{
    return text.replace(text.find(from), from.size(), to);
}

TEST_F(Kubeconfig, GivesTheCurrentContext)
{
    const auto access = parse_kubeconfig(config, root_);
    ASSERT_TRUE(access) << access.error().message;
    EXPECT_EQ(access->server, "https://api.example.com:6443");
    EXPECT_EQ(access->name_space, "vms");
    EXPECT_EQ(access->tls.ca_pem, "CA PEM");
    EXPECT_EQ(access->token.reveal(), "secret-token");
    EXPECT_FALSE(access->tls.skip_verification);
}

TEST_F(Kubeconfig, IsReadFromAFileAndRelativeToIt)
{
    auto text = with(config, "certificate-authority-data: Q0EgUEVN", "certificate-authority: pki/ca.pem");
    text = with(text, "token: secret-token", "tokenFile: /run/token");
    const auto access = read_kubeconfig(file("config", text));
    ASSERT_TRUE(access) << access.error().message;
    EXPECT_EQ(access->tls.ca_file, (root_ / "pki/ca.pem").string());
    EXPECT_EQ(access->token_file, "/run/token");
    EXPECT_THAT(read_kubeconfig(root_ / "none").error().message, HasSubstr("cannot read"));
}

TEST_F(Kubeconfig, TakesAClientCertificateAsTextAsFilesOrMixed)
{
    const auto texts = parse_kubeconfig(
        with(config, "token: secret-token", "client-certificate-data: Q0VSVA==\n    client-key-data: S0VZ"), root_);
    ASSERT_TRUE(texts) << texts.error().message;
    EXPECT_EQ(texts->tls.client_cert_pem, "CERT");
    EXPECT_EQ(texts->tls.client_key_pem.reveal(), "KEY");
    const auto files = parse_kubeconfig(
        with(config, "token: secret-token", "client-certificate: a.crt\n    client-key: a.key"), root_);
    EXPECT_EQ(files->tls.client_cert_file, (root_ / "a.crt").string());
    EXPECT_EQ(files->tls.client_key_file, (root_ / "a.key").string());
    file("a.key", "KEY IN FILE");
    const auto mixed = parse_kubeconfig(
        with(config, "token: secret-token", "client-certificate-data: Q0VSVA==\n    client-key: a.key"), root_);
    ASSERT_TRUE(mixed) << mixed.error().message;
    EXPECT_EQ(mixed->tls.client_key_pem.reveal(), "KEY IN FILE");
}

TEST_F(Kubeconfig, RefusesWhatItDoesNotSupportWithAWayOut)
{
    const auto exec = parse_kubeconfig(with(config, "token: secret-token", "exec: {command: aws}"), root_);
    EXPECT_THAT(exec.error().message, HasSubstr("'exec'"));
    EXPECT_THAT(exec.error().remedy, HasSubstr("kubectl create token"));
    EXPECT_FALSE(parse_kubeconfig(with(config, "server: https", "proxy-url: socks5://x\n    server: https"), root_));
    EXPECT_FALSE(parse_kubeconfig(with(config, "https://api", "http://api"), root_));
    EXPECT_FALSE(parse_kubeconfig(with(config, "current-context: lab", "current-context: nowhere"), root_));
    EXPECT_FALSE(parse_kubeconfig(with(config, "current-context: lab", "x: y"), root_));
    EXPECT_FALSE(parse_kubeconfig(with(config, "cluster: c1", "cluster: c9"), root_));
    EXPECT_FALSE(parse_kubeconfig(with(config, "Q0EgUEVN", "'*'"), root_));
}

TEST_F(Kubeconfig, NeverShowsWhatIsInIt)
{
    for (const std::string& text :
         std::vector<std::string>{"token: hunter2\n  - x", "hunter2", "- hunter2", "{hunter2", ""}) {
        const auto access = parse_kubeconfig(text, root_);
        ASSERT_FALSE(access) << text;
        EXPECT_EQ(access.error().reason, "bad_kubeconfig");
        EXPECT_THAT(access.error().message, Not(HasSubstr("hunter2")));
    }
    EXPECT_FALSE(parse_kubeconfig(std::string(20000, '['), root_)) << "deep nesting is refused, not followed";
}

TEST_F(Kubeconfig, InsecureIsSaidByItsOwnName)
{
    const auto access =
        parse_kubeconfig(with(config, "server: https", "insecure-skip-tls-verify: true\n    server: https"), root_);
    ASSERT_TRUE(access);
    EXPECT_TRUE(access->tls.skip_verification);
    EXPECT_THAT(access->tls.skip_setting, HasSubstr("insecure-skip-tls-verify"));
}

} // namespace
} // namespace xcopy::kube
