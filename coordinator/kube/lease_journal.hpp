// The journal of a coordinator in a cluster: one Lease per job in the claim's namespace, owned by the claim. Forklift's
// service account may create and update Leases there, nothing else and no delete (contract 5.3), so:
//   the record is an annotation; a job that is done leaves an empty Lease, which goes with its claim;
//   whoever holds the Lease has the job; a holder that is not heard for the Lease's duration is dead;
//   while there is something to undo a finalizer keeps the Lease, so the record outlives the claim until sweep is run.
#pragma once

#include "coordinator/journal.hpp"
#include "coordinator/kube/leases.hpp"
#include "coordinator/log.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <stop_token>
#include <string>

namespace xcopy::kube {

constexpr const char* journal_prefix = "xcopy-journal-";
constexpr const char* record_annotation = "xcopy-coordinator/record";
constexpr const char* state_label = "xcopy-coordinator/journal"; // "open": it holds a record
constexpr const char* journal_finalizer = "xcopy-coordinator/journal";

// An API server takes 256 KiB of annotations for an object (apimachinery, TotalAnnotationSizeLimitB).
constexpr std::size_t longest_record = std::size_t{250} * 1024;

struct LeaseJournalRules {
    std::chrono::seconds duration{15};         // of silence, after which the job may be taken over
    std::chrono::milliseconds patience{60000}; // how long a write may wait for an API server that does not answer
};

class LeaseJournal final : public Journal {
public:
    // `owners`: the claim of each job that may be begun; a job without one can be taken over but not begun. `stop` ends
    // waits for a claim; what is written under way is not stopped by it.
    LeaseJournal(Leases leases, std::map<std::string, Owner> owners, Log& log, std::stop_token stop,
                 LeaseJournalRules rules = {});

    Result<std::unique_ptr<JournalPage>> claim(const std::string& job) override;
    Result<std::vector<std::string>> jobs() override;
    std::string where() const override;

private:
    Result<Lease> take(const Call&, const std::string& job);
    Result<Lease> take_over(const Call&, Lease found);
    Result<Lease> silent(const Call&, const std::string& job, const Lease& held);

    Leases leases_;
    std::map<std::string, Owner> owners_;
    Log& log_;
    std::stop_token stop_;
    LeaseJournalRules rules_;
    std::string me_;
};

} // namespace xcopy::kube
