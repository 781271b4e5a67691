// Names that would be syntax somewhere: each is a real disk that is copied and compared, or refused with a reason.
#include "tests/coordinator/ssh_script/script_host.hpp"

#include <gtest/gtest.h>

namespace xcopy::ssh_script {
namespace {

struct Hostile {
    std::string name; // folder and file, without .vmdk
    std::string refused{};
};

std::vector<Hostile> hostile_names()
{
    return {
        {"vm one/disk one"},
        {" leading/ blank"},
        {"trailing /blank "},
        {"two  blanks/in  a  row"},
        {"it's/o'clock"},
        {"\"quoted\"/disk"}, // in a file's own name the simulated vmkfstools cannot read it back from the descriptor
        {"back`tick`/`reboot`"},
        {"$(touch ${HOME}hit)/$(touch hit)"},
        {"$HOME/${PATH}"},
        {"a;touch hit;b/c;d"},
        {"a&touch hit&b/c&d"},
        {"a|touch hit|b/c|d"},
        {"a>hit/b<hit"},
        {"a&&b/c||d"},
        {"(sub)/{brace}"},
        {"star*/ques?tion"},
        {"[bracket]/[0-9]"},
        {"~root/~"},
        {"hash#/#hash"},
        {"bang!/!!"},
        {"percent%20/%s%n%d"},
        {"BAD%/100%"},
        {"back\\slash/\\n\\t\\0"},
        {"\\0101/\\x41"},
        {"-i/-d"},
        {"--clone/-s a -t b"},
        {"DS=x;CMD=y/CMD=z"},
        {"equals=/a=b=c"},
        {"comma,colon:/at@plus+"},
        {"caret^/dollar$"},
        {"xml<&>/&lt;tag&gt;"},
        {"json\"},{\"a\":1/disk}"},
        {"umläut/größe"},
        {"日本語/ディスク"},
        {"emoji 💾/disk 🚀"},
        {"кириллица/диск"},
        {"עברית/دیسک"},
        {"apostrophe’s/disk“s”"},
        {".hidden/.disk"},
        {"...dots/a..b"},
        {"true/false"},
        {"awk '{print}'/BEGIN{exit}"},
        {"sed s,a,b,/s|x|y|"},
        {"folder-rdm.vmdk/disk-rdm"},
        {"disk.vmdk/disk.vmdk"},
        {std::string(200, 'l') + "/" + std::string(150, 'n')},
        {"\xe2\x80\x8b"
         "zero width/\xc2\xa0no break"},
        // Never on a datastore that vCenter made: refused before anything is looked at.
        {"new\nline/disk", "bad_source"},
        {"vm/trailing\n", "bad_source"},
        {"tab\tulator/disk", "bad_source"},
        {"carriage\rreturn/disk", "bad_source"},
        {"esc\x1b[2J/disk", "bad_source"},
        {"del\x7f/disk", "bad_source"},
    };
}

TEST(SshScriptNames, AreDataAndNeverSyntax)
{
    ScriptHost host;
    const auto target = host.make_target();
    ASSERT_TRUE(host.attach(target));
    int copied = 0;
    for (const auto& [name, refused] : hostile_names()) {
        SCOPED_TRACE(name);
        if (!refused.empty()) {
            EXPECT_EQ(host.refusal("clone", host.clone_words({"[datastore1] " + name + ".vmdk", {}}, target)), refused);
            continue;
        }
        const auto disk = host.make_disk(name + ".vmdk", 2 * mib);
        // "[datastore] folder" begins behind the blank, so a name that begins with one can only be given as a path.
        Disk asked = disk;
        if (name.front() == ' ')
            asked.source = "/vmfs/volumes/datastore1/" + name + ".vmdk";
        const auto ordered = host.clone(asked, target);
        ASSERT_TRUE(ordered) << ordered.error().message;
        const auto status = host.finished(target.job);
        EXPECT_EQ(status.state, CloneState::succeeded) << (status.error ? status.error->message : "");
        EXPECT_EQ(status.source, asked.source);
        EXPECT_TRUE(same_bytes(disk, target, 2 * mib));
        ASSERT_TRUE(host.call("forget", {{"job", target.job}}));
        EXPECT_TRUE(host.lab.pointer_files().empty());
        ++copied;
    }
    EXPECT_GE(copied, 40);
    EXPECT_EQ(host.lab.run("esx1", {"/bin/find", "/", "-xdev", "-name", "*hit", "-type", "f"}).output, "")
        << "something was evaluated";
    host.expect_clean(target);
}

TEST(SshScriptNames, AWordThatIsNotEncodedIsRefused)
{
    const ScriptHost host;
    for (const char* command :
         {"--xcopy source source=$(touch /hit)", "--xcopy source source=a;touch /hit",
          "--xcopy source source=`touch /hit`", "--xcopy source source=%", "--xcopy source source=%4",
          "--xcopy source source=%GG", "--xcopy source source=%00", "--xcopy source source=\"a\"",
          "--xcopy source source=a&touch /hit", "--xcopy source source=*"}) {
        const auto ran = host.command(command);
        EXPECT_EQ(ran.exit, 1) << command;
        EXPECT_NE(ran.output.find("bad_word"), std::string::npos) << command << ": " << ran.output;
    }
    EXPECT_EQ(host.lab.run("esx1", {"/bin/find", "/", "-xdev", "-name", "hit"}).output, "");
}

} // namespace
} // namespace xcopy::ssh_script
