// Hosts without an agent, through a real sshd and the script: which way is taken and why, and what is said when there is none.
#include "tests/end_to_end/scraper.hpp"
#include "tests/end_to_end/ssh_site.hpp"

#include <gmock/gmock.h>

#include <fstream>

namespace e2e {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

struct OverSsh : testing::Test {
    SshSite site;
    Disk disk = site.make_disk("vm 1/it's a disk (1) [2] &; $(x) ä.vmdk", 16 * mib);
    Target target = site.make_target(16 * mib);
    json before = site.presentations(target);

    Ran populate(std::vector<std::string> more = {})
    {
        more.emplace_back("--migration-host=esx1");
        return site.populate(disk, target, more);
    }
    void expect_copied(const Ran& ran, const std::string& method)
    {
        ASSERT_EQ(ran.exit, 0) << ran.err << ran.out;
        EXPECT_EQ(result_of(ran).at("clone_method"), method) << ran.out;
        EXPECT_TRUE(same_bytes(disk.flat, target.file, disk.size));
        expect_nothing_left(site, target, before);
    }
    void expect_nothing_done(const Ran& ran, int exit)
    {
        EXPECT_EQ(ran.exit, exit) << ran.err << ran.out;
        EXPECT_EQ(site.starts_on(target), 0);
        EXPECT_EQ(site.requests("POST /api/protocols/san/lun-maps"), 0) << "nothing was mapped";
        expect_nothing_left(site, target, before);
    }
};

TEST_F(OverSsh, EveryByteIsCopiedOverOneConnectionWhereNoAgentListens)
{
    const auto ran = populate();
    expect_copied(ran, "ssh");
    EXPECT_EQ(result_of(ran).at("xcopy"), "full") << ran.out;
    EXPECT_THAT(result_of(ran).at("why_method"), HasSubstr("refuses"));
    EXPECT_THAT(ran.err, HasSubstr("its port refuses the connection"));
    EXPECT_THAT(ran.err, HasSubstr(site.fingerprint("esx1"))) << "a key accepted for the first time is logged";
    EXPECT_EQ(site.logins("esx1"), 1);
    EXPECT_EQ(site.starts_on(target), 1);
}

TEST_F(OverSsh, ASourceOnAShareIsRefusedBeforeAnythingIsMapped)
{
    disk = site.make_disk("vm 1/disk.vmdk", 16 * mib, "nfs1");
    const auto ran = populate({"--ssh-datastore=datastore1"});
    expect_nothing_done(ran, 3);
    EXPECT_THAT(ran.err + ran.out, HasSubstr("'nfs1' is of type NFS"));
}

TEST_F(OverSsh, AnAgentThatServesIsPreferredAndAsksForNoConnection)
{
    site.start_agent("esx1");
    expect_copied(populate(), "agent");
    EXPECT_EQ(site.logins("esx1"), 0);
}

TEST_F(OverSsh, AnAgentThatIsNotEnrolledIsNoAgent)
{
    std::ofstream(site.lab.ready().at("hosts").at("esx1").at("root").get<std::string>() +
                  "/etc/config/xcopy-agent/agent.crt")
        .flush();
    site.start_agent("esx1");
    const auto ran = populate();
    expect_copied(ran, "ssh");
    EXPECT_THAT(result_of(ran).at("why_method"), HasSubstr("not enrolled"));
}

TEST_F(OverSsh, AnUntrustedAgentIsAnErrorAndNoReasonForSsh)
{
    site.start_agent("esx1");
    site.more_environment["XCOPY_AGENT_CA_FILE"] = site.lab.operator_cert();
    const auto ran = populate();
    expect_nothing_done(ran, 3);
    EXPECT_THAT(ran.err, HasSubstr("certificate"));
    EXPECT_EQ(site.logins("esx1"), 0);
}

TEST_F(OverSsh, ARoleThatIsRefusedIsAnErrorAndNoReasonForSsh)
{
    site.start_agent("esx1");
    site.more_environment["XCOPY_AGENT_CERT_FILE"] = site.lab.ready().at("stranger").at("cert");
    site.more_environment["XCOPY_AGENT_KEY_FILE"] = site.lab.ready().at("stranger").at("key");
    const auto ran = populate();
    expect_nothing_done(ran, 3);
    EXPECT_THAT(ran.err, HasSubstr("role"));
    EXPECT_EQ(site.logins("esx1"), 0);
}

TEST_F(OverSsh, OnlyTheTransportAskedForIsUsed)
{
    expect_nothing_done(populate({"--host-transport=agent"}), 3);
    EXPECT_EQ(site.logins("esx1"), 0);
    site.start_agent("esx1");
    const auto ran = populate({"--host-transport=ssh"});
    expect_copied(ran, "ssh");
    EXPECT_EQ(result_of(ran).at("why_method"), "as asked");
}

TEST_F(OverSsh, ForkliftsWordForItIsUnderstood)
{
    site.start_agent("esx1");
    site.more_environment["ESXI_CLONE_METHOD"] = " SSH\n";
    expect_copied(populate(), "ssh");
}

TEST_F(OverSsh, AHostMayBeNamedForSshAlone)
{
    const auto& esx1 = site.lab.ready().at("hosts").at("esx1");
    for (const char* name :
         {"XCOPY_AGENTS", "XCOPY_AGENT_CA_FILE", "XCOPY_AGENT_CERT_FILE", "XCOPY_AGENT_KEY_FILE", "XCOPY_SSH_PORT"})
        site.more_environment[name] = "";
    const auto ran = populate({"--ssh-host=esx1=root@" + esx1.at("address").get<std::string>() + ":2222"});
    expect_copied(ran, "ssh");
    EXPECT_EQ(result_of(ran).at("why_method"), "no agent is given for it");
}

TEST_F(OverSsh, AMissingKeyIsToldWithTheLineThatMendsIt)
{
    site.authorize("esx1", "");
    const auto ran = populate();
    expect_nothing_done(ran, 6);
    const auto remedy = result_of(ran).at("error").at("remedy").get<std::string>();
    EXPECT_THAT(remedy, HasSubstr("on host 'esx1'"));
    EXPECT_THAT(remedy, HasSubstr("/etc/ssh/keys-root/authorized_keys"));
    const auto line = forced_command + site.public_key;
    ASSERT_THAT(remedy, HasSubstr(line));
    site.authorize("esx1", remedy.substr(remedy.find("command=\""), line.size()));
    expect_copied(populate(), "ssh");
}

TEST_F(OverSsh, AKeyThatIsNotRestrictedToTheScriptIsRefused)
{
    site.authorize("esx1", site.public_key);
    const auto ran = populate();
    expect_nothing_done(ran, 6);
    EXPECT_THAT(result_of(ran).at("error").dump(), HasSubstr("not restricted to the script"));
}

TEST_F(OverSsh, TheForcedCommandOfForklift210IsRecognised)
{
    // What its line runs; a host whose datastore has no such file says so in Python's words.
    const auto python = site.lab.ready().at("hosts").at("esx1").at("root").get<std::string>() + "/bin/python";
    std::ofstream(python)
        << "#!/bin/sh\necho \"python: can't open file '$1': [Errno 2] No such file or directory\" >&2\nexit 2\n";
    std::filesystem::permissions(python, std::filesystem::perms::all);
    auto line = std::string(forced_command) + site.public_key;
    line.replace(line.find("exec sh "), 8, "exec python ");
    line.insert(line.find("secure-vmkfstools-wrapper") + 25, ".py");
    site.authorize("esx1", line);
    const auto ran = populate();
    expect_nothing_done(ran, 6);
    const auto error = result_of(ran).at("error").dump();
    EXPECT_THAT(error, HasSubstr("Forklift 2.10"));
    EXPECT_THAT(error, HasSubstr("in place of any other with this key"));
}

TEST_F(OverSsh, KnownHostsAreHeldTo)
{
    site.more_environment["XCOPY_SSH_KNOWN_HOSTS"] = site.known_hosts_line("esx1") + "\n";
    const auto ran = populate();
    expect_copied(ran, "ssh");
    EXPECT_THAT(ran.err, Not(HasSubstr("nobody vouched")));

    const auto old = site.fingerprint("esx1");
    site.new_host_key("esx1");
    const auto logins = site.logins("esx1");
    const auto changed = populate();
    EXPECT_EQ(changed.exit, 3) << changed.err;
    EXPECT_THAT(changed.err, HasSubstr(old));
    EXPECT_THAT(changed.err, HasSubstr(site.fingerprint("esx1")));
    EXPECT_EQ(site.logins("esx1"), logins) << "our key is shown to nobody else";
    EXPECT_EQ(site.starts_on(target), 1);
}

TEST_F(OverSsh, AHostThatIsNotAmongTheKnownOnesIsRefused)
{
    site.more_environment["XCOPY_SSH_KNOWN_HOSTS"] = site.known_hosts_line("esx2") + "\n";
    const auto ran = populate();
    expect_nothing_done(ran, 3);
    EXPECT_THAT(ran.err, HasSubstr(site.fingerprint("esx1")));
    EXPECT_EQ(site.logins("esx1"), 0);
}

TEST_F(OverSsh, MetricsSaySsh)
{
    const int port = free_port();
    const auto copy = site.prepare_populate(disk, target, {"--migration-host=esx1", listen_on(port)});
    copy->go();
    std::string text;
    while (text.find("copy_duration_seconds{") == std::string::npos)
        text = scrape(port);
    EXPECT_EQ(copy->wait().exit, 0);
    EXPECT_THAT(text, HasSubstr("xcopy_used{clone_method=\"ssh\",owner_uid=\"" + target.job + "\""));
    EXPECT_THAT(text, HasSubstr("copy_duration_seconds{clone_method=\"ssh\""));
    EXPECT_THAT(text, Not(HasSubstr("vib_version{"))) << "no agent takes part";
}

TEST_F(OverSsh, TheOtherCommandsSayHow)
{
    const auto checks = site.coordinator([&] {
        auto flags = site.flags_for(disk, target);
        flags.insert(flags.begin(), "preflight");
        return flags;
    }());
    EXPECT_EQ(checks.exit, 0) << checks.out << checks.err;
    EXPECT_THAT(checks.out, HasSubstr("SSH esx1"));
    EXPECT_EQ(site.presentations(target), before);

    const auto hosts = site.coordinator({"hosts", "--output=json", "--ssh-datastore=datastore1"});
    EXPECT_EQ(hosts.exit, 0) << hosts.out << hosts.err;
    const auto seen = result_of(hosts);
    EXPECT_FALSE(seen.at("hosts").empty());
    for (const auto& host : seen.at("hosts"))
        EXPECT_EQ(host.at("transport"), "ssh") << host;
    const auto nowhere = site.coordinator({"hosts"});
    EXPECT_NE(nowhere.exit, 0);
    EXPECT_THAT(nowhere.out, HasSubstr("--ssh-datastore"));
}

// Without a vCenter nobody would bring the script, so preflight refuses what populate refuses, with the same remedy.
TEST_F(OverSsh, PreflightFailsWhereNobodyWillBringTheScript)
{
    const auto script = site.lab.datastore("datastore1") / "secure-vmkfstools-wrapper";
    const auto expect_refused = [&](const std::string& why) {
        auto flags = site.flags_for(disk, target);
        flags.emplace_back("--migration-host=esx1");
        flags.insert(flags.begin(), "preflight");
        const auto checks = site.coordinator(flags);
        EXPECT_EQ(checks.exit, 3) << checks.out << checks.err;
        EXPECT_THAT(checks.out, HasSubstr(why));
        EXPECT_THAT(checks.out, HasSubstr("mv -f /vmfs/volumes/datastore1/secure-vmkfstools-wrapper.new"));
        const auto copy = site.populate(disk, target, {"--migration-host=esx1"});
        EXPECT_NE(copy.exit, 0) << copy.out << copy.err;
        EXPECT_THAT(copy.err, HasSubstr("mv -f /vmfs/volumes/datastore1/secure-vmkfstools-wrapper.new"));
    };
    std::filesystem::remove(script);
    expect_refused("the script is not on that datastore");
    put_script(site);
    std::ofstream(script, std::ios::app) << "# edited\n";
    expect_refused("this coordinator carries");
    EXPECT_EQ(site.presentations(target), before);
}

} // namespace
} // namespace e2e
