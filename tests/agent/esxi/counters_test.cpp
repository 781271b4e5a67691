#include "agent/esxi/vsish.hpp"
#include "agent/esxi/xcopy_verdict.hpp"

#include <gtest/gtest.h>

namespace xcopy {
namespace {

TEST(VsishCounters, AreReadInDecimalAndHexadecimal)
{
    const auto counters =
        parse_vsish_counters("Statistics {\n   commands:12\n   cloneWriteOps:0x000000000000a560\n"
                             "   name:naa.1\n   ats {\n      commands:3\n   }\n   blocksWritten: 7\r\n}\n");
    ASSERT_TRUE(counters);
    EXPECT_EQ(counters->at("commands"), 12U);
    EXPECT_EQ(counters->at("cloneWriteOps"), 0xa560U);
    EXPECT_EQ(counters->at("ats.commands"), 3U);
    EXPECT_EQ(counters->at("blocksWritten"), 7U);
    EXPECT_FALSE(counters->contains("name"));
}

TEST(VsishCounters, TextWithoutCountersIsAnError)
{
    EXPECT_FALSE(parse_vsish_counters(""));
    EXPECT_FALSE(parse_vsish_counters("VSISHCmdGetInt():Get failed: Not found\n"));
    EXPECT_FALSE(parse_vsish_counters("Statistics {\n   x:99999999999999999999999\n}\n"));
    std::string deep;
    for (int i = 0; i < 1000; ++i)
        deep += "a {\n";
    EXPECT_FALSE(parse_vsish_counters(deep));
}

TEST(VsishCounters, AreFoundHoweverAVersionSpellsThem)
{
    EXPECT_EQ(counter({{"clone_write_ops", 4}}, {"cloneWriteOps"}), 4U);
    EXPECT_EQ(counter({{"cloneWrite", 5}}, {"cloneWriteOps", "cloneWrite"}), 5U);
    EXPECT_FALSE(counter({{"writeOps", 4}}, {"cloneWriteOps"}));
}

constexpr std::uint64_t mib = 1024 * 1024;
constexpr std::uint64_t copied = 1024 * mib;

// Counters of a target that had seen traffic before.
CountersAround target(std::uint64_t clone_writes, std::uint64_t failed, std::uint64_t host_bytes)
{
    return {.before = DeviceCounters{{"cloneWriteOps", 100}, {"failedCloneOps", 2}, {"blocksWritten", 5000}},
            .after = DeviceCounters{{"cloneWriteOps", 100 + clone_writes},
                                    {"failedCloneOps", 2 + failed},
                                    {"blocksWritten", 5000 + host_bytes / 512}}};
}

XcopyUse use(const CountersAround& around)
{
    return xcopy_verdict({}, around, copied).use;
}

TEST(XcopyVerdict, TellsWhoCopied)
{
    EXPECT_EQ(use(target(256, 0, 0)), XcopyUse::full);
    EXPECT_EQ(use(target(256, 0, 8 * mib)), XcopyUse::full) << "headers and tails are written by the host anyway";
    EXPECT_EQ(use(target(128, 0, 512 * mib)), XcopyUse::partial);
    EXPECT_EQ(use(target(255, 1, 0)), XcopyUse::partial);
    EXPECT_EQ(use(target(0, 0, copied)), XcopyUse::none);
    EXPECT_EQ(use(target(0, 3, copied)), XcopyUse::none);
}

TEST(XcopyVerdict, WhatIsMissingIsAbsentNotZero)
{
    EXPECT_EQ(use({}), XcopyUse::unknown);
    auto only_after = target(256, 0, 0);
    only_after.before.reset();
    EXPECT_EQ(use(only_after), XcopyUse::unknown);

    auto without_clone_counters = target(0, 0, copied);
    without_clone_counters.before->erase("cloneWriteOps");
    EXPECT_EQ(use(without_clone_counters), XcopyUse::unknown);

    auto without_writes = target(256, 0, 0);
    without_writes.after->erase("blocksWritten");
    const auto verdict = xcopy_verdict({}, without_writes, copied);
    EXPECT_EQ(verdict.use, XcopyUse::unknown);
    EXPECT_FALSE(verdict.bytes_by_host);
    EXPECT_EQ(verdict.clone_write_ops, 256U);
}

TEST(XcopyVerdict, CountersThatBeganAgainTellNothing)
{
    auto reset = target(256, 0, 0);
    reset.after = DeviceCounters{{"cloneWriteOps", 50}, {"failedCloneOps", 0}, {"blocksWritten", 1}};
    EXPECT_EQ(use(reset), XcopyUse::unknown);
}

TEST(XcopyVerdict, CountsTheSourceToo)
{
    const CountersAround source{.before = DeviceCounters{{"cloneReadOps", 10}, {"failedCloneOps", 0}},
                                .after = DeviceCounters{{"cloneReadOps", 266}, {"failedCloneOps", 4}}};
    auto around = target(256, 1, 0);
    (*around.before)["cloneBlocksWritten"] = 0;
    (*around.after)["cloneBlocksWritten"] = copied / 512;
    const auto verdict = xcopy_verdict(source, around, copied);
    EXPECT_EQ(verdict.clone_read_ops, 256U);
    EXPECT_EQ(verdict.failed_clone_ops, 5U);
    EXPECT_EQ(verdict.bytes_by_array, copied);
}

} // namespace
} // namespace xcopy
