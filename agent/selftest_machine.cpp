// The kernel under us (facts/esxi.md 1.2 to 1.5): what Asio, OpenSSL and the supervisor need of it.
#include "agent/asio.hpp"
#include "agent/esxi/child.hpp"
#include "agent/esxi/spawn.hpp"
#include "agent/selftest.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <openssl/rand.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <ctime>
#include <memory>
#include <mutex>
#include <optional>
#include <sys/wait.h>
#include <thread>

namespace xcopy {

namespace {

using asio::ip::tcp;

constexpr seconds patience{3}; // if a probe takes this long, what it probes does not work
constexpr const char* report_it =
    "this host's kernel is not one that the agent can run on: send this table to those who maintain xcopy, and use the "
    "SSH way for this host";

// A select(2) that never returns would take the probe with it, so each has a thread of its own; one that hangs is left
// behind, and the process does not outlive the table.
Finding in_time(Finding (*probe)())
{
    static bool hangs = false; // one is enough to know
    if (hangs)
        return {"not tried: select(2) does not wake up", report_it};
    struct Shared {
        std::mutex mutex;
        std::condition_variable changed;
        std::optional<Finding> found;
    };
    const auto shared = std::make_shared<Shared>();
    std::thread([shared, probe] {
        Finding found;
        try {
            found = probe();
        } catch (const std::exception& problem) {
            found = {problem.what(), report_it};
        }
        const std::lock_guard lock(shared->mutex);
        shared->found = std::move(found);
        shared->changed.notify_one();
    }).detach();
    std::unique_lock lock(shared->mutex);
    if (!shared->changed.wait_for(lock, patience + seconds(1), [&] { return shared->found.has_value(); })) {
        hangs = true;
        return {"it did not return: select(2) does not wake up", report_it};
    }
    return *shared->found;
}

Finding timer_fires()
{
    asio::io_context context;
    asio::steady_timer timer(context, milliseconds(20));
    bool fired = false;
    timer.async_wait([&](boost::system::error_code problem) { fired = !problem; });
    context.run_for(patience);
    return fired ? Finding{}
                 : Finding{"a timer of 20 ms did not fire: select(2) or the clock cannot be used", report_it};
}

// Whether the reactor sleeps at that moment is not ours to see; an acceptor keeps it in select(2), not on a condition.
Finding post_wakes()
{
    asio::io_context context;
    tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
    acceptor.async_accept([](boost::system::error_code, tcp::socket) {});
    bool woken = false;
    std::thread poster([&] {
        std::this_thread::sleep_for(milliseconds(20));
        asio::post(context, [&] {
            woken = true;
            acceptor.close();
        });
    });
    context.run_for(patience);
    poster.join();
    return woken ? Finding{}
                 : Finding{"a post from another thread did not wake the loop: the self-pipe does not work", report_it};
}

Finding connects(const asio::ip::address& loopback)
{
    asio::io_context context;
    tcp::acceptor acceptor(context, {loopback, 0});
    tcp::socket client(context);
    int done = 0;
    boost::system::error_code trouble;
    const auto note = [&](boost::system::error_code problem) {
        ++done;
        trouble = problem ? problem : trouble;
    };
    acceptor.async_accept([&](boost::system::error_code problem, tcp::socket) { note(problem); });
    client.async_connect(acceptor.local_endpoint(), note);
    context.run_for(patience);
    if (trouble)
        return {trouble.message(), report_it};
    return done == 2 ? Finding{} : Finding{"a loopback connection was not accepted", report_it};
}

Finding connects_v4()
{
    return connects(asio::ip::address_v4::loopback());
}

// An administrator may have switched IPv6 off; then the agent listens on IPv4.
Finding connects_v6()
{
    Finding found;
    try {
        found = connects(asio::ip::address_v6::loopback());
    } catch (const std::exception& problem) {
        found.trouble = problem.what();
    }
    if (!found.trouble.empty())
        return {"IPv6 is off, the agent listens on IPv4: " + found.trouble, "switch IPv6 on if clients come that way",
                true};
    return found;
}

Finding starts_by(SpawnMethod method, const std::string& program)
{
    auto pid = launch({.argv = {program, "version"}, .method = method});
    if (!pid)
        return {pid.error().message, pid.error().remedy, true}; // the other one may do
    int status = 0;
    const auto deadline = steady_clock::now() + patience;
    pid_t seen = 0;
    while ((seen = ::waitpid(*pid, &status, WNOHANG)) == 0 && steady_clock::now() < deadline)
        std::this_thread::sleep_for(milliseconds(1)); // between two looks
    if (seen != *pid)
        return {"a child's end was not seen", report_it};
    return WIFEXITED(status) && WEXITSTATUS(status) == 0
               ? Finding{}
               : Finding{program + " version did not end with status 0", report_it};
}

// As the agent starts every program, its output read.
Finding may_run(const std::string& program)
{
    auto done = run({program, "version"}, {.time = patience});
    if (!done)
        return {done.error().message,
                done.error().remedy.empty() ? "look at the file and its rights" : done.error().remedy};
    if (done->exit_status != 0)
        return {program + " version did not end with status 0", "is it the xcopy-agent program that is named there?"};
    return done->out.find(XCOPY_VERSION) != std::string::npos
               ? Finding{}
               : Finding{"the output of a child did not arrive, or another version is installed there",
                         "compare with `xcopy-agent version`"};
}

Finding has_entropy()
{
    unsigned char bytes[32] = {};
    if (::RAND_bytes(bytes, sizeof bytes) != 1)
        return {"OpenSSL finds no entropy: neither getrandom nor /dev/urandom work", report_it};
    return std::all_of(std::begin(bytes), std::end(bytes), [](auto b) { return b == 0; })
               ? Finding{"only zeros", report_it}
               : Finding{};
}

Finding clocks_move()
{
    const auto before = steady_clock::now();
    std::this_thread::sleep_for(milliseconds(5));
    const auto passed = steady_clock::now() - before;
    if (passed < milliseconds(5) || passed > patience)
        return {"5 ms of sleep are not 5 ms of the steady clock", report_it};
    return judge_clock(static_cast<std::int64_t>(std::time(nullptr)), std::nullopt, std::nullopt);
}

} // namespace

std::vector<SelftestResult> probe_machine(const std::string& agent_path)
{
    return {timed("timer fires", [] { return in_time(timer_fires); }),
            timed("post wakes the loop", [] { return in_time(post_wakes); }),
            timed("IPv4 loopback connects", [] { return in_time(connects_v4); }),
            timed("IPv6 loopback connects", [] { return in_time(connects_v6); }),
            timed("program starts by posix_spawn", [&] { return starts_by(SpawnMethod::posix_spawn, agent_path); }),
            timed("program starts by fork and exec", [&] { return starts_by(SpawnMethod::fork_exec, agent_path); }),
            timed("programs may run", [&] { return may_run(agent_path); }),
            timed("entropy", has_entropy),
            timed("clock", clocks_move)};
}

} // namespace xcopy
