// The image's root as a pod has it: UID 107, no capabilities, nothing writable but /tmp; only the network is shared.
#include "tests/end_to_end/site.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <unistd.h>

namespace e2e {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

class Image : public testing::Test {
protected:
    static void SetUpTestSuite()
    {
        folder = fs::path(testing::TempDir()) / ("xcopy-image-" + std::to_string(::getpid()));
        fs::create_directories(folder);
        const auto staged = run({fs::path(XCOPY_SOURCE_DIR) / "toolchain/image/root", folder / "root", XCOPY_BUILD_DIR,
                                 fs::path(XCOPY_TEST_VIBS) / "1" / "xcopy-agent-0.1.0.vib"},
                                tools(), folder);
        ASSERT_EQ(staged.exit, 0) << staged.err;
        std::ofstream(folder / "coordinator")
            << "#!/bin/sh\nexec bwrap --ro-bind " << (folder / "root").string() << " / --bind "
            << fs::temp_directory_path().string() << " /tmp"
            << " --proc /proc --dev /dev --unshare-all --share-net --uid 107 --gid 107 --cap-drop ALL "
               "/bin/xcopy-coordinator \"$@\"\n";
        fs::permissions(folder / "coordinator", fs::perms(0755));
    }
    static void TearDownTestSuite() { fs::remove_all(folder); }

    static std::map<std::string, std::string> tools() { return {{"PATH", "/usr/bin:/bin:/usr/sbin:/sbin"}}; }

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
    EXPECT_THAT(programs, UnorderedElementsAre("xcopy-coordinator", "vib-installer", "xcopy-agent.vib"));
    EXPECT_TRUE(fs::exists(folder / "root/usr/share/xcopy/secure-vmkfstools-wrapper"));
    EXPECT_TRUE(fs::exists(folder / "root/etc/ssl/certs/ca-certificates.crt"));
    EXPECT_TRUE(fs::exists(folder / "root/usr/share/xcopy/LICENSE"));
    std::size_t copyrights = 0;
    for (const auto& entry : fs::directory_iterator(folder / "root/usr/share/doc"))
        copyrights += fs::exists(entry.path() / "copyright") ? 1 : 0;
    EXPECT_GT(copyrights, 10U) << "the licences of the libraries";
}

// `podman run --entrypoint /bin/vib-installer`, as the product documentation of Forklift has it: it finds the VIB beside it.
TEST_F(Image, TheInstallerRunsInItAndFindsTheVib)
{
    std::ofstream(folder / "installer")
        << "#!/bin/sh\nexec bwrap --ro-bind " << (folder / "root").string()
        << " / --tmpfs /tmp --proc /proc --dev /dev --unshare-all --share-net --uid 107 --gid 107 --cap-drop ALL "
           "/bin/vib-installer \"$@\"\n";
    fs::permissions(folder / "installer", fs::perms(0755));
    const auto ran = run({folder / "installer", "install", "--esxi-hosts", "127.0.0.1:1", "--dry-run"},
                         {{"ESXI_SSH_PASSWORD", "x"}, {"HOME", "/tmp"}}, folder);
    EXPECT_EQ(ran.exit, 1) << "one host cannot be reached; " << ran.err;
    EXPECT_THAT(ran.err, testing::Not(HasSubstr(".vib")));
    const auto without = run({folder / "installer", "install", "--esxi-hosts", "127.0.0.1:1", "--vib-path", "/bin/no"},
                             {{"ESXI_SSH_PASSWORD", "x"}, {"HOME", "/tmp"}}, folder);
    EXPECT_EQ(without.exit, 101) << "that one is missed";
}

// What Forklift relies upon: it sets no command, and the user must be a number.
TEST_F(Image, TheArchiveStartsTheCoordinatorAsUser107)
{
    const auto archive = folder / "image.tar";
    const auto built =
        run({fs::path(XCOPY_SOURCE_DIR) / "toolchain/image/build", folder / "root", archive}, tools(), folder);
    ASSERT_EQ(built.exit, 0) << built.err;
    EXPECT_THAT(built.out,
                testing::ContainsRegex(std::to_string(fs::file_size(archive)) + " bytes packed, [0-9]+ bytes"));
    ASSERT_EQ(run({"/bin/tar", "-C", folder, "-xf", archive}, tools(), folder).exit, 0);
    const auto blob = [&](const nlohmann::json& named) {
        const auto digest = named.at("digest").get<std::string>();
        std::ifstream in(folder / "blobs/sha256" / digest.substr(digest.find(':') + 1));
        return nlohmann::json::parse(in);
    };
    std::ifstream index(folder / "index.json");
    const auto manifest = blob(nlohmann::json::parse(index).at("manifests").at(0));
    const auto config = blob(manifest.at("config")).at("config");
    EXPECT_EQ(config.at("Entrypoint"), nlohmann::json::array({"/bin/xcopy-coordinator"}));
    EXPECT_FALSE(config.contains("Cmd"));
    EXPECT_EQ(config.at("User"), "107:107");
    EXPECT_TRUE(config.at("ExposedPorts").contains("8443/tcp"));
    EXPECT_EQ(manifest.at("layers").size(), 1U);

    // podman's way to the same image says the same.
    std::ifstream in(fs::path(XCOPY_SOURCE_DIR) / "toolchain/Containerfile");
    const std::string containerfile{std::istreambuf_iterator<char>(in), {}};
    EXPECT_THAT(containerfile, HasSubstr("\nENTRYPOINT " + config.at("Entrypoint").dump() + "\n"));
    EXPECT_THAT(containerfile, HasSubstr("\nUSER " + config.at("User").get<std::string>() + "\n"));
    EXPECT_THAT(containerfile, HasSubstr("\nEXPOSE 8443\n"));
    const std::string trust = "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt";
    EXPECT_THAT(config.at("Env"), testing::Contains(trust));
    EXPECT_THAT(containerfile, HasSubstr("\nENV " + trust + "\n"));
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
