// docs/userworld.md says what the launcher does, word for word.
#include "tests/userworld/profile.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <seccomp.h>
#include <set>

namespace xcopy::userworld {
namespace {

std::string page()
{
    std::ifstream file(USERWORLD_PAGE);
    return {std::istreambuf_iterator<char>(file), {}};
}

TEST(UserworldPage, HasTheProfilesTable)
{
    EXPECT_NE(page().find(as_markdown()), std::string::npos)
        << "docs/userworld.md differs from the profile; put in what `xcopy-userworld --table` prints:\n"
        << as_markdown();
}

TEST(UserworldPage, NamesTheLimitsAndTheRefusalThatIsNotASystemCall)
{
    EXPECT_NE(page().find("| Stack | " + std::to_string(stack_bytes / 1024) + " KiB |"), std::string::npos);
    EXPECT_NE(page().find("| Address space | " + std::to_string(address_space_bytes / 1024 / 1024) + " MiB |"),
              std::string::npos);
    EXPECT_NE(page().find("`" + std::string(local_socket_fionbio) + "`"), std::string::npos);
}

TEST(Profile, NamesEveryCallOnceAndTheKernelKnowsIt)
{
    std::set<std::string_view> seen;
    for (const auto& row : refused_calls()) {
        EXPECT_FALSE(row.why.empty() || row.source.empty());
        for (const auto call : row.calls) {
            EXPECT_TRUE(seen.insert(call).second) << call << " stands there twice";
            EXPECT_GE(seccomp_syscall_resolve_name(std::string(call).c_str()), 0) << call;
        }
    }
}

} // namespace
} // namespace xcopy::userworld
