#include "vendors/rest/pages.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace xcopy::rest {

namespace {

constexpr int max_pages = 1000;
constexpr std::size_t max_records = 200000;

} // namespace

Result<std::vector<Json>> all_records(Api& api, const Call& call, std::string path,
                                      const std::function<Page(Answer)>& split)
{
    std::vector<Json> records;
    for (int pages = 0; pages < max_pages && records.size() < max_records; ++pages) {
        auto reply = api.ask(call, Method::get, path);
        if (!reply)
            return reply.error();
        Page page = split(std::move(*reply));
        std::ranges::move(page.records, std::back_inserter(records));
        if (page.next.empty())
            return records;
        if (!page.next.starts_with('/'))
            return Error{Errc::failed, "the array's way to the next page leaves the array"}.in(api.rules().array);
        path = std::move(page.next);
    }
    return Error{Errc::failed, "a list without end"}.in(api.rules().array);
}

std::function<Page(const Answer&)> linked_pages(std::string list, std::string next)
{
    return [list = std::move(list), next = std::move(next)](const Answer& answer) {
        return Page{records_at(answer.body, list), text_at(answer.body, next)};
    };
}

Result<Json> poll(const Call& call, Clock& clock, const Polling& polling,
                  const std::function<Result<std::optional<Json>>()>& look)
{
    auto pause = polling.first;
    for (;;) {
        auto found = look();
        if (!found)
            return found.error();
        if (*found)
            return as_result(std::move(**found));
        if (auto waited = clock.wait(call, pause); !waited)
            return waited.error();
        const auto grown = static_cast<double>(pause.count()) * polling.growth;
        pause = std::min(polling.longest, std::chrono::milliseconds(static_cast<std::int64_t>(grown)));
    }
}

Result<Json> await_job(Api& api, const Call& call, const std::string& path,
                       const std::function<bool(const Json&)>& is_over, const Json& reply)
{
    if (is_over(reply))
        return as_result(reply);
    using namespace std::chrono_literals;
    auto ended = poll(call, api.clock(), {.first = 50ms}, [&]() -> Result<std::optional<Json>> {
        auto now = api.get(call, path);
        if (!now)
            return now.error();
        return is_over(*now) ? std::optional(std::move(*now)) : std::optional<Json>();
    });
    if (ended || ended.error().code == Errc::cancelled)
        return ended;
    return Error{Errc::indeterminate, ended.error().message, ended.error().remedy}.in("job " +
                                                                                      path.substr(path.rfind('/') + 1));
}

} // namespace xcopy::rest
