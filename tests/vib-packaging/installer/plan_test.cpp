#include <gtest/gtest.h>

#include "vib-packaging/installer/plan.hpp"

namespace xcopy::installer {

namespace {

HostFacts bare()
{
    return {.version = "8.0.2",
            .uuid = "u",
            .secure_boot = false,
            .acceptance = "PartnerSupported",
            .tmp_free_kib = 200000,
            .clock_ahead_s = 0};
}

HostFacts healthy()
{
    auto facts = bare();
    facts.acceptance = community_level;
    facts.installed = "0.1.0-0.0.1";
    facts.running = true;
    facts.ruleset = Ruleset{.enabled = true, .allowed_all = false, .allowed = {"10.0.0.0/8"}};
    facts.enrolment = {.state = "enrolled", .days_left = 200};
    facts.has_group = true;
    return facts;
}

Wanted wanted()
{
    return {.version = "0.1.0-0.0.1", .vib_bytes = 3U << 20U, .allow = {"10.0.0.0/8"}, .lower_acceptance = true};
}

std::vector<Act> acts(const Plan& plan)
{
    std::vector<Act> all;
    for (const auto& step : plan.steps)
        all.push_back(step.act);
    return all;
}

std::string refusal(const Plan& plan)
{
    for (const auto& one : plan.findings)
        if (one.severity == Severity::error)
            return one.code;
    return "";
}

} // namespace

TEST(PlanSoftware, ABareHostGetsAll)
{
    EXPECT_EQ(acts(plan_software(bare(), wanted())), (std::vector{Act::lower_acceptance, Act::upload, Act::install}));
    EXPECT_EQ(acts(plan_settings(after_software(bare(), wanted()), wanted())),
              (std::vector{Act::read_firewall, Act::restrict, Act::allow, Act::enrol, Act::selftest, Act::health}));
}

TEST(PlanSoftware, AHealthyHostIsLeftAlone)
{
    EXPECT_TRUE(plan_software(healthy(), wanted()).steps.empty());
    const auto settings = plan_settings(healthy(), wanted());
    EXPECT_FALSE(settings.changes());
    EXPECT_EQ(acts(settings), (std::vector{Act::selftest, Act::health}));
}

TEST(PlanSoftware, AnUpgradeWaitsForClonesUnlessTheyMayBeAdopted)
{
    auto newer = wanted();
    newer.version = "0.1.0-0.0.2";
    EXPECT_EQ(acts(plan_software(healthy(), newer)), (std::vector{Act::wait_for_clones, Act::upload, Act::install}));
    newer.clones = Clones::adopt;
    EXPECT_EQ(acts(plan_software(healthy(), newer)), (std::vector{Act::upload, Act::install}));
}

TEST(PlanSoftware, EveryReasonToRefuseIsFoundBeforeAnythingIsChanged)
{
    struct Case {
        const char* code;
        void (*spoil)(HostFacts&, Wanted&);
    };
    const Case cases[] = {
        {"secure_boot", [](HostFacts& f, Wanted&) { f.secure_boot = true; }},
        {"acceptance_level", [](HostFacts&, Wanted& w) { w.lower_acceptance = false; }},
        {"no_space", [](HostFacts& f, Wanted&) { f.tmp_free_kib = 1000; }},
        {"port_in_use", [](HostFacts& f, Wanted&) { f.port_holder = "somebody (world 7)"; }},
        {"clock_skew", [](HostFacts& f, Wanted&) { f.clock_ahead_s = -86400; }},
        {"old_version", [](HostFacts& f, Wanted&) { f.version = "6.5.0"; }},
        {"no_esxi", [](HostFacts& f, Wanted&) { f.version = ""; }},
        {"not_installed", [](HostFacts&, Wanted& w) { w.only_upgrade = true; }},
        {"newer_installed", [](HostFacts& f, Wanted&) { f.installed = "0.2.0-0.0.1"; }},
    };
    for (const auto& one : cases) {
        auto facts = bare();
        auto want = wanted();
        one.spoil(facts, want);
        const auto plan = plan_software(facts, want);
        EXPECT_EQ(refusal(plan), one.code);
        EXPECT_TRUE(plan.steps.empty()) << one.code;
        for (const auto& finding : plan.findings)
            EXPECT_FALSE(finding.remedy.empty()) << one.code;
    }
}

TEST(PlanSoftware, WhatTheHostDoesNotTellIsNoReasonToRefuse)
{
    auto facts = bare();
    facts.secure_boot.reset();
    facts.tmp_free_kib.reset();
    facts.clock_ahead_s.reset();
    EXPECT_FALSE(plan_software(facts, wanted()).refused());
}

TEST(PlanSettings, TheFirewallBecomesExactlyWhatIsWanted)
{
    auto facts = healthy();
    facts.ruleset = Ruleset{.enabled = false, .allowed_all = false, .allowed = {"192.168.0.0/16", "10.0.0.0/8"}};
    EXPECT_EQ(acts(plan_settings(facts, wanted())),
              (std::vector{Act::open_ruleset, Act::disallow, Act::selftest, Act::health}));
}

TEST(PlanSettings, WithoutNetworksTheFirewallStaysAndThatIsSaid)
{
    auto facts = healthy();
    facts.ruleset = Ruleset{.enabled = true};
    auto want = wanted();
    want.allow.clear();
    const auto plan = plan_settings(facts, want);
    EXPECT_FALSE(plan.changes());
    ASSERT_EQ(plan.findings.size(), 1U);
    EXPECT_EQ(plan.findings.front().code, "open_to_all");
}

TEST(PlanSettings, ACertificateIsRenewedInTimeOrWhenAsked)
{
    auto facts = healthy();
    facts.enrolment.days_left = 29;
    EXPECT_EQ(acts(plan_settings(facts, wanted())).front(), Act::enrol);
    facts.enrolment.saved = false; // an enrolment saves by itself
    EXPECT_EQ(acts(plan_settings(facts, wanted())), (std::vector{Act::enrol, Act::selftest, Act::health}));
    facts.enrolment.days_left = 31;
    EXPECT_EQ(acts(plan_settings(facts, wanted())), (std::vector{Act::save_enrolment, Act::selftest, Act::health}));
    facts.enrolment.saved = true;
    EXPECT_EQ(acts(plan_settings(facts, wanted())).front(), Act::selftest);
    auto want = wanted();
    want.renew = true;
    EXPECT_EQ(acts(plan_settings(facts, want)).front(), Act::enrol);
}

TEST(PlanSettings, ALostCertificateWithoutASignerIsSaid)
{
    auto facts = healthy();
    facts.enrolment = {.state = "not_enrolled"};
    auto want = wanted();
    want.enrol = false;
    const auto plan = plan_settings(facts, want);
    ASSERT_FALSE(plan.findings.empty());
    EXPECT_EQ(plan.findings.front().code, "not_enrolled");
}

TEST(PlanRemoval, TakesAwayAllAndNeverWhileClonesRun)
{
    auto want = wanted();
    want.clones = Clones::adopt;
    want.acceptance_after_removal = "PartnerSupported";
    EXPECT_EQ(acts(plan_removal(healthy(), want)),
              (std::vector{Act::wait_for_clones, Act::stop, Act::reset_firewall, Act::remove_vib, Act::read_firewall,
                           Act::remove_group, Act::remove_files, Act::set_acceptance, Act::save}));
    EXPECT_TRUE(plan_removal(bare(), wanted()).steps.empty());
}

TEST(Remedies, EveryKnownRefusalOfEsxcliHasOne)
{
    EXPECT_NE(remedy_for("[AcceptanceConfigError] VIB x").find("--lower-acceptance-level"), std::string::npos);
    EXPECT_NE(remedy_for("Failed to create ramdisk stagebootbank: Errors: No space left on device").find("RAM disks"),
              std::string::npos);
    EXPECT_NE(remedy_for("anything").find("esxupdate.log"), std::string::npos);
}

} // namespace xcopy::installer
