#include "agent/esxi/esxcli_error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

namespace xcopy {

namespace {

struct Saying {
    std::string_view words; // in lower case
    Errc code;
    std::string_view remedy;
    std::string_view reason;
};

// In order: the first that is found decides.
constexpr std::array sayings{
    Saying{"connect to localhost failed", Errc::unavailable, "check hostd on the host: /etc/init.d/hostd status",
           "hostd_unreachable"},
    Saying{"connection failure", Errc::unavailable, "check hostd on the host: /etc/init.d/hostd status",
           "hostd_unreachable"},
    Saying{"connection refused", Errc::unavailable, "check hostd on the host: /etc/init.d/hostd status",
           "hostd_unreachable"},
    Saying{"unable to find device", Errc::not_found, "", "no_such_device"},
    Saying{"unable to find option", Errc::not_found, "", "no_such_option"},
    Saying{"unable to find", Errc::not_found, "", ""},
    Saying{"not found", Errc::not_found, "", ""},
    Saying{"no such file or directory", Errc::not_found, "", ""},
    Saying{"already in progress", Errc::busy, "", "rescan_running"},
    Saying{"in use", Errc::busy, "", "in_use"},
    Saying{"busy", Errc::busy, "", "in_use"},
    Saying{"unknown command or namespace", Errc::unsupported, "", ""},
    Saying{"invalid option", Errc::unsupported, "", ""},
    Saying{"timed out", Errc::unavailable, "check hostd on the host: /etc/init.d/hostd status", "hostd_unreachable"},
    Saying{"operation not permitted", Errc::denied, "", ""},
    Saying{"permission denied", Errc::denied, "", ""},
};

std::string lower(std::string_view text)
{
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return out;
}

// One line of at most 500 characters, both streams: versions differ in which one they use.
std::string said(const Finished& finished)
{
    std::string text;
    for (const std::string* stream : {&finished.err, &finished.out}) {
        std::string line;
        for (char c : stream->substr(0, 500)) {
            const bool blank = c >= 0 && c <= ' ';
            if (!blank)
                line += c;
            else if (!line.empty() && line.back() != ' ')
                line += ' ';
        }
        while (!line.empty() && line.back() == ' ')
            line.pop_back();
        if (!line.empty())
            text += (text.empty() ? "" : "; ") + line;
    }
    return text.empty() ? "it said nothing" : text;
}

} // namespace

Error esxcli_error(std::string_view command, const Finished& finished)
{
    const std::string text = said(finished);
    if (!finished.exit_status)
        return {Errc::unavailable,
                fmt::format("{} was ended by signal {}: {}", command, finished.signal.value_or(0), text),
                "look for memory admission failures in /var/log/vmkernel.log"};
    const std::string message = fmt::format("{}: exit {}: {}", command, *finished.exit_status, text);
    const std::string searched = lower(text);
    for (const auto& saying : sayings)
        if (searched.find(saying.words) != std::string::npos)
            return {saying.code, message, std::string(saying.remedy), std::string(saying.reason)};
    return {Errc::failed, message};
}

bool hostd_is_the_problem(const Error& error)
{
    return error.reason == "hostd_unreachable" || error.code == Errc::timed_out;
}

} // namespace xcopy
