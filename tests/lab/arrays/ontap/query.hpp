// ONTAP's generic query parameters over JSON records: filters, field selection and pages.
#pragma once

#include "tests/lab/arrays/http_message.hpp"
#include "tests/lab/arrays/ontap/refusal.hpp"
#include "tests/lab/arrays/ontap/switches.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace lab::ontap {

// What a resource answers with.
struct Schema {
    std::vector<std::string> identity;  // always there
    std::vector<std::string> expensive; // only when named
    std::set<std::string> known;        // first parts of the names that may be asked for
};

// A handler's answer when nothing was refused.
struct Success {
    int status = 200;
    nlohmann::json body = nlohmann::json::object();
    std::string location;
};

struct Record {
    std::uint64_t order = 0; // listings are in this order
    nlohmann::json value;    // with everything there is
};

// The record as the "fields" parameter wants it. One object asked for by its uuid shows all that is not expensive when
// no fields are named, a listing only identities.
Answer<Success> select_fields(const Request&, const Schema&, const Switches&, const nlohmann::json& record,
                              bool one_object);

// Filter, page and select: {"records": […], "num_records": n, "_links": {"next": …}}.
Answer<Success> list(const Request&, const Schema&, const Switches&, const std::vector<Record>&);

bool flag(const Request&, const std::string& parameter); // "true"

} // namespace lab::ontap
