// An array, hosts and a journal in memory, and a copy between them.
#pragma once

#include "coordinator/copy_disk.hpp"
#include "tests/coordinator/fakes/fake_array.hpp"
#include "tests/coordinator/fakes/fake_host.hpp"
#include "tests/coordinator/fakes/fake_journal.hpp"

#include <list>

namespace xcopy::test {

class SilentLog final : public Log {
public:
    std::string text;

private:
    void write(Level, const std::string& line) override { text += line + '\n'; }
};

struct Lab {
    Steps steps;
    FakeArray array{steps};
    FakeJournal journal{steps};
    std::list<HostState> states{healthy_host()};
    SilentLog log;
    Observer observer;
    CopyOrder order{.job = "pvc-1",
                    .vendor = "ontap",
                    .array = "ontap-a",
                    .target = {.handle = "pvc-1", .attributes = {}},
                    .expected_size = std::uint64_t{10} << 30,
                    .source = "[ds 1] vm 1/disk.vmdk",
                    .migration_host = {},
                    .lun = {},
                    .xcopy = XcopyPolicy::prefer,
                    .limits = {.agent_lost = std::chrono::milliseconds(20),
                               .retry_first = std::chrono::milliseconds(0),
                               .retry_longest = std::chrono::milliseconds(1)}};

    HostState& esx1() { return states.front(); }

    // As a coordinator started now would see it.
    std::vector<std::unique_ptr<Host>> connect()
    {
        std::vector<std::unique_ptr<Host>> hosts;
        for (auto& state : states)
            hosts.push_back(std::make_unique<FakeHost>(state, array, steps));
        return hosts;
    }

    std::function<bool()> may_leave; // what Site asks

    CopyReport copy(std::stop_token stop = {})
    {
        const auto hosts = connect();
        return copy_disk(Call{.stop = stop, .job = order.job}, order,
                         Site{.array = array,
                              .hosts = hosts,
                              .journal = journal,
                              .log = log,
                              .observer = observer,
                              .may_leave = may_leave});
    }

    std::vector<std::string> leftovers()
    {
        std::vector<std::string> found;
        for (auto& state : states) {
            for (const auto& job : state.attached)
                found.push_back("attached for " + job);
            for (const auto& [id, clone] : state.clones)
                found.push_back("clone " + id);
        }
        for (const auto& [job, record] : journal.records)
            found.push_back("journal of " + job);
        return found;
    }
};

} // namespace xcopy::test
