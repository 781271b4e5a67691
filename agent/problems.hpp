// What an administrator should know about this host, from plain facts.
#pragma once

#include "protocol/messages.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace xcopy {

struct HealthFacts {
    Health health; // everything but its problems
    std::vector<Device> devices;
    std::optional<std::map<std::string, VaaiStatus>> vaai; // by device; absent: could not be read
    std::vector<Problem> unread;                           // what could not be read
    std::optional<std::int64_t> client_clock_ms;
    std::optional<std::int64_t> certificate_expires_ms;
    std::optional<Error> certificate_problem;
    bool key_exposed = false;
    bool enrolment_unsaved = false;
    bool memory_group_missing = true;
    std::vector<std::string> indeterminate_jobs;
    std::vector<std::string> orphaned_jobs;
};

std::vector<Problem> problems_of(const HealthFacts&);

Problem could_not_read(const std::string& what, const Error& why);

} // namespace xcopy
