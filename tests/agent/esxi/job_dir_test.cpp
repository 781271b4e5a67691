#include "agent/esxi/job_dir.hpp"
#include "agent/esxi/job_json.hpp"
#include "agent/esxi/pointer_files.hpp"
#include "agent/esxi/writer_lock.hpp"
#include "tests/agent/esxi/fake_host.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

namespace xcopy {
namespace {

using test::file_exists;

class AJobDir : public testing::Test {
protected:
    test::FakeHost host;
    JobOrder order = host.order("job-1");
    JobDir dir = host.job("job-1");
};

TEST_F(AJobDir, GivesBackTheOrder)
{
    order.request.time_limit_s = 77;
    ASSERT_TRUE(dir.create(order));
    const auto read = dir.order();
    ASSERT_TRUE(read);
    EXPECT_EQ(to_json(*read), to_json(order));
    EXPECT_EQ(read->request.source, order.request.source);
    EXPECT_EQ(read->request.time_limit_s, 77);
    EXPECT_EQ(read->mapping_path, order.mapping_path);
    EXPECT_EQ(read->boot_ms, order.boot_ms);
    struct stat about {};
    ASSERT_EQ(stat(dir.path().c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777U, 0700U);
}

TEST_F(AJobDir, IsNotCreatedTwice)
{
    ASSERT_TRUE(dir.create(order));
    EXPECT_EQ(dir.create(order).error().code, Errc::conflict);
}

TEST_F(AJobDir, LeftWithoutAnOrderIsTakenOver)
{
    ASSERT_EQ(mkdir(dir.path().c_str(), 0700), 0);
    EXPECT_EQ(dir.order().error().code, Errc::not_found);
    EXPECT_TRUE(dir.create(order));
}

TEST_F(AJobDir, HasNoStatusUntilOneIsWritten)
{
    ASSERT_TRUE(dir.create(order));
    EXPECT_EQ(dir.status().value(), std::nullopt);

    JobStatus status{.state = CloneState::failed, .percent = 43, .exit_status = 1, .last_line = "a\x01\"\\\n\xff"};
    status.xcopy = {.use = XcopyUse::partial, .clone_write_ops = 3, .bytes_by_host = 9};
    status.error = Error{Errc::busy, "locked", "wait", "source_locked"};
    ASSERT_TRUE(dir.write_status(status));
    const auto read = dir.status().value();
    ASSERT_TRUE(read);
    EXPECT_EQ(to_json(*read), to_json(status));
    EXPECT_EQ(read->state, CloneState::failed);
    EXPECT_EQ(read->error->reason, "source_locked");
    EXPECT_FALSE(read->exit_signal);
    EXPECT_FALSE(read->xcopy.bytes_by_array);
}

TEST_F(AJobDir, AStateNobodyKnowsIsNotFinished)
{
    const auto status = status_from_json(R"({"state":"perfected"})");
    ASSERT_TRUE(status);
    EXPECT_FALSE(is_final(status->state));
}

TEST_F(AJobDir, ALongErrorStaysReadable)
{
    ASSERT_TRUE(dir.create(order));
    JobStatus status{.state = CloneState::failed};
    status.error = Error{Errc::failed, std::string(100'000, 'x')};
    ASSERT_TRUE(dir.write_status(status));
    EXPECT_TRUE(dir.status()) << "an unreadable verdict would count as none";
}

TEST_F(AJobDir, BrokenFilesAreErrorsNotDefaults)
{
    ASSERT_TRUE(dir.create(order));
    test::write_file(dir.path() + "/status.json", R"({"state":"succ)");
    EXPECT_FALSE(dir.status());
    test::write_file(dir.path() + "/order.json", "{}");
    EXPECT_FALSE(dir.order());
}

TEST_F(AJobDir, TheFirstReasonToCancelStays)
{
    ASSERT_TRUE(dir.create(order));
    EXPECT_FALSE(dir.cancel_requested());
    ASSERT_TRUE(dir.request_cancel({Errc::timed_out, "nobody asked", "", "orphan"}));
    ASSERT_TRUE(dir.request_cancel({Errc::cancelled, "second"}));
    EXPECT_EQ(dir.cancel_requested()->reason, "orphan");
    EXPECT_EQ(dir.cancel_requested()->code, Errc::timed_out);
}

TEST_F(AJobDir, IsRemovedWholeAndTwice)
{
    ASSERT_TRUE(dir.create(order));
    ASSERT_TRUE(dir.write_status({}));
    ASSERT_TRUE(dir.request_cancel({Errc::cancelled, "x"}));
    ASSERT_TRUE(take_writer_lock(dir));
    EXPECT_TRUE(dir.remove());
    EXPECT_FALSE(file_exists(dir.path()));
    EXPECT_TRUE(dir.remove());
}

TEST_F(AJobDir, IsNotRemovedUnderAWriter)
{
    ASSERT_TRUE(dir.create(order));
    const auto lock = take_writer_lock(dir);
    ASSERT_TRUE(lock);
    EXPECT_EQ(dir.remove().error().reason, "writer_alive");
    EXPECT_TRUE(dir.order());
}

TEST_F(AJobDir, JobsAreListedByTheirDirectories)
{
    EXPECT_TRUE(list_jobs(host.path("nowhere"))->empty());
    ASSERT_TRUE(dir.create(order));
    ASSERT_TRUE(host.job("job-0").create(order));
    test::write_file(host.path("jobs/file"), "");
    ASSERT_EQ(mkdir(host.path("jobs/.hidden").c_str(), 0700), 0);
    EXPECT_EQ(list_jobs(host.path("jobs")).value(), (std::vector<std::string>{"job-0", "job-1"}));
}

TEST_F(AJobDir, AWriterIsToldByTheLock)
{
    ASSERT_TRUE(dir.create(order));
    EXPECT_EQ(writer_state(dir, std::nullopt, 1000, 1000), Writer::gone) << "nothing was ever started";
    {
        const auto lock = take_writer_lock(dir);
        ASSERT_TRUE(lock);
        EXPECT_EQ(writer_state(dir, std::nullopt, 1000, 1000), Writer::alive);
        EXPECT_EQ(writer_state(dir, std::nullopt, 1000, 61'000), Writer::alive) << "clocks are corrected";
        EXPECT_EQ(writer_state(dir, std::nullopt, 1000, 61'001), Writer::gone) << "the host booted since";
    }
    EXPECT_EQ(writer_state(dir, JobStatus{.supervisor_pid = getpid()}, 1000, 1000), Writer::gone)
        << "a free lock outweighs a number that may be somebody else's by now";
}

TEST_F(AJobDir, WhereTheLockCannotBeAskedPidsDecide)
{
    ASSERT_TRUE(dir.create(order));
    // A symbolic link in the lock's place is not opened: it stands for a file system without locks.
    std::filesystem::create_symlink("elsewhere", writer_lock_path(dir));
    EXPECT_EQ(writer_state(dir, std::nullopt, 0, 0), Writer::unknown);
    EXPECT_EQ(writer_state(dir, JobStatus{.supervisor_pid = getpid()}, 0, 0), Writer::alive);
    constexpr int nobody = 0x3fffffff; // above any pid_max
    EXPECT_EQ(writer_state(dir, JobStatus{.supervisor_pid = nobody, .writer_pid = getpid()}, 0, 0), Writer::alive);
    EXPECT_EQ(writer_state(dir, JobStatus{.supervisor_pid = nobody, .writer_pid = nobody}, 0, 0), Writer::gone);
}

class PointerFiles : public AJobDir {
protected:
    void make_pointers() const
    {
        test::write_file(order.pointer_path,
                         "# Disk DescriptorFile\ncreateType=\"vmfsRawDeviceMap\"\nRW 1 VMFSRDM \"m\"\n");
        test::write_file(order.mapping_path, "m");
    }
    Result<void> remove() const { return remove_pointer_files_below(host.volumes(), order); }
};

TEST_F(PointerFiles, AreNamedAfterDiskAndJob)
{
    const auto paths = pointer_paths("/vmfs/volumes/ds/vm/disk.vmdk", "id");
    EXPECT_EQ(paths.descriptor, "/vmfs/volumes/ds/vm/disk-xcopy-id.vmdk");
    EXPECT_EQ(paths.mapping, "/vmfs/volumes/ds/vm/disk-xcopy-id-rdm.vmdk");
}

TEST_F(PointerFiles, AreRemovedAndSoAgain)
{
    make_pointers();
    EXPECT_TRUE(remove());
    EXPECT_FALSE(file_exists(order.pointer_path));
    EXPECT_FALSE(file_exists(order.mapping_path));
    EXPECT_TRUE(file_exists(order.source_path));
    EXPECT_TRUE(remove());
}

TEST_F(PointerFiles, AreRemovedWhereVmkfstoolsDiedHalfWay)
{
    test::write_file(order.mapping_path, "m");
    EXPECT_TRUE(remove());
    EXPECT_FALSE(file_exists(order.mapping_path));
    test::write_file(order.pointer_path, "");
    EXPECT_TRUE(remove());
    EXPECT_FALSE(file_exists(order.pointer_path));
}

TEST_F(PointerFiles, ADiskOfThatNameStaysWithItsMappingFile)
{
    for (const char* text :
         {"# Disk DescriptorFile\ncreateType=\"vmfs\"\nRW 1 VMFS \"m\"\n", "notes of an admin", "KDMV"}) {
        make_pointers();
        test::write_file(order.pointer_path, text);
        EXPECT_EQ(remove().error().reason, "foreign_pointer_file");
        EXPECT_EQ(test::file_text(order.pointer_path), text);
        EXPECT_TRUE(file_exists(order.mapping_path));
    }
}

TEST_F(PointerFiles, SymbolicLinksAreNeitherFollowedNorRemoved)
{
    make_pointers();
    const std::string elsewhere = host.path("elsewhere.vmdk");
    std::filesystem::rename(order.pointer_path, elsewhere);
    std::filesystem::create_symlink(elsewhere, order.pointer_path);
    EXPECT_FALSE(remove());
    EXPECT_TRUE(file_exists(elsewhere));
    EXPECT_TRUE(file_exists(order.mapping_path));

    unlink(order.pointer_path.c_str());
    unlink(order.mapping_path.c_str());
    std::filesystem::create_symlink(elsewhere, order.mapping_path);
    EXPECT_FALSE(remove());
    EXPECT_TRUE(file_exists(order.mapping_path));
}

TEST_F(PointerFiles, OutsideTheDatastoresNothingIsRemoved)
{
    make_pointers();
    EXPECT_EQ(remove_pointer_files(order).error().reason, "foreign_pointer_name"); // not below /vmfs/volumes
    EXPECT_TRUE(file_exists(order.pointer_path));
}

struct Spoilt {
    const char* name;
    void (*spoil)(JobOrder&);
};

class SpoiltPointerNames : public testing::TestWithParam<Spoilt> {};

TEST_P(SpoiltPointerNames, AreRefused)
{
    JobOrder order;
    order.id = "job-1";
    order.source_path = "/vmfs/volumes/ds/vm/disk.vmdk";
    order.pointer_path = "/vmfs/volumes/ds/vm/disk-xcopy-job-1.vmdk";
    order.mapping_path = "/vmfs/volumes/ds/vm/disk-xcopy-job-1-rdm.vmdk";
    ASSERT_TRUE(check_pointer_names(order));
    GetParam().spoil(order);
    EXPECT_FALSE(check_pointer_names(order));
    EXPECT_FALSE(remove_pointer_files(order));
}

INSTANTIATE_TEST_SUITE_P(
    Names, SpoiltPointerNames,
    testing::Values(
        Spoilt{"other_job", [](JobOrder& o) { o.id = "job-2"; }}, //
        Spoilt{"no_id", [](JobOrder& o) { o.id.clear(); }}, Spoilt{"odd_id", [](JobOrder& o) { o.id = "../job-1"; }},
        Spoilt{"source_itself", [](JobOrder& o) { o.pointer_path = o.source_path; }},
        Spoilt{"no_stem", [](JobOrder& o) { o.pointer_path = "/vmfs/volumes/ds/vm/-xcopy-job-1.vmdk"; }},
        Spoilt{"no_descriptor", [](JobOrder& o) { o.pointer_path.clear(); }},
        Spoilt{"no_mapping", [](JobOrder& o) { o.mapping_path.clear(); }},
        Spoilt{"other_pair", [](JobOrder& o) { o.mapping_path = "/vmfs/volumes/ds/vm/b-xcopy-job-1-rdm.vmdk"; }},
        Spoilt{"other_folder", [](JobOrder& o) { o.pointer_path = "/vmfs/volumes/ds/vn/disk-xcopy-job-1.vmdk"; }},
        Spoilt{"no_folder", [](JobOrder& o) { o.pointer_path = "disk-xcopy-job-1.vmdk"; }},
        Spoilt{"climbing",
               [](JobOrder& o) {
                   o.source_path = "/vmfs/volumes/ds/../../../etc/disk.vmdk";
                   o.pointer_path = "/vmfs/volumes/ds/../../../etc/disk-xcopy-job-1.vmdk";
                   o.mapping_path = "/vmfs/volumes/ds/../../../etc/disk-xcopy-job-1-rdm.vmdk";
               }},
        Spoilt{"elsewhere",
               [](JobOrder& o) {
                   o.source_path = "/etc/disk.vmdk";
                   o.pointer_path = "/etc/disk-xcopy-job-1.vmdk";
                   o.mapping_path = "/etc/disk-xcopy-job-1-rdm.vmdk";
               }}),
    [](const auto& info) { return info.param.name; });

} // namespace
} // namespace xcopy
