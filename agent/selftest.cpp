#include "agent/selftest.hpp"

#include "agent/esxi/files.hpp"
#include "agent/host_clock.hpp"
#include "protocol/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <sys/stat.h>

namespace xcopy {

namespace {

constexpr std::size_t longest_result = 64 * 1024;

Selftest whole(const std::vector<SelftestResult>& results)
{
    Selftest test;
    test.ran_ms = unix_ms();
    test.agent_version = XCOPY_VERSION;
    test.passed = static_cast<int>(
        std::count_if(results.begin(), results.end(), [](const auto& result) { return result.passed; }));
    test.tests = results;
    return test;
}

std::string file_in(const std::string& state_dir)
{
    return state_dir + "/selftest.json";
}

const char* verdict(const SelftestResult& result)
{
    if (!result.passed)
        return "FAIL";
    return result.warning ? "warn" : "ok";
}

} // namespace

SelftestResult timed(const std::string& name, const std::function<Finding()>& probe)
{
    using std::chrono::steady_clock;
    const auto begun = steady_clock::now();
    Finding found;
    try {
        found = probe();
    } catch (const std::exception& problem) {
        found.trouble = problem.what();
    }
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - begun).count();
    const bool good = found.trouble.empty() || found.only_a_warning;
    return {name, good, good && !found.trouble.empty(), std::move(found.trouble), std::move(found.remedy), took};
}

Finding judge_clock(std::int64_t now_s, std::optional<std::int64_t> not_before_s,
                    std::optional<std::int64_t> not_after_s)
{
    constexpr std::int64_t this_was_written = 1'793'000'000; // October 2026
    const char* remedy = "set up NTP on the host: esxcli system ntp set, or in the Host Client";
    if (now_s < this_was_written)
        return {"the host's clock is behind the day this program was made", remedy};
    if (not_before_s && now_s < *not_before_s)
        return {"the host's certificate is not valid yet: the clock is behind, or it was issued by one that is ahead",
                remedy};
    if (not_after_s && now_s >= *not_after_s)
        return {"the host's certificate has expired, or the clock is ahead",
                "compare the clock first; then enrol the host again"};
    return {};
}

bool all_passed(const std::vector<SelftestResult>& results)
{
    return std::all_of(results.begin(), results.end(), [](const auto& result) { return result.passed; });
}

std::string as_table(const std::vector<SelftestResult>& results)
{
    std::string out;
    for (const auto& result : results) {
        out += fmt::format("{:<4}  {:<32} {:>9.1f} ms  {}\n", verdict(result), result.name,
                           static_cast<double>(result.took_us) / 1000, result.detail);
        if (!result.remedy.empty() && (!result.passed || result.warning))
            out += fmt::format("      {:<32} {:>12}  -> {}\n", "", "", result.remedy);
    }
    return out;
}

std::string as_json(const std::vector<SelftestResult>& results)
{
    return encode(whole(results));
}

Result<void> keep_selftest(const std::string& state_dir, const std::vector<SelftestResult>& results)
{
    if (::mkdir(state_dir.c_str(), 0700) != 0 && errno != EEXIST)
        return file_error("make", state_dir, errno);
    return replace_file(file_in(state_dir), as_json(results), Durable::no);
}

std::optional<Selftest> last_selftest(const std::string& state_dir)
{
    auto text = read_file(file_in(state_dir), longest_result);
    if (!text)
        return std::nullopt;
    auto test = decode<Selftest>(*text);
    if (!test)
        return std::nullopt;
    std::erase_if(test->tests, [](const auto& result) { return result.passed && !result.warning; });
    return std::move(*test);
}

} // namespace xcopy
