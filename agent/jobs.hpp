// The clones of this host: a bounded queue, one supervisor each, nothing forgotten by a restart.
#pragma once

#include "agent/attach.hpp"
#include "agent/config.hpp"
#include "agent/counters.hpp"
#include "agent/esxi/job_dir.hpp"
#include "agent/event.hpp"
#include "agent/guards.hpp"
#include "agent/inventory.hpp"
#include "agent/source.hpp"
#include "agent/workers.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace xcopy {

class Jobs {
public:
    Jobs(const Config&, Workers&, const Tools&, Inventory&, Counters&);

    // Before anything is served: takes up what an agent before this one left behind.
    Result<void> adopt();
    void use(Attachments& attachments) { attachments_ = &attachments; }

    awaitable<Result<CloneStatus>> start(std::string id, CloneRequest request);
    // The JSON of the status: at once when its revision is above `after`, else at the next change or after `wait`.
    awaitable<Result<std::string>> watch(std::string id, std::uint64_t after, seconds wait);
    awaitable<Result<CloneStatus>> cancel(std::string id);
    awaitable<Result<void>> forget(std::string id);
    CloneList list() const;

    std::optional<std::string> writer_of(const std::string& naa) const; // the job that writes it, or may
    int running() const;
    awaitable<Result<Source>> look_at(std::string source); // as an order would, changing nothing

    int queued() const;

    // For that long no order is taken and, unless `finish_queue`, none leaves the queue; clones that run go on.
    void drain(seconds how_long, bool finish_queue);
    void end_drain(const char* why);
    seconds drained_for() const; // zero: orders are taken

    std::map<CloneState, int> by_state() const;

    awaitable<void> keep_house(); // orphans and old finished jobs; runs as long as the agent

private:
    struct Job {
        explicit Job(JobDir where) : dir(std::move(where)) {}
        JobDir dir;
        JobOrder order;
        CloneStatus status;
        int supervisor_pid = 0;            // ours to reap; 0: adopted, or ended
        bool may_be_written = false;       // final, yet its writer could not be proven gone
        steady_clock::time_point judged{}; // when the guards last passed; epoch: by an agent before this one
        steady_clock::time_point last_heard = steady_clock::now();
        std::string encoded; // of status, at its revision
        Event changed;
    };
    using JobPtr = std::shared_ptr<Job>;

    JobDir dir_of(const std::string& id) const { return JobDir(config_.state_dir + "/jobs/" + id); }
    JobPtr find(const std::string& id);
    static bool may_still_be_written(Job& job); // looks again, and remembers that the writer is gone
    void adopt_one(const std::string& id);
    void settle_without_writer(Job& job, const std::optional<JobStatus>& left);

    awaitable<Result<SourceFile>> examine(std::string id, CloneRequest request);
    awaitable<void> find_datastore(SourceFile& source, const HostView& view);
    awaitable<Result<HostViewPtr>> view_for(std::string naa);
    Result<void> guard(const std::string& id, const CloneRequest&, const SourceFile&, const HostView&) const;
    Result<JobPtr> accept(const std::string& id, const CloneRequest&, const SourceFile&, const HostView&);

    void pump(); // starts what the queue has room for
    std::optional<Error> refused_while_drained() const;
    awaitable<Result<void>> judge_again(JobPtr job);
    awaitable<void> launch(JobPtr job);
    Result<void> start_writing(Job& job);
    awaitable<void> follow(JobPtr job);
    bool writer_is_gone(Job& job, const std::optional<JobStatus>& now);
    void take(Job& job, const JobStatus& now);
    static awaitable<void> reap(int pid);
    void finish(Job& job, CloneState state, std::optional<Error> error);
    void changed(Job& job);
    void number_queue();
    void ask_to_stop(Job& job, const Error& why);

    const Config& config_;
    Workers& workers_;
    const Tools& tools_;
    Inventory& inventory_;
    Counters& counters_;
    Attachments* attachments_ = nullptr;
    std::string agent_path_;
    std::map<std::string, JobPtr> jobs_;
    std::vector<JobPtr> queue_;
    std::vector<JobPtr> adopted_; // running when the agent started; followed once the loop runs
    int busy_ = 0;                // launched and not final yet
    std::optional<steady_clock::time_point> drained_until_;
    bool queue_held_ = false; // while drained
};

} // namespace xcopy
