#include "coordinator/kube/status.hpp"

#include "vendors/rest/url.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace xcopy::kube {

namespace {

struct Reason {
    std::string_view status; // metav1.StatusReason
    Errc code;
    std::string_view reason;
};

// kubernetes/apimachinery pkg/apis/meta/v1/types.go, StatusReason
constexpr std::array reasons{
    Reason{"Unauthorized", Errc::denied, "kube_unauthorized"},
    Reason{"Forbidden", Errc::denied, forbidden},
    Reason{"NotFound", Errc::not_found, not_found},
    Reason{"AlreadyExists", Errc::conflict, already_exists},
    Reason{"Conflict", Errc::conflict, changed_meanwhile},
    Reason{"Gone", Errc::conflict, "kube_expired"},
    Reason{"Expired", Errc::conflict, "kube_expired"},
    Reason{"Invalid", Errc::bad_request, "kube_invalid"},
    Reason{"BadRequest", Errc::bad_request, "kube_invalid"},
    Reason{"RequestEntityTooLarge", Errc::bad_request, "kube_too_large"},
    Reason{"MethodNotAllowed", Errc::unsupported, "kube_unsupported"},
    Reason{"NotAcceptable", Errc::unsupported, "kube_unsupported"},
    Reason{"UnsupportedMediaType", Errc::unsupported, "kube_unsupported"},
    Reason{"Timeout", Errc::timed_out, "kube_timeout"},
    Reason{"ServerTimeout", Errc::unavailable, "kube_unavailable"},
    Reason{"TooManyRequests", Errc::busy, "kube_too_many_requests"},
    Reason{"ServiceUnavailable", Errc::unavailable, "kube_unavailable"},
    Reason{"InternalError", Errc::unavailable, "kube_unavailable"},
};

std::string remedy_of(std::string_view reason)
{
    if (reason == "kube_unauthorized")
        return "the token or certificate is not accepted: has it expired, or does it belong to another cluster?";
    if (reason == forbidden)
        return "give the account this right (docs/kubernetes.md lists all of them), or use another account";
    if (reason == not_found)
        return "check the name and the namespace";
    return {};
}

} // namespace

std::optional<Error> decode_status(const rest::Reply& reply, const rest::Json* json)
{
    if (json == nullptr || rest::text_at(*json, "kind") != "Status" || rest::text_at(*json, "status") != "Failure")
        return std::nullopt;
    const auto said = rest::text_at(*json, "reason");
    const auto message = rest::one_line(rest::text_at(*json, "message"));
    const auto* const found = std::ranges::find_if(reasons, [&](const Reason& known) { return known.status == said; });
    if (found == reasons.end())
        return Error{errc_from_http_status(reply.status),
                     fmt::format("{} ({})", message.empty() ? "refused" : message, said.empty() ? "no reason" : said)};
    return Error{found->code, message.empty() ? said : message, remedy_of(found->reason), std::string(found->reason)};
}

bool asks_for_patience(const rest::Reply& reply)
{
    return reply.status >= 500 && reply.retry_after().has_value();
}

std::string usual_remedy(Errc code)
{
    switch (code) {
    case Errc::unavailable:
    case Errc::timed_out:
    case Errc::busy:
    case Errc::indeterminate:
        return "the API server or the way to it is overloaded or restarting: run again, what was begun is taken up";
    case Errc::denied:
        return "check the kubeconfig or the service account, and the cluster's CA";
    case Errc::cancelled:
        return {};
    default:
        return "see docs/kubernetes.md";
    }
}

} // namespace xcopy::kube
