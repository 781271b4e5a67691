// What a driver does with an array's answer, and nothing with an error but to pass it on.
#pragma once

#include "protocol/error.hpp"
#include "vendors/rest/json.hpp"

#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace xcopy {

template <class> constexpr bool is_result = false;
template <class Value> constexpr bool is_result<Result<Value>> = true;

// The same outcome; an error says in which step it was met.
template <class Value> Result<Value> in_step(std::string_view step, Result<Value> outcome)
{
    return outcome ? std::move(outcome) : Result<Value>(Error(outcome.error()).in(step));
}

// Where all that counts is that the array did not refuse.
template <class Value> Result<void> done(const Result<Value>& outcome)
{
    return outcome ? Result<void>() : outcome.error();
}

// What `next` makes of the answer: a value, or an outcome of its own.
template <class Value, class Next> auto then(const Result<Value>& outcome, const Next& next)
{
    using Made = std::invoke_result_t<Next, const Value&>;
    if constexpr (is_result<Made>)
        return outcome ? next(*outcome) : Made(outcome.error());
    else
        return outcome ? Result<Made>(boost::system::in_place_value, next(*outcome)) : Result<Made>(outcome.error());
}

// What `parse` makes of each record; those of which it makes std::nullopt are left out.
template <class Parse> auto each(const Result<std::vector<rest::Json>>& records, const Parse& parse)
{
    using Parsed = std::invoke_result_t<Parse, const rest::Json&>;
    using Value = typename decltype(std::optional(std::declval<Parsed>()))::value_type; // of an optional: what it holds
    return then(records, [&](const std::vector<rest::Json>& all) {
        std::vector<Value> values;
        for (const rest::Json& record : all)
            if (std::optional<Value> value = parse(record))
                values.push_back(std::move(*value));
        return values;
    });
}

// The records of several lists, one for each key, as one.
template <class Keys, class List> Result<std::vector<rest::Json>> joined(const Keys& keys, const List& list)
{
    std::vector<rest::Json> all;
    for (const auto& key : keys) {
        const Result<std::vector<rest::Json>> some = list(key);
        if (!some)
            return some.error();
        all.insert(all.end(), some->begin(), some->end());
    }
    return all;
}

} // namespace xcopy
