// HPE 3PAR, Primera, Alletra 9000 and Alletra Storage MP B10000 (facts/arrays/primera3par.md).
#pragma once

#include "vendors/array.hpp"
#include "vendors/array_config.hpp"
#include "vendors/primera3par/parse.hpp"
#include "vendors/rest/api.hpp"
#include "vendors/settle.hpp"

#include <atomic>
#include <mutex>

namespace xcopy::primera3par {

class Primera3par : public Array, public LunNumbers, public VolumeCopier {
public:
    Primera3par(rest::Transport&, rest::ApiRules, std::unique_ptr<rest::SignIn>, rest::Clock&);

    Result<ArrayInfo> info(const Call&) override;
    Result<Volume> find_volume(const Call&, const VolumeHandle&) override;
    Result<ArrayHost> ensure_host(const Call&, const HostIdentity&) override;
    Result<std::vector<Mapping>> mappings_of(const Call&, const Volume&) override;
    Result<Mapping> map(const Call&, const Volume&, const ArrayHost&, std::optional<int> lun) override;
    Result<void> unmap(const Call&, const Volume&, const ArrayHost&) override;

    LunNumbers* lun_numbers() override { return this; }
    int highest() const override { return 16383; }
    Result<std::set<int>> used_by(const Call&, const ArrayHost&) override;

    VolumeCopier* volume_copier() override { return this; }
    bool copies(DiskBacking::Kind) const override { return true; }
    Result<Volume> find_source(const Call&, const DiskBacking&) override;
    Result<void> check(const Call&, const ArrayCopy&) override;
    Result<ArrayCopyState> start(const Call&, const ArrayCopy&) override;
    Result<ArrayCopyState> look(const Call&, const ArrayCopy&) override;
    Result<void> cancel(const Call&, const ArrayCopy&) override;
    Result<void> forget(const Call&, const ArrayCopy&) override;

private:
    // Which queries a list takes differs by build: where it refuses one, the whole list is read from then on.
    struct Listing {
        const char* path;
        std::atomic<bool> filters = true;
    };
    Settling settling(const Call&);
    Result<std::vector<rest::Json>> list(const Call&, Listing&, const std::string& query = "");
    Result<std::vector<Row>> rows_of(const Call&, const Volume&, bool everything);
    Result<std::optional<Mapping>> reaching(const Call&, const Volume&, const ArrayHost&, bool everything);
    Result<std::optional<rest::Json>> task_of(const Call&, const ArrayCopy&, bool newest);
    std::optional<std::int64_t> remembered(const ArrayCopy&);
    void remember(const ArrayCopy&, std::optional<std::int64_t> task);

    std::unique_ptr<rest::Transport> ports_; // null where the secret names the port
    rest::Api api_;
    Listing hosts_{"/api/v1/hosts"}, sets_{"/api/v1/hostsets"}, vluns_{"/api/v1/vluns"}, volumes_{"/api/v1/volumes"},
        tasks_{"/api/v1/tasks"};
    std::mutex mutex_;
    std::map<std::string, std::int64_t> started_; // (source, target) to the task of this process
};

// Errc::bad_request with every problem of the configuration.
Result<std::unique_ptr<Array>> make_primera3par(const ArrayConfig&, rest::Transport&,
                                                rest::Clock& = rest::real_clock());

} // namespace xcopy::primera3par
