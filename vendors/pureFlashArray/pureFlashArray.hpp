// Pure Storage FlashArray, REST 2 (facts/arrays/pureFlashArray.md).
#pragma once

#include "vendors/array.hpp"
#include "vendors/array_config.hpp"
#include "vendors/rest/api.hpp"
#include "vendors/rest/pages.hpp"
#include "vendors/settle.hpp"

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace xcopy::pure {

// The newest version of that family ("2.") in {"version":["1.0",…,"2.26"]}, not newer than `known`; empty: none.
std::string newest_version(const rest::Json& versions, std::string_view family, int known);

Result<Volume> parse_volume(const rest::Json& item);

// 24 upper-case hex digits out of "naa.624a9370…" or "vml.…"; Errc::not_found for a LUN of another vendor.
Result<std::string> serial_of(std::string_view device);

std::optional<Error> decode_error(const rest::Reply& reply, const rest::Json* json);

class FlashArray : public Array, public LunNumbers, public VolumeCopier {
public:
    FlashArray(rest::Transport&, rest::ApiRules, std::unique_ptr<rest::SignIn>, std::string name_prefix, rest::Clock&);

    Result<ArrayInfo> info(const Call&) override;
    Result<Volume> find_volume(const Call&, const VolumeHandle&) override;
    Result<ArrayHost> ensure_host(const Call&, const HostIdentity&) override;
    Result<std::vector<Mapping>> mappings_of(const Call&, const Volume&) override;
    Result<Mapping> map(const Call&, const Volume&, const ArrayHost&, std::optional<int> lun) override;
    Result<void> unmap(const Call&, const Volume&, const ArrayHost&) override;

    LunNumbers* lun_numbers() override { return this; }
    int highest() const override { return 4095; }
    Result<std::set<int>> used_by(const Call&, const ArrayHost&) override;

    // A copy is a change of metadata: done when the call returns. There is nothing to cancel or to forget.
    VolumeCopier* volume_copier() override { return this; }
    bool copies(DiskBacking::Kind) const override { return true; }
    Result<Volume> find_source(const Call&, const DiskBacking&) override;
    Result<void> check(const Call&, const ArrayCopy&) override;
    Result<ArrayCopyState> start(const Call&, const ArrayCopy&) override;
    Result<ArrayCopyState> look(const Call&, const ArrayCopy&) override;
    Result<void> cancel(const Call&, const ArrayCopy&) override { return {}; }
    Result<void> forget(const Call&, const ArrayCopy&) override { return {}; }

private:
    using Items = Result<std::vector<rest::Json>>;

    Result<std::string> base(const Call&);
    Items list(const Call&, std::string_view resource, rest::Query);
    Result<Volume> volume_by(const Call&, const rest::Query&, std::string_view what);
    Result<std::optional<rest::Json>> host_of_owner(const Call&, const HostIdentity&);
    Result<void> resize(const Call&, const Volume&);

    rest::Api api_;
    const std::string name_prefix_; // PURE_CLUSTER_PREFIX
    rest::Throttle learning_{1};
    std::string base_; // "/api/2.26"; guarded by learning_
};

// Errc::bad_request with every problem of the configuration.
Result<std::unique_ptr<Array>> make_flasharray(const ArrayConfig&, rest::Transport&, rest::Clock& = rest::real_clock());

} // namespace xcopy::pure
