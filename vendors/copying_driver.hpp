// What the drivers of arrays that copy volumes do alike: start what does not run yet, look, end what runs. A driver says
// what its array keeps of a copy, and which single step comes next.
#pragma once

#include "vendors/driver.hpp"

namespace xcopy {

// What an array keeps of a copy: a task, a pair, a FlashCopy mapping.
struct ArrayCopyRecord {
    std::string id;
    std::string status; // in the array's word
    ArrayCopyState state;
    std::string source; // ids of the volumes
    std::string target;
};

// 0 to 100, from the first of these fields that holds a number.
int percent_at(const rest::Json& record, std::initializer_list<std::string_view> fields);

// The digits of a raw device's NAA, which begin with `prefix`; else Errc::not_found: the disk is not `what`.
Result<std::string> naa_digits(const DiskBacking&, std::string_view prefix, std::string_view what);

// What the array calls that copy.
std::string copy_name(const ArrayCopy&, std::size_t longest = 63);

class CopyingDriver : public Driver, public VolumeCopier {
public:
    using Driver::Driver;

    VolumeCopier* volume_copier() final { return this; }
    bool copies(DiskBacking::Kind) const override { return true; }
    Result<void> check(const Call&, const ArrayCopy&) override; // check_sizes()
    Result<ArrayCopyState> look(const Call&, const ArrayCopy&) override;
    Result<ArrayCopyState> start(const Call&, const ArrayCopy&) final;
    Result<void> cancel(const Call&, const ArrayCopy&) override;
    Result<void> forget(const Call&, const ArrayCopy&) override { return {}; } // the array forgets it by itself

protected:
    // For arrays that keep the record of a copy that is over: removed as by cancel(), but never one that runs.
    Result<void> forget_ended(const Call&, const ArrayCopy&);

    // That of this copy by its name, the newest where there are several. One between other volumes is never touched.
    virtual Result<std::optional<ArrayCopyRecord>> record_of(const Call&, const ArrayCopy&) = 0;

    // Nothing is left to start. By itself only a copy that runs: one that is over may be that of an earlier order, whose
    // bytes are not today's.
    virtual bool has_begun(const ArrayCopyRecord& now) const;

    // One step towards a copy that runs; its state where the reply proves it. Checked before the first one.
    virtual Result<std::optional<ArrayCopyState>> begin(const Call&, const ArrayCopy&,
                                                        const std::optional<ArrayCopyRecord>& now) = 0;

    // Nothing is left to end. Where a record stays until the array forgets it: also when its copy does not run any more.
    virtual bool has_ended(const std::optional<ArrayCopyRecord>& now) const { return !now; }

    // One step towards that. The array may take its time for it.
    virtual Result<void> end(const Call&, const ArrayCopy&, const ArrayCopyRecord& now) = 0;

private:
    Result<std::optional<ArrayCopyRecord>> own_record(const Call&, const ArrayCopy&);
    Settling patiently(const Call&) const;
};

// check_sizes(), and for arrays that copy only onto as many bytes: `remedy` where they differ; without one, what fits
// every array.
Result<void> check_equal_sizes(const ArrayCopy&, std::string remedy = "");

} // namespace xcopy
