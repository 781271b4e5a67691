#include "vendors/rest/transport.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <ctime>

namespace xcopy::rest {

namespace {

constexpr std::chrono::seconds longest_retry_after{24 * 3600};

bool same_name(std::string_view a, std::string_view b)
{
    return std::ranges::equal(a, b,
                              [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

// "Sun, 06 Nov 1994 08:49:37 GMT", the only form RFC 9110 lets a server send.
std::optional<std::time_t> parse_http_date(std::string_view text)
{
    std::tm parts{};
    const std::string date(text);
    const char* end = strptime(date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    if (end == nullptr || *end != '\0')
        return std::nullopt;
    return timegm(&parts);
}

} // namespace

std::string_view name(Method method)
{
    switch (method) {
    case Method::get:
        return "GET";
    case Method::post:
        return "POST";
    case Method::put:
        return "PUT";
    case Method::patch:
        return "PATCH";
    case Method::remove:
        return "DELETE";
    }
    return "GET";
}

bool changes_nothing(const Request& request)
{
    return request.harmless || request.method == Method::get;
}

std::optional<std::string_view> Reply::header(std::string_view wanted) const
{
    std::optional<std::string_view> value;
    for (const Header& header : headers)
        if (same_name(header.name, wanted))
            value = header.value;
    return value;
}

std::optional<std::chrono::seconds> Reply::retry_after() const
{
    const auto value = header("Retry-After");
    if (!value || value->empty())
        return std::nullopt;
    if (std::ranges::all_of(*value, [](unsigned char c) { return std::isdigit(c) != 0; })) {
        std::int64_t seconds = 0;
        const auto parsed = std::from_chars(value->data(), value->data() + value->size(), seconds);
        return parsed.ec == std::errc{} ? std::min(std::chrono::seconds(seconds), longest_retry_after)
                                        : longest_retry_after;
    }
    const auto until = parse_http_date(*value);
    if (!until)
        return std::nullopt;
    // Counted from the server's own clock where it tells us, so that a wrong clock on either side does not matter.
    const auto date = header("Date");
    const std::time_t now = (date ? parse_http_date(*date) : std::nullopt).value_or(std::time(nullptr));
    return std::clamp(std::chrono::seconds(*until - now), std::chrono::seconds(0), longest_retry_after);
}

} // namespace xcopy::rest
