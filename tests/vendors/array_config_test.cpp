#include "tests/vendors/fakes/scripted_transport.hpp"
#include "vendors/array_config.hpp"
#include "vendors/registry.hpp"

#include <gtest/gtest.h>

namespace xcopy {
namespace {

TEST(BaseUrl, AcceptsWhateverPeopleWriteIntoTheSecret)
{
    const std::pair<std::string_view, std::string_view> table[] = {
        {"array.example.com", "https://array.example.com"},
        {"https://array.example.com", "https://array.example.com"},
        {"HTTPS://Array.Example.com/", "https://array.example.com"},
        {"https://array.example.com/api/", "https://array.example.com"},
        {"array.example.com/devmgr", "https://array.example.com"},
        {"array.example.com:8443", "https://array.example.com:8443"},
        {"https://array.example.com:443/", "https://array.example.com"},
        {" 10.0.0.5\n", "https://10.0.0.5"},
        {"10.0.0.5:8443/", "https://10.0.0.5:8443"},
        {"2001:DB8::5", "https://[2001:db8::5]"},
        {"[2001:db8::5]", "https://[2001:db8::5]"},
        {"https://[2001:db8::5]:8443/api", "https://[2001:db8::5]:8443"},
        {"https://2001:db8::5/api", "https://[2001:db8::5]"},
    };
    for (const auto& [written, expected] : table) {
        const auto url = base_url(written);
        ASSERT_TRUE(url) << written << ": " << url.error().message;
        EXPECT_EQ(*url, expected) << written;
    }
}

TEST(BaseUrl, RefusesWhatIsNoHostOrWouldSendThePasswordInTheClear)
{
    for (std::string_view written :
         {"", "   ", "https://", "http://array", "ftp://array", "array:", "array:0", "array:65536", "array:80x", "a b",
          "[array]", "[2001:db8::5", "[2001:db8::5]x", "-oProxy", "https:///api", "array\r\nX: y"}) {
        const auto url = base_url(written);
        ASSERT_FALSE(url) << written << " became " << *url;
        EXPECT_EQ(url.error().code, Errc::bad_request);
        EXPECT_FALSE(url.error().remedy.empty());
    }
}

TEST(BaseUrl, DoesNotRepeatAPasswordWrittenIntoTheHostname)
{
    const auto url = base_url("https://admin:geheim@array");
    ASSERT_FALSE(url);
    EXPECT_EQ(url.error().message.find("geheim"), std::string::npos);
}

TEST(ArrayConfig, ComesFromTheEnvironmentAndKeepsVendorKeysAside)
{
    const auto config = array_config_from("ontap", {{"STORAGE_HOSTNAME", "array"},
                                                    {"STORAGE_USERNAME", "admin"},
                                                    {"STORAGE_PASSWORD", "geheim"},
                                                    {"STORAGE_TOKEN", "token"},
                                                    {"STORAGE_SKIP_SSL_VERIFICATION", "true"},
                                                    {"STORAGE_CA_FILE", "/ca.pem"},
                                                    {"ONTAP_SVM", "svm1"}});
    EXPECT_EQ(config.hostname, "array");
    EXPECT_EQ(config.username, "admin");
    EXPECT_EQ(config.password, Secret("geheim"));
    EXPECT_EQ(config.token, Secret("token"));
    EXPECT_TRUE(config.skip_tls_verification);
    EXPECT_EQ(config.ca_file, "/ca.pem");
    EXPECT_EQ(config.extra_or_empty("ONTAP_SVM"), "svm1");
    EXPECT_EQ(config.extra_or_empty("STORAGE_PASSWORD"), "");
}

TEST(ArrayConfig, OnlyTheWordTrueSwitchesVerificationOff)
{
    for (std::string_view value : {"false", "", "True", "1", "yes", "true "})
        EXPECT_FALSE(
            array_config_from("ontap", {{"STORAGE_SKIP_SSL_VERIFICATION", std::string(value)}}).skip_tls_verification)
            << value;
}

TEST(Registry, NamesTheKnownVendorsWhenAskedForAnUnknownOne)
{
    rest::ScriptedTransport transport;
    const auto array = make_array({.vendor = "netapp"}, transport);
    ASSERT_FALSE(array);
    EXPECT_EQ(array.error().code, Errc::bad_request);
    EXPECT_NE(array.error().remedy.find("ontap"), std::string::npos);
}

TEST(Registry, ReportsEveryProblemOfAConfigurationAtOnce)
{
    rest::ScriptedTransport transport;
    const auto array = make_array({.vendor = "ontap", .hostname = "http://array"}, transport);
    ASSERT_FALSE(array);
    for (std::string_view problem : {"http://", "STORAGE_USERNAME", "STORAGE_PASSWORD"})
        EXPECT_NE(array.error().message.find(problem), std::string::npos) << problem;
}

} // namespace
} // namespace xcopy
