// One GET of a clone's status on a connection that is kept.
#include "agent/esxi/job_dir.hpp"
#include "tests/bench/callgrind.hpp"
#include "tests/bench/host_client.hpp"
#include "tests/bench/measurements.hpp"

#include <stdexcept>

namespace bench {

namespace {

// A finished clone, as an agent that starts finds it.
void leave_a_clone(const Scratch& scratch)
{
    const auto jobs = scratch.directory / "state" / "jobs";
    std::filesystem::create_directories(jobs);
    const xcopy::JobDir job((jobs / "bench-1").string());
    xcopy::JobOrder order;
    order.id = "bench-1";
    order.request = {.source = "/vmfs/volumes/ds/vm/disk.vmdk",
                     .target_naa = "naa.600a0980383139544924583130314c41",
                     .target_size = 1 << 30};
    order.source_path = order.request.source;
    must(job.create(order));
    must(job.write_status({.state = xcopy::CloneState::succeeded, .percent = 100, .exit_status = 0}));
}

} // namespace

std::vector<Figure> status_request(const Build& build)
{
    const Scratch scratch;
    const auto port = free_port();
    leave_a_clone(scratch);
    const auto requests = [&](int count) {
        TlsClient client(scratch.client);
        client.connect(port);
        for (int i = 0; i < count; ++i)
            if (client.exchange("GET /v1/clones/bench-1 HTTP/1.1\r\nHost: agent\r\n\r\n").find(" 200 ") ==
                std::string::npos)
                throw std::runtime_error("the agent does not know the clone");
        client.close();
    };
    const double each = instructions_each(scratch, agent_alone(scratch, build.programs.agent, port), requests, 20, 220);
    return {{"status_request_instructions", each, "", {}, "GET /v1/clones/{id} on a kept connection, TLS included"}};
}

} // namespace bench
