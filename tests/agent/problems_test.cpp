#include "agent/problems.hpp"

#include <gtest/gtest.h>

namespace xcopy {

namespace {

HealthFacts sound()
{
    HealthFacts facts;
    facts.health.version = "8.0.2";
    facts.health.disk_max_lun = 1024;
    facts.health.highest_lun = 20;
    facts.health.vaai = {.hardware_accelerated_move = 1, .hardware_accelerated_init = 1, .max_hw_transfer_kb = 4096};
    facts.health.clock_ms = 1'700'000'000'000;
    facts.memory_group_missing = false;
    Device device;
    device.name = "naa.1";
    device.used_by = {"ds1"};
    device.paths = {{.runtime_name = "p", .adapter = "vmhba1", .state = "active", .transport = "fc", .lun = 1}};
    facts.devices = {device};
    facts.vaai.emplace();
    (*facts.vaai)["naa.1"].clone = "supported";
    return facts;
}

struct Case {
    const char* code;
    void (*change)(HealthFacts&);
};

const Case cases[] = {
    {"max_lun_low", [](HealthFacts& f) { f.health.highest_lun = 1023; }},
    {"max_lun_low", [](HealthFacts& f) { f.health.highest_lun = 930; }},
    {"max_lun_low", [](HealthFacts& f) { f.health.disk_max_lun = 30; }},
    {"vaai_move_off", [](HealthFacts& f) { f.health.vaai.hardware_accelerated_move = 0; }},
    {"vaai_init_off", [](HealthFacts& f) { f.health.vaai.hardware_accelerated_init = 0; }},
    {"vaai_clone_unsupported", [](HealthFacts& f) { (*f.vaai)["naa.1"].clone = "unsupported"; }},
    {"vaai_clone_unsupported", [](HealthFacts& f) { f.vaai->clear(); }},
    {"dead_paths", [](HealthFacts& f) { f.devices[0].paths[0].state = "dead"; }},
    {"old_version", [](HealthFacts& f) { f.health.version = "6.5.0"; }},
    {"clock_skew", [](HealthFacts& f) { f.client_clock_ms = f.health.clock_ms - 61'000; }},
    {"clock_skew", [](HealthFacts& f) { f.client_clock_ms = f.health.clock_ms + 61'000; }},
    {"certificate_expires", [](HealthFacts& f) { f.certificate_expires_ms = f.health.clock_ms + 86'400'000; }},
    {"certificate_reload_failed",
     [](HealthFacts& f) {
         f.certificate_problem = Error{Errc::failed, "x"};
     }},
    {"no_memory_group", [](HealthFacts& f) { f.memory_group_missing = true; }},
    {"enrolment_not_saved", [](HealthFacts& f) { f.enrolment_unsaved = true; }},
    {"key_exposed", [](HealthFacts& f) { f.key_exposed = true; }},
    {"drained", [](HealthFacts& f) { f.health.drained_s = 60; }},
    {"indeterminate_clones", [](HealthFacts& f) { f.indeterminate_jobs = {"a"}; }},
    {"orphaned_clones", [](HealthFacts& f) { f.orphaned_jobs = {"a"}; }},
    {"not_readable",
     [](HealthFacts& f) {
         f.unread = {could_not_read("devices", {Errc::failed, "x"})};
     }},
    {"host_not_answering",
     [](HealthFacts& f) {
         f.unread = {could_not_read("devices", {Errc::timed_out, "x"})};
     }},
};

} // namespace

TEST(Problems, AreNoneOnASoundHost)
{
    EXPECT_TRUE(problems_of(sound()).empty());
}

TEST(Problems, AreNamedAndHaveARemedy)
{
    for (const auto& one : cases) {
        HealthFacts facts = sound();
        one.change(facts);
        const auto problems = problems_of(facts);
        ASSERT_EQ(problems.size(), 1u) << one.code;
        EXPECT_EQ(problems[0].code, one.code);
        EXPECT_FALSE(problems[0].message.empty());
        EXPECT_TRUE(!problems[0].remedy.empty() || problems[0].code == "certificate_reload_failed");
    }
}

TEST(Problems, AreNotGuessedFromWhatWasNotRead)
{
    HealthFacts facts = sound();
    facts.vaai.reset();
    facts.health.disk_max_lun.reset();
    facts.health.vaai = {};
    EXPECT_TRUE(problems_of(facts).empty());
}

} // namespace xcopy
