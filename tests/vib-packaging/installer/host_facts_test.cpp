#include <fmt/format.h>
#include <gtest/gtest.h>

#include "vib-packaging/installer/host_facts.hpp"

namespace xcopy::installer {

namespace {

std::string structure(const std::vector<std::pair<std::string, std::string>>& fields)
{
    std::string out = "<structure typeName=\"X\">";
    for (const auto& [key, value] : fields)
        out += fmt::format("<field name=\"{}\">{}</field>", key, value);
    return out + "</structure>";
}

std::string document(const std::string& inside)
{
    return "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<output "
           "xmlns=\"http://www.vmware.com/Products/ESX/5.0/esxcli\">\n<root>" +
           inside + "</root>\n</output>\n";
}

std::string list(const std::string& inside)
{
    return document("<list type=\"structure\">" + inside + "</list>");
}

std::string text(const std::string& value)
{
    return "<string>" + value + "</string>";
}

} // namespace

TEST(HostFacts, SecureBootIsReadOrUnknown)
{
    EXPECT_EQ(parse_secure_boot("Enabled\n"), true);
    EXPECT_EQ(parse_secure_boot("Disabled\n"), false);
    EXPECT_EQ(parse_secure_boot("Traceback (most recent call last)"), std::nullopt);
}

TEST(HostFacts, TheClockIsReadOrUnknown)
{
    EXPECT_EQ(parse_utc_time("2026-11-21T06:30:00Z\n"), 1795242600);
    EXPECT_EQ(parse_utc_time("21 Nov 2026"), std::nullopt);
    EXPECT_EQ(parse_utc_time(""), std::nullopt);
}

TEST(HostFacts, FreeSpaceIsThatOfTmp)
{
    const auto xml =
        list(structure({{"RamdiskName", text("root")}, {"Maximum", text("32768 KiB")}, {"Used", text("180 KiB")}}) +
             structure({{"RamdiskName", text("tmp")}, {"Maximum", text("262144 KiB")}, {"Used", text("262000 KiB")}}));
    EXPECT_EQ(parse_tmp_free_kib(xml), 144);
    EXPECT_EQ(parse_tmp_free_kib("Error: Unknown command"), std::nullopt);
}

TEST(HostFacts, AListenerIsNotAConnection)
{
    const auto one = [](const char* address, const char* state) {
        return structure({{"LocalAddress", text(address)},
                          {"State", text(state)},
                          {"WorldID", "<integer>7</integer>"},
                          {"WorldName", text("envoy")}});
    };
    EXPECT_EQ(parse_listener(list(one("10.0.0.1:18443", "ESTABLISHED") + one("0.0.0.0:443", "LISTEN")), 18443), "");
    EXPECT_EQ(parse_listener(list(one("0.0.0.0:18443", "LISTEN")), 18443), "envoy (world 7)");
    EXPECT_EQ(parse_listener(list(one("0.0.0.0:118443", "LISTEN")), 18443), "");
}

TEST(HostFacts, AnAbsentRulesetIsAbsent)
{
    EXPECT_EQ(parse_ruleset("", ""), std::nullopt);
}

TEST(HostFacts, EnrolmentIsReadOrUnknown)
{
    const auto enrolment = parse_enrolment(R"({"state":"enrolled","problem":"","days_left":12,"more":[1]})");
    EXPECT_EQ(enrolment.state, "enrolled");
    EXPECT_EQ(enrolment.days_left, 12);
    EXPECT_TRUE(enrolment.saved) << "an agent of before that word";
    EXPECT_FALSE(parse_enrolment(R"({"state":"enrolled","saved":false})").saved);
    for (const auto* bad : {"", "[]", "{\"state\":7}", "not found"})
        EXPECT_EQ(parse_enrolment(bad).state, "") << bad;
}

} // namespace xcopy::installer
