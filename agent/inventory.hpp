// One consistent look at the host's devices, shared by everybody who needs one at the same time.
#pragma once

#include "agent/esxi/tools.hpp"
#include "agent/event.hpp"
#include "agent/workers.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace xcopy {

struct HostView {
    steady_clock::time_point begun; // nothing in it is older than this
    std::vector<Device> devices;    // with paths, LUN number, detached flag and users
    std::vector<VmfsExtent> extents;
    Result<std::vector<std::string>> vmkfstools; // how each that runs was called; an error: they cannot be seen

    const Device* device(const std::string& naa) const;
    std::vector<std::string> devices_of_volume(const std::string& uuid) const;
    std::string vmkfstools_on(const std::string& naa) const; // how one of them was called; empty: none is seen
};

using HostViewPtr = std::shared_ptr<const HostView>;

// Joins what four commands say into devices. A device that only the detached list knows is not in it.
HostView join_view(std::vector<Device> devices, const std::map<std::string, std::vector<DevicePath>>& paths,
                   std::vector<VmfsExtent> extents, const std::vector<std::string>& detached);

class Inventory {
public:
    Inventory(Workers& workers, const Tools& tools) : workers_(workers), tools_(tools) {}

    // A look that begins after this call. esxcli takes up to a second on a real host, so callers that arrive while one
    // look is under way share the next one. An unreadable part fails the whole: a guard must never judge half a view. Only
    // who else runs vmkfstools may stay unknown.
    awaitable<Result<HostViewPtr>> fresh();
    // The last look if it began within `age`, else a fresh one.
    awaitable<Result<HostViewPtr>> not_older_than(milliseconds age);
    void invalidate() { last_.reset(); } // after the host was changed by us

private:
    struct Look {
        std::optional<Result<HostViewPtr>> outcome;
        Event done;
    };
    awaitable<Result<HostViewPtr>> look();

    Workers& workers_;
    const Tools& tools_;
    HostViewPtr last_;
    std::shared_ptr<Look> running_;
    std::shared_ptr<Look> next_;
};

} // namespace xcopy
