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

class SpdLog final : public Log {
public:
    explicit SpdLog(bool quiet) : logger_("xcopy", std::make_shared<spdlog::sinks::stderr_sink_mt>())
    {
        logger_.set_pattern("%Y-%m-%dT%H:%M:%S.%e %l %v");
        logger_.set_level(quiet ? spdlog::level::warn : spdlog::level::info);
        logger_.flush_on(spdlog::level::info);
    }

private:
    void write(Level level, const std::string& line) override
    {
        switch (level) {
        case Level::info:
            return logger_.log(spdlog::level::info, line);
        case Level::warn:
            return logger_.log(spdlog::level::warn, line);
        case Level::error:
            return logger_.log(spdlog::level::err, line);
        }
    }

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

std::unique_ptr<Log> stderr_log(bool quiet)
{
    return std::make_unique<SpdLog>(quiet);
}

} // namespace xcopy
