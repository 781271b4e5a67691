// A scraper beside a copy, as Forklift's controller is one.
#include "tests/end_to_end/scraper.hpp"
#include "tests/end_to_end/site.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <cstdlib>
#include <regex>
#include <thread>

namespace e2e {
namespace {

using testing::HasSubstr;
using testing::Not;

nlohmann::json host_with_iscsi_only()
{
    return {{"hosts", {{{"adapters", {{{"name", "vmhba64"}, {"uid", "iqn.1998-01.com.vmware:esx1-00000001"}}}}}}}};
}

TEST(Metrics, ACopyIsFollowedToItsEndAndWaitsForTheLastScrape)
{
    Site site(host_with_iscsi_only());
    const auto disk = site.make_disk("web/web.vmdk", 16 * mib);
    const auto target = site.make_target(16 * mib);
    const int port = free_port();
    const auto copy = site.prepare_populate(disk, target, {listen_on(port)});
    copy->go();
    std::string text;
    while (text.find("copy_duration_seconds{") == std::string::npos) {
        text = scrape(port);
        EXPECT_FALSE(std::regex_search(text, std::regex("\\} [0-9.]*e")));
    }
    const auto ran = copy->wait();
    EXPECT_EQ(ran.exit, 0) << ran.err;
    EXPECT_THAT(text, HasSubstr("progress{owner_uid=\"" + target.job + "\"} 100\n"));
    EXPECT_THAT(text, HasSubstr("xcopy_used{clone_method=\"agent\",owner_uid=\"" + target.job +
                                "\",storage_vendor=\"ontap\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("result=\"success\""));
    EXPECT_THAT(text, HasSubstr("storage_array_product=\"ONTAP\""));
    EXPECT_THAT(text,
                HasSubstr("storage_protocol=\"iscsi\",storage_vendor=\"ontap\",type=\"provisioned\"} 16777216\n"));
    EXPECT_TRUE(std::regex_search(text, std::regex("vib_version\\{owner_uid=\"[^\"]+\",version=\"[0-9.]+\"\\} 1\n")));
    EXPECT_THAT(ran.err, Not(HasSubstr("nobody asked"))) << "it ended because of the scrape";
}

// Forklift asks again at once where an answer was no use to it, and so do others who have its port (contract 2.1).
TEST(Metrics, ThousandsOfRequestsDoNotKeepACopyFromEnding)
{
    Site site;
    const auto disk = site.make_disk("web/web.vmdk", 16 * mib);
    const auto target = site.make_target(16 * mib);
    const int port = free_port();
    site.lab.call({{"do", "vmkfstools.set"}, {"hold_at", 50}, {"hold_name", "half"}});
    const auto copy = site.prepare_populate(disk, target, {listen_on(port)});
    copy->go();
    site.lab.wait_held("half");
    const auto url = "https://127.0.0.1:" + std::to_string(port) + "/metrics";
    std::vector<std::jthread> hungry;
    hungry.reserve(4);
    for (int i = 0; i < 3; ++i) // on one connection each, as fast as it goes
        hungry.emplace_back([&] {
            EXPECT_EQ(std::system(("curl -skf --max-time 60 -o /dev/null '" + url + "#[1-2000]'").c_str()), 0);
        });
    hungry.emplace_back([&] { // and with a handshake for each
        EXPECT_EQ(
            std::system(("curl -skf --max-time 60 -H 'Connection: close' -o /dev/null '" + url + "#[1-200]'").c_str()),
            0);
    });
    hungry.clear(); // joined
    site.lab.release("half");
    while (scrape(port).find("copy_duration_seconds{") == std::string::npos) {}
    const auto ran = copy->wait();
    EXPECT_EQ(ran.exit, 0) << ran.err;
    EXPECT_TRUE(same_bytes(disk.flat, target.file, disk.size));
    EXPECT_LT(ran.peak_rss_kb, 64 * 1024);
}

TEST(Metrics, WhoNeverAsksIsWaitedForTenSecondsAndNoLonger)
{
    Site site;
    const auto disk = site.make_disk("web/web.vmdk", 16 * mib);
    const auto target = site.make_target(16 * mib);
    const auto ran = site.populate(disk, target, {listen_on(free_port())});
    EXPECT_EQ(ran.exit, 0) << ran.err;
    EXPECT_THAT(ran.err, HasSubstr("nobody asked for the final metrics"));
}

TEST(Metrics, AFailureIsSaidAndThePortIsNeededBeforeAnythingIsChanged)
{
    Site site;
    const auto disk = site.make_disk("web/web.vmdk", 16 * mib);
    const auto target = site.make_target(8 * mib); // too small
    const int port = free_port();
    const auto copy = site.prepare_populate(disk, target, {listen_on(port)});
    copy->go();
    std::string text;
    while (text.find("result=\"failure\"") == std::string::npos)
        text = scrape(port);
    EXPECT_EQ(copy->wait().exit, 3);

    const HeldPort held;
    const auto refused = site.populate(disk, target, {listen_on(held.number)});
    EXPECT_EQ(refused.exit, 2);
    EXPECT_THAT(refused.err, HasSubstr("Address already in use"));
}

TEST(Metrics, APodWithUselessSettingsAnswersOnceBeforeItEnds)
{
    Site site;
    const int port = free_port();
    Process pod({XCOPY_COORDINATOR_PROGRAM, "--owner-uid=6b0b2f7e-0000-4000-8000-000000000001", listen_on(port)},
                {{"KUBERNETES_SERVICE_HOST", "127.0.0.1"}, {"KUBERNETES_SERVICE_PORT", "1"}}, site.work());
    pod.go();
    std::string text;
    while (text.empty())
        text = scrape(port);
    EXPECT_THAT(text, HasSubstr("owner_uid=\"6b0b2f7e-0000-4000-8000-000000000001\",result=\"failure\""));
    const auto ran = pod.wait();
    EXPECT_EQ(ran.exit, 2);
    EXPECT_THAT(ran.err, HasSubstr("\"copy-offload failed\" err=\"settings: no "));
    EXPECT_THAT(ran.err, HasSubstr("no client certificate is given"));
}

// As Forklift's own test suite searches the log of a pod (contract 2.6).
struct ReadByForklift {
    std::string source;    // of the first line that has one
    char xcopy_used = '-'; // the last
    std::string failure;
};

ReadByForklift read_log(const std::string& log)
{
    ReadByForklift read;
    std::smatch match;
    if (std::regex_search(log, match, std::regex("source_vmdk=\"(\\[[^\"]*)\"")))
        read.source = match[1];
    const std::regex used("xcopyUsed=(\\d)");
    for (std::sregex_iterator at(log.begin(), log.end(), used); at != std::sregex_iterator(); ++at)
        read.xcopy_used = (*at)[1].str().front();
    if (std::regex_search(log, match, std::regex("\"copy-offload failed\" err=\"([^\"]+)\"")))
        read.failure = match[1];
    return read;
}

TEST(Log, SaysWhatForkliftsTestSuiteReads)
{
    Site site;
    const auto disk = site.make_disk("vm 1/web.vmdk", 16 * mib);
    const auto good = read_log(site.populate(disk, site.make_target(16 * mib)).err);
    EXPECT_EQ(good.source, disk.vmdk);
    EXPECT_EQ(good.xcopy_used, '1');
    EXPECT_EQ(good.failure, "");

    for (const auto* host : {"esx1", "esx2"})
        site.lab.call({{"do", "host.set"}, {"host", host}, {"settings", {{"/DataMover/HardwareAcceleratedMove", 0}}}});
    EXPECT_EQ(read_log(site.populate(disk, site.make_target(16 * mib)).err).xcopy_used, '0') << "a host copied";

    const auto bad = read_log(site.populate(disk, site.make_target(8 * mib)).err);
    EXPECT_EQ(bad.source, disk.vmdk);
    EXPECT_EQ(bad.xcopy_used, '0');
    EXPECT_THAT(bad.failure, HasSubstr("smaller"));
}

} // namespace
} // namespace e2e
