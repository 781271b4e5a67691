// How a host stands before and after: read from it, or assumed. And the parsers of what it prints.
#pragma once

#include "protocol/error.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xcopy::installer {

constexpr const char* vib_name = "xcopy-agent";
constexpr const char* program = "/opt/xcopy-agent/bin/xcopy-agent";
constexpr const char* init_script = "/etc/init.d/xcopy-agent";
constexpr const char* ruleset_name = "xcopyAgent";
constexpr const char* memory_group = "host/vim/vimuser/xcopyagent";
constexpr const char* upload_path = "/tmp/xcopy-agent-upload.vib";
constexpr const char* community_level = "CommunitySupported";

struct Ruleset {
    bool enabled = false;
    bool allowed_all = true;
    std::vector<std::string> allowed{};
};

struct Enrolment {
    std::string state{}; // "enrolled", "not_enrolled", "unusable"; empty: the agent could not be asked
    std::string problem{};
    std::int64_t days_left = 0;
    bool saved = true; // false: the next boot may not have it
};

// Empty or absent: the host did not tell, which is no reason to refuse it.
struct HostFacts {
    std::string version{}; // 8.0.2
    std::string build{};
    std::string uuid{};
    std::string name{};
    std::optional<bool> secure_boot{};
    std::optional<bool> exec_installed_only{}; // the boot option
    std::string acceptance{};                  // PartnerSupported
    std::string installed{};                   // version of our VIB; empty: none
    std::optional<std::int64_t> tmp_free_kib{};
    std::optional<std::int64_t> clock_ahead_s{}; // of the host before ours
    std::string port_holder{};                   // who listens on the agent's port
    bool running = false;
    std::optional<Ruleset> ruleset{};
    Enrolment enrolment{};
    bool has_group = false;
    bool has_jobs = false;            // clones were given to it, and may run
    std::vector<std::string> files{}; // of ours that a removal would not take away
};

std::optional<bool> parse_secure_boot(std::string_view text);                     // secureBoot.py -s
std::optional<std::int64_t> parse_utc_time(std::string_view text);                // 2026-11-21T06:30:00Z, Unix time
std::optional<std::int64_t> parse_tmp_free_kib(std::string_view ramdisks_xml);    // visorfs ramdisk list
std::string parse_listener(std::string_view connections_xml, std::uint16_t port); // network ip connection list
std::optional<Ruleset> parse_ruleset(std::string_view ruleset_xml, std::string_view allowed_xml);
std::optional<bool> parse_kernel_flag(std::string_view settings_xml); // system settings kernel list -o
Enrolment parse_enrolment(std::string_view json);                     // xcopy-agent enroll --status
std::string parse_field(std::string_view xml, std::string_view key);  // of one structure
std::string parse_text(std::string_view xml);                         // one plain string

} // namespace xcopy::installer
