// The whole way with real peers: OpenSSH's client and server with the algorithms of the ESXi release, the restricted line in
// authorized_keys, an RSA key as Forklift makes it, busybox ash.
#include "tests/coordinator/ssh_script/open_ssh.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace xcopy::ssh_script {
namespace {

class SshScriptOverSsh : public testing::TestWithParam<const char*> {
protected:
    Finished ssh(const std::string& words) const { return client.run(words); }
    template <class Message> Result<Message> ask(const std::string& verb, const Words& words) const
    {
        const auto done = ssh("DS=datastore1;CMD=" + ScriptHost::line(verb, words));
        const std::string good = "xcopy 1 ok\n";
        if (!done.out.starts_with(good))
            return Error{Errc::failed, done.out + done.err};
        return decode<Message>(done.out.substr(good.size()));
    }

    ScriptHost host{host_with_sshd(GetParam())};
    const OpenSsh client{host};
};

TEST_P(SshScriptOverSsh, CopiesADiskAndTheRestrictedKeyCanDoNothingElse)
{
    EXPECT_EQ(ssh("DS=;CMD=status test-task-id").out, "SSH_OK\n");
    EXPECT_EQ(ssh("reboot").out, "SSH_OK\n");
    EXPECT_EQ(ssh("touch /hit; touch /hit2").out, "SSH_OK\n");
    EXPECT_EQ(ssh("DS=datastore1;CMD=touch /hit").exit_status, 1);
    EXPECT_EQ(ssh("DS=datastore1;CMD=--xcopy source source=$(touch /hit)`touch /hit`;touch /hit").exit_status, 1);
    EXPECT_EQ(host.lab.run("esx1", {"/bin/find", "/", "-xdev", "-name", "hit*"}).output, "");
    EXPECT_NE(ssh("DS=datastore1;CMD=--version").out.find("{\"version\": \"0.3.3\"}"), std::string::npos);

    const auto disk = host.make_disk("a b & c;d \"/$(touch hit) 'größe.vmdk");
    const auto target = host.make_target();
    const auto attached =
        ask<Device>("attach", {{"naa", target.naa}, {"job", target.job}, {"size", std::to_string(target.size)}});
    ASSERT_TRUE(attached) << attached.error().message;
    ASSERT_TRUE(ask<CloneStatus>("clone", host.clone_words(disk, target)));
    const auto status = ask<CloneStatus>("watch", {{"job", target.job}, {"after", "999"}, {"wait", "30"}});
    ASSERT_TRUE(status) << status.error().message;
    EXPECT_EQ(status->state, CloneState::succeeded) << (status->error ? status->error->message : "");
    EXPECT_TRUE(same_bytes(disk, target));
    EXPECT_EQ(ssh("DS=datastore1;CMD=" + host.line("detach", {{"naa", target.naa}, {"job", target.job}})).exit_status,
              0);
    EXPECT_EQ(ssh("DS=datastore1;CMD=" + host.line("forget", {{"job", target.job}})).exit_status, 0);
    EXPECT_TRUE(host.lab.pointer_files().empty());
    EXPECT_TRUE(host.lab.violations().empty());
}

TEST_P(SshScriptOverSsh, TheCloneSurvivesItsConnectionAndTheServersRestart)
{
    const auto disk = host.make_disk();
    const auto target = host.make_target();
    ASSERT_TRUE(
        ask<Device>("attach", {{"naa", target.naa}, {"job", target.job}, {"size", std::to_string(target.size)}}));
    host.lab.call({{"do", "vmkfstools.set"}, {"hold_at", 40}});
    ASSERT_TRUE(ask<CloneStatus>("clone", host.clone_words(disk, target)));
    host.lab.wait_held("clone");

    std::stop_source cut;
    std::thread watching([&] { // a question that is open when everything is cut
        const auto words =
            "DS=datastore1;CMD=" + host.line("watch", {{"job", target.job}, {"after", "999"}, {"wait", "60"}});
        EXPECT_FALSE(run(client.client(words), {.time = std::chrono::seconds(90), .stop = cut.get_token()}));
    });
    EXPECT_TRUE(eventually([&] {
        return std::ranges::any_of(
            host.processes(), [](const auto& line) { return line.starts_with("sh /vmfs/volumes/datastore1/secure"); });
    }));
    cut.request_stop();
    watching.join();
    host.lab.call({{"do", "host.sshd"}, {"host", "esx1"}, {"what", "restart"}});
    host.lab.call({{"do", "vmkfstools.set"}, {"hold_at", nullptr}});
    host.lab.release("clone");

    EXPECT_TRUE(eventually([&] { return ssh("DS=;CMD=status test-task-id").out == "SSH_OK\n"; }));
    const auto again = ask<CloneStatus>("clone", host.clone_words(disk, target)); // as a new pod would
    ASSERT_TRUE(again) << again.error().message;
    const auto status = ask<CloneStatus>("watch", {{"job", target.job}, {"after", "999"}, {"wait", "30"}});
    ASSERT_TRUE(status) << status.error().message;
    EXPECT_EQ(status->state, CloneState::succeeded);
    EXPECT_EQ(host.starts_on(target), 1);
    EXPECT_TRUE(same_bytes(disk, target));
}

INSTANTIATE_TEST_SUITE_P(Esxi, SshScriptOverSsh, testing::Values("6.7.0", "7.0.3", "8.0.2"));

} // namespace
} // namespace xcopy::ssh_script
