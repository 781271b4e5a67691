// Dell PowerStore (facts/arrays/powerstore.md).
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

namespace xcopy::powerstore {

// "<volume uuid>/<global id>/scsi", metro, and the legacy forms. `array` is empty where the handle names none.
struct Place {
    std::string volume;
    std::string array;
};
Result<Place> place_of(const VolumeHandle& handle);

Result<Volume> parse_volume(const rest::Json& record);

std::optional<Error> decode_error(const rest::Reply& reply, const rest::Json* json);

class PowerStore : public Array, public LunNumbers {
public:
    PowerStore(rest::Transport&, rest::ApiRules, std::unique_ptr<rest::SignIn>, rest::Clock&);

    Result<ArrayInfo> info(const Call&) override;
    Result<Volume> find_volume(const Call&, const VolumeHandle&) override;
    Result<ArrayHost> ensure_host(const Call&, const HostIdentity&) override;
    Result<std::vector<Mapping>> mappings_of(const Call&, const Volume&) override;
    Result<Mapping> map(const Call&, const Volume&, const ArrayHost&, std::optional<int> lun) override;
    Result<void> unmap(const Call&, const Volume&, const ArrayHost&) override;

    LunNumbers* lun_numbers() override { return this; }
    int highest() const override { return 1023; } // what ESXi sees by default; the array takes up to 16383
    Result<std::set<int>> used_by(const Call&, const ArrayHost&) override;

private:
    using Records = Result<std::vector<rest::Json>>;

    Records list(const Call&, std::string_view resource, rest::Query);
    Result<std::string> global_id(const Call&);
    Result<std::optional<rest::Json>> host_of_owner(const Call&, const HostIdentity&);
    Settling settling(const Call&);

    rest::Api api_;
    rest::Throttle learning_{1};
    std::string global_id_; // guarded by learning_
};

// Errc::bad_request with every problem of the configuration.
Result<std::unique_ptr<Array>> make_powerstore(const ArrayConfig&, rest::Transport&, rest::Clock& = rest::real_clock());

} // namespace xcopy::powerstore
