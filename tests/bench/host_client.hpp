// The coordinator's own client of an agent, on connections that stay; and a host to order clones from.
#pragma once

#include "coordinator/host/agent_host.hpp"
#include "tests/bench/measurements.hpp"
#include "tests/lab/client.hpp"

#include <memory>
#include <stdexcept>
#include <string>

namespace bench {

template <class T> T must(xcopy::Result<T> result)
{
    if (!result)
        throw std::runtime_error(result.error().message);
    if constexpr (!std::is_void_v<T>)
        return std::move(*result);
}

struct HostClient {
    HostClient(const xcopy::AgentAddress&, const xcopy::AgentTls&);
    HostClient(const lab::Lab&, const std::string& host_name);

    std::unique_ptr<xcopy::rest::Transport> transport;
    xcopy::AgentHost host;
};

// The default lab with one order's worth of things: a disk on datastore1 and volumes that esx1 sees.
class OneHost {
public:
    OneHost(const Build&, std::uint64_t disk_bytes, nlohmann::json agent_config = nlohmann::json::object());

    std::string add_target(); // a volume of the disk's size, presented and not yet attached: its NAA name
    void attach(const std::string& naa, const std::string& job);
    void detach(const std::string& naa, const std::string& job);
    xcopy::CloneRequest order_for(const std::string& naa) const;
    xcopy::CloneStatus watch_to_end(xcopy::CloneStatus);

    lab::Lab lab;
    HostClient client;

private:
    std::uint64_t disk_bytes_;
    int targets_ = 0;
};

} // namespace bench
