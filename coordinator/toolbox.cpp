#include "coordinator/toolbox.hpp"

#include <cstdio>

namespace xcopy {

Toolbox make_toolbox(Config config, std::stop_token stop, bool quiet)
{
    Toolbox tools{.config = std::move(config), .stop = std::move(stop)};
    tools.transport = rest::curl_transport();
    tools.log = stderr_log(quiet);
    for (const auto& agent : tools.config.agents)
        tools.hosts.push_back(std::make_unique<AgentHost>(agent, tools.config.agent_tls, *tools.transport));
    return tools;
}

int complain(const Error& error, int code)
{
    fmt::print(stderr, "xcopy-coordinator: {}\n", error.message);
    if (!error.remedy.empty())
        fmt::print(stderr, "  remedy: {}\n", error.remedy);
    return code;
}

} // namespace xcopy
