// Lists that come in pages, and work that goes on after the reply.
#pragma once

#include "protocol/error.hpp"
#include "vendors/rest/api.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace xcopy::rest {

struct Page {
    std::vector<Json> records;
    std::string next; // path and query of the page after it; empty: this is the last
};

// Every record of a list. `split` knows where the vendor keeps records and the way to the next page: in the body, or in
// the headers of the reply. A way that leaves the array, or a list without end, is an error.
Result<std::vector<Json>> all_records(Api&, const Call&, std::string path, const std::function<Page(Answer)>& split);

// For lists whose pages hold the way to the next one: records at `list`, path and query at `next`.
std::function<Page(const Answer&)> linked_pages(std::string list, std::string next);

struct Polling {
    std::chrono::milliseconds first{250};
    std::chrono::milliseconds longest{5000};
    double growth = 1.5;
};

// Calls `look` until it finds a result, with growing pauses, until the call is stopped or its time is over.
Result<Json> poll(const Call&, Clock&, const Polling&, const std::function<Result<std::optional<Json>>()>& look);

// For arrays that take a change as a job: the job once `is_over`, which it may be in the reply to the change already.
// Where nobody can tell how it ends: Errc::indeterminate.
Result<Json> await_job(Api&, const Call&, const std::string& path, const std::function<bool(const Json&)>& is_over,
                       const Json& reply = nullptr);

} // namespace xcopy::rest
