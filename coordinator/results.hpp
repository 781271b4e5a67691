// What commands print on stdout, for people and for programs.
#pragma once

#include "coordinator/copy_order.hpp"
#include "coordinator/preflight.hpp"
#include "coordinator/survey.hpp"
#include "coordinator/sweep.hpp"

#include <string>
#include <vector>

namespace xcopy {

std::string copy_json(const CopyReport& report);
std::string copy_text(const CopyReport& report);

std::string preflight_json(const std::vector<Check>& checks);
std::string preflight_text(const std::vector<Check>& checks);

std::string hosts_json(const Survey& survey);
std::string hosts_text(const Survey& survey);

std::string clones_json(const Survey& survey);
std::string clones_text(const Survey& survey);

std::string sweep_json(const std::vector<Swept>& swept);
std::string sweep_text(const std::vector<Swept>& swept);

} // namespace xcopy
