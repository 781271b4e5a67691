#include "protocol/error.hpp"

#include <fmt/format.h>

#include <array>
#include <stdexcept>
#include <utility>

namespace xcopy {

namespace {

constexpr std::array<std::pair<Errc, std::string_view>, 11> names{{
    {Errc::bad_request, "bad_request"},
    {Errc::not_found, "not_found"},
    {Errc::conflict, "conflict"},
    {Errc::busy, "busy"},
    {Errc::denied, "denied"},
    {Errc::unsupported, "unsupported"},
    {Errc::unavailable, "unavailable"},
    {Errc::timed_out, "timed_out"},
    {Errc::cancelled, "cancelled"},
    {Errc::failed, "failed"},
    {Errc::indeterminate, "indeterminate"},
}};

} // namespace

std::string_view name(Errc code)
{
    for (const auto& [value, text] : names)
        if (value == code)
            return text;
    return "failed";
}

Errc errc_from(std::string_view name)
{
    for (const auto& [value, text] : names)
        if (text == name)
            return value;
    return Errc::failed;
}

int http_status(Errc code)
{
    switch (code) {
    case Errc::bad_request:
        return 400;
    case Errc::denied:
        return 403;
    case Errc::not_found:
        return 404;
    case Errc::conflict:
        return 409;
    case Errc::unsupported:
        return 422;
    case Errc::busy:
        return 429;
    case Errc::unavailable:
        return 503;
    case Errc::timed_out:
        return 504;
    case Errc::cancelled:
    case Errc::failed:
    case Errc::indeterminate:
        return 500;
    }
    return 500;
}

Errc errc_from_http_status(int status)
{
    switch (status) {
    case 400:
    case 413:
    case 431:
        return Errc::bad_request;
    case 401:
    case 403:
        return Errc::denied;
    case 404:
        return Errc::not_found;
    case 409:
        return Errc::conflict;
    case 405:
    case 422:
    case 501:
        return Errc::unsupported;
    case 429:
        return Errc::busy;
    case 502:
    case 503:
        return Errc::unavailable;
    case 408:
    case 504:
        return Errc::timed_out;
    default:
        return Errc::failed;
    }
}

bool is_transient(Errc code)
{
    switch (code) {
    case Errc::busy:
    case Errc::unavailable:
    case Errc::timed_out:
        return true;
    case Errc::bad_request:
    case Errc::not_found:
    case Errc::conflict:
    case Errc::denied:
    case Errc::unsupported:
    case Errc::cancelled:
    case Errc::failed:
    case Errc::indeterminate:
        return false;
    }
    return false;
}

Error Error::in(std::string_view step) &&
{
    message = fmt::format("{}: {}", step, message);
    return std::move(*this);
}

void throw_exception_from_error(const Error& error, const boost::source_location& where)
{
    throw std::logic_error(fmt::format("{}:{}: unhandled error: {}", where.file_name(), where.line(), error.message));
}

} // namespace xcopy
