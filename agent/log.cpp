#include "agent/log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <syslog.h>
#include <unistd.h>

namespace xcopy::log {

namespace {

Target chosen = Target::standard_error;

constexpr std::size_t longest_value = 1024;

bool needs_quotes(std::string_view value)
{
    return value.empty() || std::any_of(value.begin(), value.end(), [](char c) {
               return c == ' ' || c == '"' || c == '=' || c == '\\' || static_cast<unsigned char>(c) < ' ' || c == 127;
           });
}

void append_quoted(std::string& out, std::string_view value)
{
    out += '"';
    for (char c : value) {
        if (c == '"' || c == '\\')
            (out += '\\') += c;
        else if (static_cast<unsigned char>(c) < ' ' || c == 127)
            out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        else
            out += c;
    }
    out += '"';
}

void write(int priority, std::string_view level, std::string_view event, Fields fields)
{
    const std::string text = line(event, fields);
    if (chosen == Target::syslog) {
        ::syslog(priority, "%s %.*s", std::string(level).c_str(), static_cast<int>(text.size()), text.data());
        return;
    }
    const auto now = std::chrono::system_clock::now();
    const auto whole = std::chrono::floor<std::chrono::seconds>(now);
    const std::time_t time = std::chrono::system_clock::to_time_t(whole);
    std::tm utc{};
    ::gmtime_r(&time, &utc);
    char stamp[32];
    (void)std::strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now - whole).count();
    const std::string whole_line = fmt::format("{}.{:03}Z {} {}\n", stamp, ms, level, text);
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, whole_line.data(), whole_line.size());
}

} // namespace

void open(Target target)
{
    chosen = target;
    if (target == Target::syslog)
        ::openlog("xcopy-agent", LOG_PID, LOG_DAEMON);
}

std::string line(std::string_view event, Fields fields)
{
    std::string out(event);
    for (const auto& [key, value] : fields) {
        out += fmt::format(" {}=", key);
        const std::string_view shown = std::string_view(value).substr(0, longest_value);
        if (needs_quotes(shown))
            append_quoted(out, shown);
        else
            out += shown;
    }
    return out;
}

void info(std::string_view event, Fields fields)
{
    write(LOG_INFO, "info", event, fields);
}

void warn(std::string_view event, Fields fields)
{
    write(LOG_WARNING, "warn", event, fields);
}

void error(std::string_view event, Fields fields)
{
    write(LOG_ERR, "error", event, fields);
}

} // namespace xcopy::log
