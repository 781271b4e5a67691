// What is done to one host: look, decide, act, look again. Running it twice changes nothing the second time, and running it
// after it was cut off goes on where the host stands.
#pragma once

#include "coordinator/host/agent_host.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vib-packaging/installer/inspect.hpp"
#include "vib-packaging/installer/plan.hpp"
#include "vib-packaging/installer/signer.hpp"

namespace xcopy::installer {

enum class Outcome : std::uint8_t { unchanged, changed, planned, failed };

struct DoneStep {
    Step step;
    bool done = false; // false in a plan that is only shown
};

struct HostReport {
    std::string host{};
    Outcome outcome = Outcome::unchanged;
    HostFacts before{};
    HostFacts after{};
    std::vector<DoneStep> steps{};
    std::vector<Problem> findings{};
    std::optional<Error> error{};
    std::optional<HostKey> host_key{};
    std::string agent_version{}; // as the agent itself said
};

// Everything a host's work needs; shared by all hosts, and used from many threads.
struct Job {
    Wanted wanted{};
    Vib vib{};
    bool dry_run = false;
    Signer* signer = nullptr; // null: nobody signs
    std::optional<AgentTls> tls{};
    rest::Transport* transport = nullptr;
    std::chrono::milliseconds wait_for_clones = std::chrono::hours(1);
    std::chrono::milliseconds wait_for_agent = std::chrono::seconds(60);
    std::chrono::milliseconds look_again = std::chrono::seconds(1);
};

// Told what a host is at, for the table or the log.
using Progress = std::function<void(const std::string& what)>;

class HostWork {
public:
    HostWork(const Call& call, const Job& job, SshSession& session, Progress progress)
        : call_(call), job_(job), session_(session), progress_(std::move(progress))
    {}

    HostReport install();
    HostReport remove();
    HostReport status();

private:
    using Words = std::vector<std::string>;

    Result<HostFacts> look(const char* when);
    Result<void> carry_out(HostReport& report, const Plan& plan);
    Result<void> perform(const Step& step, HostReport& report);
    Result<std::string> command(Words words, std::string input = {},
                                std::chrono::milliseconds limit = std::chrono::minutes(2));
    Result<void> quiet(Words words, std::chrono::milliseconds limit = std::chrono::minutes(2));
    Result<void> firewall(Words words);

    Result<void> wait_for_clones(HostReport& report);
    Result<std::ptrdiff_t> clones_in_the_way(AgentHost& agent, HostReport& report);
    Result<void> drain(AgentHost& agent, std::chrono::seconds how_long, HostReport& report);
    void end_drain();
    Result<void> install_vib(HostReport& report);
    Result<void> enrol();
    Result<void> selftest();
    Result<void> health(HostReport& report);
    Result<void> verify_gone(HostReport& report);
    std::unique_ptr<AgentHost> agent() const;
    HostReport finish(HostReport report, const Result<void>& done);

    Call call_;
    const Job& job_;
    SshSession& session_;
    Progress progress_;
    HostFacts facts_{}; // as last seen

    enum class Drain : std::uint8_t { not_yet, done, impossible };
    Drain drain_ = Drain::not_yet;
    std::chrono::steady_clock::time_point drain_again_{};
    bool for_good_ = false; // a removal: no other agent takes up what waits in the queue
};

} // namespace xcopy::installer
