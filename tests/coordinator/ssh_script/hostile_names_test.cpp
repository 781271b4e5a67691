// Names that would be syntax somewhere. Behind each is a real disk: it is copied and compared, or refused with a reason. All the
// way: SshHost, the real sshd, the forced command, busybox ash.
#include "tests/coordinator/ssh_script/ssh_served.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>

namespace xcopy::ssh_script {
namespace {

namespace fs = std::filesystem;

// Folder and file, without .vmdk.
const std::string copied_names[] = {
    "vm one/disk one",
    " leading/ blank",
    "trailing /blank ",
    "two  blanks/in  a  row",
    "it's/o'clock",
    "\"quoted\"/disk", // in a file's own name the simulated vmkfstools cannot read it back from the descriptor
    "back`tick`/`reboot`",
    "$(touch ${HOME}hit)/$(touch hit)",
    "$HOME/${PATH}",
    "a;touch hit;b/c;d",
    "a&touch hit&b/c&d",
    "a|touch hit|b/c|d",
    "a>hit/b<hit",
    "a&&b/c||d",
    "(sub)/{brace}",
    "star*/ques?tion",
    "[bracket]/[0-9]",
    "~root/~",
    "hash#/#hash",
    "bang!/!!",
    "percent%20/%s%n%d",
    "BAD%/100%",
    "back\\slash/\\n\\t\\0",
    "\\0101/\\x41",
    "-i/-d",
    "--clone/-s a -t b",
    "-/--",
    "DS=x;CMD=y/CMD=z",
    "equals=/a=b=c",
    "comma,colon:/at@plus+",
    "caret^/dollar$",
    "xml<&>/&lt;tag&gt;",
    "json\"},{\"a\":1/disk}",
    "umläut/größe",
    "日本語/ディスク",
    "emoji 💾/disk 🚀",
    "кириллица/диск",
    "עברית/دیسک",
    "apostrophe’s/disk“s”",
    ".hidden/.disk",
    "...dots/a..b",
    "true/false",
    "awk '{print}'/BEGIN{exit}",
    "sed s,a,b,/s|x|y|",
    "folder-rdm.vmdk/disk-rdm",
    "disk.vmdk/disk.vmdk",
    std::string(200, 'l') + "/" + std::string(150, 'n'),
    "\u200bzero width/\u00a0no break",
};

class HostileNames : public testing::Test {
protected:
    void SetUp() override
    {
        const auto attached =
            served.ssh.attach(served.call, target.naa, {.job = target.job, .expected_size = target.size});
        ASSERT_TRUE(attached) << attached.error().message;
    }
    void TearDown() override
    {
        EXPECT_EQ(served.host.lab.run("esx1", {"/bin/find", "/", "-xdev", "-name", "*hit", "-type", "f"}).output, "")
            << "something was evaluated";
        EXPECT_TRUE(served.host.lab.violations().empty());
    }
    std::string refusal(const std::string& source)
    {
        const auto answer = served.ssh.start_clone(
            served.call, target.job, {.source = source, .target_naa = target.naa, .target_size = target.size});
        EXPECT_FALSE(answer) << "ordered: " << source;
        return answer ? "" : answer.error().reason;
    }
    // A real disk in `folder`, which no vCenter would have made.
    void put_disk(const fs::path& folder)
    {
        const auto made = served.host.make_disk("made/disk.vmdk", 2 * mib);
        fs::create_directories(folder);
        for (const char* file : {"disk.vmdk", "disk-flat.vmdk"})
            fs::rename(datastore / "made" / file, folder / file);
    }

    SshServed served;
    const fs::path datastore = served.host.lab.datastore("datastore1");
    const Target target = served.host.make_target();
};

TEST_F(HostileNames, AreDataAndNeverSyntax)
{
    static_assert(std::size(copied_names) >= 40);
    for (const auto& name : copied_names) {
        SCOPED_TRACE(name);
        auto disk = served.host.make_disk(name + ".vmdk", 2 * mib);
        // "[datastore] folder" begins behind the blank, so a name that begins with one can only be given as a path.
        if (name.front() == ' ')
            disk.source = "/vmfs/volumes/datastore1/" + name + ".vmdk";
        const auto status = cloned(served.call, served.ssh, disk, target);
        ASSERT_TRUE(status) << status.error().message;
        EXPECT_EQ(status->state, CloneState::succeeded) << (status->error ? status->error->message : "");
        EXPECT_EQ(status->source, disk.source);
        EXPECT_TRUE(same_bytes(disk, target, 2 * mib));
        ASSERT_TRUE(served.ssh.forget_clone(served.call, target.job));
        EXPECT_TRUE(served.host.lab.pointer_files().empty());
    }
    EXPECT_EQ(served.host.starts_on(target), static_cast<int>(std::size(copied_names)));
    EXPECT_EQ(served.session->connections(), 1);
    served.host.expect_clean(target);
}

TEST_F(HostileNames, NoVcenterMadeAreRefusedBeforeAnythingIsLookedAt)
{
    for (const std::string folder :
         {"new\nline", "trailing\n", "tab\tulator", "carriage\rreturn", "esc\x1b[2J", "del\x7f", "bell\a"}) {
        SCOPED_TRACE(folder);
        put_disk(datastore / folder);
        EXPECT_EQ(refusal("[datastore1] " + folder + "/disk.vmdk"), "bad_source");
    }
    EXPECT_EQ(refusal(std::string("[datastore1] zero\0byte/disk.vmdk", 32)), "bad_word");
    EXPECT_EQ(refusal("[datastore1] " + std::string(3000, 'x') + ".vmdk"), "bad_source");
    EXPECT_EQ(refusal("[datastore1] " + std::string(300, 'x') + "/disk.vmdk"), "source_missing")
        << "longer than any file system has";
    EXPECT_EQ(served.host.starts_on(target), 0);
}

// The disk is there and could be read: it is its place that is refused.
TEST_F(HostileNames, OutsideTheDatastoresAreRefused)
{
    put_disk(served.root / "etc/vm");
    put_disk(served.root / "tmp/vm");
    put_disk(datastore / "vm");
    fs::create_directory_symlink("/etc/vm", datastore / "link");
    fs::create_symlink("/etc/vm/disk.vmdk", datastore / "vm/link.vmdk");
    for (const char* source :
         {"/etc/vm/disk.vmdk", "/tmp/vm/disk.vmdk", "etc/vm/disk.vmdk", "../etc/vm/disk.vmdk",
          "/vmfs/volumes/../../etc/vm/disk.vmdk", "/vmfs/volumes/datastore1/../../../etc/vm/disk.vmdk",
          "/vmfs/volumes/datastore1/vm/../vm/disk.vmdk", "[datastore1] ../../../etc/vm/disk.vmdk",
          "[datastore1] vm/../../../../etc/vm/disk.vmdk", "/vmfs/volumesx/datastore1/vm/disk.vmdk",
          "//etc/vm/disk.vmdk", "/proc/self/root/vmfs/volumes/datastore1/vm/disk.vmdk", "[datastore1] link/disk.vmdk",
          "[datastore1] vm/link.vmdk", "/vmfs/volumes/datastore1/link/disk.vmdk"}) {
        SCOPED_TRACE(source);
        EXPECT_EQ(refusal(source), "source_outside_volumes");
    }
    for (const char* source : {"[..] etc/vm/disk.vmdk", "[datastore1/..] vm/disk.vmdk", "[datastore1",
                               "[] vm/disk.vmdk", "", "[datastore1] vm/disk-flat"}) {
        SCOPED_TRACE(source);
        EXPECT_NE(refusal(source), "");
    }
    EXPECT_EQ(served.host.starts_on(target), 0);
}

// What our own client never sends.
TEST_F(HostileNames, AWordThatIsNotEncodedIsRefused)
{
    for (const char* word : {"source=$(touch /hit)", "source=a;touch /hit", "source=`touch /hit`", "source=%",
                             "source=%4", "source=%GG", "source=%00", "source=\"a\"", "source=a&touch /hit", "source=*",
                             "source='a'", "source=a|b", "so$urce=a", "source=ä"}) {
        const auto ran =
            served.session->exec(served.call, {.line = fmt::format("DS=datastore1;CMD=--xcopy source {}", word)});
        ASSERT_TRUE(ran) << ran.error().message;
        EXPECT_EQ(ran->status, 1) << word;
        EXPECT_NE(ran->out.find("bad_word"), std::string::npos) << word << ": " << ran->out;
    }
}

} // namespace
} // namespace xcopy::ssh_script
