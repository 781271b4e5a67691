// One GET of a clone's status on a connection that is kept.
#include "tests/bench/callgrind.hpp"
#include "tests/bench/measurements.hpp"

#include <stdexcept>

namespace bench {

std::vector<Figure> status_request(const Build& build)
{
    const Scratch scratch;
    const auto port = free_port();
    const auto requests = [&](int count) {
        TlsClient client(scratch.client);
        client.connect(port);
        for (int i = 0; i < count; ++i)
            if (client.exchange("GET /v1/clones HTTP/1.1\r\nHost: agent\r\n\r\n").find(" 200 ") == std::string::npos)
                throw std::runtime_error("the agent does not list its clones");
        client.close();
    };
    const double each = instructions_each(scratch, agent_alone(scratch, build.programs.agent, port), requests, 20, 220);
    return {{"status_request_instructions", each, "", {}, "GET /v1/clones on a kept connection, TLS included"}};
}

} // namespace bench
