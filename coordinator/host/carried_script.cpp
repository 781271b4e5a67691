#include "coordinator/host/carried_script.hpp"

#include <charconv>

namespace xcopy {

namespace {

// The value of the script's own line NAME=NUMBER.
int number_in_script(std::string_view name)
{
    const auto text = carried_script_bytes();
    const auto line = "\n" + std::string(name) + "=";
    const auto at = text.find(line);
    int number = 0;
    if (at != std::string_view::npos)
        std::from_chars(text.data() + at + line.size(), text.data() + text.size(), number);
    return number;
}

} // namespace

ScriptVersion carried_script()
{
    return {.script_version = number_in_script("script_version"),
            .protocol = {.min = number_in_script("protocol_min"), .max = number_in_script("protocol_max")},
            .sha256 = std::string(carried_script_sha256())};
}

} // namespace xcopy
