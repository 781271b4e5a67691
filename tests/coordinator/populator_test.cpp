// Forklift's words, as its controller writes them (facts/forklift-contract.md 1.2).
#include "coordinator/populator.hpp"

#include <gmock/gmock.h>

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

TEST(PopulatorWords, ASecretAmongTheArgumentsIsNotRead)
{
    const auto read = read_populator_words({"--storage-password=geheim"});
    EXPECT_THAT(read->warnings, ElementsAre(HasSubstr("--storage-password is not read")));
    EXPECT_THAT(read->warnings.front(), testing::Not(HasSubstr("geheim")));
}

TEST(PopulatorWords, ValuesMayBeWordsOfTheirOwn)
{
    const auto read = read_populator_words({"--owner-name", "web-pvc", "-v", "4", "stray"});
    EXPECT_EQ(read->flags.at("owner-name"), std::vector<std::string>{"web-pvc"});
    EXPECT_THAT(read->warnings, ElementsAre(HasSubstr("'stray'")));
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
