// What goes wrong while the script is brought to a host without an agent, seen from the whole coordinator.
#include "coordinator/host/carried_script.hpp"
#include "tests/end_to_end/ssh_site.hpp"
#include "tests/vsphere/migration.hpp"

#include <gmock/gmock.h>

#include <csignal>
#include <fstream>
#include <iterator>

namespace e2e {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

class ScriptOnItsWay : public testing::Test {
protected:
    ScriptOnItsWay()
    {
        give_forklifts_key(site, {"esx1", "esx2"});
        const auto uploads = migration.vcenter.uploads() / "datastore1";
        fs::remove(uploads);
        fs::create_directory_symlink(site.lab.datastore("datastore1"), uploads);
    }
    std::vector<std::string> flags() const
    {
        return migration.flags(disk, target, migration.vcenter.id("vm web"), {"--migration-host=esx1"});
    }
    void expect_copied()
    {
        const auto ran = run(flags(), migration.environment(), site.work());
        ASSERT_EQ(ran.exit, 0) << ran.err << ran.out;
        EXPECT_EQ(result_of(ran).at("clone_method"), "ssh") << ran.out;
        EXPECT_TRUE(same_bytes(disk.flat, target.file, disk.size));
        std::ifstream there(script, std::ios::binary);
        EXPECT_EQ(std::string(std::istreambuf_iterator<char>(there), {}), xcopy::carried_script_bytes());
        expect_nothing_left(site, target, before);
    }

    Migration migration{
        {vm("web", "poweredOff", {flat("[datastore1] web/web.vmdk")})},
        {{"hosts",
          {{{"name", "esx1"}, {"ssh", true}, {"agent", false}}, {{"name", "esx2"}, {"ssh", true}, {"agent", false}}}}}};
    Site& site = migration.site;
    const fs::path script = site.lab.datastore("datastore1") / xcopy::script_name;
    const Disk disk = site.make_disk("web/web.vmdk", 16 * mib);
    const Target target = site.make_target(16 * mib);
    const json before = site.presentations(target);
};

TEST_F(ScriptOnItsWay, RefusedByVcenterThatIsSaidAndNothingIsMapped)
{
    migration.vcenter.trouble({{"method", "PUT /folder"}, {"status", 403}});
    const auto refused = run(flags(), migration.environment(), site.work());
    EXPECT_NE(refused.exit, 0);
    EXPECT_THAT(refused.err, HasSubstr("Datastore.FileManagement"));
    EXPECT_FALSE(fs::exists(script));
    EXPECT_EQ(migration.vcenter.sessions(), 0) << "refused, and signed out";
    EXPECT_EQ(site.requests("POST /api/protocols/san/lun-maps"), 0);
    migration.vcenter.order({{"do", "calm"}});
    expect_copied();
}

TEST_F(ScriptOnItsWay, ForeseenByPreflightWhichNeitherFailsNorPutsIt)
{
    const auto preflight = [&](std::vector<std::string> words) {
        words[1] = "preflight";
        return run(words, migration.environment(), site.work());
    };
    for (const auto& words : {flags(), migration.flags(disk, target, migration.vcenter.id("vm web"))}) {
        const auto before_it = preflight(words);
        EXPECT_EQ(before_it.exit, 0) << before_it.err << before_it.out;
        EXPECT_THAT(before_it.out, HasSubstr("populate will put it on datastore 'datastore1' through vCenter"));
        EXPECT_THAT(before_it.out, HasSubstr("Datastore.FileManagement"));
        EXPECT_THAT(before_it.out, HasSubstr("not looked at"));
    }
    EXPECT_FALSE(fs::exists(script));
    EXPECT_THAT(migration.vcenter.requests(), testing::Each(testing::Not(HasSubstr("/folder/"))));
    EXPECT_EQ(migration.vcenter.sessions(), 0);

    auto elsewhere = flags();
    elsewhere.emplace_back("--ssh-datastore=6543a1f1-0000-0000-0000-000000000000");
    const auto refused = preflight(elsewhere);
    EXPECT_EQ(refused.exit, 3) << refused.err << refused.out;
    EXPECT_THAT(refused.out, HasSubstr("vCenter knows no datastore"));

    std::ofstream(script) << "cat <<E\n<?xml version=\"1.0\" ?>\n<output "
                             "xmlns=\"http://www.vmware.com/Products/ESX/5.0/esxcli/\">\n<structure "
                             "typeName=\"result\"></structure></output>\nE\nexit 1\n";
    const auto forklifts = preflight(flags());
    EXPECT_EQ(forklifts.exit, 0) << forklifts.err << forklifts.out;
    EXPECT_THAT(forklifts.out, HasSubstr("Forklift's own; populate will put it"));

    expect_copied();
    const auto after_it = preflight(flags());
    EXPECT_EQ(after_it.exit, 0) << after_it.err << after_it.out;
    EXPECT_THAT(after_it.out, testing::Not(HasSubstr("populate will put it")));
    EXPECT_THAT(after_it.out, HasSubstr("source file"));
}

TEST_F(ScriptOnItsWay, KilledInMidUploadTheNextRunCopies)
{
    migration.vcenter.trouble({{"method", "PUT /folder"}, {"cut", 40000}, {"hold", true}, {"count", 1}});
    Process dying(flags(), migration.environment(), site.work());
    dying.go();
    migration.vcenter.order({{"do", "held"}, {"count", 1}});
    dying.signal(SIGKILL);
    EXPECT_EQ(dying.wait().signal, SIGKILL);
    EXPECT_FALSE(fs::exists(script));
    expect_copied();
    migration.vcenter.order({{"do", "release"}});
}

} // namespace
} // namespace e2e
