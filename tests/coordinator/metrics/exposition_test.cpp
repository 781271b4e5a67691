// Forklift's own expressions, of 2.9 and of main, against what we print (facts/forklift-contract.md 2.2, 12).
#include "coordinator/metrics/copy_metrics.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>

namespace xcopy {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string uid = "6b0b6a57-3c1e-4d35-9d0e-3a4f9c1b2d3e";

std::string found(const std::string& text, const std::string& pattern)
{
    std::smatch match;
    return std::regex_search(text, match, std::regex(pattern)) ? match[1].str() : "";
}

CopyFigures finished()
{
    return {.owner_uid = uid,
            .storage_vendor = "ontap",
            .storage_protocol = "iscsi",
            .percent = 100,
            .xcopy_used = true,
            .agent_version = "0.1.0",
            .array = ArrayInfo{"NetApp", "ONTAP", "", "9.14.1"},
            .provisioned_bytes = 2199023255552,
            .allocated_bytes = 1073741824,
            .end = CopyFigures::End{true, 12.3456}};
}

TEST(Exposition, BothGenerationsFindTheProgress)
{
    const auto text = exposition({.owner_uid = uid, .storage_vendor = "ontap", .percent = 37});
    EXPECT_EQ(
        found(text, "vsphere_xcopy_volume_populator_progress\\{[^}]*owner_uid=\"" + uid + "\"[^}]*\\} (\\d+\\.?\\d*)"),
        "37");
    EXPECT_EQ(found(text, "progress\\{ownerUID=\"" + uid + "\"\\} (\\d+\\.?\\d*)"), "37");
}

TEST(Exposition, NothingIsFinishedBeforeTheEnd)
{
    const auto text = exposition({.owner_uid = uid, .storage_vendor = "ontap", .percent = 100});
    EXPECT_THAT(text, Not(HasSubstr("copy_duration_seconds")));
    EXPECT_THAT(text, Not(HasSubstr("xcopy_used")));
}

TEST(Exposition, TheEndCarriesEverythingForkliftReads)
{
    const auto text = exposition(finished());
    const auto line = found(text, "(vsphere_xcopy_volume_populator_copy_duration_seconds\\{[^}]*owner_uid=\"" + uid +
                                      "\"[^}]*\\} [0-9.]+\n)");
    EXPECT_EQ(found(line, "\\} ([0-9.]+)\n"), "12.346");
    EXPECT_EQ(found(line, "result=\"([^\"]*)\""), "success");
    EXPECT_EQ(found(line, "storage_vendor=\"([^\"]*)\""), "ontap");
    EXPECT_EQ(found(line, "clone_method=\"([^\"]*)\""), "agent");
    EXPECT_EQ(found(line, "xcopy_used=\"([^\"]*)\""), "1");
    EXPECT_EQ(found(line, "storage_protocol=\"([^\"]*)\""), "iscsi");
    EXPECT_EQ(found(text, "xcopy_used\\{[^}]*owner_uid=\"" + uid + "\"[^}]*\\} (\\d+)"), "1");
    EXPECT_EQ(
        found(text, "source_disk_bytes\\{[^}]*owner_uid=\"" + uid + "\"[^}]*type=\"provisioned\"[^}]*\\} ([0-9.e+]+)"),
        "2199023255552");
    EXPECT_EQ(found(text, "source_disk_bytes\\{[^}]*owner_uid=\"" + uid +
                              "\"[^}]*type=\"datastore_allocated\"[^}]*\\} ([0-9.e+]+)"),
              "1073741824");
    EXPECT_THAT(text, HasSubstr("storage_array_model=\"n/a\",storage_array_product=\"ONTAP\""));
    EXPECT_THAT(text, HasSubstr("vib_version{owner_uid=\"" + uid + "\",version=\"0.1.0\"} 1\n"));
}

TEST(Exposition, AFailureNamesNoProtocol)
{
    auto figures = finished();
    figures.end->success = false;
    EXPECT_THAT(exposition(figures), HasSubstr("result=\"failure\",storage_protocol=\"n/a\""));
}

TEST(Exposition, NoNumberIsAboveAHundredAndNoneHasAnExponent)
{
    auto figures = finished();
    figures.percent = 400;
    figures.end->seconds = 7200000.5;
    const auto text = exposition(figures);
    EXPECT_THAT(text, HasSubstr("\"} 100\n"));
    EXPECT_FALSE(std::regex_search(text, std::regex("\\} [0-9.]+e")));
    figures.percent = -1;
    EXPECT_THAT(exposition(figures), HasSubstr("progress{owner_uid=\"" + uid + "\"} 0\n"));
}

std::vector<std::string> samples(const std::string& text)
{
    std::vector<std::string> all;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        if (!line.starts_with('#'))
            all.push_back(line);
    return all;
}

TEST(Exposition, EveryLineIsOfTheShapeThatForkliftReads)
{
    const auto all = samples(exposition(finished()));
    EXPECT_EQ(all.size(), 8U);
    for (const auto& line : all) {
        std::smatch match;
        ASSERT_TRUE(std::regex_match(line, match, std::regex("([a-z_]+)\\{([^}]*)\\} ([0-9.]+)"))) << line;
        std::vector<std::string> names;
        const auto labels = match[2].str();
        const std::regex label("([a-zA-Z_]+)=\"([^\"]*)\"");
        for (std::sregex_iterator at(labels.begin(), labels.end(), label); at != std::sregex_iterator(); ++at)
            names.push_back((*at)[1]);
        EXPECT_TRUE(std::ranges::is_sorted(names)) << line;
        // Names are searched for unanchored: the first place where one ends like that must be the label itself.
        for (const std::string name :
             {"result", "storage_vendor", "clone_method", "xcopy_used", "storage_protocol", "version"}) {
            const auto found = std::ranges::find_if(names, [&](const auto& each) { return each.ends_with(name); });
            const bool is_array_info = line.find("storage_array_info") != std::string::npos; // nobody reads it so
            if (found != names.end() && !is_array_info)
                EXPECT_EQ(*found, name) << line;
        }
    }
}

TEST(Exposition, NoGenerationTakesTheOthersLine)
{
    const auto of_main =
        "vsphere_xcopy_volume_populator_progress\\{[^}]*owner_uid=\"" + uid + "\"[^}]*\\} (\\d+\\.?\\d*)";
    const auto of_29 = "progress\\{ownerUID=\"" + uid + "\"\\} (\\d+\\.?\\d*)";
    int main_lines = 0;
    int old_lines = 0;
    for (const auto& line : samples(exposition(finished()))) {
        main_lines += found(line, of_main).empty() ? 0 : 1;
        old_lines += found(line, of_29).empty() ? 0 : 1;
    }
    EXPECT_EQ(main_lines, 1);
    EXPECT_EQ(old_lines, 1);
}

TEST(Exposition, DurationsArePlainNumbersHoweverShortOrLong)
{
    for (const auto& [seconds, text] : std::map<double, std::string>{{0.0, "0"},
                                                                     {0.0000004, "0"},
                                                                     {0.001, "0.001"},
                                                                     {0.1 + 0.2, "0.3"},
                                                                     {99999.999, "99999.999"},
                                                                     {604800.0, "604800"}}) {
        auto figures = finished();
        figures.end->seconds = seconds;
        EXPECT_EQ(found(exposition(figures), "copy_duration_seconds\\{[^}]*\\} ([^\n]*)\n"), text);
    }
}

TEST(Exposition, LabelValuesCannotEndAPattern)
{
    auto figures = finished();
    figures.array->model = "a\"b}c\nd";
    EXPECT_THAT(exposition(figures), HasSubstr("storage_array_model=\"a_b_c_d\""));
}

// promtool knows one thing to say: Forklift 2.9 to 2.11 want a label that is not in snake_case.
TEST(Exposition, PromtoolAcceptsIt)
{
    const auto file = testing::TempDir() + "exposition.prom";
    std::ofstream(file) << exposition(finished());
    std::string said;
    std::FILE* pipe = ::popen(("promtool check metrics <" + file + " 2>&1").c_str(), "r");
    for (int c = 0; (c = std::fgetc(pipe)) != EOF;)
        said += static_cast<char>(c);
    ::pclose(pipe);
    EXPECT_EQ(said, "vsphere_xcopy_volume_populator_legacy_progress label names should be written in 'snake_case' not "
                    "'camelCase'\n");
}

TEST(CopyMetrics, TheWayAndTheSourceAreToldAsSoonAsTheyAreKnown)
{
    CopyOrder order{.job = "to be learned", .vendor = "ontap"};
    Observer nobody;
    CopyMetrics metrics(order, nobody);
    order.job = uid;
    order.source_capacity = 4096;
    order.source_allocated = 1024;
    metrics.order(order);
    metrics.way({.method = "agent", .protocol = "fc", .agent_version = "0.1.0"});
    const std::string labels =
        "{clone_method=\"agent\",owner_uid=\"" + uid + "\",storage_protocol=\"fc\",storage_vendor=\"ontap\",type=\"";
    const auto early = metrics.text();
    EXPECT_THAT(early, HasSubstr(labels + "provisioned\"} 4096\n"));
    EXPECT_THAT(early, HasSubstr(labels + "datastore_allocated\"} 1024\n"));
    EXPECT_THAT(early, HasSubstr("vib_version{owner_uid=\"" + uid + "\",version=\"0.1.0\"} 1\n"));

    metrics.progress({.percent = 1, .bytes = 8192});
    CopyReport report;
    report.outcome = Outcome::succeeded;
    report.bytes = 8192; // the target may be larger than the disk
    metrics.end(report);
    EXPECT_THAT(metrics.text(), HasSubstr("type=\"provisioned\"} 4096\n"));
    EXPECT_THAT(metrics.text(), HasSubstr("result=\"success\",storage_protocol=\"fc\""));
}

TEST(CopyMetrics, ProgressNeverGoesBackAndIsPassedOn)
{
    struct Heard : Observer {
        int last = -1;
        void progress(const Progress& now) override { last = now.percent; }
    } heard;
    CopyOrder order{.job = uid, .vendor = "ontap"};
    CopyMetrics metrics(order, heard);
    metrics.progress({.percent = 60, .bytes = 1024});
    metrics.progress({.percent = 10, .xcopy = XcopyUse::full});
    EXPECT_EQ(heard.last, 10);
    EXPECT_THAT(metrics.text(), HasSubstr("progress{owner_uid=\"" + uid + "\"} 60\n"));
    EXPECT_THAT(metrics.text(),
                HasSubstr("xcopy_used{clone_method=\"agent\",owner_uid=\"" + uid + "\",storage_vendor=\"ontap\"} 1"));
    CopyReport report;
    report.outcome = Outcome::succeeded;
    report.xcopy.use = XcopyUse::none;
    report.wall_ms = 1500;
    metrics.end(report);
    EXPECT_THAT(
        metrics.text(),
        HasSubstr("result=\"success\",storage_protocol=\"n/a\",storage_vendor=\"ontap\",xcopy_used=\"0\"} 1.5\n"));
}

TEST(CopyMetrics, ACopyInsideTheArrayIsNoXcopyToForklift)
{
    CopyReport report;
    report.xcopy.use = XcopyUse::full;
    EXPECT_FALSE(forklift_says_xcopy(report));
    report.host = "esx1";
    EXPECT_TRUE(forklift_says_xcopy(report));
}

} // namespace
} // namespace xcopy
