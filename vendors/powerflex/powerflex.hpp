// Dell PowerFlex 3.x and 4.x, by its gateway or PowerFlex Manager (facts/arrays/powerflex.md). No LUN numbers and no
// initiators: an ESXi host is an SDC, known by the GUID of its kernel module, which registers itself.
#pragma once

#include "vendors/array.hpp"
#include "vendors/array_config.hpp"
#include "vendors/rest/api.hpp"
#include "vendors/settle.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xcopy::powerflex {

// "<system>-<volume>", or the volume alone on old PersistentVolumes.
struct Place {
    std::string system; // may be empty
    std::string volume;
};
Result<Place> place_of(const VolumeHandle& handle);

Result<Volume> parse_volume(const rest::Json& record, std::string_view system_id);

std::optional<Error> decode_error(const rest::Reply& reply, const rest::Json* json);

class PowerFlex : public Array {
public:
    PowerFlex(rest::Transport&, rest::ApiRules, std::unique_ptr<rest::SignIn>, std::string system, rest::Clock&);

    Result<ArrayInfo> info(const Call&) override;
    Result<Volume> find_volume(const Call&, const VolumeHandle&) override;
    Result<ArrayHost> ensure_host(const Call&, const HostIdentity&) override; // finds it; nobody can make one
    Result<std::vector<Mapping>> mappings_of(const Call&, const Volume&) override;
    Result<Mapping> map(const Call&, const Volume&, const ArrayHost&, std::optional<int> lun) override;
    Result<void> unmap(const Call&, const Volume&, const ArrayHost&) override;

private:
    struct System {
        std::string id;
        std::string version;
        bool restricted = false; // only SDCs that were approved may be mapped to
    };

    Result<System> system(const Call&);
    Result<System> choose_system(const Call&);
    Result<rest::Json> read_volume(const Call&, const std::string& id);
    Result<void> act(const Call&, const Volume&, std::string_view action, const rest::Json& body);

    rest::Api api_;
    const std::string wanted_system_; // id or name
    rest::Throttle choosing_{1};
    std::optional<System> system_; // guarded by choosing_
};

// Errc::bad_request with every problem of the configuration.
Result<std::unique_ptr<Array>> make_powerflex(const ArrayConfig&, rest::Transport&, rest::Clock& = rest::real_clock());

} // namespace xcopy::powerflex
