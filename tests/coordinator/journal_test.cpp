#include "coordinator/file_journal.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

namespace xcopy {

namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class JournalOnDisk : public ::testing::Test {
protected:
    void SetUp() override
    {
        std::string pattern = (fs::temp_directory_path() / "xcopy-journal-XXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        root_ = pattern;
    }
    void TearDown() override { fs::remove_all(root_); }

    std::unique_ptr<FileJournal> open() const
    {
        auto journal = FileJournal::open(root_ / "state");
        return journal ? std::move(*journal) : nullptr;
    }

    static int mode(const fs::path& path)
    {
        struct stat state {};
        return ::stat(path.c_str(), &state) == 0 ? static_cast<int>(state.st_mode & 0777U) : -1;
    }

    fs::path root_;
};

CopyRecord sample()
{
    CopyRecord record;
    record.job = "pvc-1";
    record.vendor = "ontap";
    record.array = "ontap-a";
    record.volume = {.id = "id",
                     .name = "/vol/a/lun0",
                     .naa = "naa.600a098038313954492458313032502d",
                     .serial = "819TI$X102P-",
                     .size_bytes = 1ULL << 40};
    record.source = "[ds 1] vm \"1\"/disk.vmdk";
    record.source_path = "/vmfs/volumes/u/disk.vmdk";
    record.host = "esx1";
    record.host_uuid = "uuid";
    record.adapters = {"vmhba2", "vmhba64"};
    record.array_host = {.id = "ig", .name = "xcopy-esx1", .initiator_ids = {"iqn.x"}};
    record.lun = 77;
    record.mappings_before = {{{.id = "k8s", .name = "node"}, 3}, {{.id = "sdc", .name = "sdc"}, std::nullopt}};
    record.mapping_intended = true;
    record.clone_ordered = true;
    record.outcome = Outcome::cancelled;
    record.xcopy.use = XcopyUse::partial;
    record.copy_ms = 1234;
    return record;
}

TEST_F(JournalOnDisk, GivesBackWhatWasWritten)
{
    auto journal = open();
    auto page = journal->claim("pvc-1");
    ASSERT_TRUE(page);
    ASSERT_TRUE((*page)->write(sample()));
    const auto read = (*page)->read();
    ASSERT_TRUE(read);
    ASSERT_TRUE(*read);
    EXPECT_EQ(encode(**read), encode(sample()));
    EXPECT_EQ((*read)->mappings_before[1].lun, std::nullopt);
    EXPECT_EQ((*read)->lun, 77);
    EXPECT_EQ((*read)->outcome, Outcome::cancelled);
    EXPECT_THAT(*journal->jobs(), ElementsAre("pvc-1"));
}

TEST_F(JournalOnDisk, IsForNobodyElseToRead)
{
    auto journal = open();
    auto page = journal->claim("pvc-1");
    ASSERT_TRUE((*page)->write(sample()));
    EXPECT_EQ(mode(root_ / "state"), 0700);
    EXPECT_EQ(mode(root_ / "state" / "pvc-1.json"), 0600);
}

TEST_F(JournalOnDisk, IsHeldByOneCoordinatorAtATime)
{
    auto journal = open();
    auto page = journal->claim("pvc-1");
    ASSERT_TRUE(page);
    const auto second = open()->claim("pvc-1");
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::busy);
    EXPECT_TRUE(open()->claim("pvc-2"));
    page->reset();
    EXPECT_TRUE(open()->claim("pvc-1"));
}

TEST_F(JournalOnDisk, LeavesNoFileWhenAllIsPutBack)
{
    auto journal = open();
    {
        auto page = journal->claim("pvc-1");
        ASSERT_TRUE((*page)->write(sample()));
        EXPECT_TRUE((*page)->remove());
        EXPECT_TRUE((*page)->remove());
    }
    EXPECT_TRUE(fs::is_empty(root_ / "state"));
    EXPECT_THAT(*journal->jobs(), IsEmpty());
}

TEST_F(JournalOnDisk, RefusesToGuessFromADamagedRecord)
{
    auto journal = open();
    for (const char* text : {"", "{", "{\"job\":\"pvc-1\"}", "[]", "\x01\x02"}) {
        std::ofstream(root_ / "state" / "pvc-1.json") << text;
        auto page = journal->claim("pvc-1");
        ASSERT_TRUE(page);
        const auto read = (*page)->read();
        ASSERT_FALSE(read) << text;
        EXPECT_EQ(read.error().reason, "journal_unreadable");
    }
}

TEST_F(JournalOnDisk, RefusesAnOutcomeItDoesNotKnow)
{
    auto text = encode(sample());
    text.replace(text.find("cancelled"), 9, "wonderful");
    EXPECT_FALSE(decode_record(text));
}

TEST_F(JournalOnDisk, SaysWhenTheDirectoryCannotBeUsed)
{
    std::ofstream(root_ / "file") << "x";
    const auto file = FileJournal::open(root_ / "file");
    ASSERT_FALSE(file);
    EXPECT_THAT(file.error().remedy, HasSubstr("--state-dir"));
    EXPECT_FALSE(FileJournal::open(root_ / "file" / "below"));
}

TEST_F(JournalOnDisk, DoesNotTakeAJobNameForAPath)
{
    EXPECT_FALSE(open()->claim("../x"));
}

TEST(CopyRecord, KnowsItsOwnMappingFromOthers)
{
    auto record = sample();
    EXPECT_TRUE(mapping_is_ours(record));
    record.mappings_before.push_back({record.array_host, 9});
    EXPECT_FALSE(mapping_is_ours(record));
    record = sample();
    record.mapping_intended = false;
    EXPECT_FALSE(mapping_is_ours(record));
}

TEST(CopyRecord, IsOnlyContinuedAsTheSameCopy)
{
    const auto record = sample();
    EXPECT_TRUE(check_same_copy(record, "ontap", "ontap-a", record.source, ""));
    EXPECT_TRUE(check_same_copy(record, "ontap", "ontap-a", record.source, "esx1"));
    EXPECT_FALSE(check_same_copy(record, "powerstore", "ontap-a", record.source, ""));
    EXPECT_FALSE(check_same_copy(record, "ontap", "ontap-b", record.source, ""));
    EXPECT_FALSE(check_same_copy(record, "ontap", "ontap-a", "[x] y.vmdk", ""));
    EXPECT_THAT(check_same_copy(record, "ontap", "ontap-a", record.source, "esx2").error().message,
                AllOf(HasSubstr("esx1"), HasSubstr("esx2")));
    CopyRecord clean = record;
    clean.mapping_intended = clean.attach_intended = clean.clone_ordered = false;
    EXPECT_TRUE(check_same_copy(clean, "powerstore", "x", "y", "z"));
}

} // namespace

} // namespace xcopy
