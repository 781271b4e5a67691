// Files in a datastore: their bytes by /folder, their names by the FileManager of VMware's own simulator.
#include "coordinator/vsphere/datastore_files.hpp"
#include "tests/vsphere/site.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <iterator>

namespace xcopy::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
namespace fs = std::filesystem;

struct DatastoreFilesTest : VcenterTest {
    vsphere::DatastoreView store(const std::string& name)
    {
        const auto all = vsphere::all_datastores(*session, call);
        EXPECT_TRUE(all);
        const auto found = std::ranges::find(*all, name, &vsphere::DatastoreView::name);
        EXPECT_NE(found, all->end()) << name;
        return *found;
    }
    vsphere::DatastoreFiles files(const std::string& name)
    {
        auto made = vsphere::DatastoreFiles::of(*session, call, store(name));
        EXPECT_TRUE(made) << made.error().message;
        return *made;
    }
    static std::string on_disk(const std::string& file, const std::string& datastore = "ds 1")
    {
        std::ifstream in(vcenter().uploads() / datastore / file, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }

    const std::unique_ptr<vsphere::Session> session = sign_in();
    const std::string bytes = std::string("#!/bin/sh\n\0\xff", 12);
};

TEST_F(DatastoreFilesTest, GoThroughTheRightDatacenterAndComeBackAsTheyWere)
{
    for (const char* name : {"ds 1", "nfs/ä 100%"}) {
        const auto there = files(name);
        for (int twice = 0; twice < 2; ++twice)
            ASSERT_TRUE(there.put(call, "a b/ü&?.sh", bytes));
        EXPECT_EQ(on_disk("a b/ü&?.sh", name), bytes);
        EXPECT_EQ(there.get(call, "a b/ü&?.sh").value(), bytes);
        EXPECT_EQ(there.get(call, "none").error().code, Errc::not_found);
        ASSERT_TRUE(there.remove(call, "a b/ü&?.sh"));
        EXPECT_FALSE(fs::exists(vcenter().uploads() / name / "a b/ü&?.sh"));
        EXPECT_TRUE(there.remove(call, "a b/ü&?.sh")) << "removing the absent succeeds";
    }
    EXPECT_EQ(session->put(call, vsphere::folder_url("DC 0", "ds 1", "f"), bytes).error().code, Errc::not_found);
    EXPECT_EQ(session->put(call, vsphere::folder_url("Europe/DC 0", "no such", "f"), bytes).error().code,
              Errc::not_found);
}

TEST_F(DatastoreFilesTest, MovedReplacesWhatIsThereAsANewFile)
{
    const auto there = files("ds 1");
    ASSERT_TRUE(there.put(call, "live", "old"));
    std::ifstream reader(vcenter().uploads() / "ds 1" / "live");
    ASSERT_TRUE(there.put(call, "new", "new"));
    ASSERT_TRUE(there.move(call, "new", "live"));
    EXPECT_EQ(on_disk("live"), "new");
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(reader), {}), "old") << "whoever reads it reads on";
    EXPECT_EQ(there.move(call, "new", "live").error().code, Errc::not_found) << "it was moved already";
    EXPECT_EQ(on_disk("live"), "new");
}

TEST_F(DatastoreFilesTest, AMoveWhoseAnswerIsLostIsIndeterminateAndNotSentTwice)
{
    const auto there = files("ds 1");
    ASSERT_TRUE(there.put(call, "new", "new"));
    vcenter().requests();
    vcenter().trouble({{"method", "MoveDatastoreFile_Task"}, {"status", -1}, {"when", "after"}, {"count", 1}});
    const auto lost = there.move(call, "new", "live");
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error().code, Errc::indeterminate) << lost.error().message;
    EXPECT_EQ(std::ranges::count(vcenter().requests(), "MoveDatastoreFile_Task"), 1);
    EXPECT_EQ(on_disk("live"), "new");
}

TEST_F(DatastoreFilesTest, ASessionThatEndedIsOpenedAgainAndTheMoveSentOnceMore)
{
    const auto there = files("ds 1");
    ASSERT_TRUE(there.put(call, "new", "newer"));
    vcenter().order({{"do", "expire"}});
    const auto moved = there.move(call, "new", "live");
    EXPECT_TRUE(moved) << moved.error().message;
    EXPECT_EQ(on_disk("live"), "newer");
}

TEST_F(DatastoreFilesTest, AFileHeldOpenIsWaitedForUntilTheDeadline)
{
    const auto there = files("ds 1");
    ASSERT_TRUE(there.put(call, "new", "x"));
    vcenter().trouble({{"method", "MoveDatastoreFile_Task"}, {"task", "FileLocked"}, {"count", 2}});
    EXPECT_TRUE(there.move(call, "new", "live"));
    vcenter().trouble({{"method", "MoveDatastoreFile_Task"}, {"task", "CannotAccessFile"}});
    const auto held = there.move(call.within(1s), "live", "other");
    ASSERT_FALSE(held);
    EXPECT_EQ(held.error().code, Errc::busy) << held.error().message;
    EXPECT_THAT(held.error().remedy, HasSubstr("open on a host"));
    EXPECT_THAT(held.error().message, HasSubstr("'[ds] f'"));
}

TEST_F(DatastoreFilesTest, AreRefusedWhereADatastoreHasNoRootForThem)
{
    for (const char* name : {"vvols", "vsanDatastore"})
        EXPECT_EQ(vsphere::DatastoreFiles::of(*session, call, store(name)).error().reason, "datastore_without_root");
}

} // namespace
} // namespace xcopy::test
