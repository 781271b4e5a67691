// What most settings do with the text they are given. A path leads to the member of the configuration that takes it:
// text<&Config::ssh, &SshOptions::user>.
#pragma once

#include "coordinator/config.hpp"
#include "protocol/number.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace xcopy::setting {

using Texts = std::vector<std::string>;

constexpr std::uint16_t largest_port = 65535;

template <auto First, auto... Rest, class From> auto& at(From& from)
{
    if constexpr (sizeof...(Rest) == 0)
        return from.*First;
    else
        return at<Rest...>(from.*First);
}

template <auto... Path> Result<void> text(Config& config, const Texts& given)
{
    at<Path...>(config) = given.front();
    return {};
}

template <class Number> Result<Number> number_between(std::string_view text, Number least, Number most)
{
    const auto value = whole_number<Number>(text);
    if (!value || *value < least || *value > most)
        return Error{Errc::bad_request, fmt::format("'{}' is not a number from {} to {}", text, least, most)};
    return *value;
}

template <auto Least, auto Most, auto... Path> Result<void> number(Config& config, const Texts& given)
{
    const auto value = number_between<decltype(Most)>(given.front(), Least, Most);
    if (!value)
        return value.error();
    at<Path...>(config) = *value;
    return {};
}

template <int Most, auto... Path> Result<void> seconds(Config& config, const Texts& given)
{
    const auto value = number_between(given.front(), 1, Most);
    if (!value)
        return value.error();
    at<Path...>(config) = std::chrono::seconds(*value);
    return {};
}

template <class Value> using Words = std::initializer_list<std::pair<std::string_view, Value>>;

template <class Value> Result<void> one_of(Words<Value> known, Value& member, const Texts& given)
{
    std::string names;
    for (const auto& [word, value] : known) {
        if (word == given.front()) {
            member = value;
            return {};
        }
        const bool is_last = &word == &(known.end() - 1)->first;
        names += fmt::format("{}{}",
                             names.empty() ? ""
                             : is_last     ? (known.size() == 2 ? " nor " : " and ")
                                           : ", ",
                             word);
    }
    return Error{Errc::bad_request,
                 fmt::format("'{}' is {} {}", given.front(), known.size() == 2 ? "neither" : "none of", names)};
}

} // namespace xcopy::setting
