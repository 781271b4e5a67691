// FlashSystem's rows, names and errors as they come over the wire: facts 4 to 8.
#include "tests/vendors/fakes/scripted_transport.hpp"
#include "vendors/registry.hpp"
#include "vendors/rest/json.hpp"

#include <nlohmann/json.hpp>

namespace xcopy {
namespace {

using rest::Json;
using Phase = ArrayCopyState::Phase;

constexpr const char* uid = "600507681088804CB800000000001074";

class FlashSystemWire : public testing::Test {
protected:
    FlashSystemWire() { wire.then(200, R"({"token":"t-1"})"); }

    static ArrayConfig config()
    {
        return {.vendor = "flashsystem", .hostname = "fs-1", .username = "xcopy", .password = Secret("p")};
    }
    void reply(const Json& json) { wire.then(200, json.dump()); }
    Result<Volume> find(const std::string& handle) { return array->find_volume(call, {handle, {}}); }
    Result<Volume> find_row(const Json& row)
    {
        reply(Json::object()); // lssystem
        reply(Json::array({row}));
        return find("SVC:" + row["vdisk_UID"].get<std::string>());
    }
    // What a command is answered with: the error it becomes, if any.
    std::optional<Error> said(int status, const std::string& body)
    {
        wire.then(status, body);
        const auto outcome = array->info(call);
        return outcome ? std::nullopt : std::optional(outcome.error());
    }
    std::vector<std::string> commands() const // after the sign-in
    {
        std::vector<std::string> names;
        names.reserve(wire.requests.size());
        for (const auto& request : wire.requests)
            names.push_back(request.url.substr(std::string_view("https://fs-1:7443/rest/v1").size()));
        names.erase(names.begin());
        return names;
    }

    rest::ScriptedTransport wire;
    rest::FakeClock clock;
    Call call;
    std::unique_ptr<Array> array = *make_array(config(), wire, clock);
};

struct FlashSystemHandle : FlashSystemWire {};

TEST_F(FlashSystemHandle, AllThreeFormsOfTheCsiDriver)
{
    struct Form {
        std::string handle;
        std::vector<std::string> asked; // where the filter finds nothing, by the id if there is one
    };
    const Form forms[] = {
        {"SVC:5;600507681088804CB800000000001074", {"/lssystem", "/lsvdisk", "/lsvdisk/5"}},
        {"SVC:0000020423a12f56:5;600507681088804cb800000000001074", {"/lssystem", "/lsvdisk", "/lsvdisk/5"}},
        {"SVC:600507681088804CB800000000001074", {"/lssystem", "/lsvdisk"}},
    };
    for (const auto& form : forms) {
        reply({{"id", "0000020423A12F56"}});
        for (std::size_t at = 1; at < form.asked.size(); ++at)
            reply(Json::array());
        EXPECT_EQ(find(form.handle).error().code, Errc::not_found) << form.handle;
        EXPECT_EQ(commands(), form.asked);
        EXPECT_EQ(Json::parse(wire.requests[2].body)["filtervalue"], "vdisk_UID=" + std::string(uid));
        wire.requests.resize(1);
    }
    reply({{"id", "0000020423A12F56"}});
    EXPECT_EQ(find("SVC:0000020423a12f57:5;600507681088804cb800000000001074").error().code, Errc::conflict);
}

TEST_F(FlashSystemHandle, OtherArraysOfTheDriverAndNonsenseAreRefused)
{
    EXPECT_EQ(find("DS8K:5;600507681088804CB800000000001074").error().code, Errc::bad_request);
    EXPECT_EQ(find("A9000:1;6001738CFC9035E8000000000091E219").error().code, Errc::bad_request);
    for (const char* bad : {"", ";", "SVC", "SVC:", "SVC:;600507681088804CB800000000001074",
                            "SVC:5;600507681088804CB8000000000010", "SVC:5;6000D31000000000000000000000AAAA", "SVC:5;",
                            "SVC:x;600507681088804CB800000000001074", "SVC:a:b:5;600507681088804CB800000000001074",
                            "SVC:zz:5;600507681088804CB800000000001074", "SVC:5;600507681088804CB800000000001074;1",
                            "SVC:1:600507681088804CB800000000001074", "5;600507681088804CB800000000001074"})
        EXPECT_EQ(find(bad).error().code, Errc::bad_request) << bad;
    EXPECT_TRUE(wire.requests.empty());
}

TEST_F(FlashSystemWire, NaaSizeAndWhatCannotBeMapped)
{
    Json row = {{"id", "5"},
                {"name", "CSI_pvc-9a4d1c2e"},
                {"status", "online"},
                {"capacity", "21474836480"},
                {"vdisk_UID", "6005076810CA0166C00000000000019F"}};
    const auto volume = find_row(row);
    ASSERT_TRUE(volume) << volume.error().message;
    EXPECT_EQ(volume->naa, "naa.6005076810ca0166c00000000000019f");
    EXPECT_EQ(volume->size_bytes, 21474836480U);
    row["status"] = "degraded"; // one of its copies is away
    EXPECT_TRUE(find_row(row));
    row["status"] = "offline";
    EXPECT_EQ(find_row(row).error().code, Errc::unsupported);
    row["status"] = "online";
    row["protocol"] = "fcnvme";
    EXPECT_EQ(find_row(row).error().code, Errc::unsupported);
    row["protocol"] = "fcscsi";
    row["capacity"] = "20.00GB"; // rounded: no size to rely on
    EXPECT_EQ(find_row(row).error().code, Errc::failed);
}

TEST_F(FlashSystemWire, PortsOfAHostAreNestedAndSpelledOneWay)
{
    using Kind = Initiator::Kind;
    reply(Json::parse(R"([{"host_id":"14","WWPN":"21000024ff2f3266"}])"));
    reply(Json::parse(R"({"id":"14","name":"esx-1","nodes":[{"WWPN":"21000024ff2f3266","state":"active"},
                          {"WWPN":"21000024FF2F3267"}]})"));
    const std::string uuid = "4c4c4544-0042-4a10-8035-b4c04f4b3333";
    const auto fc = array->ensure_host(call, {uuid, "esx-1", {{.kind = Kind::fc, .wwpn = "21000024ff2f3266"}}});
    ASSERT_TRUE(fc) << fc.error().message;
    EXPECT_EQ(fc->id, "host:14");
    EXPECT_EQ(fc->initiator_ids, (std::vector<std::string>{"21000024FF2F3266", "21000024FF2F3267"}));
    reply(Json::parse(R"([{"host_id":"15","iscsi_name":"iqn.1998-01.com.vmware:ESX-1"}])"));
    reply(Json::parse(R"({"id":"15","name":"esx-1","nodes":[{"iscsi_name":"iqn.1998-01.com.vmware:ESX-1"}]})"));
    const std::string iqn = "iqn.1998-01.com.vmware:esx-1";
    const auto iscsi = array->ensure_host(call, {uuid, "esx-1", {{.kind = Kind::iscsi, .name = iqn}}});
    ASSERT_TRUE(iscsi) << iscsi.error().message;
    EXPECT_EQ(iscsi->id, "host:15");
    EXPECT_EQ(iscsi->initiator_ids, std::vector<std::string>{iqn});
}

struct FlashSystemError : FlashSystemWire {};

TEST_F(FlashSystemError, TheCodeCountsWhateverTheStatus)
{
    for (const auto& error : {said(500, R"("Command error occurred; error code 1: CMMVC5879E taken.")"),
                              said(409, R"("error code: 1, error text: CMMVC5879E taken.")"),
                              said(400, "CMMVC5879E taken.\n"), said(200, R"("CMMVC5879E taken.")")}) {
        ASSERT_TRUE(error);
        EXPECT_EQ(error->code, Errc::busy);
        EXPECT_EQ(error->reason, "flashsystem_CMMVC5879E");
    }
    EXPECT_EQ(said(500, "xCMMVC12 CMMVC6071E.")->reason, "flashsystem_CMMVC6071E");
    for (const char* no_code : {"CMMVC6071", "CMMVC6071X"})
        EXPECT_EQ(said(400, no_code)->reason, "") << no_code;
}

TEST_F(FlashSystemError, ANameLikeACodeInARowIsNoError)
{
    EXPECT_FALSE(said(200, R"([{"name":"CMMVC6071E"}])"));
    EXPECT_FALSE(said(200, R"({"id":"0","message":"created CMMVC6372W"})"));
    EXPECT_FALSE(said(200, ""));
}

TEST_F(FlashSystemError, AWarningIsLookedAt)
{
    const auto warned = said(409, R"("CMMVC6372W done, but")");
    ASSERT_TRUE(warned);
    EXPECT_EQ(warned->code, Errc::indeterminate);
}

TEST_F(FlashSystemError, ProtectionIsKnownByItsWordsForItsNumberIsUnknownAndIsWaitedFor)
{
    const Volume volume{.id = "5", .name = "v", .naa = "naa.600507681088804cb800000000001074"};
    const Json ours = {{{"host_id", "14"}, {"vdisk_UID", uid}, {"mapping_type", "private"}}};
    for (const char* words : {"CMMVC8999E it was active within the volume protection period",
                              "CMMVC1111E refused: recent I/O", "CMMVC2222E the volume was recently active"}) {
        clock.waits.clear();
        for (int round = 1; round <= 5; ++round) {
            reply(ours); // looked at before
            wire.then(409, Json(words).dump());
            reply(ours); // and after
        }
        const auto kept = array->unmap(call, volume, {.id = "host:14", .name = "esx-1"});
        ASSERT_FALSE(kept);
        EXPECT_EQ(kept.error().reason, "flashsystem_protected") << words;
        EXPECT_NE(kept.error().remedy.find("chmdiskgrp"), std::string::npos);
        EXPECT_EQ(clock.waits.size(), 4U);
    }
}

TEST_F(FlashSystemError, HalfAnAnswerIsNoneAndWhatOnlyReadsIsAskedAgain)
{
    const std::pair<int, const char*> half[] = {{409, ""}, {502, "<html>"}, {500, ""}, {200, R"([{"id":"5")"}};
    for (const auto& [status, body] : half) {
        wire.then(status, body);
        wire.requests.clear();
        EXPECT_FALSE(said(200, "{}")) << status;
        EXPECT_TRUE(wire.replies.empty()) << "it was asked again";
    }
    wire.requests.clear();
    EXPECT_FALSE(said(200, ""));
    EXPECT_FALSE(said(200, "[]"));
    EXPECT_TRUE(said(500, R"("CMMVC6071E")"));
    EXPECT_EQ(wire.requests.size(), 3U) << "these are answers";
}

struct FlashSystemCopyRow : FlashSystemWire {};

TEST_F(FlashSystemCopyRow, DoneIsIdleAtHundredPercentAndNothingElse)
{
    const ArrayCopy copy{"1", {.id = "1", .name = "s"}, {.id = "2", .name = "t"}};
    const auto phase = [&](const char* status, const std::string& progress) {
        Json row = {{"id", "0"}, {"name", "xcopy-1"}, {"source_vdisk_id", "1"}, {"target_vdisk_id", "2"}};
        row.update({{"status", status}, {"progress", progress}});
        reply(Json::array({row}));
        if (progress.empty())
            reply({{"id", "0"}, {"progress", ""}});
        const auto state = array->volume_copier()->look(call, copy);
        EXPECT_TRUE(state) << state.error().message;
        return state ? state->phase : Phase::done;
    };
    EXPECT_EQ(phase("idle_or_copied", "100"), Phase::done);
    EXPECT_EQ(phase("idle_or_copied", "0"), Phase::absent);
    EXPECT_EQ(phase("idle_or_copied", ""), Phase::absent);
    EXPECT_EQ(phase("copying", "100"), Phase::running);
    for (const char* status : {"preparing", "prepared", "stopping"})
        EXPECT_EQ(phase(status, "0"), Phase::running);
    for (const char* status : {"stopped", "suspended", "", "anything"})
        EXPECT_EQ(phase(status, "100"), Phase::failed) << status;
}

} // namespace
} // namespace xcopy
