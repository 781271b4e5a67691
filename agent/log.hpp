// One line per event: fixed words, then key=value. To syslog(3) or stderr.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace xcopy::log {

enum class Target : std::uint8_t { syslog, standard_error };

struct Field {
    std::string_view key;
    std::string value;
};

using Fields = std::initializer_list<Field>;

void open(Target target); // once, before the first line; without it lines go to stderr

void info(std::string_view event, Fields fields = {});
void warn(std::string_view event, Fields fields = {});
void error(std::string_view event, Fields fields = {});

// The line without its time and level. Values with blanks or quotes are quoted; control characters never get through.
std::string line(std::string_view event, Fields fields);

} // namespace xcopy::log
