#include "agent/source.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace xcopy {

TEST(SourceName, IsUnderstoodInBothSpellings)
{
    const std::string root = "/vmfs/volumes";
    EXPECT_EQ(*locate_source(root, "[ds 1] dir/disk.vmdk"), "/vmfs/volumes/ds 1/dir/disk.vmdk");
    EXPECT_EQ(*locate_source(root, "[ds] a/b/c/it's \"one\" ü.vmdk"), "/vmfs/volumes/ds/a/b/c/it's \"one\" ü.vmdk");
    EXPECT_EQ(*locate_source(root, "/vmfs/volumes/ds/disk.vmdk"), "/vmfs/volumes/ds/disk.vmdk");
    EXPECT_EQ(*locate_source(root, "[ds] a..b/x.vmdk"), "/vmfs/volumes/ds/a..b/x.vmdk");
}

TEST(SourceName, ThatLeadsElsewhereIsRefused)
{
    for (const char* bad : {"", "[", "[]", "[ds]", "[ds] ", "[a/b] x.vmdk", "/etc/passwd.vmdk",
                            "/vmfs/volumes/../x.vmdk", "[ds] ../../x.vmdk", "[ds] a/..", "/vmfs/volumesx/a.vmdk",
                            "relative.vmdk", "[ds] a\nb.vmdk", "[ds] disk-flat.bin", "[..] x.vmdk"})
        EXPECT_FALSE(locate_source("/vmfs/volumes", bad)) << bad;
}

TEST(SourceFile, IsFollowedToWhereItReallyIs)
{
    namespace fs = std::filesystem;
    char name[] = "/tmp/xcopy-source-XXXXXX";
    const fs::path root = fs::canonical(::mkdtemp(name));
    fs::create_directories(root / "volumes/u1");
    fs::create_directories(root / "outside");
    fs::create_symlink("u1", root / "volumes/ds1");
    const std::string text = "# Disk DescriptorFile\ncreateType=\"vmfs\"\nRW 2048 VMFS \"d-flat.vmdk\"\n";
    std::ofstream(root / "volumes/u1/d.vmdk") << text;
    std::ofstream(root / "outside/d.vmdk") << text;
    fs::create_symlink(root / "outside/d.vmdk", root / "volumes/u1/link.vmdk");

    const auto good = look_at_source(root / "volumes", root / "volumes/ds1/d.vmdk", "job");
    ASSERT_TRUE(good);
    EXPECT_EQ(good->path, (root / "volumes/u1/d.vmdk").string());
    EXPECT_EQ(good->volume, "u1");
    EXPECT_EQ(good->pointer_path, (root / "volumes/u1/d-xcopy-job.vmdk").string());
    EXPECT_FALSE(good->pointer_exists);
    const auto escaped = look_at_source(root / "volumes", root / "volumes/u1/link.vmdk", "job");
    ASSERT_TRUE(escaped);
    EXPECT_EQ(escaped->path, (root / "outside/d.vmdk").string()); // the guards refuse it: source_outside_volumes
    EXPECT_EQ(look_at_source(root / "volumes", root / "volumes/ds1/none.vmdk", "job").error().reason, "source_missing");
    fs::remove_all(root);
}

} // namespace xcopy
