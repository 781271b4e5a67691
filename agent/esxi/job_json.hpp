// The files of a job's directory as JSON. Flat objects, so that `cat status.json` reads well on a host.
#pragma once

#include "agent/esxi/job_dir.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace xcopy {

std::string to_json(const JobOrder&);
std::string to_json(const JobStatus&);
std::string to_json(const Error& cancel_reason);

Result<JobOrder> order_from_json(std::string_view text);
Result<JobStatus> status_from_json(std::string_view text);
std::optional<Error> cancel_from_json(std::string_view text); // nullopt: unreadable

} // namespace xcopy
