// What the program says while it works: an event in a few fixed words plus key=value pairs, one line each, on stderr.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

namespace xcopy {

struct LogField {
    std::string_view key;
    std::string value;

    template <class T> LogField(std::string_view name, const T& what) : key(name), value(fmt::format("{}", what)) {}
};

using LogFields = std::initializer_list<LogField>;

class Log {
public:
    enum class Level : std::uint8_t { debug, info, warn, error };

    virtual ~Log() = default;

    void debug(std::string_view event, LogFields fields = {}) { write(Level::debug, line(event, fields)); }
    void info(std::string_view event, LogFields fields = {}) { write(Level::info, line(event, fields)); }
    void warn(std::string_view event, LogFields fields = {}) { write(Level::warn, line(event, fields)); }
    void error(std::string_view event, LogFields fields = {}) { write(Level::error, line(event, fields)); }

    // `clone started job=a1 source="[ds 1] vm/disk.vmdk"`; no value can end the line or start another field.
    static std::string line(std::string_view event, LogFields fields);

private:
    virtual void write(Level level, const std::string& line) = 0;
};

std::unique_ptr<Log> stderr_log(Log::Level least);

} // namespace xcopy
