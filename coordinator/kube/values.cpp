#include "coordinator/kube/values.hpp"

#include "protocol/number.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>
#include <cmath>

namespace xcopy::kube {

namespace {

constexpr double most_bytes = 1e18;

std::optional<long double> factor(std::string_view suffix)
{
    struct Suffix {
        std::string_view text;
        long double factor;
    };
    constexpr long double k = 1024;
    static constexpr std::array known{Suffix{"", 1},
                                      Suffix{"m", 1e-3L},
                                      Suffix{"k", 1e3L},
                                      Suffix{"M", 1e6L},
                                      Suffix{"G", 1e9L},
                                      Suffix{"T", 1e12L},
                                      Suffix{"P", 1e15L},
                                      Suffix{"E", 1e18L},
                                      Suffix{"Ki", k},
                                      Suffix{"Mi", k * k},
                                      Suffix{"Gi", k * k * k},
                                      Suffix{"Ti", k * k * k * k},
                                      Suffix{"Pi", k * k * k * k * k},
                                      Suffix{"Ei", k * k * k * k * k * k}};
    for (const auto& one : known)
        if (one.text == suffix)
            return one.factor;
    if (suffix.size() < 2 || (suffix.front() != 'e' && suffix.front() != 'E')) // decimal exponent
        return std::nullopt;
    suffix.remove_prefix(suffix[1] == '+' ? 2 : 1);
    const auto exponent = whole_number<int>(suffix);
    if (!exponent || std::abs(*exponent) > 18)
        return std::nullopt;
    return std::pow(10.0L, *exponent);
}

// Digits of a fixed number at a fixed place; negative where something else is there.
int digits(std::string_view text, std::size_t at, std::size_t count)
{
    int value = 0;
    for (std::size_t i = at; i < at + count; ++i) {
        if (i >= text.size() || text[i] < '0' || text[i] > '9')
            return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

} // namespace

std::optional<std::uint64_t> parse_quantity(std::string_view text)
{
    const auto end = text.find_first_not_of("0123456789.");
    const auto number = text.substr(0, end);
    if (number.empty() || number.size() > 30 || number == "." || number.find('.') != number.rfind('.'))
        return std::nullopt;
    const auto scale = factor(end == std::string_view::npos ? std::string_view() : text.substr(end));
    if (!scale)
        return std::nullopt;
    const auto point = number.find('.');
    long double value = 0;
    long double place = 1;
    for (std::size_t i = 0; i < number.size(); ++i) {
        if (i == point)
            continue;
        if (i < point)
            value = value * 10 + static_cast<long double>(number[i] - '0');
        else
            value += (place /= 10) * static_cast<long double>(number[i] - '0');
    }
    const auto bytes = std::ceil(value * *scale);
    if (bytes > most_bytes)
        return std::nullopt;
    return static_cast<std::uint64_t>(bytes);
}

std::string to_micro_time(Time time)
{
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
    const auto fraction = (time - seconds).count();
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)),
                       fraction);
}

std::optional<Time> parse_time(std::string_view text)
{
    // 2026-01-02T03:04:05[.000006]Z: what API servers write; other offsets they do not
    if (text.size() < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':' ||
        text.back() != 'Z')
        return std::nullopt;
    const int year = digits(text, 0, 4);
    const int month = digits(text, 5, 2);
    const int day = digits(text, 8, 2);
    const int hour = digits(text, 11, 2);
    const int minute = digits(text, 14, 2);
    const int second = digits(text, 17, 2);
    const std::chrono::year_month_day date(std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day)));
    if (year < 0 || month < 0 || day < 0 || !date.ok() || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
        second < 0 || second > 60)
        return std::nullopt;
    std::int64_t micro = 0;
    const auto fraction = text.substr(19, text.size() - 20);
    if (!fraction.empty() && (fraction.front() != '.' || fraction.size() < 2))
        return std::nullopt;
    for (std::size_t i = 1; i <= 6; ++i) {
        const bool given = i < fraction.size();
        if (given && (fraction[i] < '0' || fraction[i] > '9'))
            return std::nullopt;
        micro = micro * 10 + (given ? fraction[i] - '0' : 0);
    }
    return Time(std::chrono::sys_days(date)) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
           std::chrono::seconds(second) + std::chrono::microseconds(micro);
}

Time now()
{
    return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
}

} // namespace xcopy::kube
