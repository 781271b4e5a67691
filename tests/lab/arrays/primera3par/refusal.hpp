// How the web services refuse: a status and a number. The text is this simulator's own.
#pragma once

#include <string>

namespace lab::primera3par {

struct Refusal {
    int status;
    int code;
    std::string text;
};

} // namespace lab::primera3par
