// One job's Lease, held and renewed until destroyed.
#pragma once

#include "coordinator/kube/lease_journal.hpp"

#include <cstdint>
#include <mutex>
#include <thread>

namespace xcopy::kube {

class LeasePage final : public JournalPage {
public:
    LeasePage(Leases leases, Lease lease, std::string job, Log& log, LeaseJournalRules rules);
    ~LeasePage() override; // lets it go, so that the next one need not wait

    Result<std::optional<CopyRecord>> read() override;
    Result<void> write(const CopyRecord&) override;
    Result<void> remove() override;
    bool had_holder() const override { return had_holder_; }

private:
    enum class WhenGone : std::uint8_t { write_again, leave };

    template <class Change> Result<void> change(const Call&, WhenGone, const Change&);
    Result<void> put(const Call&, Lease wanted);
    Result<void> keep_it(const Call&, WhenGone); // under the lock: nobody else has it meanwhile
    void renew(const std::stop_token& stop);
    Error taken_by(const Lease&) const;

    Leases leases_;
    Lease lease_; // as the server has it
    const bool had_holder_;
    const std::string me_;
    const std::string job_;
    Log& log_;
    const LeaseJournalRules rules_;
    bool lost_ = false;
    std::mutex mutex_;
    std::jthread renewal_; // the last one: it uses all of the above
};

} // namespace xcopy::kube
