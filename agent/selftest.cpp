#include "agent/selftest.hpp"

#include "agent/asio.hpp"
#include "agent/esxi/child.hpp"
#include "agent/esxi/tools.hpp"
#include "protocol/json_fields.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <openssl/rand.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <thread>

namespace xcopy {

template <class Archive> void serialize(Archive& a, SelftestResult& r)
{
    json::field(a, "name", r.name);
    json::field(a, "passed", r.passed);
    json::field(a, "detail", r.detail);
    json::field(a, "took_us", r.took_us);
}

namespace {

struct Results {
    std::vector<SelftestResult> tests;
};

template <class Archive> void serialize(Archive& a, Results& r)
{
    json::field(a, "tests", r.tests);
}

using asio::ip::tcp;

constexpr seconds patience{5}; // if a probe takes this long, what it probes does not work

SelftestResult timed(const char* name, const std::function<std::string()>& probe)
{
    const auto begun = steady_clock::now();
    std::string trouble;
    try {
        trouble = probe();
    } catch (const std::exception& problem) {
        trouble = problem.what();
    }
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - begun).count();
    return {name, trouble.empty(), trouble, took};
}

std::string timer_fires()
{
    asio::io_context context;
    asio::steady_timer timer(context, milliseconds(20));
    bool fired = false;
    timer.async_wait([&](boost::system::error_code problem) { fired = !problem; });
    context.run_for(patience);
    return fired ? "" : "a timer of 20 ms did not fire: the kernel's select(2) or clock cannot be used";
}

// Whether the reactor sleeps at that moment is not ours to see; an acceptor keeps it in select(2), not on a condition.
std::string post_wakes()
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
    return woken ? "" : "a post from another thread did not wake the loop: the self-pipe does not work";
}

std::string loopback_connects()
{
    asio::io_context context;
    tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
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
        return "loopback: " + trouble.message();
    return done == 2 ? "" : "a loopback connection was not accepted";
}

std::string spawns(const std::string& agent_path)
{
    const std::vector<std::string> argv{agent_path, "version"};
    auto done = run(argv, {.time = patience});
    if (!done)
        return done.error().message;
    if (done->exit_status != 0)
        return fmt::format("{} version did not end with status 0", agent_path);
    return done->out.find(XCOPY_VERSION) != std::string::npos ? "" : "the output of a child did not arrive";
}

std::string has_entropy()
{
    unsigned char bytes[32] = {};
    if (RAND_bytes(bytes, sizeof bytes) != 1)
        return "OpenSSL finds no entropy: neither getrandom nor /dev/urandom work";
    return std::all_of(std::begin(bytes), std::end(bytes), [](auto b) { return b == 0; }) ? "only zeros" : "";
}

template <class Answer> std::string trouble_in(const Result<Answer>& answer)
{
    return answer ? "" : answer.error().message;
}

} // namespace

std::vector<SelftestResult> run_selftest(const std::string& agent_path)
{
    return {timed("timer fires", timer_fires), timed("post wakes the loop", post_wakes),
            timed("loopback connects", loopback_connects),
            timed("child starts and ends", [&] { return spawns(agent_path); }), timed("entropy", has_entropy)};
}

std::vector<SelftestResult> probe_tools(const Config& config)
{
    const Tools tools(config.tools);
    const RunLimits limits{.time = seconds(20)};
    return {timed("esxcli: version", [&] { return trouble_in(tools.version(limits)); }),
            timed("esxcli: adapters", [&] { return trouble_in(tools.adapters(limits)); }),
            timed("esxcli: devices", [&] { return trouble_in(tools.devices(limits)); }),
            timed("esxcli: paths", [&] { return trouble_in(tools.all_paths(limits)); }),
            timed("esxcli: VMFS extents", [&] { return trouble_in(tools.vmfs_extents(limits)); }),
            timed("esxcli: detached devices", [&] { return trouble_in(tools.detached_devices(limits)); }),
            timed("esxcli: Disk.MaxLUN", [&] { return trouble_in(tools.advanced_option("/Disk/MaxLUN", limits)); })};
}

bool all_passed(const std::vector<SelftestResult>& results)
{
    return std::all_of(results.begin(), results.end(), [](const auto& result) { return result.passed; });
}

std::string as_table(const std::vector<SelftestResult>& results)
{
    std::string out;
    for (const auto& result : results)
        out += fmt::format("{:<4}  {:<26} {:>9.1f} ms  {}\n", result.passed ? "ok" : "FAIL", result.name,
                           static_cast<double>(result.took_us) / 1000, result.detail);
    return out;
}

std::string as_json(const std::vector<SelftestResult>& results)
{
    return json::write(Results{results});
}

} // namespace xcopy
