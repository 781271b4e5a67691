#include "protocol/json.hpp"

#include <gtest/gtest.h>

namespace xcopy {
namespace {

TEST(Json, AScriptsVersionReadsBackAndNeedsItsProtocol)
{
    const auto read =
        decode<ScriptVersion>(encode(ScriptVersion{.script_version = 3, .protocol = {1, 2}, .sha256 = "ab"}));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->script_version, 3);
    EXPECT_EQ(read->protocol.max, 2);
    EXPECT_EQ(read->sha256, "ab");
    EXPECT_FALSE(decode<ScriptVersion>(R"({"script_version":3})"));
}

TEST(Json, AFullStatusReadsBackAsItWas)
{
    CloneStatus status{.id = "job-1", .revision = 7, .state = CloneState::failed, .percent = 43};
    status.source = "/vmfs/volumes/ds one/vm \"x\"/d'isk\n.vmdk";
    status.exit_status = 1;
    status.xcopy = {.use = XcopyUse::partial, .clone_write_ops = 12, .bytes_by_host = 4096};
    status.error = Error{Errc::failed, "no space left", "free some", "no_space"};

    const auto read = decode<CloneStatus>(encode(status));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->source, status.source);
    EXPECT_EQ(read->revision, 7U);
    EXPECT_EQ(read->state, CloneState::failed);
    EXPECT_EQ(read->exit_status, 1);
    EXPECT_EQ(read->xcopy.use, XcopyUse::partial);
    EXPECT_EQ(read->xcopy.bytes_by_host, 4096U);
    EXPECT_FALSE(read->xcopy.bytes_by_array);
    EXPECT_EQ(read->error->reason, "no_space");
}

TEST(Json, AbsentOptionalsStayAbsent)
{
    const std::string text = encode(CloneStatus{.id = "job-1"});
    EXPECT_EQ(text.find("exit_status"), std::string::npos);
    EXPECT_EQ(text.find("error"), std::string::npos);
    EXPECT_FALSE(decode<CloneStatus>(text)->exit_status);
}

TEST(Json, AHealthReportReadsBackWithItsLists)
{
    Health health{.protocol = {1, 1}, .host_uuid = "u"};
    health.adapters = {{.name = "vmhba64", .uid = "iqn.1998-01.com.vmware:a"}};
    health.datastores = {{.name = "ds", .size_bytes = 1ULL << 45, .devices = {"naa.1", "naa.2"}}};
    health.problems = {{Severity::error, "vaai_off", "HardwareAcceleratedMove", "it is 0", "set it to 1"}};
    health.disk_max_lun = 1024;

    const auto read = decode<Health>(encode(health));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->datastores.at(0).devices.at(1), "naa.2");
    EXPECT_EQ(read->datastores.at(0).size_bytes, 1ULL << 45);
    EXPECT_EQ(read->problems.at(0).severity, Severity::error);
    EXPECT_EQ(read->disk_max_lun, 1024);
    EXPECT_FALSE(read->highest_lun);
}

TEST(Json, ASourceReadsBackWithAnyName)
{
    const Source source{.path = "/vmfs/volumes/u-1/vm \"one\"/it's ü+%.vmdk",
                        .datastore = "u-1",
                        .devices = {"naa.1", "naa.2"},
                        .size_bytes = 1ULL << 45,
                        .create_type = "seSparse"};
    const auto read = decode<Source>(encode(source));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->path, source.path);
    EXPECT_EQ(read->datastore, "u-1");
    EXPECT_EQ(read->devices, source.devices);
    EXPECT_EQ(read->size_bytes, source.size_bytes);
    EXPECT_EQ(read->create_type, "seSparse");
    EXPECT_FALSE(decode<Source>(R"({"path": "/vmfs/volumes/u-1/a.vmdk"})")) << "a size must never be guessed";
}

TEST(Json, UnknownFieldsAreIgnoredAndMissingOnesDefaulted)
{
    const auto order = decode<CloneRequest>(
        R"({"later": {"x": [1, 2]}, "target_size": 5, "target_naa": "n", "source": "s", "colour": "red"})");
    ASSERT_TRUE(order);
    EXPECT_EQ(order->orphan_ttl_s, 900);
    EXPECT_EQ(order->target_size, 5U);
}

TEST(Json, AMissingRequiredFieldIsNamed)
{
    EXPECT_EQ(decode<CloneRequest>(R"({"source": "s", "target_size": 1})").error().message,
              "field 'target_naa' is missing");
}

TEST(Json, AWrongTypeIsNamed)
{
    for (const char* text : {R"({"source": 3, "target_naa": "n", "target_size": 1})",
                             R"({"source": ["s"], "target_naa": "n", "target_size": 1})",
                             R"({"source": null, "target_naa": "n", "target_size": 1})"})
        EXPECT_EQ(decode<CloneRequest>(text).error().message, "field 'source' has the wrong type or is out of range");
    for (const char* size : {"-1", "1.5", "1e30", "18446744073709551616", "\"1\"", "true"})
        EXPECT_EQ(
            decode<CloneRequest>(std::string(R"({"source": "s", "target_naa": "n", "target_size": )") + size + "}")
                .error()
                .message,
            "field 'target_size' has the wrong type or is out of range")
            << size;
}

TEST(Json, AStateFromANewerPeerNeverReadsAsFinished)
{
    const auto status = decode<CloneStatus>(R"({"id": "j", "revision": 1, "state": "teleported"})");
    EXPECT_FALSE(is_final(status->state));
}

TEST(Json, ARescanKindIsNeverGuessed)
{
    EXPECT_EQ(decode<RescanRequest>(R"({"kind": "delete"})")->kind, RescanKind::remove);
    EXPECT_FALSE(decode<RescanRequest>(R"({"kind": "everything"})"));
    EXPECT_FALSE(decode<RescanRequest>("{}"));
}

TEST(HostileJson, DeepNestingDoesNotGrowTheStack)
{
    const std::string open(1'000'000, '[');
    EXPECT_FALSE(decode<CloneRequest>(open));
    EXPECT_FALSE(decode<CloneRequest>("{\"source\":" + open));
    const std::string closed = std::string(200'000, '[') + std::string(200'000, ']');
    EXPECT_FALSE(decode<CloneRequest>("{\"x\":" + closed + "}"));
    EXPECT_FALSE(decode<CloneRequest>(closed));
}

TEST(HostileJson, IsRefusedNotCrashedOn)
{
    for (std::string_view text :
         {"", " ", "null", "0", "\"x\"", "{", "}", "[]", "{}", "{\"source\"", "{\"source\":}", "\xff\xfe",
          "{\"source\":\"\\ud800\"}", "{\"a\":1}{\"b\":2}", "{'source': 1}", "NaN", "{\"target_size\":NaN}"})
        EXPECT_FALSE(decode<CloneRequest>(text)) << text;
    EXPECT_FALSE(decode<CloneRequest>(std::string_view("{\"source\":\"a\"\0}", 15)));
}

TEST(HostileJson, TextAndListsAreBounded)
{
    EXPECT_NE(decode<DetachRequest>("{\"job\":\"" + std::string(max_text_bytes + 1, 'x') + "\"}")
                  .error()
                  .message.find("longer"),
              std::string::npos);
    std::string list = "{\"kind\":\"add\",\"adapters\":[\"a\"";
    for (std::size_t i = 0; i <= max_list_items; ++i)
        list += ",\"a\"";
    EXPECT_NE(decode<RescanRequest>(list + "]}").error().message.find("items"), std::string::npos);
}

TEST(Json, ARefusalCarriesCodeRemedyAndReason)
{
    const Error error{Errc::conflict, "target is used", "choose another", "target_busy"};
    const auto read = decode<ErrorReply>(encode(reply_from(error)));
    ASSERT_TRUE(read);
    const Error back = error_from(*read);
    EXPECT_EQ(back.code, Errc::conflict);
    EXPECT_EQ(back.message, error.message);
    EXPECT_EQ(back.remedy, error.remedy);
    EXPECT_EQ(back.reason, error.reason);
}

} // namespace
} // namespace xcopy
