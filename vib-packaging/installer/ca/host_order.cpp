#include "vib-packaging/installer/ca/host_order.hpp"

#include "protocol/ids.hpp"
#include "protocol/routes.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace xcopy::ca {

namespace {

bool contains(const std::vector<std::string>& all, const std::string& one)
{
    return std::find(all.begin(), all.end(), one) != all.end();
}

void choose(const std::vector<std::string>& asked, const std::vector<std::string>& expected, bool accept,
            std::vector<std::string>& chosen, std::vector<std::string>& left_out)
{
    for (const auto& name : asked)
        (accept || contains(expected, name) ? chosen : left_out).push_back(name);
    for (const auto& name : expected) // the caller knows how the host is reached, even when the host does not
        if (!contains(chosen, name))
            chosen.push_back(name);
}

} // namespace

Result<Approved> approve(const pki::Names& asked, const HostOrder& order)
{
    if (!parse_job_id(order.uuid)) // the same letters: it becomes a file's name
        return Error{Errc::bad_request, fmt::format("'{}' is not a host's UUID", order.uuid.substr(0, 80)),
                     "take what `esxcli system uuid get` prints on the host", "bad_uuid"};
    const std::string own = std::string(routes::host_identity) + order.uuid;
    for (const auto& uri : asked.uris)
        if (uri != own)
            return Error{Errc::denied, fmt::format("the request asks for the name {}, not only for {}", uri, own),
                         "compare the UUIDs: it may be the request of another host", "wrong_host"};
    if (asked.uris.empty())
        return Error{Errc::denied, fmt::format("the request does not ask for the name {}", own),
                     "take the request that `xcopy-agent enroll` prints on that host", "wrong_host"};
    if (asked.others)
        return Error{Errc::denied, "the request asks for names that are neither host names nor addresses",
                     "take the request that `xcopy-agent enroll` prints on that host", "wrong_names"};
    Approved approved;
    choose(asked.dns, order.names, order.accept_names, approved.names.dns, approved.left_out);
    choose(asked.addresses, order.addresses, order.accept_names, approved.names.addresses, approved.left_out);
    approved.names.uris = {own};
    return approved;
}

} // namespace xcopy::ca
