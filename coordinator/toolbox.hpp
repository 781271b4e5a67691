// What a command works with, made from the configuration.
#pragma once

#include "coordinator/config.hpp"
#include "coordinator/journal.hpp"
#include "vendors/registry.hpp"
#include "vendors/rest/transport.hpp"

#include <memory>
#include <stop_token>

namespace xcopy {

struct Toolbox {
    Config config;
    std::stop_token stop{};
    std::unique_ptr<Log> log{};
    std::unique_ptr<rest::Transport> wire{};
    std::unique_ptr<rest::Transport> transport{}; // the wire, with a line in the log for every exchange
    std::vector<std::unique_ptr<Host>> hosts{};

    Call call() const { return Call{.stop = stop, .job = config.order.job}; }
};

std::vector<std::unique_ptr<Host>> make_hosts(const Config& config, rest::Transport& transport);

Toolbox make_toolbox(Config config, std::stop_token stop, bool quiet);

// Prints the problem on stderr as "what; remedy" and returns the exit code.
int complain(const Error& error, int code);

} // namespace xcopy
