// The script on its way to a host: through VMware's own vCenter simulator onto the datastore of a lab host, asked for by real SSH.
#include "coordinator/vsphere/named_datastore.hpp"
#include "tests/coordinator/ssh_script/deploy_order.hpp"
#include "tests/coordinator/ssh_script/script_host.hpp"
#include "tests/end_to_end/process.hpp"
#include "tests/vsphere/vcsim.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <future>
#include <thread>

namespace xcopy::ssh_script {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class KeptLog final : public Log {
public:
    std::string text;

private:
    void write(Level, const std::string& line) override { text += line + '\n'; }
};

std::string contents(const fs::path& path)
{
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

// As fetched and put by somebody else, in one step.
void place(const fs::path& path, const std::string& bytes)
{
    std::ofstream(path.string() + ".placing", std::ios::binary) << bytes;
    fs::rename(path.string() + ".placing", path);
}

// The carried script with other numbers in it.
std::string with(std::string bytes, const std::string& line, const std::string& instead)
{
    const auto at = bytes.find("\n" + line + "\n");
    EXPECT_NE(at, std::string::npos) << line;
    return bytes.replace(at + 1, line.size(), instead);
}

struct Mutation {
    const char* name;
    json trouble; // of vCenter, at that step
};

class DeployScript : public testing::Test {
protected:
    static json inventory()
    {
        return {{"datacenter", "DC 0"},
                {"hosts", {{{"name", "esx1"}, {"uuid", "30000000-0000-0000-0000-000000000001"}}}},
                {"datastores",
                 {{{"name", "datastore1"}, {"uuid", "6543a1f1-1b2c3d4e-5f60-0025b5000001"}, {"type", "VMFS"}}}}};
    }

    DeployScript()
    {
        vcenter = std::make_unique<test::Vcsim>(inventory());
        fs::remove(vcenter->uploads() / "datastore1");
        fs::create_directory_symlink(root, vcenter->uploads() / "datastore1");
        fs::remove(script);
        const auto& ssh = esx.at("ssh");
        const auto public_key = contents(ssh.at("key").get<std::string>() + ".pub");
        std::ofstream(esx.at("root").get<std::string>() + "/etc/ssh/keys-root/authorized_keys")
            << authorized_keys_line(public_key.substr(0, public_key.find('\n'))) << '\n';
        order = {{"host", esx.at("address")},
                 {"port", ssh.at("port")},
                 {"key", ssh.at("key")},
                 {"place", "datastore1"},
                 {"vcenter",
                  {{"url", vcenter->url()},
                   {"user", vcenter->user()},
                   {"password", vcenter->password()},
                   {"ca", vcenter->ca_file()}}}};
        std::ofstream(order_file) << order.dump();
    }

    Result<DeployedScript> deploy_now() { return deploy(call, order, log); }
    std::unique_ptr<e2e::Process> pod(const std::string& name)
    {
        const auto folder = host.lab.directory() / name;
        fs::create_directories(folder);
        return std::make_unique<e2e::Process>(std::vector<std::string>{DEPLOY_ONCE, order_file},
                                              std::map<std::string, std::string>{}, folder);
    }
    // Names in the root of the datastore that are uploads of ours.
    std::vector<std::string> uploads() const
    {
        std::vector<std::string> names;
        for (const auto& entry : fs::directory_iterator(root))
            if (entry.path().filename().string().starts_with("secure-vmkfstools-wrapper."))
                names.push_back(entry.path().filename());
        return names;
    }
    void expect_in_place()
    {
        EXPECT_EQ(contents(script), carried_script_bytes());
        EXPECT_EQ(host.command("--version").exit, 0);
    }

    ScriptHost host{{{"hosts", {{{"name", "esx1"}, {"managed", true}}}}}};
    const json esx = host.lab.ready().at("hosts").at("esx1");
    const fs::path root = host.lab.datastore("datastore1");
    const fs::path script = root / "secure-vmkfstools-wrapper";
    const fs::path order_file = host.lab.directory() / "order.json";
    std::unique_ptr<test::Vcsim> vcenter;
    json order;
    KeptLog log;
    Call call{.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(100), .job = "job-1"};
};

TEST(ScriptFit, TheSameIsLeftAnOlderOneReplacedANewerOneRespected)
{
    const ScriptVersion carried{.script_version = 3, .protocol = protocol_versions, .sha256 = "c"};
    const auto fit = [&](int version, const char* sum, VersionRange protocol = protocol_versions) {
        return fit_of({.script_version = version, .protocol = protocol, .sha256 = sum}, carried);
    };
    EXPECT_EQ(fit(3, "c"), ScriptFit::ours);
    EXPECT_EQ(fit(2, "b"), ScriptFit::replace);
    EXPECT_EQ(fit(3, "x"), ScriptFit::replace) << "edited, or damaged";
    EXPECT_EQ(fit(4, "d"), ScriptFit::newer);
    EXPECT_EQ(fit(4, ""), ScriptFit::newer);
    EXPECT_EQ(fit(4, "d", {protocol_versions.max + 1, protocol_versions.max + 1}), ScriptFit::too_new);
    EXPECT_EQ(fit(3, ""), ScriptFit::unknown);
    EXPECT_EQ(fit(2, ""), ScriptFit::replace);
}

TEST(CarriedScript, IsTheOneThatTheBuildMade)
{
    EXPECT_EQ(contents(SSH_SCRIPT), carried_script_bytes());
    EXPECT_EQ(carried_script().sha256.size(), 64U);
    EXPECT_GE(carried_script().script_version, 1);
    EXPECT_EQ(carried_script().protocol.max, protocol_versions.max) << "raise protocol_max in 00-head.sh as well";
}

TEST_F(DeployScript, PutsItOnceAndNeverAsksVcenterAgain)
{
    const auto first = deploy_now();
    ASSERT_TRUE(first) << first.error().message;
    EXPECT_TRUE(first->was_put);
    EXPECT_EQ(first->version.sha256, carried_script_sha256());
    expect_in_place();
    EXPECT_THAT(uploads(), IsEmpty());
    EXPECT_GE(vcenter->requests().size(), 6U);
    EXPECT_EQ(vcenter->sessions(), 0);

    const auto again = deploy_now();
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_FALSE(again->was_put);
    EXPECT_THAT(vcenter->requests(), IsEmpty());
}

TEST_F(DeployScript, WhatIsThereIsReplacedByANewFileAndNeverWritten)
{
    const auto bytes = std::string(carried_script_bytes());
    for (const std::string& there :
         {with(bytes, "script_version=" + std::to_string(carried_script().script_version), "script_version=0"),
          bytes + "# edited\n", std::string(), bytes.substr(0, 500), bytes.substr(0, 20'000),
          std::string(
              "cat <<E\n<?xml version=\"1.0\" ?>\n<output xmlns=\"http://www.vmware.com/Products/ESX/5.0/esxcli/\">\n"
              "<structure typeName=\"result\"><field "
              "name=\"status\"><string>1</string></field></structure></output>\nE\nexit 1\n")}) {
        place(script, there);
        std::ifstream reader(script, std::ios::binary); // a shell that runs it
        ASSERT_TRUE(reader.is_open());
        const auto done = deploy_now();
        ASSERT_TRUE(done) << done.error().message << " instead of " << there.substr(0, 60);
        EXPECT_TRUE(done->was_put);
        expect_in_place();
        EXPECT_EQ(std::string(std::istreambuf_iterator<char>(reader), {}), there)
            << "the running one reads on undisturbed";
        EXPECT_THAT(uploads(), IsEmpty());
    }
}

TEST_F(DeployScript, ANewerOneThatUnderstandsUsStaysAndOneThatDoesNotIsSaid)
{
    const auto bytes = with(std::string(carried_script_bytes()),
                            "script_version=" + std::to_string(carried_script().script_version), "script_version=99");
    place(script, bytes);
    const auto newer = deploy_now();
    ASSERT_TRUE(newer) << newer.error().message;
    EXPECT_EQ(newer->version.script_version, 99);
    EXPECT_FALSE(newer->was_put);
    EXPECT_EQ(contents(script), bytes);

    place(script, with(with(bytes, "protocol_min=1", "protocol_min=7"), "protocol_max=1", "protocol_max=7"));
    const auto foreign = deploy_now();
    ASSERT_FALSE(foreign);
    EXPECT_EQ(foreign.error().reason, "script_too_new") << foreign.error().message;
    EXPECT_THAT(contents(script), HasSubstr("protocol_max=7"));
    EXPECT_THAT(vcenter->requests(), IsEmpty());
}

TEST_F(DeployScript, WithoutChecksumToolOnTheHostTheFileIsFetchedAndCompared)
{
    const auto blind = with(std::string(carried_script_bytes()), "set -u", "set -u; sha256sum() { return 1; }");
    place(script, blind);
    const auto done = deploy_now();
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_TRUE(done->was_put) << "it is not the one we carry";
    expect_in_place();
}

TEST_F(DeployScript, WithoutAVcenterTheWayByHandIsSaid)
{
    order["vcenter"] = nullptr;
    const auto missing = deploy_now();
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().reason, "no_script") << missing.error().message;
    EXPECT_THAT(missing.error().remedy, HasSubstr("mv -f /vmfs/volumes/datastore1/secure-vmkfstools-wrapper.new"));
    place(script, std::string(carried_script_bytes()));
    EXPECT_TRUE(deploy_now());
}

TEST_F(DeployScript, AKeyWithoutTheForcedCommandIsNotMendedByAScript)
{
    const auto public_key = contents(esx.at("ssh").at("key").get<std::string>() + ".pub");
    const auto authorized = esx.at("root").get<std::string>() + "/etc/ssh/keys-root/authorized_keys";
    std::ofstream(authorized) << public_key;
    EXPECT_EQ(deploy_now().error().reason, "no_forced_command");
    std::ofstream(authorized)
        << R"(command="echo \"python: can't open file '/vmfs/volumes/datastore1/secure-vmkfstools-wrapper.py'\" >&2; exit 2" )"
        << public_key;
    EXPECT_EQ(deploy_now().error().reason, "old_forced_command");
    EXPECT_THAT(vcenter->requests(), IsEmpty());
}

TEST_F(DeployScript, EveryRefusalOfVcenterIsSaidAndLeavesNothing)
{
    struct Refusal {
        json trouble;
        const char* reason;
        const char* remedy;
        Errc code;
    };
    const auto bytes = std::string(carried_script_bytes()) + "# older\n";
    place(script, bytes);
    for (const auto& [trouble, reason, remedy, code] :
         {Refusal{{{"method", "PUT /folder"}, {"status", 403}},
                  "vsphere_http_status",
                  "Datastore.FileManagement",
                  Errc::denied},
          Refusal{{{"method", "PUT /folder"}, {"status", 507}, {"cut", 1000}},
                  "datastore_full",
                  "free some space",
                  Errc::failed},
          Refusal{{{"method", "MoveDatastoreFile_Task"}, {"fault", "NoPermission"}},
                  "vsphere_no_permission",
                  "docs/vsphere.md",
                  Errc::denied},
          Refusal{{{"method", "MoveDatastoreFile_Task"}, {"task", "NoPermission"}},
                  "vsphere_no_permission",
                  "docs/vsphere.md",
                  Errc::denied},
          Refusal{{{"method", "MoveDatastoreFile_Task"}, {"task", "NoDiskSpace"}},
                  "datastore_full",
                  "free some space",
                  Errc::failed},
          Refusal{{{"method", "MoveDatastoreFile_Task"}, {"task", "InvalidDatastore"}},
                  "vsphere_invalid_datastore",
                  "renamed",
                  Errc::not_found}}) {
        SCOPED_TRACE(trouble.dump());
        vcenter->trouble(trouble);
        const auto refused = deploy_now();
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().reason, reason) << refused.error().message;
        EXPECT_EQ(refused.error().code, code) << refused.error().message;
        EXPECT_THAT(refused.error().remedy, HasSubstr(remedy));
        EXPECT_THAT(refused.error().message, HasSubstr("esx1"));
        EXPECT_EQ(contents(script), bytes) << "what was there still works";
        vcenter->order({{"do", "calm"}});
        EXPECT_THAT(uploads(), IsEmpty());
    }
}

TEST_F(DeployScript, AFullDatastoreBehindAnyStatusIsRecognisedByItsFreeSpace)
{
    vcenter->order({{"do", "free"}, {"datastore", "datastore1"}, {"free", 1000}});
    vcenter->trouble({{"method", "PUT /folder"}, {"status", 500}, {"cut", 1000}});
    call.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(8);
    const auto full = deploy_now();
    ASSERT_FALSE(full);
    EXPECT_EQ(full.error().reason, "datastore_full") << full.error().message;
    EXPECT_THAT(full.error().message, HasSubstr("1000 bytes free"));
    EXPECT_THAT(uploads(), IsEmpty());
}

TEST_F(DeployScript, AFileThatIsHeldOpenIsWaitedFor)
{
    place(script, "exit 7\n# secure-vmkfstools-wrapper: syntax error\n");
    fs::remove(script);
    vcenter->trouble({{"method", "MoveDatastoreFile_Task"}, {"task", "FileLocked"}, {"count", 2}});
    const auto done = deploy_now();
    ASSERT_TRUE(done) << done.error().message;
    expect_in_place();
}

// Each step that changes something: it fails, its answer is lost, and it is done twice; the end is always one whole script.
TEST_F(DeployScript, WhateverFailsOnceIsRepairedByTheNextAttempt)
{
    for (const json& trouble :
         {json{{"method", "PUT /folder"}, {"status", -1}, {"count", 1}},
          json{{"method", "PUT /folder"}, {"status", -1}, {"count", 1}, {"cut", 30000}},
          json{{"method", "PUT /folder"}, {"status", -1}, {"count", 1}, {"when", "after"}},
          json{{"method", "PUT /folder"}, {"status", 503}, {"count", 2}},
          json{{"method", "PUT /folder"}, {"status", 401}, {"count", 1}},
          json{{"method", "MoveDatastoreFile_Task"}, {"status", -1}, {"count", 1}},
          json{{"method", "MoveDatastoreFile_Task"}, {"status", -1}, {"count", 1}, {"when", "after"}},
          json{{"method", "MoveDatastoreFile_Task"}, {"fault", "NotAuthenticated"}, {"count", 1}},
          json{{"method", "DeleteDatastoreFile_Task"}, {"status", -1}, {"count", 1}}}) {
        SCOPED_TRACE(trouble.dump());
        place(script, "exit 3 # secure-vmkfstools-wrapper: syntax error\n");
        fs::remove(script);
        vcenter->trouble(trouble);
        const auto done = deploy_now();
        ASSERT_TRUE(done) << done.error().message;
        expect_in_place();
        EXPECT_THAT(uploads(), IsEmpty());
        vcenter->order({{"do", "calm"}});
    }
}

// The pod is killed while vCenter has its request: before, in the middle of, or after the step.
TEST_F(DeployScript, APodThatDiesAtAnyStepLeavesTheOldScriptOrTheNewOneAndTheNextPodFinishes)
{
    const auto old = with(std::string(carried_script_bytes()),
                          "script_version=" + std::to_string(carried_script().script_version), "script_version=0");
    int left = 0;
    for (const json& trouble :
         {json{{"method", "PUT /folder"}}, json{{"method", "PUT /folder"}, {"cut", 40000}},
          json{{"method", "PUT /folder"}, {"when", "after"}}, json{{"method", "MoveDatastoreFile_Task"}},
          json{{"method", "MoveDatastoreFile_Task"}, {"when", "after"}}}) {
        SCOPED_TRACE(trouble.dump());
        place(script, old);
        auto hold = trouble;
        hold["hold"] = true;
        hold["count"] = 1;
        vcenter->trouble(hold);
        const auto dying = pod("dying");
        dying->go();
        vcenter->order({{"do", "held"}, {"count", 1}});
        dying->signal(SIGKILL);
        EXPECT_EQ(dying->wait().signal, SIGKILL);
        const auto now = contents(script);
        EXPECT_TRUE(now == old || now == carried_script_bytes());
        EXPECT_EQ(host.command("--version").exit, 0) << "whole, whichever it is";
        left = std::max(left, static_cast<int>(uploads().size()));

        const auto next = deploy_now();
        ASSERT_TRUE(next) << next.error().message;
        vcenter->order({{"do", "release"}});
        expect_in_place();
    }
    EXPECT_GE(left, 1) << "what died in mid-upload leaves a file of its own";
}

// An upload that broke, or that nobody needs any more, is deleted; the pod is killed while vCenter has that request.
TEST_F(DeployScript, APodThatDiesWhileItDeletesItsUploadLeavesAtMostThatUpload)
{
    const auto old = with(std::string(carried_script_bytes()),
                          "script_version=" + std::to_string(carried_script().script_version), "script_version=0");
    for (const bool is_broken : {true, false}) {
        for (const bool is_deleted : {true, false}) {
            SCOPED_TRACE(std::string(is_broken ? "broke" : "not needed") +
                         (is_deleted ? ", deleted" : ", not deleted"));
            place(script, old);
            json put{{"method", "PUT /folder"}, {"count", 1}};
            put.update(is_broken ? json{{"status", 507}, {"cut", 1000}} : json{{"hold", true}});
            json remove{{"method", "DeleteDatastoreFile_Task"}, {"hold", true}, {"count", 1}};
            if (is_deleted)
                remove["when"] = "after";
            vcenter->trouble(put);
            vcenter->trouble(remove);
            const auto dying = pod("dying");
            dying->go();
            if (!is_broken) { // while it uploads, another pod puts the script
                vcenter->order({{"do", "held"}, {"count", 1}});
                place(script, std::string(carried_script_bytes()));
                vcenter->order({{"do", "release"}});
            }
            vcenter->order({{"do", "held"}, {"count", 1}});
            if (is_deleted) // by a task, which may still be at it
                EXPECT_TRUE(eventually([&] { return uploads().empty(); }));
            else
                EXPECT_FALSE(uploads().empty());
            dying->signal(SIGKILL);
            EXPECT_EQ(dying->wait().signal, SIGKILL);
            EXPECT_EQ(contents(script), is_broken ? old : carried_script_bytes());
            EXPECT_EQ(host.command("--version").exit, 0);

            const auto next = deploy_now();
            ASSERT_TRUE(next) << next.error().message;
            EXPECT_EQ(next->was_put, is_broken);
            expect_in_place();
            EXPECT_EQ(uploads().empty(), is_deleted) << "another pod's upload is not the next one's to delete";
            vcenter->order({{"do", "release"}}); // what vCenter was asked for may still come to pass
            EXPECT_TRUE(eventually([&] { return uploads().empty(); }));
            expect_in_place();
        }
    }
}

// An older script serves when the new one arrives: its open question and its clone go on, and the new one knows them.
TEST_F(DeployScript, AnUpgradeWhileACloneRunsDisturbsNothing)
{
    const auto old = with(std::string(carried_script_bytes()),
                          "script_version=" + std::to_string(carried_script().script_version), "script_version=0");
    place(script, old);
    const auto disk = host.make_disk();
    const auto target = host.make_target();
    ASSERT_TRUE(host.attach(target));
    host.lab.call({{"do", "vmkfstools.set"}, {"hold_at", 40}});
    ASSERT_TRUE(host.clone(disk, target));
    host.lab.wait_held("clone");
    auto question = std::async(std::launch::async, [&] { return host.watch(target.job, 999, 60); });
    EXPECT_TRUE(eventually([&] {
        return std::ranges::any_of(
            host.processes(), [](const auto& line) { return line.starts_with("sh /vmfs/volumes/datastore1/secure"); });
    }));

    const auto done = deploy_now();
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_TRUE(done->was_put);
    expect_in_place();
    const auto adopted = host.clone(disk, target);
    ASSERT_TRUE(adopted) << adopted.error().message;
    EXPECT_EQ(adopted->state, CloneState::running) << "the new script knows the old one's clone";
    EXPECT_EQ(host.refusal("detach", {{"naa", target.naa}, {"job", target.job}}), "target_busy");

    host.lab.call({{"do", "vmkfstools.set"}, {"hold_at", nullptr}});
    host.lab.release("clone");
    EXPECT_EQ(question.get().state, CloneState::succeeded) << "the old script's answer";
    EXPECT_EQ(host.finished(target.job).state, CloneState::succeeded);
    EXPECT_EQ(host.starts_on(target), 1);
    EXPECT_TRUE(same_bytes(disk, target));
    host.expect_clean(target);
}

TEST_F(DeployScript, EightPodsAtOnceAllWin)
{
    for (const bool is_there : {false, true}) {
        if (is_there)
            place(script, std::string(carried_script_bytes()) + "# other\n");
        std::vector<std::unique_ptr<e2e::Process>> pods;
        pods.reserve(8);
        for (int i = 0; i < 8; ++i)
            pods.push_back(pod("pod" + std::to_string(i)));
        // All have put their upload before one of them moves.
        vcenter->trouble({{"method", "MoveDatastoreFile_Task"}, {"hold", true}, {"count", 8}});
        for (const auto& each : pods)
            each->go();
        vcenter->order({{"do", "held"}, {"count", 8}});
        vcenter->order({{"do", "release"}});
        for (const auto& each : pods) {
            const auto ran = each->wait();
            EXPECT_EQ(ran.exit, 0) << ran.err;
        }
        expect_in_place();
        EXPECT_THAT(uploads(), IsEmpty());
        EXPECT_EQ(vcenter->sessions(), 0);
    }
}

TEST_F(DeployScript, StoppedItEndsAtOnceAndTakesItsUploadAway)
{
    vcenter->trouble({{"method", "PUT /folder"}, {"status", 503}, {"cut", 1000}});
    std::stop_source stop;
    call.stop = stop.get_token();
    std::jthread stopper([&] {
        while (uploads().empty())
            std::this_thread::yield();
        stop.request_stop();
    });
    EXPECT_FALSE(deploy_now());
    EXPECT_THAT(uploads(), IsEmpty());
    EXPECT_FALSE(fs::exists(script));
}

TEST_F(DeployScript, TheDatastoreIsTheOneThatTheHostMeans)
{
    vsphere::DatastoreView first{.ref = {"Datastore", "1"}, .name = "ds", .type = "VMFS", .uuid = "u-1", .devices = {}};
    auto second = first;
    second.ref.id = "2";
    second.uuid = "u-2";
    EXPECT_EQ(find_datastore({first, second}, "u-2")->ref.id, "2");
    EXPECT_EQ(find_datastore({first, second}, "ds").error().reason, "ambiguous_datastore");
    EXPECT_EQ(find_datastore({first}, "ds")->ref.id, "1");
    EXPECT_EQ(find_datastore({first}, "other").error().reason, "unknown_datastore");

    place(script, std::string(carried_script_bytes()) + "# other\n");
    order["place"] = host.ask<DatastoreList>("datastores")->datastores.at(0).uuid;
    const auto done = deploy_now();
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_TRUE(done->was_put);
    expect_in_place();
}

TEST_F(DeployScript, AHostThatLooksAtAnotherDatastoreIsSaid)
{
    const auto elsewhere = host.lab.directory() / "elsewhere";
    fs::create_directories(elsewhere);
    fs::remove(vcenter->uploads() / "datastore1");
    fs::create_directory_symlink(elsewhere, vcenter->uploads() / "datastore1");
    call.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    const auto unseen = deploy_now();
    ASSERT_FALSE(unseen);
    EXPECT_EQ(unseen.error().reason, "script_not_seen") << unseen.error().message;
    EXPECT_THAT(unseen.error().remedy, HasSubstr("/vmfs/volumes/datastore1"));
}

TEST_F(DeployScript, UploadsOfDeadPodsAreSweptAfterADay)
{
    ASSERT_TRUE(deploy_now());
    const auto old = root / "secure-vmkfstools-wrapper.0123456789abcdef.dead";
    const auto young = root / "secure-vmkfstools-wrapper.0123456789abcdef.alive";
    const auto foreign = root / "secure-vmkfstools-wrapper-notes";
    for (const auto& file : {old, young, foreign})
        std::ofstream(file) << "half";
    for (const auto& file : {old, foreign})
        fs::last_write_time(file, fs::file_time_type::clock::now() - std::chrono::hours(50));
    ASSERT_TRUE(host.call("sweep"));
    EXPECT_FALSE(fs::exists(old));
    EXPECT_TRUE(fs::exists(young));
    EXPECT_TRUE(fs::exists(foreign));
}

} // namespace
} // namespace xcopy::ssh_script
