// What a driver does with an array's answer, and nothing with an error but to pass it on.
#pragma once

#include "protocol/error.hpp"
#include "vendors/rest/json.hpp"

#include <nlohmann/json.hpp>

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

template <class Made> struct Unwrapped { // of an outcome or an optional: what it holds
    using Type = Made;
};
template <class Value> struct Unwrapped<std::optional<Value>> : Unwrapped<Value> {};
template <class Value> struct Unwrapped<Result<Value>> : Unwrapped<Value> {};

// What `parse` makes of each item: a value, std::nullopt for one that is left out, or an outcome of its own; the first
// error is that of all.
template <class Item, class Parse> auto each(const Result<std::vector<Item>>& items, const Parse& parse)
{
    using Parsed = std::invoke_result_t<Parse, const Item&>;
    using Value = typename Unwrapped<Parsed>::Type;
    return then(items, [&](const std::vector<Item>& all) -> Result<std::vector<Value>> {
        std::vector<Value> values;
        for (const Item& item : all) {
            auto parsed = parse(item);
            if constexpr (is_result<Parsed>) {
                if (!parsed)
                    return parsed.error();
                if (std::optional<Value> value = std::move(*parsed))
                    values.push_back(std::move(*value));
            } else if (std::optional<Value> value = std::move(parsed)) {
                values.push_back(std::move(*value));
            }
        }
        return values;
    });
}

// The first, if there is any.
template <class Value> std::optional<Value> first_of(const std::vector<Value>& values)
{
    return values.empty() ? std::nullopt : std::optional<Value>(std::in_place, values.front());
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

template <class Key, class List>
Result<std::vector<rest::Json>> joined(const Result<std::vector<Key>>& keys, const List& list)
{
    return then(keys, [&](const std::vector<Key>& all) { return joined(all, list); });
}

} // namespace xcopy
