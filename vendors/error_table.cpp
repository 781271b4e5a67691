#include "vendors/error_table.hpp"

#include "vendors/rest/url.hpp"
#include "vendors/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace xcopy {

namespace {

const ErrorRow* find_row(std::span<const ErrorRow> rows, const ArrayWords& words)
{
    const auto has_code = [&](const ErrorRow& candidate) {
        return !words.code.empty() && is_listed(words.code, candidate.code);
    };
    if (const auto row = std::ranges::find_if(rows, has_code); row != rows.end())
        return &*row;
    const auto row = std::ranges::find_if(rows, [&](const ErrorRow& candidate) {
        return candidate.code.find(' ') != std::string_view::npos &&
               std::ranges::any_of(split(candidate.code, '|'),
                                   [&](const auto& part) { return contains_ignoring_case(words.message, part); });
    });
    return row == rows.end() ? nullptr : &*row;
}

} // namespace

Error explain(std::span<const ErrorRow> rows, std::string_view vendor, const ArrayWords& words, int http_status)
{
    const auto* row = find_row(rows, words);
    const auto said = fmt::format("\"{}\" (HTTP {}{}{})", rest::one_line(words.message), http_status,
                                  words.code.empty() ? "" : ", code ", words.code);
    if (!row) {
        const Errc errc = http_status >= 400 ? errc_from_http_status(http_status) : Errc::failed;
        return Error{errc, said, "", words.code.empty() ? std::string() : fmt::format("{}_{}", vendor, words.code)};
    }
    const auto code = row->code.find(' ') == std::string_view::npos ? std::string_view(words.code) : row->code;
    return Error{row->errc, row->meaning.empty() ? said : fmt::format("{}: {}", row->meaning, said),
                 std::string(row->remedy),
                 row->reason.empty() ? fmt::format("{}_{}", vendor, code) : std::string(row->reason)};
}

bool is(const Error& error, std::string_view reason)
{
    return error.reason == reason;
}

bool is_one_of(const Error& error, std::initializer_list<std::string_view> reasons)
{
    return std::ranges::count(reasons, error.reason) > 0;
}

} // namespace xcopy
