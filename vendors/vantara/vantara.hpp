// Hitachi VSP by its Configuration Manager REST API, embedded or on a server of its own (facts/arrays/vantara.md). An ESXi host is a
// host group on each of several ports; the administrator makes them, we only make paths.
#pragma once

#include "vendors/array.hpp"
#include "vendors/array_config.hpp"
#include "vendors/rest/api.hpp"
#include "vendors/settle.hpp"
#include "vendors/vantara/parse.hpp"

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace xcopy::vantara {

struct Settings {
    std::string storage_id;            // storageDeviceId or serial number; may be empty
    std::vector<HostGroup> groups;     // empty: found by the host's logins
    std::string copy_speed = "medium"; // slower, medium, faster
};

class Vantara : public Array, public LunNumbers, public VolumeCopier {
public:
    Vantara(rest::Transport&, rest::ApiRules, std::unique_ptr<rest::SignIn>, Settings, rest::Clock&);

    Result<ArrayInfo> info(const Call&) override;
    Result<Volume> find_volume(const Call&, const VolumeHandle&) override;
    Result<ArrayHost> ensure_host(const Call&, const HostIdentity&) override;
    Result<std::vector<Mapping>> mappings_of(const Call&, const Volume&) override;
    Result<Mapping> map(const Call&, const Volume&, const ArrayHost&, std::optional<int> lun) override;
    Result<void> unmap(const Call&, const Volume&, const ArrayHost&) override;

    LunNumbers* lun_numbers() override { return this; }
    int highest() const override { return 2047; }
    Result<std::set<int>> used_by(const Call&, const ArrayHost&) override;

    // Thin Image clones. The array removes the pair when it is complete.
    VolumeCopier* volume_copier() override { return this; }
    bool copies(DiskBacking::Kind) const override { return true; }
    bool forgets_when_done() const override { return true; }
    Result<Volume> find_source(const Call&, const DiskBacking&) override;
    Result<void> check(const Call&, const ArrayCopy&) override;
    Result<ArrayCopyState> start(const Call&, const ArrayCopy&) override;
    Result<ArrayCopyState> look(const Call&, const ArrayCopy&) override;
    Result<void> cancel(const Call&, const ArrayCopy&) override;
    Result<void> forget(const Call&, const ArrayCopy&) override { return {}; }

private:
    Result<rest::Json> storage(const Call&);
    Result<rest::Json> ldev(const Call&, std::string_view id);
    Result<rest::Json> change(const Call&, rest::Method, std::string_view below, const rest::Json& body = nullptr);
    Result<rest::Json> await(const Call&, rest::Json job);
    Result<std::vector<HostGroup>> groups_by_login(const Call&, const std::vector<std::string>& names);
    Result<bool> holds_one(const Call&, const HostGroup&, const HostIdentity&, const std::vector<std::string>& names);
    Result<std::vector<std::string>> warnings_of(const Call&, const std::vector<HostGroup>&);
    Result<std::optional<rest::Json>> pair_of(const Call&, const ArrayCopy&);

    rest::Api api_;
    const Settings settings_;
    rest::Throttle learning_{1};
    std::optional<rest::Json> storage_; // guarded by learning_
};

// Errc::bad_request with every problem of the configuration.
Result<std::unique_ptr<Array>> make_vantara(const ArrayConfig&, rest::Transport&, rest::Clock& = rest::real_clock());

} // namespace xcopy::vantara
