#include "agent/serve.hpp"

#include "agent/agent.hpp"
#include "agent/host_clock.hpp"
#include "agent/http/server.hpp"
#include "agent/log.hpp"
#include "agent/routes.hpp"
#include "agent/selftest.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>

#include <csignal>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

namespace xcopy {

namespace {

constexpr std::size_t thread_stack = 512 * 1024; // services.sh limits boot-time services to that as well

// Each arena would reserve 128 MiB of address space, and the host charges a group for what its processes hold.
void keep_memory_small()
{
    ::mallopt(M_ARENA_MAX, 1);
    ::mallopt(M_TRIM_THRESHOLD, 256 * 1024);
    pthread_attr_t attributes;
    ::pthread_attr_init(&attributes);
    ::pthread_attr_setstacksize(&attributes, thread_stack);
    ::pthread_setattr_default_np(&attributes);
    ::pthread_attr_destroy(&attributes);
}

http::Limits limits_of(const Config& config)
{
    http::Limits limits;
    limits.connections = config.max_connections;
    limits.handshake = milliseconds(config.handshake_ms);
    limits.header = milliseconds(config.header_ms);
    limits.body = milliseconds(config.body_ms);
    limits.idle = milliseconds(config.idle_ms);
    return limits;
}

awaitable<void> watch_certificates(http::Certificates& certificates)
{
    for (;;) {
        co_await sleep_for(seconds(1));
        certificates.reload_if_changed();
    }
}

int refuse_to_start(const Error& why)
{
    log::error("agent does not start", {{"reason", why.message}, {"remedy", why.remedy}});
    return 1;
}

// Two agents on one state directory would both start what is queued. Held until the process ends.
Result<void> lock_state_dir(const std::string& state_dir)
{
    const int file = ::open((state_dir + "/agent.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file >= 0 && ::flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return Error{Errc::conflict, "another agent uses " + state_dir,
                     "stop it first, or give this one another state_dir"};
    return {};
}

} // namespace

int serve(const Config& config)
{
    keep_memory_small();
    (void)std::signal(SIGPIPE, SIG_IGN);
    log::open(config.log == "stderr" ? log::Target::standard_error : log::Target::syslog);

    for (const auto& probe : probe_machine(config.agent_path))
        if (!probe.passed)
            return refuse_to_start(
                {Errc::failed, fmt::format("self test '{}': {}", probe.name, probe.detail), probe.remedy});
    if (auto locked = lock_state_dir(config.state_dir); !locked)
        return refuse_to_start(locked.error());

    http::Certificates certificates({config.certificate, config.key, config.ca, next_key_file(config)});
    if (auto loaded = certificates.load(); !loaded && !certificates.refusal())
        return refuse_to_start(loaded.error());
    else if (!loaded) // whoever asks is told; clones of an earlier agent are looked after all the same
        log::error("agent refuses everybody until it is enrolled",
                   {{"reason", loaded.error().message}, {"remedy", loaded.error().remedy}});
    if (certificates.key_is_exposed())
        log::warn("others than root may read the private key", {{"key", config.key}});

    asio::io_context loop(1);
    Agent agent(config, loop.get_executor(), certificates);
    if (auto loaded = agent.attachments.load(); !loaded)
        return refuse_to_start(loaded.error());
    if (auto adopted = agent.jobs.adopt(); !adopted)
        return refuse_to_start(adopted.error());

    http::Server server(certificates, limits_of(config),
                        [&agent](http::Request request) { return dispatch(agent, std::move(request)); });
    agent.connections = &server.activity();
    const auto at = *parse_listen(config.listen);
    if (auto listening = server.listen(loop.get_executor(), at.address, at.port); !listening)
        return refuse_to_start(listening.error());

    int signal_seen = 0;
    asio::signal_set signals(loop, SIGTERM, SIGINT);
    signals.async_wait([&](boost::system::error_code, int signal) {
        signal_seen = signal;
        loop.stop();
    });
    asio::co_spawn(loop, server.serve(), asio::detached);
    asio::co_spawn(loop, agent.jobs.keep_house(), asio::detached);
    asio::co_spawn(loop, watch_certificates(certificates), asio::detached);
    log::info("agent listens", {{"version", XCOPY_VERSION},
                                {"address", at.address},
                                {"port", fmt::to_string(server.port())},
                                {"state_dir", config.state_dir}});
    loop.run();
    log::info("agent ends, running clones go on", {{"signal", fmt::to_string(signal_seen)}});
    agent.workers.shut_down();
    // Coroutines still wait for what is being torn down here; the process's end is the one safe way to drop them all.
    ::_exit(0);
}

} // namespace xcopy
