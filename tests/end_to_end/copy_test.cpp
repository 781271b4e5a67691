// Copies that should work, and what is reported of them.
#include "tests/end_to_end/site.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace e2e {
namespace {

using nlohmann::json;

void expect_copied(const Ran& ran, const Disk& disk, const Target& target, const std::string& xcopy)
{
    ASSERT_EQ(ran.exit, 0) << ran.err << ran.out;
    const auto result = result_of(ran);
    EXPECT_EQ(result.at("result"), "succeeded") << result;
    EXPECT_EQ(result.at("xcopy"), xcopy) << result;
    EXPECT_EQ(result.at("target_naa"), target.naa);
    EXPECT_TRUE(same_bytes(disk.flat, target.file, disk.size));
}

TEST(Copy, MovesEveryByteByTheArrayAndLeavesNothingBehind)
{
    Site site;
    const auto disk = site.make_disk("vm 1/it's a disk (1) [2] &; $(x) ä.vmdk", 64 * mib);
    const auto target = site.make_target(64 * mib);
    const auto before = site.presentations(target);
    expect_copied(site.populate(disk, target), disk, target, "full");
    EXPECT_EQ(site.starts_on(target), 1);
    expect_nothing_left(site, target, before);
}

TEST(Copy, KeepsTheMappingsThatWereThere)
{
    Site site;
    const auto disk = site.make_disk("web/web.vmdk", 16 * mib);
    const auto target = site.make_target(16 * mib);
    map_to_worker(site, target);
    const auto before = site.presentations(target);
    ASSERT_EQ(before.size(), 1U);
    expect_copied(site.populate(disk, target), disk, target, "full");
    expect_nothing_left(site, target, before);
}

TEST(Copy, IsMadeByTheHostAndSaidSoWhenVaaiIsOff)
{
    Site site;
    const auto disk = site.make_disk("web/web.vmdk", 16 * mib);
    const auto target = site.make_target(16 * mib);
    for (const char* host : {"esx1", "esx2"})
        site.lab.call({{"do", "host.set"}, {"host", host}, {"settings", {{"/DataMover/HardwareAcceleratedMove", 0}}}});
    expect_copied(site.populate(disk, target), disk, target, "none");
    const auto required = site.populate(disk, target, {"--xcopy=require"});
    EXPECT_EQ(required.exit, 3) << required.err << required.out;
    EXPECT_EQ(site.starts_on(target), 1);
}

TEST(Copy, IsMadeByTheHostFromADatastoreOfAnotherArray)
{
    Site site;
    const auto disk = site.make_disk("web/web.vmdk", 16 * mib, "other-array-ds");
    const auto target = site.make_target(16 * mib);
    expect_copied(site.populate(disk, target), disk, target, "none");
}

TEST(Copy, SaysPartialWhenTheArrayFailedSomeOfTheSegments)
{
    Site site;
    site.lab.call({{"do", "vmkfstools.set"}, {"xcopy_fails", 0.25}});
    const auto disk = site.make_disk("web/web.vmdk", 64 * mib);
    const auto target = site.make_target(64 * mib);
    expect_copied(site.populate(disk, target), disk, target, "partial");
}

TEST(Copy, ALargerVolumeIsFine)
{
    Site site;
    const auto disk = site.make_disk("web/web.vmdk", 15 * mib + 512);
    const auto target = site.make_target(16 * mib);
    expect_copied(site.populate(disk, target), disk, target, "full");
}

TEST(Copy, RunsAgainWhenAskedAgain)
{
    Site site;
    const auto disk = site.make_disk("web/web.vmdk", 16 * mib);
    const auto target = site.make_target(16 * mib);
    const auto before = site.presentations(target);
    expect_copied(site.populate(disk, target), disk, target, "full");
    expect_copied(site.populate(disk, target), disk, target, "full");
    expect_nothing_left(site, target, before);
}

TEST(Copy, TwentyDisksOnOneHostShareTheRescans)
{
    Site site;
    std::vector<Disk> disks;
    std::vector<Target> targets;
    for (int i = 0; i < 20; ++i) {
        disks.push_back(site.make_disk("vm" + std::to_string(i) + "/d.vmdk", mib, "datastore1", i));
        targets.push_back(site.make_target(mib));
    }
    // The first rescan waits until all twenty have asked for one; a real one takes that long.
    site.lab.add_rule({{"where", "host:esx1"}, {"what", "adapter rescan.*-t add"}, {"hold", "first rescan"}});
    const auto start = site.last_event();
    std::vector<std::unique_ptr<Process>> running;
    for (int i = 0; i < 20; ++i) {
        running.push_back(site.prepare_populate(disks[static_cast<std::size_t>(i)],
                                                targets[static_cast<std::size_t>(i)], {"--migration-host=esx1"}));
        running.back()->go();
    }
    site.lab.call({{"do", "events.wait"}, {"what", "POST /api/protocols/san/lun-maps"}, {"count", 40}});
    site.lab.wait_held("first rescan");
    site.lab.release("first rescan");
    for (std::size_t i = 0; i < 20; ++i)
        expect_copied(running[i]->wait(), disks[i], targets[i], "full");

    std::map<std::string, int> rescans;
    for (const auto& event : site.list({{"do", "events"}, {"after", start}}, "events"))
        if (event.at("when") == "before" &&
            event.at("what").get<std::string>().find("adapter rescan") != std::string::npos &&
            event.at("what").get<std::string>().find("-t add") != std::string::npos)
            ++rescans[event.at("what").get<std::string>()];
    for (const auto& [what, count] : rescans)
        EXPECT_LE(count, 2) << what;
    EXPECT_TRUE(site.lab.violations().empty());
}

} // namespace
} // namespace e2e
