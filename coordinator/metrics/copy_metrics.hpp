// The figures of a copy while it goes on: written by the thread that copies, read by whoever scrapes.
#pragma once

#include "coordinator/copy_order.hpp"
#include "coordinator/metrics/exposition.hpp"

#include <mutex>

namespace xcopy {

// What Forklift calls xcopyUsed: a host asked the array to copy. For copies inside the array it is 0 (contract 6).
bool forklift_says_xcopy(const CopyReport&);

class CopyMetrics final : public Observer {
public:
    // `next`, who hears the progress too, outlives this.
    CopyMetrics(const CopyOrder& order, Observer& next);

    void way(const Way&) override;
    void progress(const Progress&) override;
    void order(const CopyOrder&); // what cluster and vCenter added to it
    void array(const ArrayInfo&);
    void end(const CopyReport&); // from now on "finished"

    std::string text() const;

private:
    Observer& next_;
    mutable std::mutex mutex_;
    CopyFigures figures_; // guarded by mutex_
};

} // namespace xcopy
