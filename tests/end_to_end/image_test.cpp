// The image's root as a pod has it: UID 107, no capabilities, nothing writable but /tmp; only the network is shared.
#include "tests/end_to_end/site.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <unistd.h>

namespace e2e {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class Image : public testing::Test {
protected:
    static void SetUpTestSuite()
    {
        folder = fs::path(testing::TempDir()) / ("xcopy-image-" + std::to_string(::getpid()));
        fs::create_directories(folder);
        const auto command = fs::path(XCOPY_SOURCE_DIR) / "toolchain/image/stage";
        ASSERT_EQ(std::system((command.string() + " " + (folder / "root").string() + " " + XCOPY_COORDINATOR_PROGRAM +
                               " -- " + XCOPY_SOURCE_DIR + "/LICENSE=/usr/share/xcopy/LICENSE")
                                  .c_str()),
                  0);
        std::ofstream(folder / "coordinator")
            << "#!/bin/sh\nexec bwrap --ro-bind " << (folder / "root").string() << " / --bind "
            << fs::temp_directory_path().string() << " /tmp"
            << " --proc /proc --dev /dev --unshare-all --share-net --uid 107 --gid 107 --cap-drop ALL "
               "/bin/xcopy-coordinator \"$@\"\n";
        fs::permissions(folder / "coordinator", fs::perms(0755));
    }
    static void TearDownTestSuite() { fs::remove_all(folder); }

    static fs::path folder;
};
fs::path Image::folder;

TEST_F(Image, HoldsTheProgramsTheirLibrariesAndNoShell)
{
    const auto ran = run({(folder / "coordinator").string(), "version"}, {}, folder);
    EXPECT_EQ(ran.exit, 0) << ran.err;
    EXPECT_THAT(ran.out, HasSubstr("xcopy-coordinator"));
    std::vector<std::string> programs;
    for (const auto& entry : fs::directory_iterator(folder / "root/bin"))
        programs.push_back(entry.path().filename());
    EXPECT_EQ(programs, std::vector<std::string>{"xcopy-coordinator"});
    EXPECT_TRUE(fs::exists(folder / "root/etc/ssl/certs/ca-certificates.crt"));
    EXPECT_TRUE(fs::exists(folder / "root/usr/share/xcopy/LICENSE"));
    std::size_t copyrights = 0;
    for (const auto& entry : fs::directory_iterator(folder / "root/usr/share/doc"))
        copyrights += fs::exists(entry.path() / "copyright") ? 1 : 0;
    EXPECT_GT(copyrights, 10U) << "the licences of the libraries";
}

TEST_F(Image, CopiesADiskAsAPodMay)
{
    Site site(nlohmann::json::object(), {.coordinator = folder / "coordinator"});
    const auto disk = site.make_disk("web/web.vmdk", 16 * mib);
    const auto target = site.make_target(16 * mib);
    const auto ran = site.populate(disk, target);
    EXPECT_EQ(ran.exit, 0) << ran.err;
    EXPECT_TRUE(same_bytes(disk.flat, target.file, disk.size));
}

} // namespace
} // namespace e2e
