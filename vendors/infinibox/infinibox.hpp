// Infinidat InfiniBox (facts/arrays/infinibox.md).
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

namespace xcopy::infinibox {

// "6507" of the handle "6507$$fc". Errc::unsupported for what is no SCSI volume.
Result<std::string> volume_id_of(const VolumeHandle& handle);

Result<Volume> parse_volume(const rest::Json& row);

std::optional<Error> decode_error(const rest::Reply& reply, const rest::Json* json);

class InfiniBox : public Array, public LunNumbers {
public:
    InfiniBox(rest::Transport&, rest::ApiRules, std::unique_ptr<rest::SignIn>, rest::Clock&);

    Result<ArrayInfo> info(const Call&) override;
    Result<Volume> find_volume(const Call&, const VolumeHandle&) override;
    Result<ArrayHost> ensure_host(const Call&, const HostIdentity&) override;
    Result<std::vector<Mapping>> mappings_of(const Call&, const Volume&) override;
    Result<Mapping> map(const Call&, const Volume&, const ArrayHost&, std::optional<int> lun) override;
    Result<void> unmap(const Call&, const Volume&, const ArrayHost&) override;

    LunNumbers* lun_numbers() override { return this; }
    int highest() const override;
    Result<std::set<int>> used_by(const Call&, const ArrayHost&) override;

private:
    using Rows = Result<std::vector<rest::Json>>;

    Rows list(const Call&, std::string_view path, rest::Query = {});
    Result<std::optional<rest::Json>> host_of_owner(const Call&, const HostIdentity&);

    rest::Api api_;
};

// Errc::bad_request with every problem of the configuration.
Result<std::unique_ptr<Array>> make_infinibox(const ArrayConfig&, rest::Transport&, rest::Clock& = rest::real_clock());

} // namespace xcopy::infinibox
