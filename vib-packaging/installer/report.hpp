// What is said at the end, for people and for programs.
#pragma once

#include "vib-packaging/installer/fleet.hpp"

namespace xcopy::installer {

std::string_view name(Outcome outcome);
std::string one_line(const HostReport& report); // what came of it, in a few words
std::string text_report(const std::vector<HostReport>& reports);
std::string status_text(const std::vector<HostReport>& reports);
std::string json_report(const std::vector<HostReport>& reports);

int failed_hosts(const std::vector<HostReport>& reports);

} // namespace xcopy::installer
