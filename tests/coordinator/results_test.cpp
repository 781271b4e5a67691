#include "coordinator/results.hpp"
#include "coordinator/table.hpp"
#include "tests/coordinator/fakes/lab.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace xcopy::test {

namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(CopyJson, HasWhatProgramsNeed)
{
    Lab lab;
    const auto json = nlohmann::json::parse(copy_json(lab.copy()));
    EXPECT_EQ(json["result"], "succeeded");
    EXPECT_EQ(json["job"], "pvc-1");
    EXPECT_EQ(json["source"], "[ds 1] vm 1/disk.vmdk");
    EXPECT_EQ(json["target_naa"], "naa.600a098038313954492458313032502d");
    EXPECT_EQ(json["bytes"], std::uint64_t{10} << 30);
    EXPECT_EQ(json["xcopy"], "full");
    EXPECT_EQ(json["host"], "esx1");
    EXPECT_EQ(json["clone_method"], "agent");
    EXPECT_EQ(json["copy_ms"], 2000);
    EXPECT_TRUE(json["left_behind"].empty());
    EXPECT_GE(json["steps"].size(), 5U);
    EXPECT_TRUE(json.contains("overhead_ms") && json.contains("wall_ms"));
}

TEST(CopyText, NeverCallsAnUnfinishedCopyDone)
{
    Lab lab;
    lab.esx1().exit_status = 1;
    const auto text = copy_text(lab.copy());
    EXPECT_THAT(text, HasSubstr("undefined"));
    EXPECT_THAT(text, Not(HasSubstr("Copied")));
}

TEST(CopyText, SaysWhatIsLeftBehindAndHowToUndoIt)
{
    Lab lab;
    lab.steps.always_fail = "unmap";
    const auto text = copy_text(lab.copy());
    EXPECT_THAT(text, HasSubstr("unmap naa.600a098038313954492458313032502d"));
    EXPECT_THAT(text, HasSubstr("sweep"));
}

TEST(Preflight, ChangesNothingAndPassesWhereACopyWould)
{
    Lab lab;
    const auto hosts = lab.connect();
    const auto checks = preflight(
        Call{}, lab.order,
        Site{.array = lab.array, .hosts = hosts, .journal = lab.journal, .log = lab.log, .observer = lab.observer});
    for (const auto& check : checks)
        EXPECT_EQ(check.state, CheckState::pass) << check.what << ": " << check.message;
    EXPECT_EQ(lab.steps.count("ensure_host") + lab.steps.count("map") + lab.steps.count("attach") +
                  lab.steps.count("journal"),
              0);
}

TEST(Preflight, FindsADiskThatDoesNotFitAndOneThatIsMissing)
{
    const auto failed = [](Lab& lab) {
        const auto hosts = lab.connect();
        std::string rows;
        for (const auto& check : preflight(Call{}, lab.order,
                                           Site{.array = lab.array,
                                           .hosts = hosts,
                                           .journal = lab.journal,
                                           .log = lab.log,
                                           .observer = lab.observer}))
            rows += check.state == CheckState::fail ? check.what + ";" : "";
        return rows;
    };
    Lab large;
    large.esx1().source.size_bytes += 512;
    EXPECT_EQ(failed(large), "source fits;");
    EXPECT_EQ(large.esx1().asked_health, HealthAge::fresh);
    Lab missing;
    missing.esx1().source_fault = Error{Errc::not_found, "no such file", "", "source_missing"};
    EXPECT_EQ(failed(missing), "source file;");
}

TEST(Preflight, ReportsEveryFailureAtOnce)
{
    Lab lab;
    lab.array.refusal = Error{Errc::not_found, "no such volume", "check the handle"};
    lab.order.source = "[nowhere] vm/disk.vmdk";
    const auto hosts = lab.connect();
    const auto text = preflight_text(preflight(
        Call{}, lab.order,
        Site{.array = lab.array, .hosts = hosts, .journal = lab.journal, .log = lab.log, .observer = lab.observer}));
    EXPECT_THAT(text, HasSubstr("no such volume"));
    EXPECT_THAT(text, HasSubstr("check the handle"));
    EXPECT_THAT(text, HasSubstr("nowhere"));
}

TEST(Table, AlignsColumnsAndKeepsControlCharactersOut)
{
    EXPECT_EQ(table({"A", "LONG"}, {{"x\033[2J", "1"}, {"größe", "2"}}), "A      LONG\nx [2J  1\ngröße  2\n");
    EXPECT_EQ(bytes_text(1536), "1.5 KiB");
    EXPECT_EQ(seconds_text(3723), "1:02:03");
}

} // namespace

} // namespace xcopy::test
