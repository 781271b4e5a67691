#include "tests/kube/populator.hpp"

#include "vendors/rest/clock.hpp"

namespace kube_test {

using xcopy::Errc;
using xcopy::Error;

namespace {

// Retries without waiting for them.
class Hurried final : public xcopy::rest::Clock {
public:
    std::chrono::steady_clock::time_point now() const override { return std::chrono::steady_clock::now(); }
    xcopy::Result<void> wait(const xcopy::Call& call, std::chrono::milliseconds time) override
    {
        return xcopy::rest::real_clock().wait(call, std::min(time, std::chrono::milliseconds(5)));
    }
};

Error refused()
{
    return {Errc::unavailable, "connection refused", "", "connect_refused"};
}

} // namespace

xcopy::Result<xcopy::rest::Reply> FaultyWire::send(const xcopy::Call& call, const xcopy::rest::Request& request,
                                                   const xcopy::rest::Tls& tls)
{
    int mine = 0;
    {
        const std::lock_guard lock(mutex_);
        if (dead_)
            return refused();
        names_.push_back(std::string(name(request.method)) + ' ' + xcopy::rest::path_of(request.url));
        mine = static_cast<int>(names_.size());
    }
    if (before)
        before(request);
    if (dead_from > 0 && mine >= dead_from)
        return refused();
    if (mine != fault_at)
        return inner_.send(call, request, tls);
    if (fault == Fault::refused)
        return refused();
    const auto swallowed = inner_.send(call, request, tls);
    (void)swallowed;
    const bool harmless = xcopy::rest::changes_nothing(request);
    return Error{harmless ? Errc::unavailable : Errc::indeterminate, "the connection broke", "", "connection_lost"};
}

void FaultyWire::die()
{
    const std::lock_guard lock(mutex_);
    dead_ = true;
}

int FaultyWire::count() const
{
    const std::lock_guard lock(mutex_);
    return static_cast<int>(names_.size());
}

std::vector<std::string> FaultyWire::names() const
{
    const std::lock_guard lock(mutex_);
    return names_;
}

Populator::Populator(KubeApi& cluster, const std::string& name_space)
{
    static Hurried hurried;
    access = {.server = cluster.url(),
              .name_space = name_space,
              .tls = {.ca_file = cluster.ca_file().string()},
              .token = xcopy::Secret(cluster.token(name_space, "populator"))};
    api = xcopy::kube::connect(access, wire, hurried);
}

} // namespace kube_test
