// One copy under way: its place in the journal, its report, and the one way out that puts everything back.
#pragma once

#include "coordinator/copy_order.hpp"
#include "coordinator/survey.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace xcopy {

class CopyRun {
public:
    CopyRun(const Call& call, const CopyOrder& order, const Site& site);

    // Takes the job's place in the journal and reads what an earlier run left there.
    Result<void> claim();

    // When the earlier run had a verdict, only putting back was left: that is done here. A report means this run is
    // over, with success or with something left behind; nothing means the copy starts, or starts afresh.
    std::optional<CopyReport> end_earlier_run();

    bool is_continued() const { return !record.job.empty(); } // an earlier run's record is carried on

    // The host on which an earlier run began; else the one asked for; empty: choose.
    const std::string& wanted_host() const;

    // All of the site, that one by the transport it was begun through.
    Result<std::vector<Host*>> hosts() const;

    Result<void> begin(const Volume& volume, const ChosenHost& host); // the intent, before anything is changed
    Result<void> begin_on_array(const Volume& volume, const Volume& source);
    void forget();       // nothing was changed: as if this run had not begun
    Result<void> note(); // what `record` says, made durable

    void step(std::string_view name);            // the time until the next step belongs to this one
    void clone_ended(const CloneStatus& status); // nothing of it runs any more
    void array_copy_ended(std::chrono::milliseconds took);
    void clone_lost() { clone_ended_ = true; } // the host knows nothing of it, twice

    CopyReport refuse(const Error& why);           // nothing was changed by this run
    CopyReport finish(const Result<void>& copied); // steps 8 and 9

    const CopyOrder& order;
    const Site& site;
    CopyRecord record;

private:
    using Clock = std::chrono::steady_clock;

    CopyReport report(Outcome outcome);
    CopyReport leave_running(const Error& why);
    Result<void> check_same_target(const Volume& volume) const;
    void start_record(const Volume& volume);
    std::vector<std::string> put_back_all(Outcome outcome);
    Call cleanup() const;
    bool is_left_running(const Result<void>& copied) const;

    std::stop_token stop_;
    std::unique_ptr<JournalPage> page_;
    Host* host_ = nullptr;
    bool clone_ended_ = false;
    CopyReport report_;
    Clock::time_point begun_ = Clock::now();
    Clock::time_point step_begun_ = begun_;
};

} // namespace xcopy
