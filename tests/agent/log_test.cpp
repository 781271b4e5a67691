#include "agent/log.hpp"

#include <gtest/gtest.h>

namespace xcopy {

TEST(LogLine, IsOneLineWhateverAClientSends)
{
    EXPECT_EQ(log::line("clone started", {{"job", "a-1"}, {"source", "[ds] x.vmdk"}}),
              "clone started job=a-1 source=\"[ds] x.vmdk\"");
    EXPECT_EQ(log::line("x", {{"a", "b\nc"}, {"d", "\"\\"}, {"e", ""}}), R"(x a="b\x0ac" d="\"\\" e="")");
    EXPECT_LT(log::line("x", {{"a", std::string(100'000, 'y')}}).size(), 2000u);
}

} // namespace xcopy
