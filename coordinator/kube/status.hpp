// How an API server refuses: a Status object with a reason, which tells more than the HTTP status does (409 is both
// "exists already" and "changed meanwhile").
#pragma once

#include "protocol/error.hpp"
#include "vendors/rest/json.hpp"
#include "vendors/rest/transport.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace xcopy::kube {

// Error::reason of the refusals that somebody acts upon.
constexpr std::string_view already_exists = "kube_already_exists";
constexpr std::string_view changed_meanwhile = "kube_conflict"; // another resourceVersion than the one given
constexpr std::string_view not_found = "kube_not_found";
constexpr std::string_view forbidden = "kube_forbidden";

std::optional<Error> decode_status(const rest::Reply&, const rest::Json*);

// "Not now, later": 429 and 503 are so in any case; others where the server says when to come again.
bool asks_for_patience(const rest::Reply&);

std::string usual_remedy(Errc);

} // namespace xcopy::kube
