#include "coordinator/kube/leases.hpp"

#include "coordinator/kube/status.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace xcopy::kube {

namespace {

constexpr int page_size = 250;
constexpr int most_pages = 400;

Result<Lease> read(const Result<rest::Json>& answer)
{
    if (!answer)
        return answer.error();
    return parse_lease(*answer);
}

} // namespace

Leases::Leases(rest::Api& api, std::string name_space) : api_(api), name_space_(std::move(name_space)) {}

std::string Leases::path(const std::string& name) const
{
    auto all = fmt::format("/apis/coordination.k8s.io/v1/namespaces/{}/leases", rest::percent_encode(name_space_));
    return name.empty() ? all : all + '/' + rest::percent_encode(name);
}

Result<Lease> Leases::get(const Call& call, const std::string& name)
{
    return read(api_.get(call, path(name)));
}

Result<Lease> Leases::create(const Call& call, const Lease& lease)
{
    auto made = read(api_.post(call, path(), to_json(lease)));
    return made ? made : after(call, lease, made.error());
}

Result<Lease> Leases::update(const Call& call, const Lease& lease)
{
    auto written = read(api_.put(call, path(lease.name), to_json(lease)));
    return written ? written : after(call, lease, written.error());
}

// A request is repeated when its answer was lost; the second one then meets what the first one made.
Result<Lease> Leases::after(const Call& call, const Lease& wanted, const Error& said)
{
    const bool may_be_done = said.code == Errc::indeterminate || said.code == Errc::timed_out ||
                             said.reason == already_exists || said.reason == changed_meanwhile;
    if (!may_be_done)
        return said;
    auto there = get(call, wanted.name);
    if (there && is_same_write(*there, wanted))
        return there;
    return said;
}

Result<std::vector<Lease>> Leases::list(const Call& call, const std::string& label_selector)
{
    std::vector<Lease> all;
    std::string next;
    for (int page = 0; page < most_pages; ++page) {
        rest::Query query{{"labelSelector", label_selector}, {"limit", std::to_string(page_size)}};
        if (!next.empty())
            query.emplace_back("continue", next);
        auto answer = api_.get(call, path(), query);
        if (!answer)
            return answer.error();
        for (const auto& item : rest::list_at(*answer, "items")) {
            auto lease = parse_lease(item);
            if (!lease)
                return lease.error();
            all.push_back(std::move(*lease));
        }
        next = rest::text_at(*answer, "metadata.continue");
        if (next.empty())
            return all;
    }
    return Error{Errc::failed, fmt::format("more than {} Leases in namespace {}", page_size * most_pages, name_space_)};
}

} // namespace xcopy::kube
