#include "vendors/rest/retry.hpp"

#include <algorithm>
#include <cmath>

namespace xcopy::rest {

namespace {

std::chrono::milliseconds backoff(const Retry& rules, int attempt)
{
    const double grown = static_cast<double>(rules.first.count()) * std::pow(rules.growth, attempt - 1);
    return std::chrono::milliseconds(
        static_cast<std::int64_t>(std::min(grown, static_cast<double>(rules.longest.count()))));
}

} // namespace

bool is_idempotent(Method method)
{
    return method == Method::get || method == Method::put || method == Method::remove;
}

bool may_be_repeated(const Request& request)
{
    return request.harmless || is_idempotent(request.method);
}

std::optional<std::chrono::milliseconds> next_delay(const Retry& rules, int attempt, const Reply& reply)
{
    const bool not_now = rules.on.contains(reply.status) || (rules.also && rules.also(reply));
    if (attempt >= rules.attempts || !not_now)
        return std::nullopt;
    if (const auto told = reply.retry_after())
        return std::min<std::chrono::milliseconds>(*told, rules.longest_retry_after);
    return backoff(rules, attempt);
}

std::optional<std::chrono::milliseconds> next_delay(const Retry& rules, int attempt, Method method, const Error& error)
{
    if (attempt >= rules.attempts)
        return std::nullopt;
    switch (error.code) {
    case Errc::unavailable: // the request did not go out, or it changes nothing
        return backoff(rules, attempt);
    case Errc::indeterminate:
    case Errc::timed_out: // of this one attempt; the caller checks the deadline of the whole call
        return is_idempotent(method) ? std::optional(backoff(rules, attempt)) : std::nullopt;
    default:
        return std::nullopt;
    }
}

std::optional<std::chrono::milliseconds> next_delay(const Retry& rules, int attempt, const Request& request,
                                                    const Result<Reply>& outcome)
{
    if (!outcome) // a harmless POST is as good as a GET
        return next_delay(rules, attempt, request.harmless ? Method::get : request.method, outcome.error());
    if (const auto told = next_delay(rules, attempt, *outcome))
        return told;
    if (rules.no_answer && attempt < rules.attempts && changes_nothing(request) && rules.no_answer(*outcome))
        return backoff(rules, attempt);
    return std::nullopt;
}

} // namespace xcopy::rest
