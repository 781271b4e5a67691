// Reading an array's lists: a filter may be refused or unheeded there, so what comes back is compared.
#pragma once

#include "protocol/error.hpp"
#include "vendors/error_table.hpp"
#include "vendors/rest/json.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace xcopy {

using Records = std::vector<rest::Json>;

// The records that count.
template <class Counts> Result<Records> kept(Result<Records> records, const Counts& counts)
{
    if (records)
        std::erase_if(*records, [&](const rest::Json& one) { return !counts(one); });
    return records;
}

// Those with exactly this value in the field.
inline Result<Records> kept(Result<Records> records, std::string_view field, std::string_view value)
{
    return kept(std::move(records), [&](const rest::Json& one) { return rest::text_at(one, field) == value; });
}

// For an error that means "there is none", told by a question about it or by its reason: an empty value.
template <class Value, class Means> Result<Value> or_none(Result<Value> outcome, const Means& means_none)
{
    if (outcome)
        return outcome;
    bool is_none = false;
    if constexpr (std::is_convertible_v<Means, std::string_view>)
        is_none = is(outcome.error(), means_none);
    else
        is_none = means_none(outcome.error());
    return is_none ? Result<Value>(boost::system::in_place_value) : outcome;
}

inline bool is_not_found(const Error& error)
{
    return error.code == Errc::not_found;
}

// A step for each. One that is refused does not keep the others from it; the error says all refusals, under the code of
// the first. One for which `ends` holds is not about the item alone: it ends all, and is what is returned.
template <class Items, class Step, class Ends>
Result<void> try_each(const Items& items, const Step& step, const Ends& ends)
{
    std::optional<Error> refused;
    for (const auto& item : items) {
        const Result<void> outcome = step(item);
        if (outcome)
            continue;
        if (ends(outcome.error()))
            return outcome.error();
        if (refused)
            refused->message += "; " + outcome.error().message;
        else
            refused = outcome.error();
    }
    return refused ? Result<void>(std::move(*refused)) : Result<void>();
}

template <class Items, class Step> Result<void> try_each(const Items& items, const Step& step)
{
    return try_each(items, step, [](const Error&) { return false; });
}

// A step for each, until one fails.
template <class Item, class Step> Result<void> one_by_one(const Result<std::vector<Item>>& items, const Step& step)
{
    if (!items)
        return items.error();
    for (const Item& item : *items)
        if (const auto outcome = step(item); !outcome)
            return outcome.error();
    return {};
}

} // namespace xcopy
