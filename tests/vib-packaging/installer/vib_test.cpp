#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "vib-packaging/installer/vib.hpp"

namespace xcopy::installer {

namespace {

std::string real_vib()
{
    for (const auto& entry : std::filesystem::directory_iterator(XCOPY_TEST_VIBS "/1"))
        if (entry.path().extension() == ".vib") {
            std::ifstream file(entry.path(), std::ios::binary);
            return {std::istreambuf_iterator<char>(file), {}};
        }
    return {};
}

} // namespace

TEST(Vib, OursIsRead)
{
    const auto vib = parse_vib(real_vib());
    ASSERT_TRUE(vib) << vib.error().message;
    EXPECT_EQ(vib->name, "xcopy-agent");
    EXPECT_EQ(vib->version, XCOPY_VERSION "-0.0.1");
    EXPECT_EQ(vib->acceptance, "community");
}

TEST(Vib, OneThatIsCutOffAnywhereIsRefused)
{
    const auto whole = real_vib();
    for (const std::size_t size : {std::size_t{0}, std::size_t{7}, std::size_t{50}, std::size_t{100}, std::size_t{1500},
                                   whole.size() / 2, whole.size() - 200})
        EXPECT_FALSE(parse_vib(whole.substr(0, size))) << size;
    EXPECT_FALSE(parse_vib("PK\x03\x04" + whole));
}

TEST(Vib, VersionsAreComparedAsNumbers)
{
    EXPECT_TRUE(compare_versions("0.10.0-0.0.1", "0.9.0-0.0.1") > 0);
    EXPECT_TRUE(compare_versions("0.1.0-0.0.1", "0.1.0-0.0.2") < 0);
    EXPECT_TRUE(compare_versions("6.7.0", "6.7") == 0);
    EXPECT_TRUE(compare_versions("6.5.0", "6.7") < 0);
}

} // namespace xcopy::installer
