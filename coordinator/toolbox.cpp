#include "coordinator/toolbox.hpp"

#include "vendors/rest/observed.hpp"

#include <cstdio>

namespace xcopy {

Toolbox make_toolbox(Config config, std::stop_token stop, bool quiet)
{
    Toolbox tools{.config = std::move(config), .stop = std::move(stop)};
    // A progress bar shares the terminal with warnings and errors only; who asks for every exchange gets it all.
    tools.log = stderr_log(tools.config.debug ? Log::Level::debug : quiet ? Log::Level::warn : Log::Level::info);
    tools.wire = rest::curl_transport();
    Log* log = tools.log.get();
    tools.transport =
        rest::observed(*tools.wire, {.exchange =
                                         [log](const rest::Exchange& one) {
                                             log->debug("request", {{"job", one.job}, {"what", one_line(one)}});
                                         },
                                     .warning =
                                         [log](std::string_view what) {
                                             log->warn("INSECURE", {{"what", what}});
                                         }});
    tools.hosts = make_hosts(tools.config, *tools.transport);
    return tools;
}

std::vector<std::unique_ptr<Host>> make_hosts(const Config& config, rest::Transport& transport)
{
    std::vector<std::unique_ptr<Host>> hosts;
    for (const auto& agent : config.agents)
        hosts.push_back(std::make_unique<AgentHost>(agent, config.agent_tls, transport));
    return hosts;
}

int complain(const Error& error, int code)
{
    fmt::print(stderr, "xcopy-coordinator: {}\n", error.message);
    if (!error.remedy.empty())
        fmt::print(stderr, "  remedy: {}\n", error.remedy);
    return code;
}

} // namespace xcopy
