// Every trouble at every request: the outcome is success, or a sentence; never a mapping of somebody else lost, and ours gone
// or reported.
#include "tests/vendors/contract/contract.hpp"

#include <algorithm>

namespace xcopy::contract {
namespace {

using nlohmann::json;

class ContractFaults : public Contract {};

int requests_of_a_run(const Subject& subject, const json& switches)
{
    Rig rig(subject, switches);
    rig.wire().forget();
    EXPECT_FALSE(rig.run_disk().error);
    return rig.wire().count();
}

std::string words(Trouble trouble, int at, bool once, const json& switches)
{
    return std::string(name(trouble)) + (once ? " once" : " for ever") + " at request " + std::to_string(at) +
           (switches.empty() ? "" : " with " + switches.dump());
}

// Returns whether the run came through.
bool troubled_run(const Subject& subject, Trouble trouble, int at, bool once, const json& switches)
{
    const auto what = words(trouble, at, once, switches);
    Rig rig(subject, switches);
    const auto foreign = rig.foreign(rig.volume["naa"]);
    rig.wire().forget();
    rig.wire().trouble(trouble, at, once ? 1 : 0);
    const auto run = rig.run_disk();
    expect_nothing_lost(rig, run, foreign, what);
    if (once)
        EXPECT_FALSE(run.undoing) << what << ": " << run.undoing->message;

    // When it is over, running again is right, in this process and in another.
    rig.wire().heal();
    rig.new_driver();
    const auto again = rig.run_disk();
    EXPECT_FALSE(again.error) << what << ", then again: " << again.step << ": " << again.error->message;
    expect_nothing_lost(rig, again, foreign, what + ", then again");
    for (const auto& secret : rig.secrets())
        EXPECT_EQ(rig.told().find(secret), std::string::npos) << what << ": a secret was shown";
    return !run.error;
}

int troubled_runs(const Subject& subject, const json& switches, int& came_through)
{
    const int requests = requests_of_a_run(subject, switches);
    int runs = 0;
    for (Trouble trouble : all_troubles)
        for (int at = 1; at <= requests; ++at)
            for (bool once : {true, false}) {
                came_through += troubled_run(subject, trouble, at, once, switches) ? 1 : 0;
                ++runs;
                if (testing::Test::HasFailure())
                    return runs;
            }
    return runs;
}

TEST_P(ContractFaults, EveryTroubleAtEveryRequestIsSuccessOrASentence)
{
    int came_through = 0;
    const int runs = troubled_runs(subject(), json::object(), came_through);
    std::printf("[ contract ] %s: %d troubled runs, %d came through all the same\n", subject().vendor.c_str(), runs,
                came_through);
}

TEST_P(ContractFaults, AlsoWhicheverWayTheFactsTurnOut)
{
    const auto choices = Rig(subject()).control({{"verb", "switches"}})["uncertain"];
    int runs = 0;
    int came_through = 0;
    for (const auto& [name, values] : choices.items())
        for (std::size_t i = 1; i < values.size(); ++i) {
            const json switches = {{name, values[i]}};
            const int requests = requests_of_a_run(subject(), switches);
            for (Trouble trouble : {Trouble::status_503, Trouble::lost_reply, Trouble::truncated_json})
                for (int at = 1; at <= requests; ++at, ++runs)
                    came_through += troubled_run(subject(), trouble, at, true, switches) ? 1 : 0;
            if (HasFailure())
                return;
        }
    std::printf("[ contract ] %s: %d troubled runs over %zu uncertain facts, %d came through\n",
                subject().vendor.c_str(), runs, choices.size(), came_through);
}

TEST_P(ContractFaults, StopEndsEveryWait)
{
    Rig plain(subject());
    plain.wire().forget();
    ASSERT_FALSE(plain.run_disk().error);
    const int requests = plain.wire().count();
    int stopped = 0;
    for (int at = 1; at <= requests; ++at) { // the array says "later" to one request after the other
        Rig rig(subject());
        const auto foreign = rig.foreign(rig.volume["naa"]);
        std::stop_source stop;
        rig.call.stop = stop.get_token();
        rig.wire().forget();
        rig.wire().trouble(Trouble::status_429, at, 0);
        rig.time().on_wait = [&](int) {
            stop.request_stop();
            rig.wire().heal();
        };
        const auto run = rig.run_disk();
        if (!stop.stop_requested())
            continue; // this array does not wait there
        ++stopped;
        ASSERT_TRUE(run.error || run.step.empty());
        if (run.error)
            EXPECT_EQ(run.error->code, Errc::cancelled) << at << ": " << run.error->message;
        expect_nothing_lost(rig, run, foreign, "stopped while waiting for request " + std::to_string(at));
    }
    EXPECT_GT(stopped, 0);
    for (int wait = 1; wait <= plain.time().waits(); ++wait) { // waits that belong to the array's way of working
        Rig rig(subject());
        std::stop_source stop;
        rig.call.stop = stop.get_token();
        const auto foreign = rig.foreign(rig.volume["naa"]);
        rig.time().on_wait = [&](int number) {
            if (number == wait)
                stop.request_stop();
        };
        const auto run = rig.run_disk();
        expect_nothing_lost(rig, run, foreign, "stopped at wait " + std::to_string(wait));
    }
}

TEST_P(ContractFaults, StopAtEveryRequestLeavesNothing)
{
    const int requests = requests_of_a_run(subject(), json::object());
    for (int at = 1; at <= requests; ++at) {
        Rig rig(subject());
        const auto foreign = rig.foreign(rig.volume["naa"]);
        std::stop_source stop;
        rig.call.stop = stop.get_token();
        rig.wire().forget();
        rig.wire().before = [&](int number) {
            if (number == at)
                stop.request_stop();
        };
        const auto run = rig.run_disk();
        rig.wire().before = nullptr;
        if (run.error)
            EXPECT_EQ(run.error->code, Errc::cancelled) << at << ": " << run.error->message;
        EXPECT_FALSE(run.undoing);
        expect_nothing_lost(rig, run, foreign, "stopped at request " + std::to_string(at));
    }
}

INSTANTIATE_TEST_SUITE_P(Arrays, ContractFaults, testing::ValuesIn(subjects()), subject_name);

} // namespace
} // namespace xcopy::contract
