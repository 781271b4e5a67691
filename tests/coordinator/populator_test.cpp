// Forklift's words, as its controller writes them (facts/forklift-contract.md 1.2).
#include "coordinator/populator.hpp"

#include <gmock/gmock.h>

#include <functional>
#include <ostream>

namespace xcopy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::vector<std::string> of_main = {"--source-vm-id=vm-123",
                                          "--source-vmdk=[ds 1] web 1/web.vmdk",
                                          "--target-namespace=vms",
                                          "--cr-name=web-disk",
                                          "--cr-namespace=vms",
                                          "--owner-name=web-pvc",
                                          "--secret-name=web-secret",
                                          "--storage-vendor-product=ontap",
                                          "--migration-host=host-44",
                                          "--pvc-size=10737418240",
                                          "--owner-uid=6b0b6a57-3c1e-4d35-9d0e-3a4f9c1b2d3e"};

TEST(PopulatorWords, ForkliftsFlagsBecomeSettingsWithoutAWarning)
{
    const auto read = read_populator_words(of_main);
    ASSERT_TRUE(read);
    EXPECT_THAT(read->warnings, IsEmpty());
    EXPECT_EQ(read->flags.at("source-vmdk"), std::vector<std::string>{"[ds 1] web 1/web.vmdk"});
    EXPECT_EQ(read->flags.at("owner-name"), std::vector<std::string>{"web-pvc"});
    EXPECT_EQ(read->flags.at("metrics-listen"), std::vector<std::string>{"8443"});
    EXPECT_FALSE(read->flags.contains("cr-name"));
}

TEST(PopulatorWords, MetricsMayBeServedElsewhere)
{
    const auto read = read_populator_words(of_main, {{"XCOPY_METRICS_LISTEN", "127.0.0.7:8443"}});
    EXPECT_FALSE(read->flags.contains("metrics-listen")) << "the variable is read with all others";
}

TEST(PopulatorWords, ReleasesBefore213KnowNoMigrationHost)
{
    auto words = of_main;
    std::erase_if(words, [](const std::string& word) { return word.starts_with("--migration-host"); });
    EXPECT_FALSE(read_populator_words(words)->flags.contains("migration-host"));
}

TEST(PopulatorWords, AFlagOfTomorrowIsAWarning)
{
    auto words = of_main;
    words.push_back("--brand-new=1");
    EXPECT_THAT(read_populator_words(words)->warnings, ElementsAre(HasSubstr("--brand-new")));
}

TEST(PopulatorWords, ASecretAmongTheArgumentsIsReadAndWarnedOfAndBlanked)
{
    const auto read = read_populator_words({"--storage-password=geheim", "-vsphere-password", "auch"});
    EXPECT_THAT(read->secrets, testing::ElementsAre(testing::Pair("GOVMOMI_PASSWORD", "auch"),
                                                    testing::Pair("STORAGE_PASSWORD", "geheim")));
    EXPECT_THAT(read->warnings,
                ElementsAre(HasSubstr("set STORAGE_PASSWORD instead"), HasSubstr("set GOVMOMI_PASSWORD instead")));
    EXPECT_THAT(read->warnings, testing::Each(testing::Not(HasSubstr("geheim"))));

    std::vector<std::string> held{
        "--owner-name=x", "--storage-password=geheim", "-vsphere-password", "auch", "--pvc-size=7", "--storage-token"};
    std::vector<char*> words;
    for (auto& word : held)
        words.push_back(word.data());
    blank_secrets(words);
    EXPECT_THAT(held, ElementsAre("--owner-name=x", "--storage-password=******", "-vsphere-password", "****",
                                  "--pvc-size=7", "--storage-token"));
}

TEST(PopulatorWords, ValuesMayBeWordsOfTheirOwn)
{
    const auto read = read_populator_words({"--owner-name", "web-pvc", "-v", "4", "stray"});
    EXPECT_EQ(read->flags.at("owner-name"), std::vector<std::string>{"web-pvc"});
    EXPECT_THAT(read->warnings, ElementsAre(HasSubstr("'stray'")));
}

// contract 5.2, line by line: what each flag and each variable does here.
struct Told {
    const char* name;
    std::vector<std::string> words; // besides the usual ones
    Environment environment;        // likewise
    std::function<std::string(const Config&)> effect;
    std::string value;     // of the effect
    std::string warning{}; // a part of it; empty: there is none
};

std::ostream& operator<<(std::ostream& out, const Told& told)
{
    return out << told.name;
}

class OfForklift : public testing::TestWithParam<Told> {};

TEST_P(OfForklift, HasItsEffectOrSaysThatItHasNone)
{
    const auto& told = GetParam();
    auto words = of_main;
    for (const auto& word : told.words) { // instead of the usual one of that name
        const auto name = word.substr(0, word.find('=') + 1);
        std::erase_if(words, [&](const std::string& each) { return name.size() > 1 && each.starts_with(name); });
        words.push_back(word);
    }
    Environment environment{{"STORAGE_HOSTNAME", "array.example.com"},
                            {"GOVMOMI_HOSTNAME", "vc.example.com"},
                            {"GOVMOMI_USERNAME", "u"},
                            {"GOVMOMI_PASSWORD", "p"},
                            {"XCOPY_AGENT_CA", "pem"},
                            {"XCOPY_AGENT_CERT", "pem"},
                            {"XCOPY_AGENT_KEY", "pem"},
                            {"KUBERNETES_SERVICE_HOST", "10.0.0.1"},
                            {"KUBERNETES_SERVICE_PORT", "443"}};
    for (const auto& [name, value] : told.environment)
        environment[name] = value;
    const auto read = read_populator_words(words);
    ASSERT_TRUE(read);
    if (told.warning.empty())
        EXPECT_THAT(read->warnings, IsEmpty());
    else
        EXPECT_THAT(read->warnings, ElementsAre(HasSubstr(told.warning)));
    const Needs everything{.agents = true, .storage = true, .copy = true, .state = true};
    for (const auto& [name, value] : read->secrets) // as main does
        environment[name] = value;
    const auto [config, problems] = read_config(read->flags, environment, everything);
    EXPECT_THAT(problems, IsEmpty());
    if (told.effect)
        EXPECT_EQ(told.effect(config), told.value);
}

const auto source_vm = [](const Config& c) { return c.vsphere.vm; };
const auto array_name = [](const Config& c) { return c.storage.hostname; };
const auto array_user = [](const Config& c) { return c.storage.username; };
const auto array_password = [](const Config& c) { return c.storage.password.reveal(); };
const auto array_unchecked = [](const Config& c) {
    return std::string(c.storage.skip_tls_verification ? "yes" : "no");
};
const auto extra_key = [](const char* key) { return [key](const Config& c) { return c.storage.extra_or_empty(key); }; };
const auto vendor = [](const Config& c) { return c.storage.vendor; };
const auto vcenter_unchecked = [](const Config& c) {
    return std::string(vsphere_tls(c.vsphere).skip_verification ? "yes" : "no");
};
const auto log_level = [](const Config& c) { return std::string(c.debug ? "debug" : "info"); };
const auto by_array = [](DiskBacking::Kind kind) {
    return [kind](const Config& c) { return std::string(c.order.array_copies.contains(kind) ? "array" : "host"); };
};

// -----BEGIN RSA PRIVATE KEY-----, x, -----END RSA PRIVATE KEY-----
constexpr const char* ssh_key =
    "LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQp4Ci0tLS0tRU5EIFJTQSBQUklWQVRFIEtFWS0tLS0tCg==";
const auto transport = [](const Config& c) {
    return std::string(c.ssh.choice == TransportChoice::ssh     ? "ssh"
                       : c.ssh.choice == TransportChoice::agent ? "agent"
                                                                : "auto");
};

INSTANTIATE_TEST_SUITE_P(
    Flags, OfForklift,
    testing::Values(
        Told{"source-vm-id", {}, {}, source_vm, "vm-123"},
        Told{"source-vmdk", {}, {}, [](const Config& c) { return c.order.source; }, "[ds 1] web 1/web.vmdk"},
        Told{"target-namespace", {}, {}, [](const Config& c) { return c.kube.name_space; }, "vms"},
        Told{"owner-name", {}, {}, [](const Config& c) { return c.kube.claim; }, "web-pvc"},
        Told{"owner-uid", {}, {}, [](const Config& c) { return c.order.job; }, "6b0b6a57-3c1e-4d35-9d0e-3a4f9c1b2d3e"},
        Told{"pvc-size", {}, {}, [](const Config& c) { return std::to_string(c.order.expected_size); }, "10737418240"},
        Told{"cr-name, cr-namespace, secret-name", {}, {}, {}, ""},
        Told{"migration-host", {}, {}, [](const Config& c) { return c.order.migration_host; }, "host-44"},
        Told{"storage-vendor-product", {"--storage-vendor-product=powerstore"}, {}, vendor, "powerstore"},
        Told{"storage-hostname", {"--storage-hostname=other"}, {}, array_name, "other"},
        Told{"storage-username", {"--storage-username=me"}, {}, array_user, "me"},
        Told{"storage-password",
             {"--storage-password=geheim"},
             {{"STORAGE_PASSWORD", "other"}},
             array_password,
             "geheim",
             "set STORAGE_PASSWORD instead"},
        Told{"storage-token",
             {"--storage-token=geheim"},
             {},
             [](const Config& c) { return c.storage.token.reveal(); },
             "geheim",
             "set STORAGE_TOKEN instead"},
        Told{"storage-skip-ssl-verification", {"--storage-skip-ssl-verification=true"}, {}, array_unchecked, "yes"},
        Told{"storage-skip-ssl-verification, one word",
             {"--storage-skip-ssl-verification=1"},
             {},
             array_unchecked,
             "no"},
        Told{"storage-http-timeout-seconds",
             {"--storage-http-timeout-seconds=7"},
             {},
             extra_key("STORAGE_HTTP_TIMEOUT_SECONDS"),
             "7"},
        Told{"vsphere-hostname",
             {"--vsphere-hostname=vc2:8443"},
             {},
             [](const Config& c) { return vsphere_endpoint(c.vsphere)->url; },
             "https://vc2:8443"},
        Told{"vsphere-username",
             {"--vsphere-username=me"},
             {},
             [](const Config& c) { return c.vsphere.username; },
             "me"},
        Told{"vsphere-password",
             {"--vsphere-password=geheim"},
             {},
             [](const Config& c) { return c.vsphere.password.reveal(); },
             "geheim",
             "set GOVMOMI_PASSWORD instead"},
        Told{"esxi-clone-method", {"--esxi-clone-method=vib"}, {}, transport, "auto"},
        Told{"esxi-clone-method, ssh", {"--esxi-clone-method=ssh"}, {{"SSH_PRIVATE_KEY", ssh_key}}, transport, "ssh"},
        Told{"kubeconfig", {"--kubeconfig=/k"}, {}, [](const Config& c) { return c.kube.kubeconfig; }, "/k"},
        Told{"master",
             {"--master=https://api:6443/"},
             {},
             [](const Config& c) { return c.kube.master; },
             "https://api:6443"},
        Told{"http-endpoint", {"--http-endpoint=:8080"}, {}, {}, "", "--http-endpoint has no effect"},
        Told{"metrics-path", {"--metrics-path=/m"}, {}, {}, "", "--metrics-path has no effect"},
        Told{"v", {"-v=5"}, {}, log_level, "debug"},
        Told{"v, lower", {"-v=2"}, {{"XCOPY_LOG_LEVEL", "debug"}}, log_level, "debug"},
        Told{"logtostderr", {"--logtostderr=true"}, {}, {}, ""},
        Told{"logtostderr alone", {"--logtostderr", "--alsologtostderr"}, {}, {}, ""},
        Told{"log_file", {"--log_file=/x"}, {}, {}, "", "--log_file has no effect"},
        Told{"vmodule", {"--vmodule=a=4"}, {}, {}, "", "--vmodule has no effect"}));

INSTANTIATE_TEST_SUITE_P(
    Variables, OfForklift,
    testing::Values(
        Told{"STORAGE_HOSTNAME", {}, {{"STORAGE_HOSTNAME", "other"}}, array_name, "other"},
        Told{"STORAGE_USERNAME", {}, {{"STORAGE_USERNAME", "me"}}, array_user, "me"},
        Told{"STORAGE_TOKEN",
             {},
             {{"STORAGE_TOKEN", "t"}},
             [](const Config& c) { return c.storage.token.reveal(); },
             "t"},
        Told{"STORAGE_SKIP_SSL_VERIFICATION", {}, {{"STORAGE_SKIP_SSL_VERIFICATION", "true"}}, array_unchecked, "yes"},
        Told{"STORAGE_CA", {}, {{"STORAGE_CA", "pem"}}, [](const Config& c) { return c.storage.ca_pem; }, "pem"},
        Told{"STORAGE_HTTP_TIMEOUT_SECONDS",
             {},
             {{"STORAGE_HTTP_TIMEOUT_SECONDS", "7"}},
             extra_key("STORAGE_HTTP_TIMEOUT_SECONDS"),
             "7"},
        Told{"STORAGE_PASSWORD", {}, {{"STORAGE_PASSWORD", "geheim"}}, array_password, "geheim"},
        Told{"ONTAP_SVM", {}, {{"ONTAP_SVM", "svm1"}}, extra_key("ONTAP_SVM"), "svm1"},
        Told{"PURE_CLUSTER_PREFIX", {}, {{"PURE_CLUSTER_PREFIX", "px"}}, extra_key("PURE_CLUSTER_PREFIX"), "px"},
        Told{"POWERFLEX_SYSTEM_ID", {}, {{"POWERFLEX_SYSTEM_ID", "1f"}}, extra_key("POWERFLEX_SYSTEM_ID"), "1f"},
        Told{"POWERMAX_SYMMETRIX_ID", {}, {{"POWERMAX_SYMMETRIX_ID", "9"}}, extra_key("POWERMAX_SYMMETRIX_ID"), "9"},
        Told{"POWERMAX_PORT_GROUP_NAME",
             {},
             {{"POWERMAX_PORT_GROUP_NAME", "pg"}},
             extra_key("POWERMAX_PORT_GROUP_NAME"),
             "pg"},
        Told{"STORAGE_ID", {}, {{"STORAGE_ID", "7"}}, extra_key("STORAGE_ID"), "7"},
        Told{"STORAGE_PORT", {}, {{"STORAGE_PORT", "23451"}}, extra_key("STORAGE_PORT"), "23451"},
        Told{"HOSTGROUP_ID_LIST", {}, {{"HOSTGROUP_ID_LIST", "CL1-A,1"}}, extra_key("HOSTGROUP_ID_LIST"), "CL1-A,1"},
        Told{"COPY_SPEED", {}, {{"COPY_SPEED", "15"}}, extra_key("COPY_SPEED"), "15"},
        Told{"GOVMOMI_HOSTNAME",
             {},
             {{"GOVMOMI_HOSTNAME", "vc2"}},
             [](const Config& c) { return vsphere_endpoint(c.vsphere)->url; },
             "https://vc2"},
        Told{"GOVMOMI_USERNAME",
             {},
             {{"GOVMOMI_USERNAME", "me"}},
             [](const Config& c) { return c.vsphere.username; },
             "me"},
        Told{"GOVMOMI_PASSWORD",
             {},
             {{"GOVMOMI_PASSWORD", "geheim"}},
             [](const Config& c) { return c.vsphere.password.reveal(); },
             "geheim"},
        Told{"GOVMOMI_INSECURE", {}, {{"GOVMOMI_INSECURE", "true"}}, vcenter_unchecked, "yes"},
        Told{"GOVMOMI_INSECURE, not", {}, {{"GOVMOMI_INSECURE", "false"}}, vcenter_unchecked, "no"},
        Told{"cacert", {}, {{"cacert", "pem"}}, [](const Config& c) { return vsphere_tls(c.vsphere).ca_pem; }, "pem"},
        Told{"HOST_LEASE_NAMESPACE",
             {},
             {{"HOST_LEASE_NAMESPACE", "mtv"}},
             [](const Config& c) { return c.kube.host_lease_namespace; },
             "mtv"},
        Told{"HOST_LEASE_DURATION_SECONDS",
             {},
             {{"HOST_LEASE_DURATION_SECONDS", "20"}},
             [](const Config& c) { return std::to_string(c.kube.host_lease_duration.count()); },
             "20"},
        Told{"HOST_LEASE_DURATION_SECONDS, wrong",
             {},
             {{"HOST_LEASE_DURATION_SECONDS", "soon"}},
             [](const Config& c) { return std::to_string(c.kube.host_lease_duration.count()); },
             "10"},
        Told{"DISABLE_RDM_METHOD", {}, {{"DISABLE_RDM_METHOD", "true"}}, by_array(DiskBacking::Kind::rdm), "host"},
        Told{"DISABLE_VVOL_METHOD", {}, {{"DISABLE_VVOL_METHOD", "true"}}, by_array(DiskBacking::Kind::vvol), "host"},
        Told{"DISABLE_VVOL_METHOD, other words",
             {},
             {{"DISABLE_VVOL_METHOD", "yes"}},
             by_array(DiskBacking::Kind::vvol),
             "array"},
        Told{
            "ESXI_CLONE_METHOD", {}, {{"ESXI_CLONE_METHOD", " SSH\n"}, {"SSH_PRIVATE_KEY", ssh_key}}, transport, "ssh"},
        Told{"ESXI_CLONE_METHOD, and what goes before it",
             {},
             {{"ESXI_CLONE_METHOD", "ssh"}, {"SSH_PRIVATE_KEY", ssh_key}, {"XCOPY_HOST_TRANSPORT", "auto"}},
             transport,
             "auto"},
        Told{"SSH_PRIVATE_KEY",
             {},
             {{"SSH_PRIVATE_KEY", ssh_key}},
             [](const Config& c) { return c.ssh.private_key.reveal(); },
             "-----BEGIN RSA PRIVATE KEY-----\nx\n-----END RSA PRIVATE KEY-----\n"},
        Told{"SSH_PUBLIC_KEY",
             {},
             {{"SSH_PUBLIC_KEY", "c3NoLXJzYSBBQUFBIHg="}},
             [](const Config& c) { return c.ssh.public_key; },
             "ssh-rsa AAAA x"},
        Told{"SSH_TIMEOUT_SECONDS",
             {},
             {{"SSH_TIMEOUT_SECONDS", "7"}},
             [](const Config& c) { return std::to_string(c.ssh.timeout.count()); },
             "7"},
        Told{"XCOPY_AGENT_CA",
             {},
             {{"XCOPY_AGENT_CA", "mine"}},
             [](const Config& c) { return c.agent_tls.ca_pem; },
             "mine"},
        Told{"XCOPY_AGENT_CERT",
             {},
             {{"XCOPY_AGENT_CERT", "mine"}},
             [](const Config& c) { return c.agent_tls.cert_pem; },
             "mine"},
        Told{"XCOPY_AGENT_KEY",
             {},
             {{"XCOPY_AGENT_KEY", "mine"}},
             [](const Config& c) { return c.agent_tls.key_pem.reveal(); },
             "mine"},
        Told{"XCOPY_VSPHERE_HOSTNAME goes before Forklift's, which has lost its port",
             {},
             {{"XCOPY_VSPHERE_HOSTNAME", "vc.example.com:8443"}},
             [](const Config& c) { return vsphere_endpoint(c.vsphere)->url; },
             "https://vc.example.com:8443"},
        Told{"XCOPY_VSPHERE_THUMBPRINT",
             {},
             {{"XCOPY_VSPHERE_THUMBPRINT", std::string(64, 'A')}},
             [](const Config& c) { return vsphere_tls(c.vsphere).thumbprint; },
             std::string(64, 'a')},
        Told{"XCOPY_LOG_LEVEL", {}, {{"XCOPY_LOG_LEVEL", "debug"}}, log_level, "debug"},
        Told{"XCOPY_AGENT_PORT",
             {},
             {{"XCOPY_AGENT_PORT", "19443"}},
             [](const Config& c) { return std::to_string(c.agent_port); },
             "19443"},
        Told{"XCOPY_XCOPY",
             {},
             {{"XCOPY_XCOPY", "require"}},
             [](const Config& c) { return std::string(c.order.xcopy == XcopyPolicy::require ? "require" : "prefer"); },
             "require"}));

TEST(PopulatorWords, TheVendorMayComeFromTheSecret)
{
    auto words = of_main;
    std::erase(words, "--storage-vendor-product=ontap");
    const auto read = read_populator_words(words);
    EXPECT_EQ(read_config(read->flags, {{"STORAGE_VENDOR", "infinibox"}}, {.storage = true}).config.storage.vendor,
              "infinibox");
}

TEST(PopulatorWords, CommandsAndHelpAreNotForklifts)
{
    EXPECT_FALSE(read_populator_words({}));
    EXPECT_FALSE(read_populator_words({"populate", "--owner-uid=x"}));
    EXPECT_FALSE(read_populator_words({"--help"}));
    EXPECT_TRUE(read_populator_words({"--version"})->version);
}

} // namespace
} // namespace xcopy
