#include "coordinator/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace xcopy {

namespace {

bool is_plain(char c)
{
    return c > ' ' && c != 127 && c != '"' && c != '=' && c != '\\';
}

std::string quoted_if_needed(std::string_view value)
{
    bool plain = !value.empty();
    for (char c : value)
        plain = plain && is_plain(c);
    if (plain)
        return std::string(value);

    std::string out = "\"";
    for (char c : value) {
        if (c == '"' || c == '\\')
            out += '\\';
        const bool control = static_cast<unsigned char>(c) < ' ' || c == 127;
        out += control ? ' ' : c;
    }
    return out + '"';
}

spdlog::level::level_enum level_of(Log::Level level)
{
    switch (level) {
    case Log::Level::debug:
        return spdlog::level::debug;
    case Log::Level::info:
        return spdlog::level::info;
    case Log::Level::warn:
        return spdlog::level::warn;
    case Log::Level::error:
        return spdlog::level::err;
    }
    return spdlog::level::info;
}

class SpdLog final : public Log {
public:
    explicit SpdLog(Level least) : logger_("xcopy", std::make_shared<spdlog::sinks::stderr_sink_mt>())
    {
        logger_.set_pattern("%Y-%m-%dT%H:%M:%S.%e %l %v");
        logger_.set_level(level_of(least));
        logger_.flush_on(spdlog::level::debug);
    }

private:
    void write(Level level, const std::string& line) override { logger_.log(level_of(level), line); }

    spdlog::logger logger_;
};

} // namespace

std::string Log::line(std::string_view event, LogFields fields)
{
    std::string out(event);
    for (const auto& field : fields)
        fmt::format_to(std::back_inserter(out), " {}={}", field.key, quoted_if_needed(field.value));
    return out;
}

std::unique_ptr<Log> stderr_log(Log::Level least)
{
    return std::make_unique<SpdLog>(least);
}

} // namespace xcopy
