// How the host's enrolment stands, from its files alone.
#pragma once

#include "agent/config.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace xcopy {

struct EnrolmentStatus {
    std::string state;   // "enrolled", "not_enrolled", "unusable"
    std::string problem; // why it is not enrolled, or what will soon be wrong; may be empty
    std::string remedy;
    std::string subject;
    std::string issuer;
    std::string serial;
    std::vector<std::string> dns;
    std::vector<std::string> addresses;
    std::vector<std::string> uris;
    std::int64_t not_before_s = 0; // Unix time
    std::int64_t not_after_s = 0;
    std::int64_t days_left = 0;
    bool has_key = false;
    bool key_waits = false; // a new key was made and its certificate is not installed yet
    bool key_exposed = false;
    bool saved = true;                    // false: the next boot may not have it
    std::vector<std::string> authorities; // whose clients are let in
};

// There while the files of the enrolment may be newer than what was saved for the next boot.
std::string unsaved_mark(const Config&);
bool is_unsaved(const Config&);

Result<EnrolmentStatus> enrolment_status(const Config&);

std::string as_text(const EnrolmentStatus&);
std::string as_json(const EnrolmentStatus&);

} // namespace xcopy
