#include "agent/esxi/vmdk.hpp"
#include "tests/agent/esxi/fake_host.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <sys/stat.h>

namespace xcopy {
namespace {

const std::string head = "# Disk DescriptorFile\nversion=1\n";

TEST(VmdkDescriptor, OfADatastoreDiskIsRead)
{
    const auto disk =
        parse_vmdk_descriptor("# Disk DescriptorFile\nversion=4\nencoding=\"UTF-8\"\nCID=fffffffe\n"
                              "parentCID=ffffffff\ncreateType=\"vmfs\"\n\n# Extent description\n"
                              "RW 83886080 VMFS \"my vm's disk-flat.vmdk\"\n\n# The Disk Data Base\n#DDB\n\n"
                              "ddb.adapterType = \"lsilogic\"\n");
    ASSERT_TRUE(disk);
    EXPECT_EQ(disk->create_type, "vmfs");
    EXPECT_TRUE(disk->parent_hint.empty());
    ASSERT_EQ(disk->extents.size(), 1U);
    EXPECT_EQ(disk->extents[0].access, "RW");
    EXPECT_EQ(disk->extents[0].type, "VMFS");
    EXPECT_EQ(disk->extents[0].file, "my vm's disk-flat.vmdk");
    EXPECT_EQ(disk->size_bytes(), 83886080ULL * 512);
}

TEST(VmdkDescriptor, LineEndsCaseAndBlanksDoNotMatter)
{
    const auto disk = parse_vmdk_descriptor("#  disk descriptorfile\r\n  CREATETYPE = \"monolithicFlat\" \r\n"
                                            "parentfilenamehint=\"base.vmdk\"\r\n\trw\t2048  FLAT  \"a.vmdk\"  0\r\n");
    ASSERT_TRUE(disk);
    EXPECT_EQ(disk->create_type, "monolithicFlat");
    EXPECT_EQ(disk->parent_hint, "base.vmdk");
    EXPECT_EQ(disk->extents[0].file, "a.vmdk");
    EXPECT_EQ(disk->size_bytes(), 1024U * 1024);
}

TEST(VmdkDescriptor, ZerosToTheEndOfTheSectorAreNoData)
{
    const std::string text = head + "createType=\"monolithicFlat\"\nRW 2048 FLAT \"a.vmdk\" 0\n";
    EXPECT_TRUE(parse_vmdk_descriptor(text + std::string(512 - text.size(), '\0')));
    EXPECT_FALSE(parse_vmdk_descriptor(head + std::string(1, '\0') + text));
    EXPECT_FALSE(parse_vmdk_descriptor(std::string(512, '\0')));
}

TEST(VmdkDescriptor, QuotesInsideANameAreKept)
{
    EXPECT_EQ(parse_vmdk_descriptor(head + R"(RW 1 VMFS "a "b" c.vmdk")")->extents[0].file, "a \"b\" c.vmdk");
    EXPECT_EQ(parse_vmdk_descriptor(head + R"(RW 1 VMFS "a \"b\" c.vmdk")")->extents[0].file, "a \"b\" c.vmdk");
}

TEST(VmdkDescriptor, SplitDisksAddUp)
{
    std::string text = head + "createType=\"twoGbMaxExtentFlat\"\n";
    for (int i = 0; i < 1000; ++i)
        text += "RW 4192256 FLAT \"d-f" + std::to_string(i) + ".vmdk\" 0\n";
    const auto disk = parse_vmdk_descriptor(text + "RW 10 ZERO\n");
    ASSERT_TRUE(disk);
    EXPECT_EQ(disk->extents.size(), 1001U);
    EXPECT_EQ(disk->size_bytes(), (4192256ULL * 1000 + 10) * 512);
}

class NotADescriptor : public testing::TestWithParam<std::string> {};

TEST_P(NotADescriptor, IsUnsupported)
{
    const auto disk = parse_vmdk_descriptor(GetParam());
    ASSERT_FALSE(disk);
    EXPECT_EQ(disk.error().code, Errc::unsupported);
}

INSTANTIATE_TEST_SUITE_P(
    Texts, NotADescriptor,
    testing::Values("", "\n\n", "KDMV\x01", "COWD", std::string("# Disk DescriptorFile\nRW 1 VMFS \"a\0\"", 36),
                    head + "RW 1 VMFS \"", "# Disk DescriptorFile\ncreateType=\"vmfs\"\n", "RW 1 VMFS \"a.vmdk\"\n",
                    head + "RW VMFS \"a.vmdk\"\n", head + "RW -1 VMFS \"a.vmdk\"\n", head + "RW 0x10 VMFS \"a.vmdk\"\n",
                    head + "RW 1 VMFS\n", head + "RW 1\n", head + "RW\n", head + "RW 1 VMFS \"\"\n",
                    head + "RW 99999999999999999999999 VMFS \"a\"\n", head + "RW 18446744073709551615 VMFS \"a\"\n",
                    head + "RW 30000000000000000 VMFS \"a\"\nRW 30000000000000000 VMFS \"b\"\n",
                    head + std::string(max_descriptor_bytes, '#')));

TEST(VmdkDescriptor, SizeOfAbsurdExtentsDoesNotWrapAround)
{
    VmdkDescriptor disk;
    disk.extents.assign(
        3, {.access = "RW", .sectors = std::numeric_limits<std::uint64_t>::max(), .type = "VMFS", .file = "a"});
    EXPECT_GT(disk.size_bytes(), std::numeric_limits<std::uint64_t>::max() - 512);
}

TEST(VmdkFile, IsReadOnlyWhereItIsASmallRegularFile)
{
    const test::FakeHost host;
    EXPECT_TRUE(read_vmdk_descriptor(host.volumes() + "ds one/vm's/disk.vmdk"));
    EXPECT_EQ(read_vmdk_descriptor(host.path("none.vmdk")).error().code, Errc::not_found);
    EXPECT_EQ(read_vmdk_descriptor(host.volumes()).error().code, Errc::unsupported);

    test::write_file(host.path("big-flat.vmdk"), std::string(max_descriptor_bytes + 1, 'x'));
    EXPECT_EQ(read_vmdk_descriptor(host.path("big-flat.vmdk")).error().code, Errc::unsupported);

    ASSERT_EQ(mkfifo(host.path("fifo").c_str(), 0600), 0);
    EXPECT_EQ(read_vmdk_descriptor(host.path("fifo")).error().code, Errc::unsupported);
}

} // namespace
} // namespace xcopy
