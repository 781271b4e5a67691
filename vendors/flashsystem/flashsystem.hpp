// IBM FlashSystem, SAN Volume Controller, Storwize: Storage Virtualize 8.1.3 and newer (facts/arrays/flashsystem.md).
#pragma once

#include "vendors/array_config.hpp"
#include "vendors/flashsystem/parse.hpp"
#include "vendors/rest/api.hpp"

#include <memory>

namespace xcopy::flashsystem {

class FlashSystem : public Array, public LunNumbers, public VolumeCopier {
public:
    FlashSystem(rest::Transport&, rest::ApiRules, std::unique_ptr<rest::SignIn>, rest::Clock&);

    Result<ArrayInfo> info(const Call&) override;
    Result<Volume> find_volume(const Call&, const VolumeHandle&) override;
    Result<ArrayHost> ensure_host(const Call&, const HostIdentity&) override;
    Result<std::vector<Mapping>> mappings_of(const Call&, const Volume&) override;
    Result<Mapping> map(const Call&, const Volume&, const ArrayHost&, std::optional<int> lun) override;
    Result<void> unmap(const Call&, const Volume&, const ArrayHost&) override;

    LunNumbers* lun_numbers() override { return this; }
    int highest() const override { return 511; } // of older hosts; newer ones have 2048 numbers (facts 6.2)
    Result<std::set<int>> used_by(const Call&, const ArrayHost&) override;

    VolumeCopier* volume_copier() override { return this; }
    bool copies(DiskBacking::Kind kind) const override { return kind == DiskBacking::Kind::rdm; }
    Result<Volume> find_source(const Call&, const DiskBacking&) override;
    Result<void> check(const Call&, const ArrayCopy&) override;
    Result<ArrayCopyState> start(const Call&, const ArrayCopy&) override;
    Result<ArrayCopyState> look(const Call&, const ArrayCopy&) override;
    Result<void> cancel(const Call& call, const ArrayCopy& copy) override { return remove(call, copy, true); }
    Result<void> forget(const Call& call, const ArrayCopy& copy) override { return remove(call, copy, false); }

private:
    using Names = std::vector<std::string>;

    Result<Rows> list(const Call&, const std::string& command, const rest::Json& options = rest::Json::object());
    Result<rest::Json> run(const Call&, const std::string& command, const rest::Json& options = rest::Json::object());
    Result<void> change(const Call&, const std::string& command, const rest::Json& options = rest::Json::object());
    Error refuse(Errc, const std::string& message, std::string remedy, std::string reason = "") const;

    Result<rest::Json> volume_row(const Call&, const Handle&);
    Result<void> check_protection(const Call&, const rest::Json& system, const rest::Json& volume);
    Result<void> verify(const Call&, const Volume&);
    Result<Rows> map_rows(const Call&, const Volume&);
    Result<std::optional<ArrayHost>> read_host(const Call&, const std::string& id_or_name);
    Result<std::vector<ArrayHost>> owners(const Call&, const HostIdentity&, const Names& ports);
    Result<void> make_host(const Call&, const std::string& name, const Names& ports);
    Result<std::optional<rest::Json>> copy_row(const Call&, const ArrayCopy&);
    Result<void> next_step(const Call&, const ArrayCopy&, const std::optional<rest::Json>& row);
    Result<void> remove(const Call&, const ArrayCopy&, bool even_running);

    rest::Api api_;
};

// Errc::bad_request with every problem of the configuration.
Result<std::unique_ptr<Array>> make_flashsystem(const ArrayConfig&, rest::Transport&,
                                                rest::Clock& = rest::real_clock());

} // namespace xcopy::flashsystem
