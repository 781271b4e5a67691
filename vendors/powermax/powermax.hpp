// Dell PowerMax and VMAX All Flash, through Unisphere (facts/arrays/powermax.md). A volume reaches a host by a masking view: a
// host or host group, a port group and a storage group. Every disk gets a storage group and a view of its own, named after
// volume and host, so that the next run finds what a dead one left half made.
#pragma once

#include "vendors/array.hpp"
#include "vendors/array_config.hpp"
#include "vendors/rest/api.hpp"
#include "vendors/rest/pages.hpp"
#include "vendors/settle.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xcopy::powermax {

// "csi-…-<12 digits>-<5 hex>", read from the right; of an SRDF/Metro volume the side that is on `symmetrix`.
struct Place {
    std::string identifier; // the volume's name on the array
    std::string symmetrix;
    std::string device;
};
Result<Place> place_of(const VolumeHandle& handle, const std::string& symmetrix);

Result<Volume> parse_volume(const rest::Json& record);

std::optional<Error> decode_error(const rest::Reply& reply, const rest::Json* json);

class PowerMax : public Array {
public:
    PowerMax(rest::Transport&, rest::ApiRules, std::unique_ptr<rest::SignIn>, std::string symmetrix,
             std::string port_group, rest::Clock&);

    Result<ArrayInfo> info(const Call&) override;
    Result<Volume> find_volume(const Call&, const VolumeHandle&) override;
    Result<ArrayHost> ensure_host(const Call&, const HostIdentity&) override; // finds it; hosts are the administrator's
    Result<std::vector<Mapping>> mappings_of(const Call&, const Volume&) override; // LUN numbers are left out
    Result<Mapping> map(const Call&, const Volume&, const ArrayHost&, std::optional<int> lun) override;
    Result<void> unmap(const Call&, const Volume&, const ArrayHost&) override;

private:
    struct View {
        std::string name;
        Mapping mapping;
    };
    struct Masking {
        std::vector<std::string> groups; // storage groups that hold the volume
        std::vector<View> views;
    };

    Result<std::string> base(const Call&); // "/univmax/restapi/100"
    Result<std::string> path(const Call&, std::string_view below);
    Result<Initiator::Kind> port_group_kind(const Call&);
    Result<rest::Json> get(const Call&, std::string_view below, const rest::Query& = {});
    Result<void> change(const Call&, rest::Method, std::string_view below, const rest::Json& body = nullptr);
    Result<void> await(const Call&, const rest::Json& job);
    Result<Masking> masking_of(const Call&, const Volume&);
    Result<View> read_view(const Call&, const std::string& name);
    Result<std::optional<int>> lun_of(const Call&, const Volume&, const std::string& view);
    Result<void> make_view(const Call&, const Volume&, const ArrayHost&, const Masking&);
    Result<void> take_away(const Call&, std::string_view below, const std::function<Result<void>()>& remove);
    Settling settling(const Call&);

    rest::Api api_;
    const std::string symmetrix_;
    const std::string port_group_;
    rest::Throttle learning_{1};
    std::string base_;                    // guarded by learning_
    std::optional<Initiator::Kind> kind_; // of the port group; guarded by learning_
};

// Errc::bad_request with every problem of the configuration.
Result<std::unique_ptr<Array>> make_powermax(const ArrayConfig&, rest::Transport&, rest::Clock& = rest::real_clock());

} // namespace xcopy::powermax
